#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that come from a pipe, CPUs that do not exist, a damaged row: what xenmon makes of them."""
import json
import os
import struct
import subprocess
import threading
import unittest

from harness import PATIENCE, RECORDING, XENMON, SystemTest, Terminal, plain_recording, region_reader, run

FREQUENCY = ("--cpu-khz", str(json.loads(RECORDING.with_suffix(".json").read_text(encoding="utf-8"))["cpu_khz"]))
DOMAIN_SLOT_AT = 60  # in a row


class InputTest(SystemTest):
    def from_pipe(self, *options, status=0):
        done = subprocess.run([XENMON, "--replay", "-", *FREQUENCY, *options], input=plain_recording(), timeout=PATIENCE,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def fifo(self):
        path = self.directory / "recording"
        os.mkfifo(path)

        def feed():
            try:
                path.write_bytes(plain_recording())
            except BrokenPipeError:
                pass

        threading.Thread(target=feed, daemon=True).start()
        return path

    @staticmethod
    def figures(text):
        """Without names, which a pipe does not have."""
        return [line.split()[:12] for line in text.splitlines()[3:] if "idle" not in line]

    def test_standard_input(self):
        wanted = run(XENMON, "--once", "--replay", RECORDING)
        done = self.from_pipe("--once")
        self.assertEqual(done.stderr, b"")
        self.assertEqual([line[:11] for line in self.figures(done.stdout.decode())],
                         [line[:11] for line in self.figures(wanted.stdout)])
        records = [json.loads(line) for line in self.from_pipe("--format", "jsonl", "-t", "0", "--speed",
                                                               "max").stdout.splitlines()]
        self.assertEqual({record["pcpu"] for record in records if "pcpu" in record}, {0, 1})

    def test_a_fifo(self):
        done = run(XENMON, "--once", *FREQUENCY, "--replay", self.fifo())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("without idle", done.stdout)

    def test_what_a_pipe_cannot(self):
        for words in (("--once",), ("--format", "csv")):
            done = self.from_pipe("--loop", *words, status=2)
            self.assertIn(b"--loop", done.stderr)
        self.assertIn(b"the screen reads its keys from standard input", self.from_pipe(status=2).stderr)
        path = self.directory / "pipe"
        os.mkfifo(path)
        done = run(XENMON, "-n", "--loop", "--replay", path)
        self.assertEqual(done.returncode, 2)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertIn("cannot be played again", done.stderr)

    def test_the_screen_has_no_way_back(self):
        terminal = Terminal(self, 100, 24)
        terminal.command(XENMON, *FREQUENCY, "--replay", self.fifo())
        terminal.wait_for_line("Gotten")
        terminal.keys("[")
        terminal.wait_for_line("a recording from a pipe cannot be played again")
        terminal.keys("q")

    def test_a_cpu_that_does_not_exist(self):
        sentence = "xenmon: there is no CPU 9: the trace has CPUs 0 and 1; give --cpu one of them, or leave it out.\n"
        for words in (("--once",), ("--format", "csv", "--speed", "max"), ("--slow-waits", "1ms"),
                      ("-n", "-p", self.directory / "log", "--speed", "max")):
            done = run(XENMON, *words, "--cpu", "9", "--replay", RECORDING)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", sentence), words)
        terminal = Terminal(self, 120, 24)
        terminal.command(XENMON, "--replay", RECORDING, "--cpu", "9", "--speed", "max")
        terminal.wait_for_line(sentence.strip())

    def test_a_word_that_is_a_file(self):
        done = run(XENMON, RECORDING)
        self.assertEqual(done.returncode, 2)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertIn(f"to show a recording: xenmon --replay {RECORDING}", done.stderr)

    def test_a_damaged_row_is_told(self):
        daemon = self.daemon("--speed", "max")
        self.assertEqual(daemon.wait(), 0)
        region = self.open_region()
        sample = region.sample(region.word("newest_sample"))
        row = region.tables["row"]
        at = row["offset"] + sample["first_row"] % row["capacity"] * row["stride"]
        self.assertEqual(struct.calcsize(region_reader.ROW.struct.format), DOMAIN_SLOT_AT + 4)
        with open(self.region, "r+b") as file:
            file.seek(at + DOMAIN_SLOT_AT)
            file.write(b"\xff\xff\xff\xff")
        done = run(XENMON, "--once", "--region", self.region)
        self.assertIn("1 damaged row of the region skipped", done.stdout)
        for words in (("--format", "jsonl", "-t", "0"), ("--slow-waits", "1s")):
            done = run(XENMON, *words, "--region", self.region)
            self.assertEqual(done.returncode, 0)
            self.check_one_sentence(done.stderr, "xenmon")
            self.assertIn("1 row of the region made no sense and was left out", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
