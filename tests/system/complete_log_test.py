#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A log of a recording is complete and the same each time, however slow xenmon is to read what is played."""
import csv
import io
import pathlib
import signal
import subprocess
import unittest
from collections import defaultdict

from harness import RECORDINGS, XENMON, SystemTest, children, totals, wait_for

FORMS = {"csv": ("--format", "csv", "--vcpus", "-i", "100"), "jsonl": ("--format", "jsonl", "--vcpus", "-i", "100"),
         "files": ("-n", "-i", "100"), "waits": ("--slow-waits", "20us"),
         "waits as csv": ("--slow-waits", "20us", "--format", "csv")}
FIGURES = {"gotten_ns": "running_ns", "waited_wake_ns": "waited_wake_ns", "waited_preempt_ns": "waited_preempt_ns",
           "blocked_ns": "blocked_ns", "executions": "executions"}
# Several times as long as the region's history.
LONG = ("--loop", "-t", "60")


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"

IDLE = 32767


class CompleteLogTest(SystemTest):
    def log(self, recording, *options, disturbed=False):
        """All that xenmon writes of a recording that is played as fast as possible: {file: bytes}. `disturbed`: it is
        stopped again and again, each time until xenbaked has ended or waits."""
        directory = self.directory / f"{disturbed}-{len(list(self.directory.iterdir()))}"
        directory.mkdir()
        prefix = ("-p", directory / "log") if "-n" in options else ()
        command = [XENMON, "--replay", recording, "--speed", "max", *options, *prefix]
        with (directory / "stdout").open("wb") as stdout, subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True) as xenmon:
            while disturbed and state(xenmon.pid) != "Z":
                daemons = children(xenmon.pid)
                if not daemons:
                    continue
                xenmon.send_signal(signal.SIGSTOP)
                wait_for(lambda: state(daemons[0]) in "SZ", "xenbaked neither ends nor waits")
                xenmon.send_signal(signal.SIGCONT)
            self.assertEqual((xenmon.wait(), xenmon.stderr.read()), (0, ""))
        return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}

    def test_it_is_the_same_however_often_xenmon_is_stopped(self):
        for recording in sorted(RECORDINGS.glob("web-*.xz")):
            for name, options in FORMS.items():
                with self.subTest(recording=recording.name, form=name):
                    calm = self.log(recording, *LONG, *options)
                    self.assertGreater(sum(map(len, calm.values())), 100)
                    self.assertEqual(calm, self.log(recording, *LONG, *options, disturbed=True))

    def test_it_adds_up_to_the_totals(self):
        for recording in sorted(RECORDINGS.glob("*.xz")):
            with self.subTest(recording=recording.name):
                text = self.log(recording, "-t", "0", "--format", "csv", disturbed=True)["stdout"].decode()
                sums = defaultdict(lambda: defaultdict(int))
                for row in csv.DictReader(io.StringIO(text, newline="")):
                    self.assertEqual(row["missed_samples"], "0")
                    for name in FIGURES.values():
                        # The idle domain neither waits nor is blocked.
                        if row[name] != "" or int(row["domid"]) != IDLE:
                            sums[int(row["domid"])][name] += int(row[name])
                expected = defaultdict(lambda: defaultdict(int))
                for domain in totals(recording)["domains"]:
                    for vcpu in domain["vcpus"]:
                        for theirs, ours in FIGURES.items():
                            if domain["domid"] == IDLE and ours.startswith(("waited", "blocked")):
                                continue
                            expected[domain["domid"]][ours] += vcpu[theirs]
                self.assertEqual(sums, expected)


if __name__ == "__main__":
    unittest.main()
