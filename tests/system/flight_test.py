#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder: what it keeps can be captured to the record, and kill -9 at any moment leaves nothing else.

    flight_test.py [--kills N]    how often it is killed (12); 1000 takes some ten minutes
"""
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

from harness import DEFERS_SIGNALS, PATIENCE, RECORDINGS, XENBAKED, XENMON, SystemTest, Terminal, plain_recording, run, totals, wait_for

KILLS = 12
CPU_CHANGE = 0x2001f003
HAS_TSC = 1 << 31
SECOND = 1_000_000_000  # also TSC cycles: these recordings are of 1 GHz
EPOCH = 1_795_390_000 * SECOND  # 2026-11-22 23:26:40 UTC
COMPLETE = re.compile(r"flight-\d{10}\.zst")
PART = re.compile(r"flight-\d{10}\.part")
UNFINISHED = re.compile(r"\.wait-[\d-]+\.xentrace\.zst(\.json)?\.[0-9a-f]{16}\.part")
KEPT = re.compile(r"wait-\d{8}-\d{6}(-\d)?\.xentrace\.zst(\.json)?")


def windows(data):
    """(pCPU, records) of a recording."""
    at = 0
    while at < len(data):
        header, pcpu, size = struct.unpack_from("<III", data, at)
        assert header == CPU_CHANGE, hex(header)
        yield pcpu, data[at + 12:at + 12 + size]
        at += 12 + size
        assert at <= len(data)


def frame(pcpu, content):
    return struct.pack("<III", CPU_CHANGE, pcpu, len(content)) + content


def records(window):
    """(TSC or None, begin, end)."""
    at = 0
    while at < len(window):
        header, = struct.unpack_from("<I", window, at)
        size = 4 + (header >> 28 & 7) * 4 + (8 if header & HAS_TSC else 0)
        yield (struct.unpack_from("<Q", window, at + 4)[0] if header & HAS_TSC else None), at, at + size
        at += size


def first_and_last(data):
    tscs = [tsc for _, window in windows(data) for tsc, _, _ in records(window) if tsc is not None]
    return min(tscs), max(tscs)


def cut(data, first, last):
    """The windows with the records of that time, and what has no TSC with the record after it."""
    out = []
    for pcpu, window in windows(data):
        kept, waiting = b"", b""
        for tsc, begin, end in records(window):
            waiting += window[begin:end]
            if tsc is None:
                continue
            if first <= tsc <= last:
                kept += waiting
            waiting = b""
        if kept:
            out.append((pcpu, kept))
    return out


def repeated(data, times):
    """The recording several times in a row, as one trace; each round but its TSCs is the same."""
    first, last = first_and_last(data)
    out = []
    for round_number in range(times):
        shift = round_number * (last - first + 1_000_000)
        for pcpu, window in windows(data):
            moved = bytearray(window)
            for tsc, begin, _ in records(window):
                if tsc is None:
                    continue
                struct.pack_into("<Q", moved, begin + 4, tsc + shift)
                if struct.unpack_from("<I", window, begin)[0] & 0x0fffffff == 0x1f001:  # LOST_RECORDS: its first one
                    begun, = struct.unpack_from("<Q", window, begin + 20)
                    struct.pack_into("<Q", moved, begin + 20, begun + shift)
            out.append(frame(pcpu, bytes(moved)))
    return b"".join(out)


def unpacked(path):
    return subprocess.run(["zstd", "-dqc", str(path)], check=True, capture_output=True).stdout


class FlightTest(SystemTest):
    def setUp(self):
        super().setUp()
        os.environ["TZ"] = "UTC"
        self.flight = self.directory / "flight"
        self.recording = self.directory / "trace"

    def write_recording(self, data, **more):
        self.recording.write_bytes(data)
        beside = {"cpu_khz": 1_000_000, "wall_epoch_ns": EPOCH, "scheduler": "credit2", **more}
        self.recording.with_name("trace.json").write_text(json.dumps(beside), encoding="ascii")

    def record(self, *options):
        """Plays the recording to its end."""
        done = run(XENBAKED, "--replay", self.recording, "--speed", "max", "--region", self.region, "--flight-dir",
                   self.flight, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def capture(self, *options, name="part"):
        file = self.directory / name
        done = run(XENMON, "capture", "--dir", self.flight, "-o", file, *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return file, done.stdout

    def names(self):
        return sorted(entry.name for entry in self.flight.iterdir())

    # ---- what is kept

    def test_a_part_is_the_same_part_of_the_recording(self):
        data = plain_recording()
        names = json.loads((RECORDINGS / "web-credit2-2pcpu.xentrace.json").read_text(encoding="utf-8"))["domains"]
        self.write_recording(data, domains=names)
        self.record("--flight", "10m")
        first, last = first_and_last(data)
        # Segments and chunks as they are, one after the other.
        self.assertEqual(b"".join(unpacked(self.flight / name) for name in self.names()), data)
        self.assertLess(sum(entry.stat().st_size for entry in self.flight.iterdir()), len(data) / 2)
        whole, said = self.capture(name="whole")
        self.assertEqual(whole.read_bytes(), data)
        self.assertIn(" 0 lost, 0 gaps.", said)
        self.assertTrue(self.capture(name="\x1b[31mred")[1].startswith(f"{self.directory}/?[31mred: "))
        self.assertEqual(totals(whole), totals(self.recording))

        for since, until in ((2_000, 7_500), (0, 3_333), (6_000, 6_001), (9_999, 60_000)):
            def clock(ms):
                return time.strftime("%H:%M:%S", time.gmtime(EPOCH / SECOND + ms // 1000)) + f".{ms % 1000:03}"
            with self.subTest(since=since, until=until):
                part, _ = self.capture("--since", clock(since), "--until", clock(until))
                expected = cut(data, first + since * 1_000_000, min(last, first + until * 1_000_000))
                self.assertEqual(list(windows(part.read_bytes())), expected)
                same = self.directory / "same"
                same.write_bytes(b"".join(frame(*window) for window in expected))
                shutil.copy(f"{part}.json", f"{same}.json")
                self.assertEqual(totals(part), totals(same))
                known = {domain["domid"]: domain["name"] for domain in names}
                for domain in totals(part)["domains"]:
                    self.assertEqual(domain.get("name"), known.get(domain["domid"]), domain["domid"])
        last_two, _ = self.capture("--last", "2s", name="last.zst")
        self.assertEqual(list(windows(unpacked(last_two))), cut(data, last - 2 * SECOND, last))
        if shutil.which("xenalyze"):
            self.assertEqual(run("xenalyze", "--summary", "--tolerance=6", part).returncode, 0)

    def test_losses_are_in_it(self):
        self.write_recording(plain_recording(RECORDINGS / "web-credit2-lossy.xentrace.xz"))
        self.record("--flight", "10m")
        part, said = self.capture()
        self.assertIn(" 2152 lost, ", said)
        self.assertEqual(totals(part), totals(self.recording))

    def test_only_the_last_seconds_are_kept(self):
        data = repeated(plain_recording(RECORDINGS / "web-credit2-lossy.xentrace.xz"), 60)
        first, last = first_and_last(data)
        self.assertGreater(last - first, 30 * SECOND)
        self.write_recording(data)
        self.record("--flight", "10s")
        part, _ = self.capture()
        kept_first, kept_last = first_and_last(part.read_bytes())
        self.assertEqual(kept_last, last)
        self.assertGreaterEqual(kept_last - kept_first, 10 * SECOND - SECOND // 100)
        self.assertLess(kept_last - kept_first, 13 * SECOND)
        self.assertEqual(list(windows(part.read_bytes())), cut(data, kept_first, last))

    def test_times_that_are_not_there_are_refused_in_a_sentence(self):
        self.write_recording(plain_recording(RECORDINGS / "web-credit2-lossy.xentrace.xz"))
        nothing = run(XENMON, "capture", "--dir", self.flight, "-o", self.directory / "part")
        self.assertEqual(nothing.returncode, 1)
        self.check_one_sentence(nothing.stderr, "xenbaked")
        self.record("--flight", "10m")
        for options, words in ((("--since", "23:30"), "ends at 2026-11-22 23:26:40"),
                               (("--until", "23:20"), "begins at 2026-11-22 23:26:40"),
                               (("--since", "2026-11-20 10:00", "--until", "2026-11-20 11:00"), "begins at 2026-11-22"),
                               (("--since", "noon"), "takes a time of day"),
                               (("--last", "2m", "--since", "3:05"), "excludes")):
            done = run(XENMON, "capture", "--dir", self.flight, "-o", self.directory / "part", *options)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn(words, done.stderr)
        self.assertFalse((self.directory / "part").exists())

    def test_it_is_replayed_at_a_time_of_day(self):
        self.write_recording(plain_recording())
        self.record("--flight", "10m")
        expected = run(XENMON, "--replay", self.recording, "--at", "5", "--once").stdout.splitlines()
        for when in ("23:26:45", "2026-11-22 23:26:45"):
            done = run(XENMON, "--replay", self.flight, "--at", when, "--once")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.splitlines()[1:], expected[1:])
        done = run(XENMON, "--replay", self.flight, "--at", "23:40", "--once")
        self.assertEqual(done.returncode, 1)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertEqual(totals(self.flight), totals(self.recording))

    def test_the_live_screen_goes_to_the_past_and_back(self):
        self.write_recording(plain_recording())
        self.record("--flight", "10m")
        # What is shown as the present is another recording.
        self.daemon("--loop", recording=RECORDINGS / "web-credit-1pcpu.xentrace.xz")
        terminal = Terminal(self, 100, 30)
        terminal.command(XENMON, "--region", self.region, "--flight-dir", self.flight)
        terminal.wait_for_line("recording web-credit")
        for time_of_day, position in (("23:26:45", "5.000 s"), ("23:26:47", "7.000 s")):
            terminal.keys("g", *time_of_day, "Enter")
            terminal.wait_for_line(f"from the flight recorder, at {time_of_day}")
            terminal.keys("1")  # the notice goes
            terminal.wait_for_line(f"held at {position}")
            self.assertNotIn("web-credit", terminal.text())
        terminal.keys("g", "Escape", "g", *"now", "Enter")
        terminal.wait_for_line("recording web-credit")
        terminal.keys("g", *"04:00", "Enter")
        terminal.wait_for_line("flight recording has nothing of")
        terminal.keys("g", *"noon", "Enter")
        terminal.wait_for_line("not a time of day: noon")
        terminal.keys("q")
        terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the shell's prompt")

    def test_what_is_around_a_wait_is_kept(self):
        data = repeated(plain_recording(), 4)
        self.write_recording(data)
        first, last = first_and_last(data)
        self.record("--flight", "10m", "--flight-on-wait", "2ms,2")
        kept = [name for name in self.names() if KEPT.fullmatch(name) and name.endswith(".zst")]
        self.assertTrue(1 <= len(kept) <= 2, kept)
        for name in kept:
            part = unpacked(self.flight / name)
            part_first, part_last = first_and_last(part)
            self.assertLessEqual(part_last - part_first, 31 * SECOND)
            self.assertGreater(part_last - part_first, min(14 * SECOND, last - first))
            self.assertEqual(list(windows(part)), cut(data, part_first, part_last))
            self.assertGreater(totals(self.flight / name)["records"], 0)

    def test_it_is_captured_while_it_is_recorded(self):
        self.write_recording(repeated(plain_recording(RECORDINGS / "web-credit2-lossy.xentrace.xz"), 90))
        self.daemon("--flight", "10m", "--flight-dir", str(self.flight), "--speed", "5", recording=self.recording)
        wait_for(lambda: any(entry.stat().st_size > 0 for entry in self.flight.iterdir()), "the first second")
        part, _ = self.capture("--last", "1s")
        self.assertGreater(totals(part)["records"], 0)
        refused = run(XENBAKED, "--replay", self.recording, "--region", f"{self.region}-2", "--flight", "10m",
                      "--flight-dir", self.flight)
        self.assertEqual(refused.returncode, 6)
        self.check_one_sentence(refused.stderr, "xenbaked")

    # ---- when things go wrong

    def start(self, *options):
        self.process = subprocess.Popen([XENBAKED, "--replay", self.recording, "--region", self.region, "--flight-dir",
                                         self.flight, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        return self.process

    def kill_again_and_again(self, times, data, speed, *options):
        """kill -9 at random moments. Every segment is a part of what was played, and there is nothing else."""
        seed = random.randrange(1 << 32)
        moment = random.Random(seed)
        seen = set()
        turn = 0
        # Where nothing has been kept so far, as in a slow build, it gets longer.
        while turn < times or (len(seen) <= min(times, 100) // 4 and turn < 20 * times):
            turn += 1
            process = self.start("--speed", speed, *options)
            try:
                process.wait(moment.uniform(0, 0.5 * ((turn + times - 1) // times)))
            except subprocess.TimeoutExpired:
                process.kill()
            self.assertIn(process.wait(PATIENCE), (0, -signal.SIGKILL))
            if not self.flight.exists():
                continue
            names = self.names()
            with self.subTest(turn=turn, seed=seed):
                for name in names:
                    self.assertTrue(any(kind.fullmatch(name) for kind in (COMPLETE, PART, UNFINISHED, KEPT)), name)
                self.assertLessEqual(len([name for name in names if PART.fullmatch(name)]), 1, names)
                self.assertLessEqual(len([name for name in names if UNFINISHED.fullmatch(name)]), 2, names)
                for name in names:
                    if name in seen or name.endswith((".json", ".part")):
                        continue
                    seen.add(name)
                    bytes_of = unpacked(self.flight / name)
                    self.assertGreater(len(bytes_of), 0)
                    if COMPLETE.fullmatch(name):
                        self.assertIn(bytes_of, data, name)
                    else:
                        self.assertTrue((self.flight / f"{name}.json").exists(), name)
                        self.assertGreater(len(list(windows(bytes_of))), 0)
        self.assertGreater(len(seen), min(times, 100) // 4)
        self.record(*options)
        for name in self.names():
            self.assertTrue(COMPLETE.fullmatch(name) or KEPT.fullmatch(name), name)
        self.assertEqual(first_and_last(self.capture()[0].read_bytes())[1], first_and_last(data)[1])

    def test_kill_at_any_moment(self):
        data = plain_recording()
        self.write_recording(data)
        self.kill_again_and_again(KILLS, data, "20", "--flight", "10s")

    def test_kill_while_a_wait_is_kept(self):
        data = repeated(plain_recording(RECORDINGS / "web-credit2-lossy.xentrace.xz"), 60)
        self.write_recording(data)
        self.kill_again_and_again(max(KILLS // 4, 3), data, "100", "--flight", "1m", "--flight-on-wait", "2ms,60")

    def test_a_full_disk(self):
        self.write_recording(repeated(plain_recording(), 5))
        self.flight.mkdir(mode=0o750)
        # In a namespace of its own, where it may mount.
        within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                  f'mount -t tmpfs -o size=2m,mode=0750 none {self.flight} || exit 99; "$@"; status=$?; '
                  f'cp {self.flight}/* {self.directory}/; exit $status', "sh"]
        done = run(*within, XENBAKED, "--replay", self.recording, "--region", self.region, "--speed", "max", "--flight",
                   "10m,64M", "--flight-dir", self.flight)
        if done.returncode == 99 or "unshare" in done.stderr:
            self.skipTest("nothing may be mounted here")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("is full"), 1, done.stderr)
        segments = sorted(name for name in os.listdir(self.directory) if name.startswith("flight-"))
        self.assertGreater(len(segments), 0)
        for name in segments:
            self.assertTrue(COMPLETE.fullmatch(name), name)
            self.assertIn(unpacked(self.directory / name), self.recording.read_bytes())
        last = unpacked(self.directory / segments[-1])
        self.assertEqual(first_and_last(last)[1], first_and_last(self.recording.read_bytes())[1])

    @unittest.skipIf(DEFERS_SIGNALS, "ThreadSanitizer keeps a signal until the call has returned")
    def test_a_signal_completes_it(self):
        self.write_recording(plain_recording())
        daemon = self.daemon("--flight", "10m", "--flight-dir", str(self.flight), recording=self.recording)
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(PATIENCE), 0, daemon.said())
        self.assertEqual([name for name in self.names() if not COMPLETE.fullmatch(name)], [])


if __name__ == "__main__":
    if "--kills" in sys.argv:
        KILLS = int(sys.argv.pop(sys.argv.index("--kills") + 1))
        sys.argv.remove("--kills")
    unittest.main(verbosity=2)
