#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A recording that is held at a time: xenmon --at has the figures of the ten seconds before it, and what a steered
xenbaked publishes at a time does not depend on how it got there."""
import csv
import io
import os
import re
import socket
import subprocess
import unittest
from collections import defaultdict

from harness import PATIENCE, RECORDING, RECORDINGS, XENBAKED, XENMON, Daemon, SystemTest, children, plain_recording, \
    region_reader, run, wait_for

SHORT = RECORDINGS / "web-credit-1pcpu.xentrace.xz"
LOSSY = RECORDINGS / "web-credit2-lossy.xentrace.xz"
PATCHED = RECORDINGS / "web-credit2-patched.xentrace.xz"
MS = 1_000_000
HELD = 16
IDLE = "32767"
# The columns of the table that are sums of a log's by the length of the window: as share of a CPU, as rate.
SHARES = {0: ("running_ns",), 1: ("waited_wake_ns", "waited_preempt_ns"), 2: ("blocked_ns",),
          3: ("offline_ns",)}
UNKNOWN = {15: ("unknown_ns",)}  # after all others, if there is any
RATES = {4: ("executions",), 8: ("io_map_pages", "io_unmap_pages", "io_transfer_pages", "io_copy_pages")}


def log_of(recording):
    """The recording's log, a line for each sample."""
    done = run(XENMON, "--replay", recording, "--format", "csv", "-i", "100", "-t", "0", "--speed", "max")
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def sums_before(log, end_ms):
    """{domid: {field: sum}} of the ten seconds before that time."""
    sums = defaultdict(lambda: defaultdict(int))
    for line in log:
        passed_ms = round(float(line["passed_s"]) * 1000)
        if end_ms - 10_000 < passed_ms <= end_ms:
            for name in sum((*SHARES.values(), *RATES.values(), *UNKNOWN.values()), ()):
                sums[line["domid"]][name] += int(line[name] or 0)
    return sums


class AtTest(SystemTest):
    def check_number(self, shown, exact, what):
        """To the last digit that is shown."""
        digits = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:%|/s)", shown)
        self.assertTrue(digits, (what, shown))
        half = 0.5 * 10 ** -len(digits[2] or "")
        self.assertAlmostEqual(float(shown.rstrip("%/s")), exact, delta=half * 1.0001, msg=str(what))

    def check_table(self, recording, log, time, end_ms):
        done = run(XENMON, "--once", "--replay", recording, "--at", time)
        self.assertEqual((done.returncode, done.stderr), (0, ""), time)
        lines = done.stdout.splitlines()
        self.assertIn(f"{recording.name}, held at {end_ms // 1000}.{end_ms % 1000:03} s", lines[0])
        self.assertNotIn("missed", lines[0])
        window_ms = min(end_ms, 10_000)
        self.assertIn(f"the last {window_ms / 1000:.1f} s", done.stdout)
        headings = next(number for number, line in enumerate(lines) if line.split()[:1] == ["id"])
        sums = sums_before(log, end_ms)
        has_unknown = "unknown" in lines[headings].split()
        if not any(sums[domid]["unknown_ns"] for domid in sums):
            self.assertFalse(has_unknown, lines[headings])
        shares = SHARES | (UNKNOWN if has_unknown else {})
        found = set()
        for fields in map(str.split, lines[headings + 1:]):
            if fields[0] == "total":
                continue
            domid = IDLE if fields[0] == "idle" else fields[0]
            found.add(domid)
            for columns, unit in ((shares, 1e-4), (RATES, 1e3)):
                for column, names in columns.items():
                    if fields[1 + column] != "-":
                        exact = sum(sums[domid][name] for name in names) / window_ms * unit
                        self.check_number(fields[1 + column], exact, (time, domid, names))
        self.assertTrue(found >= {domid for domid, figures in sums.items() if figures["running_ns"]}, time)
        return found

    def test_has_the_ten_seconds_before_that_time(self):
        log = log_of(RECORDING)
        domains = [len(self.check_table(RECORDING, log, time, end_ms)) for time, end_ms in
                   (("0.5", 500), ("3.14", 3200), ("0:05", 5000), ("7.3000", 7300), ("10", 10_000), ("10.4", 10_400))]
        self.assertEqual(max(domains), 5)
        self.assertLess(min(domains), 5)  # not everything is there from the beginning

    def test_of_a_recording_on_one_cpu_and_one_with_losses(self):
        for recording, times in ((SHORT, ("1", "5.9")), (LOSSY, ("0.3", "0.6")), (PATCHED, ("1.4",))):
            log = log_of(recording)
            for time in times:
                self.check_table(recording, log, time, round(float(time) * 1000))

    def test_nothing_is_the_first_sample_and_too_much_is_the_end(self):
        self.check_table(SHORT, log_of(SHORT), "0", 100)
        for time in ("end", "5:00"):
            done = run(XENMON, "--once", "--replay", SHORT, "--at", time)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            whole = run(XENMON, "--once", "--replay", SHORT)
            self.assertEqual(done.stdout.splitlines()[1:], whole.stdout.splitlines()[1:])
        self.assertEqual(children(os.getpid()), [])

    def test_says_which_times_there_are(self):
        for options in (["--at", "5"], ["--replay", SHORT, "--at", "noon"], ["--replay", SHORT, "--at", "5", "-n"]):
            done = run(XENMON, *options)
            self.assertEqual(done.returncode, 2)
            self.check_one_sentence(done.stderr, "xenmon")


