#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is true of a trace as a whole: CPUs that were not traced, old records, a TSC that starts again, a frequency,
records that are missing. The figures are right or unknown, and every output says why."""
import json
import struct
import unittest

import hostile_recording_test as records
from harness import XENBAKED, XENMON, SystemTest, run

IDLE = 0x7FFF
MS = 1_000_000
INF_PREV, INF_NEXT, WAKE = 0x0002800E, 0x0002800F, 0x00028004
LOST_RECORDS, DOM_ADD, DOM_REM, GRANT_MAP = 0x0001F001, 0x00028001, 0x00028002, 0x0010F001
PAGE_COUNTS, ACCT_CONTINUE = 0x01004001, 0x01001002
RUNNING, RUNNABLE, BLOCKED, OFFLINE = range(4)


def switch(tsc, prev, ran_ns, to, then, waited_ns):
    """One vCPU 0 instead of another, with Xen's words for how long it ran and waited."""
    return (records.record(INF_PREV, tsc, prev, 0, ran_ns) + records.record(INF_NEXT, tsc, then, 0, waited_ns, 10 * MS)
            + records.runstate(tsc, prev, 0, RUNNING, to) + records.runstate(tsc + 1, then, 0, RUNNABLE, RUNNING))


def turns(first_tsc, ns_of_a_cycle=1, count=20):
    """Domains 1 and 2 take turns of 20 ms."""
    data = b""
    for number in range(count):
        prev, then = (1, 2) if number % 2 == 0 else (2, 1)
        data += switch(first_tsc + int(number * 20 * MS / ns_of_a_cycle), prev, 20 * MS, RUNNABLE, then, 20 * MS)
    return data


