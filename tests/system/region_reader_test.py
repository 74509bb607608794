#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/region_reader.py, which knows the format from its text alone, on what xenbaked really publishes."""
import json
import time
import unittest

from harness import RECORDING, SystemTest, region_reader, totals, wait_for

SAMPLE_NS = 20_000_000
IDLE = 32767


class RegionReaderTest(SystemTest):
    def test_a_daemon_that_plays_a_recording(self):
        self.daemon("--ms-per-sample", str(SAMPLE_NS // 1_000_000), "--loop")
        region = self.open_region()
        header = region.header
        metadata = json.loads(RECORDING.with_suffix(".json").read_text())
        for name in ("cpu_khz", "scheduler", "xen_version"):
            self.assertEqual(header[name], metadata[name])
        self.assertEqual(header["source_text"], RECORDING.name)
        self.assertEqual(region_reader.SOURCES[header["source_kind"]], "recording")
        self.assertEqual(header["sample_ns"], SAMPLE_NS)
        wait_for(lambda: region.word("newest_sample") > 0, "a first sample")
        self.assertEqual(region.state(), "running")
        self.assertTrue(region.alive())

        # Three seconds' worth of samples, read as they come.
        first = region.word("newest_sample")
        last = first + 3_000_000_000 // SAMPLE_NS
        seen = {}
        newest = first
        tables = 0
        while newest < last:
            now = wait_for(lambda: region.word("newest_sample") > newest and region.word("newest_sample"),
                           f"a sample newer than {newest}")
            self.assertGreater(now, newest)
            for number in range(newest, now + 1):
                sample = region.sample(number)
                if sample is not None:
                    self.check_sample(number, sample)
                    seen[number] = sample
            newest = now
            self.check_tables(region)
            tables += 1
        # Those that were there in this part of the recording, under their names.
        names = {(domain["domid"], domain["name"]) for domain in region.domains().values() if domain["domid"] != IDLE}
        self.assertLessEqual({(0, "Domain-0"), (1, "web")}, names)
        self.assertLessEqual(names, {(domain["domid"], domain["name"]) for domain in metadata["domains"]})
        print(f"{len(seen)} samples, tables read {tables} times while the daemon wrote")
        self.assertGreaterEqual(len(seen), (last - first) // 2)
        # They follow one another without a gap or an overlap.
        for number in seen:
            if number + 1 in seen:
                self.assertEqual(seen[number]["end_ns"], seen[number + 1]["start_ns"], number)
        # What is older than the history is not there any more, and what is to come is not there yet.
        self.assertIsNone(region.sample(0))
        self.assertIsNone(region.sample(region.word("newest_sample") + 1000))

    def check_sample(self, number, sample):
        self.assertEqual(sample["seq"], number)
        self.assertEqual(sample["end_ns"] - sample["start_ns"], SAMPLE_NS)
        self.assertEqual(sample["end_ns"], number * SAMPLE_NS)
        self.assertEqual(region_reader.conservation(sample), {}, number)
        self.assertTrue(sample["rows"])
        # Two physical CPUs ran some vCPU, idle or not, at most all of the time.
        by_pcpu = {}
        for row in sample["rows"]:
            by_pcpu[row["pcpu"]] = by_pcpu.get(row["pcpu"], 0) + row["running_ns"]
        for pcpu, running_ns in by_pcpu.items():
            self.assertIn(pcpu, (0, 1, region_reader.NO_PCPU))
            self.assertLessEqual(running_ns, SAMPLE_NS, (number, pcpu))

    def check_tables(self, region):
        vcpus = region.vcpus()
        domains = region.domains()
        dead = {slot for slot, domain in domains.items() if domain["flags"] & region_reader.DEAD}
        ends = {vcpu["end_ns"] for vcpu in vcpus.values() if vcpu["domain_slot"] not in dead}
        self.assertEqual(len(ends), 1, "the table is a mixture of two moments")
        self.assertEqual(ends.pop() % SAMPLE_NS, 0)
        for slot, vcpu in vcpus.items():
            self.assertEqual(sum(vcpu[name] for name in region_reader.TIMES), vcpu["end_ns"], slot)
        # All were written at one moment: Dom0's count is the sum over its guests.
        dom0 = sum(domain["io_map"] for domain in domains.values() if domain["domid"] == 0)
        self.assertEqual(dom0, sum(domain["io_map"] for domain in domains.values() if domain["domid"] != 0))

    def test_a_torn_copy_would_be_noticed(self):
        # The same reading with the writer's hand simulated: the guard changes while the copy is made.
        daemon = self.daemon("--speed", "max")
        self.assertEqual(daemon.wait(), 0)
        with open(self.region, "r+b") as file:
            file.seek(region_reader.WORDS_AT["tables_seq"])
            file.write((1).to_bytes(8, "little"))
        region = self.open_region()
        with self.assertRaisesRegex(region_reader.RegionError, "its writer died while writing"):
            region.vcpus()

    def test_the_end_of_a_recording(self):
        daemon = self.daemon("--speed", "max", "--history", "60")
        self.assertEqual(daemon.wait(), 0, daemon.said())
        region = self.open_region()
        self.assertEqual(region.state(), "ended")
        self.assertFalse(region.alive())
        newest = region.word("newest_sample")
        duration_ns = totals(RECORDING)["duration_ns"]
        self.assertEqual(newest, -(-duration_ns // 100_000_000))
        self.assertEqual(region.sample(newest)["end_ns"], duration_ns)
        self.assertEqual(region.counters()["samples"], newest)
        self.assertEqual(region.counters()["conservation_violations"], 0)
        # The heartbeat is behind now, and stays there.
        beat = region.word("heartbeat_ns")
        self.assertGreater(time.clock_gettime_ns(time.CLOCK_BOOTTIME), beat)

    def test_histograms_count_what_the_table_counts(self):
        daemon = self.daemon("--speed", "max")
        self.assertEqual(daemon.wait(), 0, daemon.said())
        region = self.open_region()
        for slot, vcpu in region.vcpus().items():
            runs = sum(region.histograms(slot)["run"])
            # An execution that was under way at the end, or ended unseen, is in none of the buckets.
            self.assertLessEqual(runs, vcpu["executions"])
            self.assertGreaterEqual(runs, vcpu["executions"] - 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
