# SPDX-License-Identifier: GPL-2.0-or-later
"""The dispatch records of our patches (docs/trace-records.md), compared with Xen's own; shares nothing with xenbaked."""
from collections import Counter, defaultdict

SWITCH, CONTINUE, RUNSTATE, DOM_ADD, DOM_REM, PAGE_COUNTS = range(0x24001, 0x24007)
SUBCLASS = 0x24000
GRANT_COPY, FROM_GRANT, TO_GRANT = 0x10F013, 1 << 16, 1 << 17
RUNSTATE_CHANGE, CONTINUE_RUNNING, SWITCH_INFPREV, SWITCH_INFNEXT = 0x21001, 0x21002, 0x2800E, 0x2800F
STATES = 0x330  # the bits of an event that are the old and the new state
RUNNING, RUNNABLE, BLOCKED, OFFLINE = range(4)
NONE, BLOCKS, PREEMPTED, YIELDED, SLICE, PAUSED, WOKEN, UNPAUSED, MIGRATED = range(9)
NO_VCPU = 0xFFFF
IDLE = 32767


class Switch:
    """What one record says. leaves, comes: (domain, vCPU)."""

    def __init__(self, buffer, words):
        assert 5 <= len(words) <= 7, words
        rest = words[4]
        self.leaves, self.comes = vcpu(words[0]), vcpu(words[1])
        self.ran_ns = words[2] | (rest & 0xFFF) << 32
        self.left = rest >> 12 & 0xF
        self.waited_ns = words[3] | (rest >> 16 & 0xFFF) << 32
        self.why = rest >> 28
        self.slice_ns = words[5] if len(words) > 5 else 0
        self.pcpu = words[6] if len(words) > 6 else buffer


def vcpu(word):
    return word >> 16, word & 0xFFFF


def switches(recording):
    return [Switch(pcpu, words) for pcpu, event, _, words in recording.records() if event == SWITCH]


def compare_with_stock(recording):
    """A recording of both: each switch is what Xen's own records around it say, and each other change of runstate, too.
    How many of each there are."""
    counts = Counter()
    # By buffer: the last SWITCH_INFPREV and INFNEXT, and the changes that Xen's own records have yet to repeat.
    before, due = {}, defaultdict(list)
    for pcpu, event, _, words in recording.records():
        change = event & ~STATES
        old_new = event >> 8 & 3, event >> 4 & 3
        if event in (SWITCH_INFPREV, SWITCH_INFNEXT):
            before[pcpu, event] = words
        elif event == SWITCH:
            check_switch(Switch(pcpu, words), before[pcpu, SWITCH_INFPREV], before[pcpu, SWITCH_INFNEXT])
            switch = Switch(pcpu, words)
            due[pcpu] += [(switch.leaves, RUNNING, STATE_AFTER[switch.left]), (switch.comes, RUNNABLE, RUNNING)]
        elif change == RUNSTATE:
            due[pcpu].append((vcpu(words[0]), *old_new))
        elif change == RUNSTATE_CHANGE and due[pcpu]:
            assert (vcpu(words[0]), *old_new) == due[pcpu][0], (hex(event), words, due[pcpu])
            due[pcpu].pop(0)
        elif change == RUNSTATE_CHANGE:
            assert not counts[SWITCH], "a change of runstate that only Xen's own records have"
        if event in (SWITCH, CONTINUE, CONTINUE_RUNNING) or change in (RUNSTATE, RUNSTATE_CHANGE):
            counts[event if event in (SWITCH, CONTINUE, CONTINUE_RUNNING) else change] += 1
    assert counts[SWITCH] > 1000, counts
    return counts


STATE_AFTER = {BLOCKS: BLOCKED, PREEMPTED: RUNNABLE, YIELDED: RUNNABLE, SLICE: RUNNABLE, PAUSED: OFFLINE,
               MIGRATED: OFFLINE}


def check_switch(switch, prev, following):
    """prev, following: the words of SWITCH_INFPREV and SWITCH_INFNEXT."""
    assert (switch.leaves[0], switch.comes[0]) == (prev[0], following[0]), (vars(switch), prev, following)
    assert switch.ran_ns & 0xFFFFFFFF == prev[2], (vars(switch), prev)
    limit = following[3] if following[3] < 1 << 31 else 0
    assert switch.slice_ns == limit, (vars(switch), following)


class PageCounts:
    """What all DISPATCH_PAGE_COUNTS of a recording add up to, by (acting domain, granting domain).

    actors: the vCPUs that acted; NO_VCPU counts for none. If the recording has each copy, too, each of these records
    must say what the copies in the buffer since the one before it add up to. What the last vCPUs did is not in it."""

    def __init__(self, recording):
        self.copied, self.bytes, self.mapped, self.unmapped = Counter(), Counter(), Counter(), Counter()
        self.actors = set()
        copies = defaultdict(lambda: [0, 0])  # by buffer and granter: how many, and bytes
        for buffer, event, _, words in recording.records(untimed=True):
            if event == GRANT_COPY:
                for flag, granter in ((FROM_GRANT, words[0] & 0xFFFF), (TO_GRANT, words[0] >> 16)):
                    if words[1] & flag:
                        copies[buffer, granter][0] += 1
                        copies[buffer, granter][1] += words[1] & 0xFFFF
            if event != PAGE_COUNTS:
                continue
            words += [0] * (5 - len(words))
            actor, granter = vcpu(words[0]), words[1] & 0xFFFF
            pair = actor[0], granter
            if copies:
                since = copies.pop((buffer, granter), [0, 0])
                assert since == [words[1] >> 16, words[2]], (since, words)
            if actor[1] != NO_VCPU:
                self.actors.add(actor)
            self.copied[pair] += words[1] >> 16
            self.bytes[pair] += words[2]
            self.mapped[pair] += words[3] & 0xFFFF
            self.unmapped[pair] += words[3] >> 16


def copied_to(recording, domid):
    """Bytes that GRANT_COPY records say were copied to granted pages of this domain, and from such."""
    to = of = 0
    for _, event, _, words in recording.records():
        if event == GRANT_COPY:
            source, destination = words[0] & 0xFFFF, words[0] >> 16
            to += words[1] & 0xFFFF if words[1] & TO_GRANT and destination == domid else 0
            of += words[1] & 0xFFFF if words[1] & FROM_GRANT and source == domid else 0
    return to, of
