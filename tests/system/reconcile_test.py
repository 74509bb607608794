#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Three ways to the same figures: all samples' rows, the vCPU table, and the totals of a recording."""
import struct
import unittest

from harness import RECORDING, RECORDINGS, Daemon, SystemTest, plain_recording, region_reader, totals

LOST_RECORDS = 0x0001F001

# A row's or vCPU's name for what the totals call otherwise.
NAMES = {"running_ns": "gotten_ns", "waited_wake_ns": "waited_wake_ns", "waited_preempt_ns": "waited_preempt_ns",
         "blocked_ns": "blocked_ns", "offline_ns": "offline_ns", "unknown_ns": "unknown_ns",
         "executions": "executions"}

CREATION_SEEN = 4  # in a domain's flags


class ReconcileTest(SystemTest):
    def figures_of(self, recording, speed, *options):
        """The region after a replay, and the totals by (domid, vCPU)."""
        daemon = Daemon(self, self.region, "--speed", speed, "--history", "60", *options, recording=recording)
        self.assertEqual(daemon.wait(), 0, daemon.said())
        expected = totals(recording)
        by_vcpu = {(domain["domid"], vcpu["vcpu"]): vcpu for domain in expected["domains"] for vcpu in domain["vcpus"]}
        return self.open_region(), expected, by_vcpu

    def check(self, recording, *options, speed="max"):
        region, expected, by_vcpu = self.figures_of(recording, speed, *options)
        domains = region.domains()
        vcpus = region.vcpus()
        key = {slot: (domains[vcpu["domain_slot"]]["domid"], vcpu["vcpu_id"]) for slot, vcpu in vcpus.items()}
        self.assertEqual(sorted(key.values()), sorted(by_vcpu))

        sums = {slot: dict.fromkeys((*NAMES, "continues", "slice_count", "slice_sum_ns"), 0) for slot in vcpus}
        by_pcpu = {slot: {} for slot in vcpus}
        first_start, last_end = {}, {}
        unheard = dict.fromkeys(vcpus, 0)  # samples with a row, before the first record of the state
        io = {}
        records = lost = 0
        newest = region.word("newest_sample")
        for number in range(1, newest + 1):
            sample = region.sample(number)
            self.assertIsNotNone(sample, f"sample {number} of {newest} is not there")
            self.assertEqual(region_reader.conservation(sample), {}, number)
            records += sample["records"]
            lost += sample["lost_records"]
            for row in sample["rows"]:
                slot = row["vcpu_slot"]
                first_start.setdefault(slot, sample["start_ns"])
                last_end[slot] = sample["end_ns"]
                if row["unknown_ns"] == sample["end_ns"] - sample["start_ns"] == sample["end_ns"] - unheard[slot]:
                    unheard[slot] = sample["end_ns"]
                self.assertEqual(row["domain_slot"], vcpus[slot]["domain_slot"])
                for name in sums[slot]:
                    sums[slot][name] += row[name]
                if row["running_ns"]:
                    by_pcpu[slot][str(row["pcpu"])] = by_pcpu[slot].get(str(row["pcpu"]), 0) + row["running_ns"]
            for row in sample["io_rows"]:
                kinds = io.setdefault(domains[row["domain_slot"]]["domid"], dict.fromkeys(("map", "unmap", "transfer",
                                                                                          "copy"), 0))
                for kind in kinds:
                    kinds[kind] += row[kind]

        for slot, summed in sums.items():
            want = by_vcpu[key[slot]]
            # A vCPU has rows from the sample with its first record on, until its domain's end. What came
            # before is in its totals as time that nobody observed, or in which it did not exist; what comes
            # after, as time in which it did not exist any more.
            domain = domains[vcpus[slot]["domain_slot"]]
            unseen = "offline_ns" if domain["flags"] & CREATION_SEEN else "unknown_ns"
            # Totals may know it all the same: who leaves a pCPU at that pCPU's first record has run since its trace
            # begins, and nobody else has.
            known = unseen
            for name in ("running_ns", "waited_preempt_ns"):
                if (first_start[slot] or unheard[slot]) and want[NAMES[name]] != summed[name]:
                    known = name
            if known == unseen:
                unheard[slot] = 0
            summed[known] += first_start[slot] + unheard[slot]
            summed["unknown_ns"] -= unheard[slot]
            if known == "running_ns":
                # On the pCPU that says so, whichever it was.
                on = next((on for on, ns in want["gotten_by_pcpu_ns"].items() if ns != by_pcpu[slot].get(on, 0)), "none")
                by_pcpu[slot][on] = by_pcpu[slot].get(on, 0) + first_start[slot] + unheard[slot]
            if domain["flags"] & region_reader.DEAD:
                summed["offline_ns"] += expected["duration_ns"] - last_end[slot]
            else:
                self.assertEqual(last_end[slot], expected["duration_ns"], key[slot])
            table = vcpus[slot]
            self.assertEqual(sum(table[name] for name in region_reader.TIMES), table["end_ns"], key[slot])
            for name, other in NAMES.items():
                self.assertEqual(summed[name], want[other], (key[slot], name))
            self.assertEqual(by_pcpu[slot], want["gotten_by_pcpu_ns"], key[slot])
            self.assertEqual(summed["slice_count"], want["allocated_ns"]["count"], key[slot])
            self.assertEqual(summed["slice_sum_ns"], want["allocated_ns"]["sum"], key[slot])
            # The table counts a vCPU up to the end of its last sample.
            self.assertEqual(table["end_ns"], last_end[slot], key[slot])
            summed["offline_ns"] -= expected["duration_ns"] - last_end[slot]
            summed[known] -= first_start[slot] + unheard[slot]
            summed["unknown_ns"] += unheard[slot]
            summed[unseen] += first_start[slot]
            for name in summed:
                self.assertEqual(table[name], summed[name], (key[slot], name))
        for domain in expected["domains"]:
            counted = io.get(domain["domid"], {"map": 0, "unmap": 0, "transfer": 0, "copy": 0})
            self.assertEqual(counted, {kind: domain["io"][kind] for kind in counted}, domain["domid"])
        self.assertEqual(lost, expected["lost_records"])
        self.assertGreater(records, 0)
        counters = region.counters()
        for name in ("records", "lost_records", "bad_records"):
            self.assertEqual(counters[name], expected[name], name)
        self.assertEqual(counters["conservation_violations"], 0)
        late = {key[slot]: start for slot, start in first_start.items() if start}
        print(f"{recording.name} {' '.join(options)}: {newest} samples, {len(sums)} vCPUs agree"
              + (f"; first heard of later than the first sample: {late}" if late else ""))

    def test_samples_of_a_tenth_of_a_second(self):
        for recording in sorted(RECORDINGS.glob("*.xz")):
            with self.subTest(recording=recording.name):
                self.check(recording)

    def test_samples_of_any_length(self):
        for ms in ("7", "1000", "4000"):
            for recording in sorted(RECORDINGS.glob("*.xz")):
                with self.subTest(recording=recording.name, ms=ms):
                    self.check(recording, "--ms-per-sample", ms)

    def test_the_speed_makes_no_difference(self):
        self.check(RECORDING, speed="20")

    def test_what_xen_says_that_it_lost(self):
        recording = RECORDINGS / "web-credit2-lossy.xentrace.xz"
        self.assertEqual(totals(recording)["lost_records"], lost_in(plain_recording(recording)))

    def test_totals_are_the_same_twice(self):
        recording = sorted(RECORDINGS.glob("*.xz"))[0]
        self.assertEqual(totals(recording), totals(recording))


def lost_in(data):
    """What the records of loss in a recording's bytes add up to."""
    lost = at = 0
    while at < len(data):
        (header,) = struct.unpack_from("<I", data, at)
        words = at + 4 + 8 * (header >> 31)
        if header & 0x0FFFFFFF == LOST_RECORDS:
            lost += struct.unpack_from("<I", data, words)[0]
        at = words + 4 * (header >> 28 & 7)
    return lost


if __name__ == "__main__":
    unittest.main(verbosity=2)
