# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits beside an idle pCPU: how well the pCPUs of a machine in virtual time keep step.

On a real host, a vCPU that is woken runs at once if a pCPU is idle. Where pCPUs take long turns, one that is woken
stands still until its turn, and the vCPU waits although Xen did all that it could.
"""
import bisect
from dataclasses import dataclass

# public/trace.h: 0x21XY1, X (bits 8-9) the old runstate and Y (bits 4-5) the new; one word, the vCPU.
RUNSTATE, RUNSTATE_BITS = 0x00021001, 0x0FFFFCCF
RUNNING, RUNNABLE = 0, 1
IDLE = 0x7FFF
# A wait's part that is beside an idle pCPU, from which on it counts as one.
BESIDE = 0.95


@dataclass(frozen=True)
class IdleWaits:
    """long: waits above the limit; beside: those of them during which one pCPU was idle."""
    long: int
    beside: int

    def __str__(self):
        return f"of {self.long} long waits {self.beside} were beside an idle pCPU"


def idle_waits(records, ns, longer_than_ns=1_000_000):
    """Of a recording's records(); ns: the length of a cycle."""
    idle_since, idle, runnable, waits = {}, {}, {}, []
    for pcpu, event, tsc, words in sorted(records, key=lambda record: record[2]):
        if event & RUNSTATE_BITS != RUNSTATE:
            continue
        vcpu, old, new = words[0], event >> 8 & 3, event >> 4 & 3
        if vcpu >> 16 == IDLE:
            if new == RUNNING:
                idle_since[pcpu] = tsc
            elif old == RUNNING and pcpu in idle_since:
                idle.setdefault(pcpu, []).append((idle_since.pop(pcpu), tsc))
            continue
        since = runnable.pop(vcpu, None)
        if new == RUNNABLE:
            runnable[vcpu] = tsc
        elif new == RUNNING and since is not None and (tsc - since) * ns > longer_than_ns:
            waits.append((since, tsc))
    beside = sum(any(_share(spans, *wait) >= BESIDE for spans in idle.values()) for wait in waits)
    return IdleWaits(len(waits), beside)


def _share(spans, begin, end):
    """The part of the time from begin to end that is in these spans, which are in order."""
    total = 0
    for start, stop in spans[max(0, bisect.bisect(spans, (begin, 0)) - 1):]:
        if start >= end:
            break
        total += max(0, min(end, stop) - max(begin, start))
    return total / (end - begin)
