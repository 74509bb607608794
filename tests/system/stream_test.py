#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon --format: CSV and JSON that programs can read, with figures that add up to xenbaked's totals."""
import csv
import io
import json
import os
import signal
import subprocess
import unittest
from collections import defaultdict

from harness import RECORDING, RECORDINGS, XENMON, Daemon, SystemTest, children, totals, wait_for

PATCHED = RECORDINGS / "web-credit2-patched.xentrace.xz"
SUMS = {"gotten_ns": "running_ns", "waited_wake_ns": "waited_wake_ns", "waited_preempt_ns": "waited_preempt_ns",
        "blocked_ns": "blocked_ns", "executions": "executions", "migrations": "migrations",
        "avoidable_wait_ns": "avoidable_wait_ns"}
# Of domains as a whole; not unknown time, either.
RUNSTATES = ("full_run_ns", "partial_run_ns", "full_contention_ns", "partial_contention_ns", "concurrency_hazard_ns",
             "domain_blocked_ns")
IDLE = 32767
NOT_OF_IDLE = ("waited_wake_ns", "waited_preempt_ns", "blocked_ns", "migrations", "avoidable_wait_ns", *RUNSTATES)
EXCHANGES = {"map": "io_map_pages", "unmap": "io_unmap_pages", "transfer": "io_transfer_pages",
             "copy": "io_copy_pages", "copy_bytes": "io_copy_bytes"}


def stream(*options, recording=RECORDING):
    """With standard output as bytes: a line's end is a part of what is tested."""
    done = subprocess.run([XENMON, "--replay", recording, "--speed", "max", "-t", "0", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    done.stderr = done.stderr.decode()
    return done


class StreamTest(SystemTest):
    def records(self, data, csv_text):
        text = data.decode()
        if not csv_text:
            return [json.loads(line) for line in text.splitlines()]
        self.assertEqual(text.count("\r\n"), text.count("\n"))
        return [{name: value for name, value in row.items() if value != ""}
                for row in csv.DictReader(io.StringIO(text, newline=""))]

    def check_sums(self, records, recording):
        """Over all intervals and pCPUs, of domains and of vCPUs: xenbaked's totals, to the nanosecond. Not offline and
        unknown time: there is no record of a vCPU from before it is first heard of."""
        sums = defaultdict(lambda: defaultdict(int))
        for record in records:
            if int(record["domid"]) == IDLE:  # it waits for nobody
                self.assertFalse(set(NOT_OF_IDLE) & set(record), record)
            who = int(record["domid"]), int(record["domain_uid"]), int(record["vcpu"]) if "vcpu" in record else None
            for name in (*SUMS.values(), *EXCHANGES.values(), *RUNSTATES):
                sums[who][name] += int(record.get(name, 0))
        domains = totals(recording)["domains"]
        self.assertTrue(domains)
        by_domid = {who[0]: figures for who, figures in sums.items() if who[2] is None}
        self.assertEqual(len(by_domid), len(domains))
        for domain in domains:
            found = by_domid[domain["domid"]]
            for theirs, ours in EXCHANGES.items():
                self.assertEqual(found[ours], domain["io"][theirs], (domain["domid"], ours))
            if domain["domid"] != IDLE:
                self.assertEqual({name: found[name] for name in RUNSTATES},
                                 {name: domain["runstates"][name] for name in RUNSTATES}, domain["domid"])
            for theirs, ours in SUMS.items():
                if domain["domid"] != IDLE or ours not in NOT_OF_IDLE:
                    self.assertEqual(found[ours], sum(vcpu[theirs] for vcpu in domain["vcpus"]), (domain["domid"], ours))
            for vcpu in domain["vcpus"]:
                (of_vcpu,) = (figures for who, figures in sums.items()
                              if (who[0], who[2]) == (domain["domid"], vcpu["vcpu"]))
                for theirs, ours in SUMS.items():
                    if domain["domid"] != IDLE or ours not in NOT_OF_IDLE:
                        self.assertEqual(of_vcpu[ours], vcpu[theirs], (domain["domid"], vcpu["vcpu"], ours))

    def test_csv_adds_up(self):
        done = stream("--format", "csv", "--vcpus")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.check_sums(self.records(done.stdout, True), RECORDING)

    def test_json_adds_up_with_copies(self):
        path = self.directory / "log.jsonl"
        done = stream("--format", "jsonl", "--vcpus", "-o", path, "-i", "100", recording=PATCHED)
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", b""))
        records = self.records(path.read_bytes(), False)
        self.check_sums(records, PATCHED)
        self.assertGreater(sum(record.get("io_copy_bytes", 0) for record in records), 0)

    def test_both_tell_the_same(self):
        as_csv = self.records(stream("--format", "csv").stdout, True)
        as_json = self.records(stream("--format", "jsonl").stdout, False)
        self.assertEqual(len(as_csv), len(as_json))
        for one, other in zip(as_csv, as_json):
            self.assertEqual(set(one), set(other))
            for name, value in other.items():
                self.assertTrue(one[name] == value or float(one[name]) == value, (name, one, other))

    def test_goes_on_in_a_new_file_after_sighup(self):
        path = self.directory / "log.csv"
        moved = self.directory / "log.csv.1"
        daemon = Daemon(self, self.directory / "region", "--loop", "--speed", "20")
        # In a session without a terminal, as a service has it.
        with subprocess.Popen([XENMON, "--region", daemon.region, "--format", "csv", "-t", "0", "-i", "100", "-o", path],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              start_new_session=True) as xenmon:
            wait_for(lambda: path.exists() and path.read_text().count("\n") > 3, "no log")
            path.rename(moved)
            xenmon.send_signal(signal.SIGHUP)
            wait_for(lambda: path.exists() and path.read_text().count("\n") > 3, "no new log")
            xenmon.send_signal(signal.SIGINT)
            self.assertEqual((xenmon.wait(), xenmon.stderr.read()), (0, ""))
        for part in (moved, path):
            self.assertTrue(part.read_text().startswith("passed_s,"), part)
            self.assertTrue(part.read_bytes().endswith(b"\r\n"), part)
        before = self.records(moved.read_bytes(), True)[-1]
        after = self.records(path.read_bytes(), True)[0]
        self.assertGreater(float(after["passed_s"]), float(before["passed_s"]))

    def test_a_closed_pipe_and_a_full_disk_are_said_once(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([XENMON, "--replay", RECORDING, "--format", "jsonl"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "xenmon: cannot write standard output: No space left on device.\n"))
        read_end, write_end = os.pipe()
        os.close(read_end)
        with os.fdopen(write_end, "wb") as pipe:
            done = subprocess.run([XENMON, "--replay", RECORDING, "--format", "csv"], stdout=pipe,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "xenmon: cannot write standard output: Broken pipe.\n"))
        self.assertEqual(children(os.getpid()), [])

    def test_options_that_exclude_each_other(self):
        for options, words in ((["--format", "xml"], "csv or jsonl"), (["-o", "x"], "--format"),
                               (["--vcpus"], "--format"), (["--format", "csv", "-p", "x"], "exclude each other")):
            done = stream(*options)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
