# SPDX-License-Identifier: GPL-2.0-or-later
"""What a recording holds, as exact sums: the figures of any vCPU, domain, pCPU and window.

They are sums over the rows that docs/region_reader.py reads; __init__ fails unless over the whole recording they are
the totals of `xenbaked --totals json`. So what is equal to a figure from here is equal to the totals.
"""
import struct
from fractions import Fraction

from harness import Daemon, plain_recording, region_reader, totals

IDLE = 32767
LONG, SHORT = 0, 1
WINDOW_NS = (10_000_000_000, 1_000_000_000)
ROW_SUMS = (*region_reader.TIMES, "executions", "slice_count", "slice_sum_ns", "migrations", "avoidable_wait_ns")
SPREADS = {"wake_wait": "wake_wait_ns", "preempt_wait": "preempt_wait_ns", "run": "run_ns"}
WAIT_KINDS = {region_reader.WOKEN: "wake_wait", region_reader.PREEMPTED: "preempt_wait"}
PERCENTILES = ("p50", "p95", "p99", "max")
CPU_CHANGE = 0x0001F003


class Figures(dict):
    """Sums over some rows; times in ns."""

    def __init__(self):
        super().__init__(dict.fromkeys((*ROW_SUMS, "io", "io_bytes"), 0), slices=[])

    def add(self, other):
        for name, value in other.items():
            self[name] += value

    def waited_ns(self):
        return self["waited_wake_ns"] + self["waited_preempt_ns"]

    def online_ns(self):
        return self["running_ns"] + self.waited_ns() + self["blocked_ns"] + self["unknown_ns"]

    def other_ns(self):
        return self["offline_ns"] + self["unknown_ns"]


def quotient(part, whole):
    return Fraction(part, whole) if whole else Fraction(0)


def drained_bytes(recording):
    """What was in Xen's buffers: all of a recording but what xentrace wrote before each buffer's part."""
    data = plain_recording(recording)
    drained = at = 0
    while at < len(data):
        (header,) = struct.unpack_from("<I", data, at)
        length = 4 + 8 * (header >> 31) + 4 * (header >> 28 & 7)
        drained += length if header & 0x0FFFFFFF != CPU_CHANGE else 0
        at += length
    return drained


def bucket_ends(bucket):
    """The shortest duration in a bucket of a histogram, and of the next."""
    return region_reader.bucket_lower(bucket), region_reader.bucket_lower(bucket + 1)


