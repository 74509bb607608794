# SPDX-License-Identifier: GPL-2.0-or-later
"""By how much Xen's records of state changes come after its own account of them.

Xen's schedule() reads the clock, then decides which vCPU is next, then writes the records, with the TSC of that moment. Its accounts of the vCPUs' times (runstates) take the clock's first reading instead. A wake is in both at the
same time. So by the records, a vCPU that blocks has run longer than by its account and has been blocked for a shorter
time, and one that waits for its dispatch has waited longer. On an emulated CPU that is some microseconds for each
switch, and with hundreds of switches in a second more than a thousandth of the time.

Nothing but the two accounts can say how long it takes. Dom0's are read often: what they differ by per switch is taken
as what another domain's may differ by as well.
"""
import bisect
import statistics
from dataclasses import dataclass

# public/trace.h: 0x21XY1, X (bits 8-9) the old runstate and Y (bits 4-5) the new; one word, the vCPU.
RUNSTATE, RUNSTATE_BITS = 0x00021001, 0x0FFFFCCF
STATES = ("running", "runnable", "blocked", "offline")
RUNNING, BLOCKED, OFFLINE = 0, 2, 3
# An interval with fewer switches says little about each.
ENOUGH = 5
# Much longer than Xen needs to decide, even on an emulated CPU that shares its instructions with another.
PLAUSIBLE_NS = 20_000


class Changes:
    """One vCPU's state changes, by the records."""

    def __init__(self):
        self.times, self.sums = [], []  # at each change: what there was of each state, and of each kind of switch
        self.state = None
        self.last = [0] * 7

    def add(self, time, old, new):
        if self.state is not None:
            self.last[self.state] += time - self.times[-1]
        self.last[4] += new == RUNNING
        self.last[5] += old == RUNNING and new == BLOCKED
        self.last[6] += old == RUNNING and new == OFFLINE
        self.state = new
        self.times.append(time)
        self.sums.append((new, tuple(self.last)))

    def at(self, time):
        """The time in each of the four states until then, and the numbers of dispatches, of blocks and of stops; None
        if the records begin later or have ended."""
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
    """leave_ns: of the record that a vCPU leaves its pCPU; enter_ns: how much later than this the next one's record is,
    which is written second."""
    leave_ns: float
    enter_ns: float

    def __str__(self):
        return (f"Xen's records are {self.leave_ns / 1e3:.2f} us later than its account when a vCPU leaves a pCPU, and "
                f"{(self.leave_ns + self.enter_ns) / 1e3:.2f} us when one enters it")

    def of(self, switches):
        """What the records say more than the account, by state; switches: of Changes.between()."""
        dispatches, blocks, stops = switches[4:]
        more = {"running": -self.enter_ns * dispatches, "blocked": -self.leave_ns * blocks,
                "offline": -self.leave_ns * stops}
        return {**more, "runnable": -sum(more.values())}


def changes_of(records, ns):
    """{(domid, vCPU): Changes} of a recording's records(), in ns; ns: the length of a cycle."""
    changes = {}
    for _, event, tsc, words in sorted(records, key=lambda record: record[2]):
        if event & RUNSTATE_BITS == RUNSTATE:
            vcpu = words[0] >> 16, words[0] & 0xFFFF
            changes.setdefault(vcpu, Changes()).add(tsc * ns, event >> 8 & 3, event >> 4 & 3)
    return changes


def lateness(changes, readings, ns):
    """By Dom0's vCPUs; readings: what vcpu_times printed there. The middle of what the intervals between them say: in a
    few, a pCPU stood still between the account and the record."""
    leave, enter = [], []
    for was, now in zip(readings, readings[1:]):
        for before, after in zip(was["own"], now["own"]):
            records = changes.get((0, after["vcpu"]))
            seen = records and records.between(before["tsc"] * ns, after["tsc"] * ns)
            if not seen:
                continue
            more = [seen[number] - after[f"{state}_ns"] + before[f"{state}_ns"] for number, state in enumerate(STATES)]
            dispatches, blocks = seen[4:6]
            if min(dispatches, blocks) >= ENOUGH:
                enter.append(-more[RUNNING] / dispatches)
                leave.append(-more[BLOCKED] / blocks)
    assert len(leave) > 10, "Dom0 has too few switches"
    found = Lateness(statistics.median(leave), statistics.median(enter))
    assert 0 <= found.leave_ns <= PLAUSIBLE_NS and 0 <= found.enter_ns <= PLAUSIBLE_NS, found
    return found
