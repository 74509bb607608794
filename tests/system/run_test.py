#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""./run on a machine without Xen: every mode of xenmon, and what it says of building. Nothing is built: it is a copy
of the script beside links to what CTest has built, and the tools that build are invented."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BIN, PATIENCE, ROOT, SystemTest, Terminal

NOTHING_TO_DO = "[0/2] Re-checking globbed directories...\nninja: no work to do.\n"
SOMETHING_TO_DO = "[0/2] Re-checking globbed directories...\n[1/2] Building CXX object a.o\n[2/2] Linking CXX executable a\n"


class RunTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.tree = self.directory / "tree"
        release = self.tree / "build/release"
        release.mkdir(parents=True)
        shutil.copy(ROOT / "run", self.tree / "run")
        (self.tree / "tests").symlink_to(ROOT / "tests")
        (release / "bin").symlink_to(pathlib.Path(BIN).resolve())
        (release / "build.ninja").touch()
        (release / "CMakeCache.txt").write_text("BUILD_TESTING:BOOL=OFF\n", encoding="ascii")
        tools = self.directory / "tools"
        tools.mkdir()
        self.tool_says = tools / "said"
        self.tool_says.write_text(NOTHING_TO_DO, encoding="ascii")
        for name, script in (("cmake", f"cat '{self.tool_says}'"), ("ninja", f"cat '{self.tool_says}'"),
                             ("dpkg-query", "printf installed")):
            (tools / name).write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
            (tools / name).chmod(0o755)
        self.work = self.directory / "work"
        self.work.mkdir()
        self.environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", LC_ALL="C.UTF-8")

    def run_it(self, *arguments, status=0):
        done = subprocess.run([self.tree / "run", *arguments], cwd=self.work, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, status, (arguments, done.stderr))
        return done

    def written(self):
        return sorted(path.name for path in self.work.iterdir())

    def test_says_that_it_builds_only_when_it_does(self):
        self.assertEqual(self.run_it("--once").stderr, "")
        self.tool_says.write_text(SOMETHING_TO_DO, encoding="ascii")
        self.assertEqual(self.run_it("--once").stderr, "run: building\n")

    def test_one_table(self):
        self.assertIn("without idle", self.run_it("--once").stdout)
        self.assertIn("the last 5.0 s", self.run_it("--once", "--at", "5").stdout)

    def test_logs(self):
        self.run_it("-n", "-t", "1", "--speed", "max")
        self.assertIn("log-dom0.log", self.written())
        self.assertIn("passed_s,", self.run_it("--format", "csv", "-t", "1", "--speed", "max").stdout)
        line = self.run_it("--format=jsonl", "-t", "0", "--speed", "max").stdout.splitlines()[0]
        self.assertIn("passed_s", json.loads(line))
        self.assertIn("waited", self.run_it("--slow-waits", "13ms").stdout)

    def test_pictures(self):
        self.run_it("--format", "csv", "-t", "0", "--speed", "max", "-o", "web.csv")
        self.assertIn("$", self.run_it("plot", "web.csv", "--script").stdout)

    def test_the_study(self):
        self.assertEqual(self.run_it("--study", "--once").stdout.count("without idle"), 2)
        self.assertEqual(self.run_it("--study", "--once", "--at", "5").stdout.count("the last 5.0 s"), 2)
        self.run_it("--study", "-n", "-t", "1", "--speed", "max")
        self.assertLessEqual({"log-conf-0.5-dom0.log", "log-conf-10-dom0.log"}, set(self.written()))
        self.run_it("--study", "--format", "jsonl", "-t", "1", "--speed", "max", "-o", "web.jsonl")
        self.assertLessEqual({"web-conf-0.5.jsonl", "web-conf-10.jsonl"}, set(self.written()))
        self.assertEqual(self.run_it("--study", "--format", "csv", "-t", "1", "--speed", "max").stdout.count("passed_s,"), 2)
        self.run_it("--study", "--slow-waits", "50ms")
        script = self.run_it("--study", "plot", "--script").stdout
        self.assertIn("conf-0.5", script)
        self.assertIn("conf-10", script)

    def test_what_concerns_no_recording(self):
        self.assertIn("Usage: xenmon", self.run_it("--help").stdout)
        self.run_it("--once", "--loop", status=2)

    def test_the_screen(self):
        for arguments in ((), ("--at", "5"), ("--study",), ("--study", "--at", "5")):
            terminal = Terminal(self, 80, 24)
            terminal.type(f"PATH='{self.environment['PATH']}' '{self.tree}/run' {' '.join(arguments)}")
            terminal.wait_for_line("Gotten")
            if "--at" in arguments:
                terminal.wait_for_line("held at 5.000 s")
            for _ in range(2 if "--study" in arguments else 1):
                terminal.wait_for_line("Gotten")
                terminal.keys("q")
            terminal.wait_for(lambda lines: any(line.startswith("ready>") for line in lines) and
                              not any("Gotten" in line for line in lines), "the shell")


if __name__ == "__main__":
    unittest.main(verbosity=2)
