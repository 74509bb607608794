#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A mirror of another host's region: what is in it, over lines that are late, torn and cut, and what xenmon makes of
it. The other host is this one; what leads there is --connect."""
import json
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import time
import unittest

from harness import PATIENCE, XENMON, Daemon, Terminal, run, wait_for
from mirrors import MirrorCase
from varlink import Served

NO_CONNECTION = 128
FLAGS_AT = 464
# What is a file's own, or another program's.
OWN = ("daemon_pid", "region_bytes", "generation", "version_minor")


class MirrorTest(MirrorCase):
    def wait_until_same(self, theirs):
        def same():
            ours = self.open_copy()
            if self.newest(ours) < self.newest(theirs) or ours.state() != theirs.state():
                ours.close()
                return None
            return ours
        return wait_for(same, "the mirror to have all samples")

    def content(self, region):
        """All that there is, as records: the mirror and what it is of must have the same."""
        samples = {number: region.sample(number) for number in range(1, self.newest(region) + 1)}
        for sample in samples.values():
            if sample is not None:
                del sample["first_row"], sample["first_io_row"]
        waits = [wait for wait in map(region.wait, region.waits()) if wait is not None]
        header = {name: value for name, value in region.header.items() if name not in OWN
                  and not isinstance(value, dict)}
        return {"samples": samples, "waits": waits, "domains": region.domains(), "vcpus": region.vcpus(),
                "header": header}

    def check_same(self, ours, theirs):
        mine, other = self.content(ours), self.content(theirs)
        for name in ("domains", "vcpus", "header", "waits"):
            self.assertEqual(mine[name], other[name], name)
        there = {number: sample for number, sample in other["samples"].items() if sample is not None}
        self.assertTrue(there)
        for number, sample in there.items():
            self.assertEqual(mine["samples"][number], sample, number)

    # ---- what is in it

    def test_a_mirror_has_all_that_the_region_has(self):
        self.daemon("--speed", "max").wait()
        theirs = self.open_region()
        self.mirror()
        ours = self.wait_until_same(theirs)
        self.check_same(ours, theirs)
        self.assertEqual(histograms(self.copy, ours), histograms(self.region, theirs))
        # By another reader, too.
        answers = []
        for region in (self.region, self.copy):
            served = Served(self, region)
            answers.append([served.call("xenmon.Host." + method, **parameters) for method, parameters in
                            (("GetLatencies", {"vcpus": True, "buckets": True}), ("GetPcpus", {}), ("GetVcpus", {}),
                             ("GetDomains", {"window_s": 5}), ("GetWaits", {"most": 4096}))])
        self.assertEqual(answers[0], answers[1])

    def test_it_grows_with_the_region(self):
        # Sample by sample, as they come: the tables by their changes.
        self.daemon("--speed", "4", "--ms-per-sample", "50")
        self.mirror()
        theirs = self.open_region()
        wait_for(lambda: self.open_region().state() == "ended", "the end of the recording")
        theirs = self.open_region()
        ours = self.wait_until_same(theirs)
        self.check_same(ours, theirs)
        self.assertEqual(histograms(self.copy, ours), histograms(self.region, theirs))

    def test_a_late_and_torn_line_loses_nothing(self):
        self.daemon("--loop")
        self.mirror("--delay", "0.1", "--tear")
        seen = {}
        self.follow(seen, lambda: len(seen) >= 60)
        self.check_complete(seen)

    def test_a_line_that_is_cut_again_and_again_loses_nothing(self):
        self.daemon("--loop", "--ms-per-sample", "50")
        self.mirror("--delay", "0.05", "--tear", "--cut-after", "60000")
        seen = {}
        first = time.monotonic()
        self.follow(seen, lambda: time.monotonic() > first + 9)
        self.check_complete(seen)
        self.assertGreater(len(seen), 60)

    def test_another_daemon_makes_another_trace(self):
        first = self.daemon("--loop")
        self.mirror()
        wait_for(lambda: self.newest(self.open_copy()) > 3, "samples")
        before = self.open_copy().header["daemon_start"]
        first.kill()
        second = Daemon(self, self.region, "--loop")
        wait_for(lambda: self.open_copy().header["daemon_start"] not in (0, before), "the other trace")
        self.assertEqual(self.open_copy().header["daemon_start"], self.open_region().header["daemon_start"])
        wait_for(lambda: self.newest(self.open_copy()) > 3, "samples of it")
        second.kill()

    # ---- the connection

    def flags(self):
        return struct.unpack_from("<Q", self.copy.read_bytes(), FLAGS_AT)[0]

    def test_a_dead_line_is_said_and_another_is_made(self):
        self.daemon("--loop")
        dead = self.directory / "dead"
        self.mirror("--dead", str(dead))
        wait_for(lambda: self.newest(self.open_copy()) > 3, "samples")
        self.assertEqual(self.flags() & NO_CONNECTION, 0)
        dead.touch()
        began = time.monotonic()
        wait_for(lambda: self.flags() & NO_CONNECTION, "the connection to be called lost")
        print(f"said after {time.monotonic() - began:.1f} s")
        host = Served(self, self.copy).call("xenmon.Host.GetHost")["host"]
        self.assertEqual((host["state"], host["current"]), ("gone", False))
        self.assertIn("no connection", host["state_text"])
        newest = self.newest(self.open_copy())
        dead.unlink()
        began = time.monotonic()
        wait_for(lambda: not self.flags() & NO_CONNECTION and self.newest(self.open_copy()) > newest, "a new connection")
        print(f"connected again after {time.monotonic() - began:.1f} s")
        seen = {}
        ours = self.open_copy()
        for number in range(1, self.newest(ours) + 1):
            if ours.sample(number) is not None:
                seen[number] = ours.sample(number)
        self.assertEqual(sorted(seen), list(range(min(seen), max(seen) + 1)))

    # ---- xenmon on it

    def test_the_table_and_the_waits_are_the_same(self):
        self.daemon("--speed", "max").wait()
        for options in (("--once",), ("--slow-waits", "5ms", "-t", "0"), ("--slow-waits", "5ms", "--format", "jsonl", "-t", "0"),
                        ("--format", "csv", "--vcpus", "-t", "0", "-i", "300")):
            near = run(XENMON, *options, "--region", self.region)
            far = run(XENMON, *options, "--connect", self.serve())
            self.assertEqual((far.returncode, far.stderr), (near.returncode, near.stderr), options)
            self.assertEqual(without_ages(far.stdout), without_ages(near.stdout), options)
            self.assertTrue(near.stdout)

    def test_a_log_of_another_host(self):
        self.daemon("--loop")
        done = run(XENMON, "--format", "jsonl", "-t", "2", "-i", "100", "--connect", self.serve("--delay", "0.1", "--tear"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        records = [json.loads(line) for line in done.stdout.splitlines() if "missed_samples" in line]
        self.assertGreaterEqual(max(record["passed_s"] for record in records), 2)
        self.assertEqual({record["missed_samples"] for record in records}, {0})

    def test_the_screen_shows_another_host(self):
        self.daemon("--loop")
        dead = self.directory / "dead"
        terminal = Terminal(self, 100, 30)
        terminal.command(XENMON, "--connect", self.serve("--dead", str(dead)))
        terminal.wait_for_line("Gotten")
        dead.touch()
        terminal.wait_for_line("no connection")
        dead.unlink()
        terminal.wait_for(lambda lines: not any("no connection" in line for line in lines), "the connection")
        terminal.keys("q")
        terminal.wait_for_line("ready>")

    def test_what_it_started_ends_with_it(self):
        self.daemon("--loop")
        process = subprocess.Popen([XENMON, "--format", "csv", "-t", "0", "--connect", self.serve()],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: serving(self.region), "xenmon serve to run")
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        wait_for(lambda: not serving(self.region), "xenmon serve to end")

    def test_a_program_that_never_answers_ends_with_it(self):
        sleeper = self.directory / "sleeper"
        shutil.copy("/bin/sleep", sleeper)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=int(number)):
                process = subprocess.Popen([XENMON, "--once", "--connect", f"{sleeper} 1000"], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                wait_for(lambda: with_words(sleeper, "1000"), "the program to run")
                process.send_signal(number)
                self.assertEqual(process.wait(PATIENCE), 1)
                wait_for(lambda: not with_words(sleeper, "1000"), "the program to end")

    # ---- failures

    def test_what_cannot_be_reached_is_said_in_one_sentence(self):
        for command, words in (("false", "has ended"), ("echo 'Permission denied' >&2; exit 255", "Permission denied"),
                               ("cat", "not xenmon serve"), ("printf 'Welcome!\\n\\0'; sleep 9", "not xenmon serve"),
                               (self.serve(), "there is no region")):
            done = run(XENMON, "--once", "--connect", command)
            self.assertEqual((done.returncode, done.stdout), (1, ""), command)
            self.assertIn(words, done.stderr)
            self.check_one_sentence(done.stderr, "xenmon")

    def test_options_that_mean_this_host_are_refused(self):
        for options in (["--replay", "x"], ["--region", "x"], ["--xenbaked", "x"],
                        ["--ms_per_sample", "100"]):
            done = run(XENMON, "--host", "a", *options)
            self.assertEqual(done.returncode, 2, options)
            self.check_one_sentence(done.stderr, "xenmon")

    def test_garbage_from_the_other_host_ends_in_words(self):
        self.daemon("--speed", "max").wait()
        script = (f"{self.serve()} | {{ head -c 3000; head -c 100000 /dev/urandom; }}")
        done = run(XENMON, "--once", "--connect", script)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.check_one_sentence(done.stderr, "xenmon")


def with_words(*wanted):
    """The processes that have all these words in their command lines."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if all(str(word).encode() in words for word in wanted):
                found.append(int(entry.name))
    return found


def serving(region):
    return with_words("serve", region)


def without_ages(text):
    return re.sub(r"ended \d+ s ago", "ended", text)


def histograms(path, region):
    """{vCPU slot: bytes}"""
    table = region.tables["hist"]
    data = pathlib.Path(path).read_bytes()
    places = {slot: table["offset"] + slot * table["stride"] for slot in region.vcpus()}
    return {slot: data[at:at + 5568] for slot, at in places.items()}


if __name__ == "__main__":
    unittest.main(verbosity=2)
