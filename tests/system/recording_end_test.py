#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that are damaged, cut off, or have nothing to show: what each output says, and its exit status."""
import json
import lzma
import unittest

import hostile_recording_test as records
from harness import RECORDING, XENBAKED, XENMON, Daemon, SystemTest, Terminal, run

DAMAGED = "is damaged or cut off"
LOGS = {"csv": ("--format", "csv"), "jsonl": ("--format", "jsonl"), "waits": ("--slow-waits", "10ms")}


def one_moment(count):
    """That many records, all at the same time."""
    return records.window(0, b"".join(records.runstate(1000, 1, vcpu, records.RUNNABLE, records.RUNNING)
                                      for vcpu in range(count)))


class RecordingEndTest(SystemTest):
    def recording(self, data, name="recording"):
        path = self.directory / name
        path.write_bytes(data)
        path.with_name(name + ".json").write_text(json.dumps({"cpu_khz": records.KHZ}), encoding="ascii")
        return path

    def cut(self):
        """Most of the compressed recording."""
        data = RECORDING.read_bytes()
        return self.recording(data[:len(data) * 3 // 4], "cut.xz")

    def log(self, *words):
        return run(XENMON, "-t", "0", *words)

    def seconds(self, path):
        """How much of it can be shown."""
        return json.loads(run(XENBAKED, "--replay", path, "--totals", "json").stdout)["duration_ns"] / 1e9

    # ---- damage

    def test_that_another_xenbaked_plays(self):
        daemon = Daemon(self, self.region, "--speed", "max", recording=self.cut())
        self.assertEqual(daemon.wait(), 1)
        for name, words in {**LOGS, "files": ("-n", "-p", self.directory / "log"), "table": ()}.items():
            with self.subTest(name):
                done = self.log(*words, "--region", self.region) if words else run(XENMON, "--once", "--region",
                                                                                   self.region)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("xenmon: cut.xz is damaged or cut off", done.stderr)
        self.assertGreater((self.directory / "log-dom0.log").stat().st_size, 0)

    def test_a_log_that_ends_before_the_damage(self):
        for path in (self.cut(), self.recording(lzma.decompress(RECORDING.read_bytes())[:-7])):
            for name, words in LOGS.items():
                for _ in range(3):  # however far was read ahead
                    with self.subTest(path=path.name, log=name):
                        done = run(XENMON, "-t", "2", *words, "--replay", path, "--speed", "max")
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        self.assertNotIn(DAMAGED, done.stdout)

    def test_a_table_says_so_exactly_if_it_fails(self):
        plain = self.recording(lzma.decompress(RECORDING.read_bytes())[:-7], "plain")
        compressed = self.cut()
        length = self.seconds(compressed)
        # All of it is within what is read ahead.
        for path, at in ((plain, "0"), (plain, "2"), (plain, "end"), (compressed, "1"), (compressed, f"{length - 1:.1f}"),
                         (compressed, "end")):
            with self.subTest(path=path.name, at=at):
                done = run(XENMON, "--once", "--at", at, "--replay", path)
                self.assertEqual(done.returncode, 1)
                self.check_one_sentence(done.stderr, "xenmon")
                self.assertIn("shown", done.stderr)
                self.assertIn(DAMAGED, done.stdout)

    def test_a_table_long_before_the_damage(self):
        # 16 bytes each: 19 MiB, of which 8 are read ahead.
        states = (records.RUNNABLE, records.RUNNING)
        written = [records.runstate(1000 + 100 * number, 1, 0, states[number % 2], states[1 - number % 2])
                   for number in range(1_200_000)]
        rounds = [records.window(0, b"".join(written[at:at + 20_000])) for at in range(0, len(written), 20_000)]
        data = lzma.compress(b"".join(rounds), preset=0)
        path = self.recording(data[:-100], "long.xz")
        early = run(XENMON, "--once", "--at", "0.02", "--ms-per-sample", "10", "--replay", path)
        self.assertEqual((early.returncode, early.stderr), (0, ""))
        self.assertNotIn(DAMAGED, early.stdout)
        late = run(XENMON, "--once", "--at", "0.1", "--ms-per-sample", "10", "--replay", path)
        self.assertEqual(late.returncode, 1)
        self.assertIn(DAMAGED, late.stdout)

    # ---- nothing to show

    def test_nothing_and_a_single_moment(self):
        for count, sentence in ((0, "The recording has no records: there is nothing to show."),
                                (1, "The recording has 1 record, and figures need two at different times"),
                                (3, "The recording's 3 records all have the same TSC: no time passes")):
            path = self.recording(one_moment(count), f"moment{count}")
            with self.subTest(count):
                text = run(XENBAKED, "--replay", path, "--totals", "text")
                self.assertEqual(text.returncode, 0)
                self.assertIn(sentence, text.stdout)
                self.assertIn(sentence, run(XENBAKED, "--replay", path, "--totals", "json").stdout)
                for words in ((), ("--at", "0"), ("--at", "end")):
                    done = run(XENMON, "--once", "--replay", path, *words)
                    self.assertEqual((done.returncode, done.stdout), (1, ""), words)
                    self.check_one_sentence(done.stderr, "xenmon")
                    self.assertIn(sentence, done.stderr)
                for words in (*LOGS.values(), ("-n", "-p", self.directory / "log")):
                    done = self.log(*words, "--replay", path)
                    self.assertEqual(done.returncode, 0)
                    self.check_one_sentence(done.stderr, "xenmon")
                    self.assertIn(sentence, done.stderr)
                daemon = Daemon(self, self.region, recording=path)
                self.assertEqual(daemon.wait(), 0)
                done = run(XENMON, "--once", "--region", self.region)
                self.assertEqual(done.returncode, 1)
                self.assertIn(sentence, done.stderr)

    def test_a_single_moment_on_the_screen(self):
        terminal = Terminal(self, 160, 24)
        terminal.command(XENMON, "--replay", self.recording(one_moment(1)))
        terminal.wait_for_line("The recording has 1 record, and figures need two")
        terminal.keys("q")


if __name__ == "__main__":
    unittest.main()
