#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon --slow-waits: every wait in a recording, as the records themselves give it.

The waits, and who ran meanwhile, are worked out here from the records' bytes by a few lines that share nothing with
xenbaked's: a time line of states for each vCPU, and one of executions for each pCPU.
"""
import bisect
import csv
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import unittest
from collections import defaultdict

from harness import RECORDING, RECORDINGS, XENBAKED, XENMON, Daemon, SystemTest, children, plain_recording, run, totals, \
    wait_for

ONE_PCPU = RECORDINGS / "web-credit-1pcpu.xentrace.xz"
LOSSY = RECORDINGS / "web-credit2-lossy.xentrace.xz"
PATCHED = RECORDINGS / "web-credit2-patched.xentrace.xz"
CPU_CHANGE, LOST_RECORDS, RUNSTATE_CHANGE = 0x1F003, 0x1F001, 0x21001
RUNNING, RUNNABLE = 0, 1
IDLE = 32767
MS = 1_000_000


def in_order(data):
    """(tsc, pcpu, event, words) of all records with a time stamp, by time."""
    at, pcpu, found = 0, None, []
    while at < len(data):
        (header,) = struct.unpack_from("<I", data, at)
        at += 4
        tsc = None
        if header >> 31:
            (tsc,) = struct.unpack_from("<Q", data, at)
            at += 8
        words = struct.unpack_from(f"<{header >> 28 & 7}I", data, at)
        at += 4 * len(words)
        event = header & 0x0FFFFFFF
        if event == CPU_CHANGE:
            pcpu = words[0]
        elif tsc is not None:
            found.append((tsc, pcpu, event, words))
    return sorted(found, key=lambda record: record[0])  # stable: the order within a pCPU stays


class Independent:
    """What a recording without losses says by Xen's own runstate records. Times in ns: its TSC runs at 1 GHz."""

    def __init__(self, path):
        records = in_order(plain_recording(path))
        self.first = records[0][0]
        self.waits = []  # (end, length, domid, vcpu, pcpu, cause)
        self.began = defaultdict(list)  # by pCPU: (when, who) began to run
        since = {}  # who: (state, cause, when)
        for tsc, pcpu, event, words in records:
            assert event != LOST_RECORDS
            if event & ~0x330 != RUNSTATE_CHANGE:
                continue
            old, new, who = event >> 8 & 3, event >> 4 & 3, words[0]
            now = tsc - self.first
            if new == RUNNING and old != RUNNING:
                state, cause, when = since.get(who, (None, None, None))
                if state == RUNNABLE and who >> 16 != IDLE:
                    self.waits.append((now, now - when, who >> 16, who & 0xFFFF, pcpu, cause))
                self.began[pcpu].append((now, who))
            if new != old:
                since[who] = (new, "preempted" if old == RUNNING else "woken", now)

    def runners(self, pcpus, start, end, waiter):
        """{(domid, vCPU): ns} on these pCPUs; the waiter's own last moments belong to whom it made room for."""
        ran = defaultdict(int)
        for pcpu in pcpus:
            began = self.began[pcpu]
            first = max(0, bisect.bisect_right(began, start, key=lambda entry: entry[0]) - 1)
            last = bisect.bisect_left(began, end, key=lambda entry: entry[0])
            heir, until = None, end
            for when, who in reversed(began[first:last]):
                if who != waiter:
                    heir = who
                if heir is not None:
                    ran[heir >> 16, heir & 0xFFFF] += until - max(when, start)
                until = when
        return ran


