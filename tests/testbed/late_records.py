# SPDX-License-Identifier: GPL-2.0-or-later
"""By how much Xen's records of state changes come after its own account of them.

Xen's schedule() reads the clock, then decides which vCPU is next, then writes the records, with the TSC of that moment.
Its accounts of the vCPUs' times (runstates) take the clock's first reading instead. A wake is in both at the same time.
So by the records, a vCPU that blocks has been blocked for a shorter time than by its account, and one that is woken has
waited longer. On an emulated CPU that is some microseconds for each switch, and with hundreds of switches in a second
more than a thousandth of the time.

The records also say how long each run was by the account (INFPREV). How late the record is when a vCPU blocks, only the
two accounts can say: Dom0's are read often, and what they differ by for each time that it blocked is taken as what
another domain's differ by as well.
"""
import bisect
import statistics
from dataclasses import dataclass

# public/trace.h: 0x21XY1, X (bits 8-9) the old runstate and Y (bits 4-5) the new; one word, the vCPU.
RUNSTATE, RUNSTATE_BITS = 0x00021001, 0x0FFFFCCF
# Domain, vCPU and the time that it ran, in ns modulo 2^32; comes before the record that it does not run any more.
INFPREV = 0x0002800E
STATES = ("running", "runnable", "blocked", "offline")
RUNNING, BLOCKED, OFFLINE = 0, 2, 3
# An interval with fewer switches says little about each.
ENOUGH = 5
# Much longer than Xen needs to decide, even on an emulated CPU that shares its instructions with another.
PLAUSIBLE_NS = 20_000


class Changes:
    """One vCPU's state changes, by the records."""

    def __init__(self):
        self.times, self.sums = [], []
        self.state = None
        # The time in each state; how often it has blocked and been stopped; by how much its runs were longer by the
        # records than by Xen's account.
        self.last = [0] * 7

    def add(self, time, old, new, told=None):
        """told: how long the run that ends here was by Xen's account, modulo 2^32."""
        if self.state is not None:
            self.last[self.state] += time - self.times[-1]
            if self.state == RUNNING and told is not None:
                self.last[6] += (round(time - self.times[-1]) - told + 2**31) % 2**32 - 2**31
        self.last[4] += old == RUNNING and new == BLOCKED
        self.last[5] += old == RUNNING and new == OFFLINE
        self.state = new
        self.times.append(time)
        self.sums.append((new, tuple(self.last)))

    def at(self, time):
        """The seven sums until then; None if the records begin later or have ended."""
        after = bisect.bisect_right(self.times, time)
        if not 0 < after < len(self.times):
            return None
        state, sums = self.sums[after - 1]
        return [value + (time - self.times[after - 1] if number == state else 0) for number, value in enumerate(sums)]

    def between(self, begin, end):
        first, last = self.at(begin), self.at(end)
        return None if first is None or last is None else [b - a for a, b in zip(first, last)]


@dataclass(frozen=True)
class Lateness:
    """block_ns: of the record that a vCPU has blocked."""
    block_ns: float

    def __str__(self):
        return f"Xen's records that a vCPU blocks are {self.block_ns / 1e3:.2f} us later than its account"

    def of(self, seen):
        """What the records say more than the account, by state; seen: of Changes.between()."""
        blocks, stops, runs_longer = seen[4:]
        more = {"running": runs_longer, "blocked": -self.block_ns * blocks, "offline": -self.block_ns * stops}
        return {**more, "runnable": -sum(more.values())}


def changes_of(records, ns, units=False):
    """{(domid, vCPU): Changes} of a recording's records(), in ns; ns: the length of a cycle. units: Xen schedules units
    of several vCPUs (core scheduling), and INFPREV is about these."""
    changes, told = {}, {}
    for _, event, tsc, words in sorted(records, key=lambda record: record[2]):
        if event == INFPREV and not units:
            told[words[0], words[1]] = words[2]
        elif event & RUNSTATE_BITS == RUNSTATE:
            vcpu = words[0] >> 16, words[0] & 0xFFFF
            old, new = event >> 8 & 3, event >> 4 & 3
            changes.setdefault(vcpu, Changes()).add(tsc * ns, old, new, told.pop(vcpu, None))
    return changes


def lateness(changes, readings, ns):
    """By Dom0's vCPUs; readings: what vcpu_times printed there. The middle of what the intervals between them say: in a
    few, a pCPU stood still between the account and the record."""
    late = []
    for was, now in zip(readings, readings[1:]):
        for before, after in zip(was["own"], now["own"]):
            records = changes.get((0, after["vcpu"]))
            seen = records and records.between(before["tsc"] * ns, after["tsc"] * ns)
            if seen and seen[4] >= ENOUGH:
                late.append((after["blocked_ns"] - before["blocked_ns"] - seen[BLOCKED]) / seen[4])
    assert len(late) > 10, "Dom0 has blocked too seldom"
    found = Lateness(statistics.median(late))
    assert 0 <= found.block_ns <= PLAUSIBLE_NS, found
    return found