class Steered(Daemon):
    """A xenbaked with its reins in our hand."""

    def __init__(self, test, region, *options, recording):
        self.reins, theirs = socket.socketpair()
        self.answers = self.reins.makefile("r")
        test.addCleanup(self.release)
        with theirs:
            super().__init__(test, region, "--control-fd", str(theirs.fileno()), *options, recording=recording,
                             inherits=[theirs.fileno()])
        self.reins.settimeout(PATIENCE)

    def tell(self, text):
        self.reins.sendall(text.encode())

    def answer(self):
        word, number, position = self.answers.readline().split()
        return word, int(number), int(position)

    def release(self):
        self.answers.close()
        self.reins.close()


def published(path):
    """What is in a region that stands still."""
    with region_reader.Region(str(path)) as region:
        samples = {number: region.sample(number) for number in region.samples()}
        for sample in filter(None, samples.values()):
            for name in ("first_row", "first_io_row", "records"):  # where, and how far was read ahead
                del sample[name]
        counters = region.counters()
        return {"samples": {number: sample for number, sample in samples.items() if sample},
                "domains": region.domains(), "vcpus": region.vcpus(), "state": region.state(),
                "held": bool(region.word("flags") & HELD),
                "histograms": {slot: region.histograms(slot) for slot in region.vcpus()},
                "counters": {name: counters[name] for name in
                             ("lost_records", "bad_records", "late_records", "state_conflicts",
                              "conservation_violations", "samples")}}


def is_held(path):
    try:
        with region_reader.Region(str(path)) as region:
            return bool(region.word("flags") & HELD)
    except region_reader.RegionError:
        return False  # not there yet