def told(recording, slow, *options):
    done = run(XENMON, "--slow-waits", slow, "--format", "jsonl", "--replay", recording, *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class SlowWaitsTest(SystemTest):
    def test_all_of_a_recording_and_who_ran_meanwhile(self):
        for recording, threshold in ((RECORDING, 10 * MS), (RECORDING, MS), (ONE_PCPU, MS), (ONE_PCPU, 200_000)):
            with self.subTest(recording=recording.name, threshold=threshold):
                expected = Independent(recording)
                long_ones = sorted(wait for wait in expected.waits if wait[1] >= threshold)
                records = told(recording, f"{threshold}ns")
                self.assertGreater(len(long_ones), 5)
                found = sorted((round(1e9 * record["end_s"]), record["wait_ns"], record["domid"], record["vcpu"],
                                record["pcpu"], record["cause"]) for record in records)
                self.assertEqual(len(found), len(long_ones))
                self.assertEqual(sum(wait[1] for wait in found), sum(wait[1] for wait in long_ones))
                self.assertEqual(found, long_ones)
                for record in records:
                    self.check_runners(record, expected)

    def check_runners(self, record, expected):
        pcpus = {record["pcpu"], record.get("pcpu_before", record["pcpu"])}
        start, end = round(1e9 * record["start_s"]), round(1e9 * record["end_s"])
        ran = expected.runners(pcpus, start, end, record["domid"] << 16 | record["vcpu"])
        named = [(record[f"runner{n}_ns"], (record[f"runner{n}_domid"], record[f"runner{n}_vcpu"]))
                 for n in (1, 2, 3) if f"runner{n}_ns" in record]
        for ns, who in named:
            self.assertEqual(ran[who], ns, record)
        longest = sorted(ran.values(), reverse=True)
        self.assertEqual([ns for ns, _ in named], longest[:3], record)
        self.assertEqual(record["others_ns"], sum(longest[3:]), record)
        self.assertEqual(record["not_known_ns"], len(pcpus) * (end - start) - sum(longest), record)

    def test_the_longest_is_the_longest_of_the_totals(self):
        for recording in (RECORDING, ONE_PCPU, PATCHED, LOSSY):
            with self.subTest(recording=recording.name):
                longest = defaultdict(int)
                for record in told(recording, "1us"):
                    if "wait_ns" in record:
                        who = record["domid"], record["vcpu"]
                        longest[who] = max(longest[who], record["wait_ns"])
                compared = 0
                for domain in totals(recording)["domains"]:
                    for vcpu in domain["vcpus"]:
                        who = domain["domid"], vcpu["vcpu"]
                        if domain["domid"] != IDLE and vcpu["wait_ns"]["max"] >= 1000:
                            self.assertEqual(longest[who], vcpu["wait_ns"]["max"], who)
                            compared += 1
                self.assertGreaterEqual(compared, 2)

    def test_the_region_has_them_and_the_maxima_by_cause(self):
        daemon = self.daemon("--speed", "max", "--slow-waits", "1us")
        self.assertEqual(daemon.wait(), 0, daemon.said())
        region = self.open_region()
        self.assertEqual(region.slow_wait_ns, 1000)
        domains = region.domains()
        longest = defaultdict(int)
        numbers = list(region.waits())
        for number in numbers:
            wait = region.wait(number)
            self.assertEqual(wait["seq"], number)
            who = wait["domain_uid"], wait["vcpu_id"], wait["kind"]
            longest[who] = max(longest[who], wait["end_ns"] - wait["start_ns"])
            self.assertLessEqual(len(wait["runners"]), 3)
        self.assertGreater(len(numbers), 1000)
        self.assertIsNone(region.wait(numbers[0] + 1))
        for vcpu in region.vcpus().values():
            domain = domains[vcpu["domain_slot"]]
            for kind, name in ((1, "wake_wait_max_ns"), (2, "preempt_wait_max_ns")):
                if domain["domid"] != IDLE and vcpu[name] >= 1000:
                    self.assertEqual(longest[domain["uid"], vcpu["vcpu_id"], kind], vcpu[name])

    def test_both_kinds_of_records_tell_the_same(self):
        # Each sees a switch at a moment of its own, some hundred nanoseconds apart.
        apart = 20_000
        plain = self.directory / "both.xentrace"
        plain.write_bytes(plain_recording(PATCHED))
        shutil.copy(str(PATCHED).removesuffix(".xz") + ".json", f"{plain}.json")
        views = []
        for option in ((), ("--stock-records",)):
            daemon = Daemon(self, self.directory / f"region{len(views)}", "--speed", "max", "--slow-waits", "100us",
                            *option, recording=plain)
            self.assertEqual(daemon.wait(), 0, daemon.said())
            done = run(XENMON, "--slow-waits", "1ms", "--format", "jsonl", "--region", daemon.region)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            views.append([json.loads(line) for line in done.stdout.splitlines()])
        compared = 0
        for mine, theirs in (views, views[::-1]):
            for record in mine:
                if record["wait_ns"] < MS + apart:  # the other one may be too short
                    continue
                same = [other for other in theirs
                        if (other["domid"], other["vcpu"], other["pcpu"], other["cause"]) ==
                        (record["domid"], record["vcpu"], record["pcpu"], record["cause"])
                        and abs(other["end_s"] - record["end_s"]) * 1e9 < apart]
                self.assertEqual(len(same), 1, record)
                self.assertLess(abs(same[0]["wait_ns"] - record["wait_ns"]), apart)
                self.assertLess(abs(same[0].get("runner1_ns", 0) - record.get("runner1_ns", 0)), 2 * apart)
                compared += 1
        self.assertGreater(compared, 4)

    def test_lost_records_are_said_and_break_no_wait_in_two(self):
        lines = run(XENMON, "--slow-waits", "1ms", "--replay", LOSSY).stdout.splitlines()
        gaps = [line for line in lines if "may be missing here: Xen lost " in line]
        lost = sum(int(line.split("Xen lost ")[1].split()[0]) for line in gaps)
        self.assertEqual(lost, totals(LOSSY)["lost_records"])
        self.assertGreater(len(lines) - len(gaps), 5)
        records = told(LOSSY, "1ms")
        self.assertEqual(len(records), len(lines))
        self.assertEqual(sum(record.get("lost_records", 0) for record in records), lost)

    def test_csv_has_the_same_records(self):
        path = self.directory / "waits.csv"
        done = run(XENMON, "--slow-waits", "10ms", "--format", "csv", "-o", path, "--replay", RECORDING)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
        for row, record in zip(rows, told(RECORDING, "10ms"), strict=True):
            self.assertEqual({name: value for name, value in row.items() if value}.keys(), record.keys())
            for name, value in record.items():
                self.assertTrue(row[name] == value or float(row[name]) == value, (name, row, record))

    def test_a_line_of_text(self):
        lines = run(XENMON, "--slow-waits", "13ms", "--replay", RECORDING).stdout.splitlines()
        self.assertEqual(lines, [
            "2026-11-22T23:41:58.052058Z  batch d2v1 preempted, waited 13.09 ms for CPU 0; meanwhile on CPU 0: "
            "batch d2v0 59 %, web d1v0 41 %",
            "2026-11-22T23:41:58.792616Z  batch d2v0 preempted, waited 13.66 ms for CPU 0; meanwhile on CPU 0: "
            "batch d2v1 77 %, Domain-0 d0v0 17 %, Domain-0 d0v1 6 %"])

    def test_runs_until_it_is_stopped_and_follows_a_restart(self):
        daemon = Daemon(self, self.directory / "region", "--loop", "--speed", "20")
        path = self.directory / "waits"
        with subprocess.Popen([XENMON, "--slow-waits", "5ms", "--region", daemon.region, "-o", path],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              start_new_session=True) as xenmon:
            lines = wait_for(lambda: path.exists() and path.read_text().count("\n"), "a line")
            daemon.kill()
            Daemon(self, self.directory / "region", "--loop", "--speed", "20")
            wait_for(lambda: path.read_text().count("\n") > lines + 20, "lines of the next daemon")
            moved = self.directory / "waits.1"
            path.rename(moved)
            xenmon.send_signal(signal.SIGHUP)
            wait_for(lambda: path.exists() and path.read_text().count("\n") > 2, "a new file")
            xenmon.send_signal(signal.SIGTERM)
            self.assertEqual((xenmon.wait(), xenmon.stderr.read()), (0, ""))

    def test_ends_after_its_time(self):
        daemon = Daemon(self, self.directory / "region", "--loop", "--speed", "20")
        done = run(XENMON, "--slow-waits", "5ms", "-t", "30", "--region", daemon.region)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertGreater(done.stdout.count("\n"), 5)
        whole = told(RECORDING, "1ms")
        self.assertEqual(told(RECORDING, "1ms", "-t", "2"), [record for record in whole if record["end_s"] <= 2])

    def test_what_cannot_be_told_is_refused(self):
        daemon = Daemon(self, self.directory / "region", "--loop")
        done = run(XENMON, "--slow-waits", "100us", "--region", daemon.region)
        self.assertEqual(done.returncode, 1)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertIn("--slow-waits 100000ns", done.stderr)
        # As a xenbaked of format 1.0 made it: the header ends before the waits.
        ended = Daemon(self, self.directory / "ended", "--speed", "max")
        self.assertEqual(ended.wait(), 0, ended.said())
        old = bytearray((self.directory / "ended").read_bytes())
        struct.pack_into("<II", old, 12, 0, 576)
        old[576:616] = bytes(range(40))
        other = self.directory / "old"
        other.write_bytes(old)
        done = run(XENMON, "--slow-waits", "10ms", "--region", other)
        self.assertEqual(done.returncode, 1)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertIn("does not record waits", done.stderr)
        self.assertEqual(run(XENMON, "--once", "--region", other).returncode, 0)
        for arguments in (["--slow-waits", "10"], ["--slow-waits", "1ms", "--once"], ["--slow-waits", "1ms", "-i", "5"]):
            self.assertEqual(run(XENMON, *arguments).returncode, 2, arguments)
        self.assertEqual(run(XENBAKED, "--slow-waits", "10").returncode, 2)

    def test_a_closed_pipe_ends_it(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        with os.fdopen(write_end, "wb") as pipe:
            done = subprocess.run([XENMON, "--replay", RECORDING, "--slow-waits", "1ms"], stdout=pipe,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "xenmon: cannot write standard output: Broken pipe.\n"))
        self.assertEqual(children(os.getpid()), [])


if __name__ == "__main__":
    unittest.main()