def percentile(counts, percent, longest):
    """As docs/metrics.md says, under Distributions."""
    rank = max(1, -(-sum(counts) * percent // 100))
    for bucket, count in enumerate(counts):
        if rank <= count:
            lower, upper = bucket_ends(bucket)
            return min(lower + (upper - lower) * rank // count, longest)
        rank -= count
    return 0


def percentiles(counts, longest):
    return {key: longest if key == "max" else percentile(counts, int(key[1:]), longest) for key in PERCENTILES}


class RecordedFigures:
    """Of one recording. If it is longer than the long window, rows are not all of it and not held against totals."""

    def __init__(self, test, recording, longer=False):
        daemon = Daemon(test, test.region, "--speed", "max", recording=recording)
        test.assertEqual(daemon.wait(), 0, daemon.said())
        self.region = test.open_region()
        self.totals = totals(recording)
        self.counters = self.region.counters()
        self.domains = self.region.domains()
        self.slots = {(self._domid(vcpu["domain_slot"]), vcpu["vcpu_id"]): slot
                      for slot, vcpu in self.region.vcpus().items()}
        self.keys = {slot: key for key, slot in self.slots.items()}
        self.names = {domain["domid"]: domain["name"] for domain in self.domains.values()}
        # By window: its length, and its figures by (domid, vCPU, pCPU). Page exchanges are of vCPU None.
        self.length_ns = [0, 0]
        self.rows = [{}, {}]
        # By window and domid: what the domain as a whole did.
        self.wholes = [{}, {}]
        # By window and (domid, vCPU): the length of the samples that report it.
        self.told_ns = [{}, {}]
        self._read_samples(test)
        if not longer:
            self._check_totals(test)
        self.waits = self._read_waits(test)

    def _domid(self, slot):
        return self.domains[slot]["domid"]

    def _read_samples(self, test):
        newest = self.region.word("newest_sample")
        samples = [self.region.sample(number) for number in range(1, newest + 1)]
        end = self.end_ns = samples[-1]["end_ns"]
        for sample in samples:
            test.assertEqual(region_reader.conservation(sample), {}, sample["seq"])
        for window, nominal in enumerate(WINDOW_NS):
            for sample in samples:
                # The newest sample may be a part of one; a window holds whole samples.
                if end - sample["start_ns"] > nominal + (samples[-1]["end_ns"] - samples[-1]["start_ns"]) // 2:
                    continue
                length = sample["end_ns"] - sample["start_ns"]
                self.length_ns[window] += length
                for key in {self.keys[row["vcpu_slot"]] for row in sample["rows"]}:
                    self.told_ns[window][key] = self.told_ns[window].get(key, 0) + length
                self._read_rows(self.rows[window], sample)
                for row in sample["domain_rows"]:
                    whole = self.wholes[window].setdefault(
                        self._domid(row["domain_slot"]), dict.fromkeys(region_reader.RUNSTATE_NAMES, 0))
                    for name in whole:
                        whole[name] += row[name]

    def _read_rows(self, found, sample):
        for row in sample["rows"]:
            figures = found.setdefault((*self.keys[row["vcpu_slot"]], row["pcpu"]), Figures())
            for name in ROW_SUMS:
                figures[name] += row[name]
            if row["slice_count"]:
                figures["slices"] += [row["slice_min_ns"], row["slice_max_ns"]]
        for row in sample["io_rows"]:
            figures = found.setdefault((self._domid(row["domain_slot"]), None, row["pcpu"]), Figures())
            figures["io"] += row["map"] + row["unmap"] + row["transfer"] + row["copy"]
            figures["io_bytes"] += row["copy_bytes"]

    def _check_totals(self, test):
        test.assertEqual(self.length_ns[LONG], self.totals["duration_ns"], "the recording is longer than the window")
        test.assertEqual(set(self.slots), {(domain["domid"], vcpu["vcpu"]) for domain in self.totals["domains"]
                                           for vcpu in domain["vcpus"]})
        for domain in self.totals["domains"]:
            domid = domain["domid"]
            whole = self.figures(LONG, domid)
            test.assertEqual((whole["io"], whole["io_bytes"], whole["executions"]),
                             (domain["io"]["total"], domain["io"]["copy_bytes"], domain["executions"]), domid)
            if domid != IDLE:
                runstates = domain["runstates"]
                own = {name: runstates[name if name in runstates else "domain_" + name]
                       for name in region_reader.RUNSTATE_NAMES}
                test.assertEqual(self.wholes[LONG][domid], own, domid)
            for vcpu in domain["vcpus"]:
                self._check_vcpu(test, domid, vcpu)

    def _check_vcpu(self, test, domid, vcpu):
        what = f"domain {domid} vCPU {vcpu['vcpu']}"
        figures = self.figures(LONG, domid, vcpu["vcpu"])
        slices = vcpu["allocated_ns"]
        test.assertEqual(
            [figures[name] for name in ("running_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns",
                                        "executions", "slice_count", "slice_sum_ns")],
            [vcpu["gotten_ns"], vcpu["waited_wake_ns"], vcpu["waited_preempt_ns"], vcpu["blocked_ns"],
             vcpu["executions"], slices["count"], slices["sum"]], what)
        test.assertEqual((min(figures["slices"], default=0), max(figures["slices"], default=0)),
                         (slices["min"], slices["max"]), what)
        # The rows start with the sample that has its first record.
        test.assertLessEqual(figures["unknown_ns"], vcpu["unknown_ns"], what)
        by_pcpu = {str(pcpu): self.figures(LONG, domid, vcpu["vcpu"], pcpu)["running_ns"] for pcpu in self.pcpus()}
        test.assertEqual({pcpu: ns for pcpu, ns in by_pcpu.items() if ns}, vcpu["gotten_by_pcpu_ns"], what)
        for name, total in SPREADS.items():
            test.assertEqual(percentiles(*self.histogram(name, domid, vcpu["vcpu"])), vcpu[total], f"{what} {name}")

    def _read_waits(self, test):
        """The long waits, oldest first: as many as the histograms have of that length."""
        numbers = sorted(self.region.waits())
        waits = [self.region.wait(number) for number in numbers]
        test.assertTrue(waits and numbers[0] == 1 and None not in waits, "some waits are not there any more")
        uids = {domain["uid"]: domain["domid"] for domain in self.domains.values()}
        test.assertEqual(len(uids), len(self.names), "a domid was used twice")
        for wait in waits:
            test.assertEqual(uids[wait["domain_uid"]], wait["domid"])
            test.assertGreaterEqual(wait["end_ns"] - wait["start_ns"], self.region.slow_wait_ns)
        for (domid, vcpu), slot in self.slots.items():
            if domid == IDLE:
                continue
            for kind, name in WAIT_KINDS.items():
                counts = self.region.histograms(slot)[name]
                ends = [bucket_ends(bucket) for bucket in range(len(counts))]
                told = sum((wait["domid"], wait["vcpu_id"], wait["kind"]) == (domid, vcpu, kind) for wait in waits)
                least, most = (sum(count for count, bucket in zip(counts, ends) if bucket[end] >= limit)
                               for end, limit in ((0, self.region.slow_wait_ns), (1, self.region.slow_wait_ns + 1)))
                test.assertTrue(least <= told <= most,
                                f"domain {domid} vCPU {vcpu} {name}: {least}..{most}, not {told}")
        return waits

    def waits_of(self, span_ns, domid, vcpu=None):
        """Those that ended in the last so many ns."""
        return [wait for wait in self.waits if wait["domid"] == domid and vcpu in (None, wait["vcpu_id"])
                and wait["end_ns"] >= self.end_ns - span_ns]

    def figures(self, window, domid=None, vcpu=None, pcpu=None):
        """The sum of what is not distinguished. Without a domain: of all but the idle one."""
        found = Figures()
        for key, figures in self.rows[window].items():
            if (key[0] != IDLE if domid is None else key[0] == domid) and vcpu in (None, key[1]) \
                    and pcpu in (None, key[2]):
                found.add(figures)
        return found

    def pcpus(self):
        return sorted(self.region.pcpus())

    def vcpus(self, domid):
        return sorted(vcpu for other, vcpu in self.slots if other == domid)

    def label(self, domid):
        return "Idle" if domid == IDLE else f"{self.names[domid]} d{domid}".strip()

    def unknown_ns(self):
        """In the long window, over all vCPUs."""
        return sum(figures["unknown_ns"] for figures in self.rows[LONG].values())

    def histogram(self, name, domid, vcpu=None):
        """The counts, and the longest; of one vCPU or of all the domain's together."""
        table = self.region.vcpus()
        slots = [slot for key, slot in self.slots.items() if key[0] == domid and vcpu in (None, key[1])]
        counts = [sum(column) for column in zip(*(self.region.histograms(slot)[name] for slot in slots))]
        return counts, max(table[slot][f"{name}_max_ns"] for slot in slots)