class SteeredTest(SystemTest):
    def fresh(self, recording, *options):
        """What is published by one that goes there first of all."""
        daemon = Steered(self, self.directory / "fresh", *options, recording=recording)
        self.assertIn(daemon.answer()[0], ("held", "end"))
        found = published(daemon.region)
        daemon.release()
        self.assertEqual(daemon.wait(), 0)
        return found

    def plain(self):
        path = self.directory / "plain.xentrace"
        path.write_bytes(plain_recording())
        (self.directory / "plain.xentrace.json").write_bytes(RECORDING.with_suffix(".json").read_bytes())
        return path

    def test_a_time_looks_the_same_however_it_was_reached(self):
        for recording, stops in ((RECORDING, (7000, 2500, 2600, 10_400, 100)), (self.plain(), (7000, 2500, 10_400)),
                                 (LOSSY, (500, 300, 600)), (PATCHED, (1000, 300, 1400))):
            daemon = Steered(self, self.region, "--held-at", f"{stops[0] / 1000}", recording=recording)
            for number, stop in enumerate(stops):
                if number > 0:
                    daemon.tell(f"to {stop * MS}\n")
                self.assertEqual(daemon.answer(), ("held", number, stop * MS))
                found = published(self.region)
                self.assertTrue(found["held"])
                self.assertEqual(found["state"], "running")
                self.assertEqual(max(found["samples"]), stop // 100)
                self.assertEqual(min(found["samples"]), max(1, stop // 100 - 110))  # eleven seconds and one
                self.assertTrue(all(domain["name"] for domain in found["domains"].values() if domain["domid"] != 32767))
                self.assertEqual(found, self.fresh(recording, "--held-at", f"{stop / 1000}"), (recording, stop))
            daemon.release()
            self.assertEqual(daemon.wait(), 0)
            self.assertEqual(daemon.said(), "")

    def test_what_is_held_is_what_is_played(self):
        for recording in (RECORDING, LOSSY, PATCHED):
            whole = Daemon(self, self.region, "--speed", "max", "--history", "60", recording=recording)
            self.assertEqual(whole.wait(), 0)
            played = published(self.region)
            daemon = Steered(self, self.directory / "steered", "--history", "60", "--held-at", "0", recording=recording)
            self.assertEqual(daemon.answer(), ("held", 0, 100 * MS))
            ends = sorted(sample["end_ns"] for sample in played["samples"].values())
            for number, end_ns in enumerate(ends[1:-1], start=1):
                daemon.tell(f"to {end_ns}\n")
                self.assertEqual(daemon.answer(), ("held", number, end_ns))
            daemon.tell("to end\n")
            self.assertEqual(daemon.answer(), ("end", len(ends) - 1, ends[-1]))
            found = published(daemon.region)
            self.assertEqual(found["state"], "ended")
            self.assertEqual(found, played, recording)
            daemon.release()
            self.assertEqual(daemon.wait(), 0)

    def test_plays_holds_and_goes_back_from_the_end(self):
        daemon = Steered(self, self.region, "--held-at", "2", recording=RECORDING)
        self.assertEqual(daemon.answer(), ("held", 0, 2000 * MS))
        daemon.tell("play 1000\n")
        self.assertEqual(daemon.answer(), ("playing", 1, 2000 * MS))
        word, number, length = daemon.answer()
        self.assertEqual((word, number), ("end", 1))
        self.assertGreater(length, 10_500 * MS)
        for command in ("play 2", "hold", "to 20000000000", "to end", f"to {length}"):
            daemon.tell(command + "\n")
            self.assertEqual(daemon.answer()[::2], ("end", length))
        daemon.tell("to 9000000000\n")
        self.assertEqual(daemon.answer()[::2], ("held", 9000 * MS))
        daemon.tell("play 0.001\nhold\n")
        self.assertEqual(daemon.answer()[::2], ("playing", 9000 * MS))
        self.assertEqual(daemon.answer()[::2], ("held", 9000 * MS))
        with region_reader.Region(daemon.region) as region:
            beat = region.word("heartbeat_ns")
            wait_for(lambda: region.word("heartbeat_ns") != beat, "a heartbeat while it is held")
            self.assertTrue(region.alive())
        daemon.tell("play max\n")
        self.assertEqual(daemon.answer()[0], "playing")
        self.assertEqual(daemon.answer()[::2], ("end", length))

    def test_the_last_of_many_commands_counts(self):
        daemon = Steered(self, self.region, recording=RECORDING)
        stops = [3000, 9000, 1000, 100, 10_000, 2000]
        daemon.tell("".join(f"to {stop * MS}\n" for stop in stops))
        while (answer := daemon.answer())[1] < len(stops):
            pass
        self.assertEqual(answer, ("held", len(stops), 2000 * MS))
        self.assertEqual(published(self.region), self.fresh(RECORDING, "--held-at", "2"))

    def test_nonsense_is_passed_over(self):
        daemon = Steered(self, self.region, "--held-at", "1", recording=SHORT)
        self.assertEqual(daemon.answer(), ("held", 0, 1000 * MS))
        daemon.tell("to the moon\n" + "x" * 5000 + "\nto 99999999999999999999\n\x1b]0;\n" * 2 + "to 2000000000\n")
        while (answer := daemon.answer())[0] != "held":
            pass
        self.assertEqual(answer[2], 2000 * MS)
        self.assertIn("\"to the moon\" is not a command for a replay", daemon.said())
        self.assertNotIn("\x1b", daemon.said())

    def test_ends_when_nobody_holds_the_reins(self):
        for options in ((), ("--held-at", "3"), ("--held-at", "end"), ("--loop",), ("--loop", "--speed", "max")):
            daemon = Steered(self, self.region, *options, recording=RECORDING)
            daemon.release()
            self.assertEqual(daemon.wait(), 0, options)
            self.assertEqual(published(self.region)["state"], "ended")
            self.assertFalse(published(self.region)["held"])

    def test_obeys_a_pipe_too_and_holds_without_any(self):
        pipe = subprocess.Popen([XENBAKED, "--replay", SHORT, "--region", self.region, "--control-fd", "0", "--speed",
                                 "0.001"], stdin=subprocess.PIPE)
        self.addCleanup(pipe.wait)
        self.addCleanup(pipe.kill)
        pipe.stdin.write(b"to 3000000000\n")
        pipe.stdin.flush()
        wait_for(lambda: is_held(self.region), "the hold")
        self.assertEqual(max(published(self.region)["samples"]), 30)
        pipe.stdin.close()
        self.assertEqual(pipe.wait(PATIENCE), 0)

        daemon = Daemon(self, self.directory / "alone", "--held-at", "3", recording=SHORT)
        wait_for(lambda: is_held(daemon.region), "the hold")
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)

    def test_a_pipe_cannot_be_gone_back_in(self):
        reins, theirs = socket.socketpair()
        with reins, theirs, open(SHORT, "rb") as recording, reins.makefile("r") as answers:
            daemon = subprocess.Popen([XENBAKED, "--replay", "-", "--region", self.region, "--held-at", "3",
                                       "--cpu-khz", "1000000", "--control-fd", str(theirs.fileno())], stdin=recording,
                                      pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
            self.addCleanup(daemon.kill)
            self.addCleanup(daemon.stderr.close)
            theirs.close()
            reins.settimeout(PATIENCE)
            self.assertEqual(answers.readline(), "held 0 3000000000\n")
            before = published(self.region)
            reins.sendall(b"to 1000000000\n")
            self.assertEqual(answers.readline(), "held 1 3000000000\n")
            self.assertEqual(published(self.region), before)
            reins.sendall(b"to 4000000000\n")
            self.assertEqual(answers.readline(), "held 2 4000000000\n")
        self.assertIn("Standard input cannot be played again", daemon.communicate(timeout=PATIENCE)[1])

    def test_a_loop_goes_on_beyond_its_end(self):
        daemon = Steered(self, self.region, "--loop", "--held-at", "20", recording=SHORT)
        self.assertEqual(daemon.answer(), ("held", 0, 20_000 * MS))
        daemon.tell("to 1000000000\n")
        self.assertEqual(daemon.answer(), ("held", 1, 1000 * MS))
        self.assertEqual(published(self.region), self.fresh(SHORT, "--held-at", "1"))


if __name__ == "__main__":
    unittest.main()
