#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Several hosts on one screen. The hosts are replays on this one, each of its own; what leads to each is --connect with
a script that can be made to fail."""
import os
import pathlib
import re
import signal
import sys
import time
import unittest

from harness import XENMON, Daemon, SystemTest, Terminal, children, run, wait_for

BAD_LINE = pathlib.Path(__file__).with_name("bad_line.py")
SAID_WITHIN = 3  # seconds
AGAIN_WITHIN = 5
# The tests' own looks at the screen, and a machine with more to do.
SLACK = 2


class Hosts(SystemTest):
    def setUp(self):
        super().setUp()
        self.terminal = Terminal(self, 120, 24)

    def host(self, name):
        """A host that is there: a script of this name leads to it until name.dead exists."""
        region = self.directory / (name + ".region")
        daemon = Daemon(self, region, "--loop")
        self.script(name, f"exec {sys.executable} {BAD_LINE} --dead {self.directory}/{name}.dead "
                          f"{XENMON} serve --region {region}")
        return daemon

    def script(self, name, text):
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def show(self, *names):
        self.terminal.type(f"cd {self.directory}; PATH=$PATH:.")
        self.terminal.command(XENMON, *(word for name in names for word in ("--connect", "./" + name)))

    def line(self, name):
        """That host's line; "" if there is none."""
        return next((line for line in self.terminal.lines() if line.startswith("./" + name)), "")

    def wait_for_host(self, name, pattern):
        return wait_for(lambda: re.search(pattern, self.line(name)),
                        lambda: f"{name}: {pattern}; the screen shows\n{self.terminal.text()}")

    def has_figures(self, name):
        # CPUs, running, waiting, the worst domain and its p99, lost records, age
        self.wait_for_host(name, r" \d+ +\d+\.\d\d +\d+\.\d\d +.* \d+ +\d+ s$")

    def test_each_host_has_a_line_and_enter_leads_into_it(self):
        self.host("alpha")
        self.host("beta")
        self.script("gone", "echo 'Permission denied (publickey).' >&2; exit 255")
        self.show("alpha", "gone", "beta")
        self.has_figures("alpha")
        self.has_figures("beta")
        self.wait_for_host("gone", r"Permission denied \(publickey\)\.")
        self.terminal.wait_for_line("3 hosts, 1 without data")
        self.terminal.wait_for_line("6 Hosts")
        # The second of those with data, whichever that is now.
        self.terminal.keys("s", "Home", "Down")  # by name
        self.terminal.keys("Enter")
        self.terminal.wait_for(lambda lines: lines[0].startswith(" ./beta  CPU = all"), "beta's views")
        self.terminal.wait_for_line("Gotten")
        self.terminal.keys("3")
        self.terminal.wait_for_line("pCPU, domain")
        self.terminal.keys("6", "Up", "Enter")
        self.terminal.wait_for(lambda lines: lines[0].startswith(" ./alpha"), "alpha's views")
        self.terminal.wait_for_line("pCPU, domain")  # the same view
        self.terminal.keys("6")
        self.has_figures("beta")
        # Into the one that does not answer, too: it says so there.
        self.terminal.keys("End", "Enter")
        self.terminal.wait_for(lambda lines: lines[0].startswith(" ./gone"), "the views of the third")
        self.terminal.wait_for_line("Permission denied (publickey).")
        self.terminal.keys("q")
        self.terminal.wait_for_line("ready>")

    def test_a_lost_connection_is_said_and_made_again_and_others_go_on(self):
        self.host("alpha")
        self.host("beta")
        self.show("alpha", "beta")
        self.has_figures("alpha")
        self.has_figures("beta")
        dead = self.directory / "alpha.dead"
        dead.touch()
        began = time.monotonic()
        self.wait_for_host("alpha", r"no connection, last data \d\d:\d\d:\d\d")
        said = time.monotonic() - began
        self.has_figures("beta")
        self.wait_for_host("alpha", "it does not answer")
        dead.unlink()
        began = time.monotonic()
        self.has_figures("alpha")
        again = time.monotonic() - began
        print(f"said after {said:.1f} s, connected again after {again:.1f} s")
        self.assertLess(said, SAID_WITHIN + SLACK)
        self.assertLess(again, AGAIN_WITHIN + SLACK)
        self.terminal.keys("q")
        self.terminal.wait_for_line("ready>")

    def test_a_host_that_comes_later_is_there_then(self):
        self.host("alpha")
        self.script("beta", "exit 1")
        self.show("alpha", "beta")
        self.has_figures("alpha")
        self.wait_for_host("beta", "has ended")
        self.host("beta")
        self.has_figures("beta")

    def test_a_xenbaked_that_comes_later_is_there_then(self):
        region = self.directory / "beta.region"
        self.host("alpha")
        self.script("beta", f"exec {XENMON} serve --region {region}")
        self.show("alpha", "beta")
        self.wait_for_host("beta", "there is no region")
        Daemon(self, region, "--loop")
        self.has_figures("beta")

    def test_a_mirror_that_was_killed_is_started_again(self):
        self.host("alpha")
        self.host("beta")
        self.show("alpha", "beta")
        self.has_figures("alpha")
        self.has_figures("beta")
        before = set(mirrors(self.terminal.shell_pid()))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(set(mirrors(self.terminal.shell_pid())) - before) == 2, "other mirrors")
        self.has_figures("alpha")
        self.has_figures("beta")

    def test_nothing_is_left_when_it_ends(self):
        self.host("alpha")
        self.host("beta")
        self.show("alpha", "beta")
        self.has_figures("alpha")
        self.has_figures("beta")
        pids = mirrors(self.terminal.shell_pid())
        self.assertEqual(len(pids), 2)
        self.terminal.keys("q")
        self.terminal.wait_for_line("ready>")
        wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), "the mirrors to end")
        place = pathlib.Path(self.terminal.directory)
        wait_for(lambda: not list(place.glob("xenmon-replay-*")), "the mirrors' directories to be removed")

    def test_a_table_has_a_line_for_each_host(self):
        self.host("alpha")
        self.host("beta")
        self.script("gone", "echo 'Permission denied (publickey).' >&2; exit 255")
        connect = [word for name in ("beta", "alpha") for word in ("--connect", str(self.directory / name))]
        done = run(XENMON, "--once", *connect)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["host", "CPUs", "running", "waiting", "p99", "worst", "domain", "lost", "age"])
        for name, line in zip(("beta", "alpha"), lines[1:], strict=True):
            self.assertRegex(line, rf"^{self.directory}/{name} +2 +\d\.\d\d +\d\.\d\d +\S+s  .* d\d+ +0 +\d+ s$")
        done = run(XENMON, "--once", *connect, "--connect", self.directory / "gone")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"/gone +Permission denied \(publickey\)\.\n$")
        self.assertIn("1 of 3 hosts have no figures", done.stderr)
        self.check_one_sentence(done.stderr, "xenmon")

    def test_what_several_hosts_cannot_be_used_for_is_said(self):
        two = ("--host", "a", "--host", "b")
        for options, words in ((("--format", "jsonl"), "one --host or --connect at a time"),
                               (("--slow-waits", "1ms"), "one --host or --connect at a time"),
                               (("-n",), "one --host or --connect at a time"),
                               (("--cpu", "1"), "for one host"),
                               (("--host", "a"), "given twice")):
            done = run(XENMON, *two, *options)
            self.assertEqual((done.returncode, done.stdout), (2, ""), options)
            self.assertIn(words, done.stderr)
            self.check_one_sentence(done.stderr, "xenmon")


def mirrors(shell):
    """The processes that keep mirrors for the xenmon of that shell."""
    return [pid for child in children(shell) for pid in children(child)]


if __name__ == "__main__":
    unittest.main(verbosity=2)
