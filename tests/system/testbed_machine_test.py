#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The testbed's machines are the same from any checkout: nothing in them shows when, where or with which umask they
were made."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "testbed"))

from image import write_archive
from machine import Boot, qemu_arguments


class TestbedMachineTest(unittest.TestCase):
    def test_an_archive_has_neither_times_nor_a_umask(self):
        archives = []
        with tempfile.TemporaryDirectory() as top:
            for place, mask, time in (("here", 0o022, 1_000_000_000), ("a/place/further/on", 0o077, 2_000_000_000)):
                before = os.umask(mask)
                try:
                    archives.append(self.archive_of(pathlib.Path(top, place), time))
                finally:
                    os.umask(before)
        self.assertEqual(archives[0], archives[1])
        self.assertIn(b"import this", archives[0])

    @staticmethod
    def archive_of(root, time):
        """Of a tree such as Dom0's, its files of that time."""
        (root / "usr/bin").mkdir(parents=True)
        (root / "bin").symlink_to("usr/bin")
        program, script = root / "usr/bin/program", root / "script.py"
        program.write_bytes(b"program")
        program.chmod(program.stat().st_mode | 0o100)
        script.write_bytes(b"import this")
        (root / "script.pyc").write_bytes(b"compiled")
        for path in root.rglob("*"):
            os.utime(path, (time, time), follow_symlinks=False)
        archive = root.with_suffix(".cpio")
        write_archive(root, archive)
        return archive.read_bytes()

    def test_qemu_is_told_no_path(self):
        for boot in (Boot(), Boot(pcpus=2, deterministic=True, turn_us=20, script=("study_point.py",))):
            self.assertEqual([word for word in qemu_arguments(boot) if "/" in word], [])


if __name__ == "__main__":
    unittest.main()
