# SPDX-License-Identifier: GPL-2.0-or-later
"""Accumulated times as functions of time, to be compared at any moment."""
import bisect

WAITED = ("waited_wake_ns", "waited_preempt_ns")


class Curve:
    """A quantity that only grows, known at some moments and taken as straight between them."""

    def __init__(self):
        self.times, self.values = [], []

    def add(self, time, value):
        self.times.append(time)
        self.values.append(value)

    def at(self, time):
        after = bisect.bisect_left(self.times, time)
        assert 0 < after < len(self.times), f"{time} is not between {self.times[0]} and {self.times[-1]}"
        t0, t1 = self.times[after - 1], self.times[after]
        v0, v1 = self.values[after - 1], self.values[after]
        return v0 + (v1 - v0) * (time - t0) / (t1 - t0)

    def between(self, begin, end):
        return self.at(end) - self.at(begin)


def curves_of_region(region, base_ns):
    """{(domid, vCPU, state): Curve} of a region that holds all its samples; base_ns is its time 0."""
    vcpus, domains = region.vcpus(), region.domains()
    who = {slot: (domains[vcpu["domain_slot"]]["domid"], vcpu["vcpu_id"]) for slot, vcpu in vcpus.items()}
    sums, curves = {}, {}
    for number in sorted(region.samples()):
        sample = region.sample(number)
        assert sample is not None, f"sample {number} is not there any more"
        for row in sample["rows"]:
            for state, names in (("running", ("running_ns",)), ("runnable", WAITED), ("blocked", ("blocked_ns",)),
                                 ("offline", ("offline_ns",))):
                key = (*who[row["vcpu_slot"]], state)
                if key not in curves:
                    sums[key], curves[key] = 0, Curve()
                    curves[key].add(base_ns + sample["start_ns"], 0)
                sums[key] += sum(row[name] for name in names)
        for key, curve in curves.items():
            curve.add(base_ns + sample["end_ns"], sums[key])
    return curves
