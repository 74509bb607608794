#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of domains as people and attackers write them: whole where programs read, harmless on a terminal."""
import csv
import json
import os
import pty
import subprocess
import sys
import unicodedata
import unittest

from harness import ROOT, XENBAKED, XENMON, SystemTest, Terminal, region_reader, run, wait_for

RECORDING = ROOT / "tests/data/names/names.xentrace.xz"
DOMAINS = json.loads((RECORDING.parent / "names.xentrace.json").read_text(encoding="utf-8"))["domains"]
IDLE = 32767
# A NUL ends a name, for Xen's tools as for us.
NAMES = {domain["domid"]: domain["name"].split("\0")[0] for domain in DOMAINS}
CHINESE = NAMES[1]


def in_region(name):
    """What has room in a field of 64 bytes that ends with a NUL."""
    return name.encode()[:63].decode(errors="ignore")


def on_terminal(done):
    """Runs a command on a terminal of its own; what the terminal got."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([str(word) for word in done], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        got = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            got += chunk
        child.wait()
    os.close(ours)
    return got.decode()


class NamesTest(SystemTest):
    def check_harmless(self, text):
        for line in text.splitlines():
            for character in line:
                self.assertNotIn(unicodedata.category(character), ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), ascii(line))
        self.assertNotIn("\ufffd", text)

    def test_programs_get_them_whole(self):
        whole = run(XENBAKED, "--replay", RECORDING, "--totals", "json")
        self.assertEqual({domain["domid"]: domain["name"] or "" for domain in json.loads(whole.stdout)["domains"]},
                         {**NAMES, IDLE: ""})
        self.check_harmless(whole.stdout)
        wanted = {domid: in_region(name) for domid, name in NAMES.items()} | {IDLE: "Idle"}
        options = ("-t", "0", "--speed", "max", "--replay", RECORDING)
        lines = run(XENMON, "--format", "jsonl", *options)
        self.assertEqual((lines.returncode, lines.stderr), (0, ""))
        records = [json.loads(line) for line in lines.stdout.splitlines()]
        self.assertEqual({record["domid"]: record.get("domain", "") for record in records}, wanted)
        self.check_harmless(lines.stdout)
        path = self.directory / "log.csv"
        run(XENMON, "--format", "csv", "-o", path, *options)
        with open(path, encoding="utf-8", newline="") as file:
            self.assertEqual({int(record["domid"]): record["domain"] for record in csv.DictReader(file)}, wanted)
        # And our own reader takes them.
        drawn = run(XENMON, "plot", path, "--script")
        self.assertEqual((drawn.returncode, drawn.stderr), (0, ""))
        self.assertIn(CHINESE, drawn.stdout)

    def test_the_region_has_them_whole(self):
        self.daemon("--loop", recording=RECORDING)
        wait_for(lambda: self.open_region().word("newest_sample") > 0, "a first sample")
        region = self.open_region()
        found = {domain["domid"]: domain["name"] for domain in region.domains().values()}
        self.assertEqual({domid: name for domid, name in found.items() if domid != IDLE},
                         {domid: in_region(name) for domid, name in NAMES.items()})
        reader = run(sys.executable, "-B", ROOT / "docs/region_reader.py", self.region)
        self.assertEqual(reader.returncode, 0, reader.stderr)
        self.check_harmless(reader.stdout)
        self.assertIn(CHINESE, reader.stdout)
        self.assertIn("esc?[31mred?[2J", reader.stdout)
        # Figures stand where they stand beside a name in ASCII.
        columns = set()
        for line in reader.stdout.split("\n\n")[1].splitlines()[2:]:
            label = line[:next(i for i in range(len(line)) if sum(map(region_reader.width, line[:i])) >= 24)]
            columns.add((sum(map(region_reader.width, line)), len(line) - len(label)))
        short = {one for one in columns if one[1] == min(columns, key=lambda one: one[1])[1]}
        self.assertEqual(len(short), 1, columns)

    def test_people_get_them_harmless(self):
        for command in ((XENBAKED, "--replay", RECORDING, "--totals", "text"),
                        (XENMON, "--once", "--replay", RECORDING),
                        (XENMON, "--slow-waits", "10ms", "--replay", RECORDING)):
            done = run(*command)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.check_harmless(done.stdout)
            for part in (CHINESE, "esc?[31mred?[2J", "?gnp.exe", "e\u0301a\u0300o\u0308 combining ??", NAMES[8]):
                self.assertIn(part, done.stdout, command)

    def test_a_terminal_gets_data_harmless(self):
        for form in ("csv", "jsonl"):
            got = on_terminal((XENMON, "--format", form, "-t", "0", "--speed", "max", "--replay", RECORDING))
            self.check_harmless(got)
            self.assertIn(CHINESE, got)

    def test_what_is_refused_is_harmless(self):
        for command in ((XENMON, "--once", "--replay", "\x1b[2J\u202e.x"), (XENBAKED, "--replay", "\x1b[2J\u202e.x"),
                        (XENMON, "--format", "\x1b[2J\u202e"), (XENBAKED, "\x1b[2J\u202e"), (XENMON, "\x1b[2J\u202e")):
            done = run(*command)
            self.assertNotEqual(done.returncode, 0)
            self.check_harmless(done.stderr)
            self.assertIn("?[2J?", done.stderr)

    def test_the_screen(self):
        terminal = Terminal(self, 110, 40)
        terminal.command(XENMON, "--replay", RECORDING, "--loop")
        terminal.wait_for_line(CHINESE[:5])
        terminal.keys("2")
        terminal.wait_for_line("domain, vCPU")
        lines = terminal.lines()
        self.check_harmless("\n".join(lines))

        # In columns of the terminal, not in characters.
        def ends(line):
            return sum(map(region_reader.width, line))

        rows = [line for line in lines if line.startswith(("- ", "+ "))]
        self.assertGreater(len(rows), 9)
        places = {tuple(ends(row[:i]) for i, c in enumerate(row) if c == "%") for row in rows
                  if "Idle" not in row}
        self.assertEqual(len(places), 1, places)
        terminal.keys("q")


if __name__ == "__main__":
    unittest.main(verbosity=2)
