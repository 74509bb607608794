#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/region_reader.py, which knows the format from its text alone, on what xenbaked really publishes."""
import time
import unittest

from harness import RECORDING_NS, SystemTest, region_reader, wait_for

SAMPLE_NS = 20_000_000


class RegionReaderTest(SystemTest):
    def test_a_daemon_that_plays_a_recording(self):
        self.daemon("--ms-per-sample", str(SAMPLE_NS // 1_000_000), "--loop")
        region = self.open_region()
        header = region.header
        self.assertEqual(header["cpu_khz"], 2596128)
        self.assertEqual(header["scheduler"], "credit2")
        self.assertEqual(header["xen_version"], "4.17.7")
        self.assertEqual(header["source_text"], "web-credit2-2pcpu.xentrace.xz")
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
        self.assertEqual(len(region.vcpus()), 5)
        self.assertEqual(sorted(domain["domid"] for domain in region.domains().values()), [0, 1, 32767])
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
        # Two physical CPUs ran somebody, idle or not, at most all of the time.
        by_pcpu = {}
        for row in sample["rows"]:
            by_pcpu[row["pcpu"]] = by_pcpu.get(row["pcpu"], 0) + row["running_ns"]
        for pcpu, running_ns in by_pcpu.items():
            self.assertIn(pcpu, (0, 1, region_reader.NO_PCPU))
            self.assertLessEqual(running_ns, SAMPLE_NS, (number, pcpu))

    def check_tables(self, region):
        vcpus = region.vcpus()
        ends = {vcpu["end_ns"] for vcpu in vcpus.values()}
        self.assertEqual(len(ends), 1, "the table is a mixture of two moments")
        for slot, vcpu in vcpus.items():
            self.assertEqual(sum(vcpu[name] for name in region_reader.TIMES), vcpu["end_ns"], slot)
            self.assertEqual(vcpu["end_ns"] % SAMPLE_NS, 0)
        domains = region.domains()
        io = {domain["domid"]: domain["io_map"] for domain in domains.values()}
        # Both were written at one moment: Dom0's count is the sum over its guests, of which there is one.
        self.assertEqual(io.get(0, 0), io.get(1, 0))

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
        self.assertEqual(newest, -(-RECORDING_NS // 100_000_000))
        self.assertEqual(region.sample(newest)["end_ns"], RECORDING_NS)
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
