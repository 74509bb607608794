# SPDX-License-Identifier: GPL-2.0-or-later
"""Mirrors of regions for the tests, and the check that no sample of one is missing, comes twice or changes."""
import pathlib
import shlex
import subprocess
import sys
import time

from harness import PATIENCE, XENMON, SystemTest, region_reader, wait_for

BAD_LINE = pathlib.Path(__file__).with_name("bad_line.py")


class Mirror:
    """An xenmon mirror; ends with the test."""

    def __init__(self, test, region, *way, environment=None):
        self.region = str(region)
        self.errors = open(str(region) + ".errors", "w+", encoding="utf-8")
        self.process = subprocess.Popen([XENMON, "mirror", "--region", self.region, *way],
                                        stdin=subprocess.DEVNULL, stderr=self.errors, env=environment)
        test.addCleanup(self.close)

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.errors.close()


class MirrorCase(SystemTest):
    """A test with a mirror of self.region at self.copy."""

    def setUp(self):
        super().setUp()
        self.copy = self.directory / "copy/region"
        self.copy.parent.mkdir()

    def serve(self, *line):
        """The command that leads there, over a line like that."""
        served = [XENMON, "serve", "--region", str(self.region)]
        return shlex.join([sys.executable, str(BAD_LINE), *line, *served] if line else ["exec", *served][1:])

    def mirror(self, *line):
        mirror = Mirror(self, self.copy, "--connect", self.serve(*line))
        wait_for(self.copy.exists, lambda: "a mirror; it says: " + self.said(mirror))
        return mirror

    @staticmethod
    def said(mirror):
        mirror.errors.seek(0)
        return mirror.errors.read()

    def open_copy(self):
        """The newest file of the mirror."""
        region = region_reader.Region(str(self.copy))
        self.addCleanup(region.close)
        return region

    def newest(self, region):
        return region.word("newest_sample")

    def follow(self, seen, stop):
        """Every sample of the mirror, by number, until stop(): none may change once it has been seen."""
        known = 0
        while not stop():
            ours = self.open_copy()
            newest = self.newest(ours)
            for number in range(max(1, known - 20), newest + 1):
                sample = ours.sample(number)
                if sample is not None:
                    del sample["first_row"], sample["first_io_row"]
                    self.assertEqual(seen.setdefault(number, sample), sample, number)
            known = newest
            ours.close()
            time.sleep(0.02)

    def check_complete(self, seen):
        self.assertEqual(sorted(seen), list(range(min(seen), max(seen) + 1)))
        for number in list(seen)[1:]:
            if number - 1 in seen:
                self.assertEqual(seen[number]["start_ns"], seen[number - 1]["end_ns"])
        theirs = self.open_region()
        for number, sample in seen.items():
            other = theirs.sample(number)
            if other is not None:
                del other["first_row"], other["first_io_row"]
                self.assertEqual(sample, other)
