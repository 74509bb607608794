#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon --once: one table, with the figures that xenbaked's totals have."""
import os
import unittest

from harness import RECORDINGS, XENMON, Daemon, SystemTest, children, run, totals

SHORT = RECORDINGS / "web-credit2-patched.xentrace.xz"  # shorter than the ten seconds that are shown
IDLE = 32767


def table(text):
    """{id: [field, ...]} of the lines below the headings."""
    lines = text.splitlines()
    headings = next(number for number, line in enumerate(lines) if line.split()[:1] == ["id"])
    return {fields[0]: fields[1:] for fields in map(str.split, lines[headings + 1:])}


class OnceTest(SystemTest):
    def test_has_the_totals_of_a_recording(self):
        done = run(XENMON, "--once", "--replay", SHORT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = table(done.stdout)
        all_of_it = totals(SHORT)
        seconds = all_of_it["duration_ns"] / 1e9
        for domain in all_of_it["domains"]:
            idle = domain["domid"] == IDLE
            fields = found["idle" if idle else str(domain["domid"])]
            gotten = sum(vcpu["gotten_ns"] for vcpu in domain["vcpus"])
            self.assertEqual(fields[0], f"{gotten / seconds / 1e7:.2f}%", domain["domid"])
            self.assertEqual(fields[4], f"{domain['executions'] / seconds:.0f}/s", domain["domid"])
            if not idle:
                for column, name in ((1, "waited_ns"), (2, "blocked_ns")):
                    sum_ns = sum(vcpu[name] for vcpu in domain["vcpus"])
                    self.assertEqual(fields[column], f"{sum_ns / seconds / 1e7:.2f}%", (domain["domid"], name))
                self.assertEqual(fields[8], f"{domain['io']['total'] / seconds:.0f}/s", domain["domid"])
        self.assertEqual(children(os.getpid()), [])

    def test_shows_what_a_running_xenbaked_has(self):
        daemon = Daemon(self, self.directory / "region", "--loop", "--speed", "4")
        done = run(XENMON, "--once", "--region", daemon.region, "--cpu", "1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("CPU 1, the last ", done.stdout)
        self.assertIn("idle", table(done.stdout))

    def test_is_no_log(self):
        for options, words in ((["-n"], "a table is not a log"), (["--format", "csv"], "a table is not a log"),
                               (["--replay", SHORT, "--loop"], "excludes --loop")):
            done = run(XENMON, "--once", *options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