class WholeTraceTest(SystemTest):
    def recording(self, data, khz=records.KHZ, **facts):
        path = self.directory / "trace"
        path.write_bytes(data)
        beside = self.directory / "trace.json"
        beside.unlink(missing_ok=True)
        if khz or facts:
            beside.write_text(json.dumps({**({"cpu_khz": khz} if khz else {}), **facts}), encoding="ascii")
        return path

    def totals(self, path, *options):
        done = run(XENBAKED, "--replay", path, "--totals", "json", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def vcpu(totals, domid, vcpu=0):
        return next(one for domain in totals["domains"] if domain["domid"] == domid for one in domain["vcpus"]
                    if one["vcpu"] == vcpu)

    def check_said(self, path, sentence):
        """By the totals, in a table and in every log."""
        self.assertIn(sentence, " ".join(self.totals(path)["verdicts"]))
        self.assertIn(sentence, run(XENBAKED, "--replay", path, "--totals", "text").stdout)
        self.assertIn(sentence, run(XENMON, "--once", "--replay", path).stdout)
        for words in (("--format", "jsonl"), ("--format", "csv"), ("--slow-waits", "10ms"),
                      ("-n", "-p", self.directory / "log")):
            done = run(XENMON, *words, "-t", "0", "--speed", "max", "--replay", path)
            self.assertIn(sentence, done.stderr, words)

    def test_cpus_that_were_not_traced(self):
        """d1v0 blocks and is woken on another CPU, runs there, and comes back after a second."""
        data = records.window(0, records.record(0x21002, 0, IDLE << 16))
        for second in range(3):
            at = second * 1000 * MS + 100 * MS
            data += records.window(0, records.record(WAKE, at, 1, 0) + records.runstate(at + 100, 1, 0, BLOCKED, RUNNABLE))
            data += records.window(0, switch(at + 978 * MS, IDLE, 0xFFFFFFFF, RUNNABLE, 1, 18 * MS)
                                   + switch(at + 988 * MS, 1, 10 * MS, BLOCKED, IDLE, 10 * MS))
        path = self.recording(data)
        waited = self.vcpu(self.totals(path), 1)["waited_ns"]
        self.assertLess(waited, 100 * MS)
        self.check_said(path, "not traced")

    def test_old_records_in_front(self):
        data = records.window(0, switch(0, IDLE, 0, RUNNABLE, 1, 0) + switch(6 * MS, 1, 6 * MS, RUNNABLE, 2, MS))
        later = 120_000 * MS
        data += records.window(0, switch(later, 2, 10 * MS, RUNNABLE, 1, 10 * MS) + turns(later + 20 * MS))
        path = self.recording(data)
        totals = self.totals(path)
        for domid in (1, 2):
            vcpu = self.vcpu(totals, domid)
            self.assertLess(vcpu["gotten_ns"] + vcpu["waited_ns"], 2000 * MS)
            self.assertGreater(vcpu["unknown_ns"], 119_000 * MS)
        self.check_said(path, "Nothing was recorded from")

    def test_a_tsc_that_starts_again(self):
        data = records.window(0, turns(10_000_000 * MS)) + records.window(0, turns(5 * MS))
        path = self.recording(data)
        totals = self.totals(path)
        self.assertEqual(totals["bad_records"], 0)
        self.assertGreaterEqual(sum(self.vcpu(totals, domid)["gotten_ns"] for domid in (1, 2)), 740 * MS)
        self.check_said(path, "The TSC restarts at")

    def test_the_frequency_is_that_of_the_records(self):
        path = self.recording(records.window(0, turns(1000, 1 / 2.799998, count=40)), khz=None)
        measured = self.totals(path)
        self.assertAlmostEqual(measured["duration_ns"], 780 * MS, delta=MS)
        # One that is given is used, and it is said that it differs.
        path = self.recording(records.window(0, turns(1000, 1 / 2.799998, count=40)), khz=2_000_000)
        self.check_said(path, "The TSC frequency given, 2000.000 MHz, is not the one that the records show: 2")

    def test_records_without_runstates(self):
        data = b"".join(records.record(GRANT_MAP, 1000 + number * MS, 1) for number in range(20))
        self.check_said(self.recording(records.window(0, data)), "There are no records of runstates")

    def test_a_cpu_that_is_idle_all_the_time(self):
        data = records.window(1, turns(1000))
        path = self.recording(data, pcpus=[0, 1])
        totals = self.totals(path)
        self.assertEqual(totals["pcpus"], 2)
        self.assertEqual(self.vcpu(totals, IDLE, 0)["gotten_ns"], totals["duration_ns"])
        table = run(XENMON, "--once", "--replay", path).stdout
        self.assertIn("all CPUs (2)", table)
        self.assertRegex(table, r"\n *idle +100\.00%")

    def test_losses_within_a_switch(self):
        lost = records.record(LOST_RECORDS, 100 * MS + 10, 50, 1 << 16, *struct.unpack("<II", struct.pack("<Q", 50 * MS)))
        data = (records.runstate(10, 0, 1, RUNNABLE, RUNNING) + lost + records.runstate(100 * MS + 20, 0, 0, RUNNABLE, RUNNING)
                + b"".join(records.record(0x21002, 100 * MS + number * 100 * MS, 0) for number in range(1, 100)))
        totals = self.totals(self.recording(records.window(0, data)))
        gotten = sum(self.vcpu(totals, 0, vcpu)["gotten_ns"] for vcpu in (0, 1))
        self.assertLessEqual(gotten, totals["duration_ns"])

    def test_losses_after_a_creation(self):
        """Domain 5 is made, and CPU 1 loses what happened to it."""
        born = [records.window(0, records.record(0x21002, 10, IDLE << 16) + records.record(DOM_ADD, MS, 5)),
                records.window(1, records.record(0x21002, 20, IDLE << 16 | 1) + records.record(
                    LOST_RECORDS, 9000 * MS, 400, IDLE | 1 << 16, 10 * MS, 0) + records.record(
                        0x21002, 9001 * MS, IDLE << 16 | 1)),
                records.window(0, records.runstate(15_000 * MS, 5, 0, OFFLINE, RUNNABLE))]
        vcpu = self.vcpu(self.totals(self.recording(b"".join(born))), 5)
        self.assertLess(vcpu["offline_ns"], 100 * MS)
        self.assertGreater(vcpu["unknown_ns"], 8000 * MS)

    def test_a_domain_whose_predecessor_is_removed_late(self):
        data = (records.record(GRANT_MAP, 1000, 16) + records.record(DOM_ADD, 10 * MS, 16)
                + records.runstate(11 * MS, 16, 0, OFFLINE, RUNNABLE) + records.record(DOM_REM, 12 * MS, 16)
                + records.runstate(500 * MS, 16, 0, RUNNABLE, RUNNING) + records.record(0x21002, 1000 * MS, 16 << 16))
        totals = self.totals(self.recording(records.window(0, data)))
        vcpus = [vcpu for domain in totals["domains"] if domain["domid"] == 16 for vcpu in domain["vcpus"]]
        self.assertEqual([vcpu["gotten_ns"] for vcpu in vcpus], [500 * MS])

    def test_sums_of_more_than_32_bits(self):
        counts = struct.pack("<III", PAGE_COUNTS | 2 << 28, 0xFFFF << 16 | 1, 0xFFFF)  # as many copies as a record has
        executions, of_each = 70, 1000
        data = b"".join(records.record(ACCT_CONTINUE, 1000 + number * MS, 1 << 16) + counts * of_each
                        for number in range(executions)) + records.record(ACCT_CONTINUE, 1000 + executions * MS, 1 << 16)
        done = self.totals(self.recording(records.window(0, data), event_mask=0x01007000))
        domain = next(one for one in done["domains"] if one["domid"] == 1)
        self.assertEqual(domain["io"]["copy"], 0xFFFF * executions * of_each)


if __name__ == "__main__":
    unittest.main()
