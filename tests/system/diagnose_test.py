#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon --diagnose: the recordings are diagnosed as the documents read them, and scripts can tell by the status."""
import json
import os
import unittest

from harness import RECORDINGS, XENMON, SystemTest, children, run

FINDINGS, INCOMPLETE = 7, 8


def recording(name):
    return RECORDINGS / f"{name}.xentrace.xz"


class DiagnoseTest(SystemTest):
    def diagnosis(self, name, status, *options):
        """{"cause of subject": finding} of a recording, in their order."""
        done = run(XENMON, "--diagnose", "--format", "json", "--replay", recording(name), *options)
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        self.assertEqual(children(os.getpid()), [])
        findings = {}
        for finding in json.loads(done.stdout)["findings"]:
            subject = finding["subject"] if finding["subject"] == "host" else finding["domain"]
            findings[f"{finding['cause']} of {subject}"] = finding
        return findings

    def figure(self, finding, name):
        return next(figure["value"] for figure in finding["figures"] if figure["name"] == name)

    def test_dom0_has_half_of_the_share(self):
        # docs/examples.md: both want more CPU than there is, and Dom0 is the one that has to wait.
        found = self.diagnosis("study-conf-0.5", FINDINGS)
        self.assertEqual(list(found), ["dom0_waits of Domain-0", "more_work_than_cpus of host"])
        self.assertAlmostEqual(self.figure(found["dom0_waits of Domain-0"], "waited_percent"), 64, delta=2)
        self.assertAlmostEqual(found["dom0_waits of Domain-0"]["cost_ns_per_s"] / 1e9, 0.64, delta=0.02)
        self.assertIn("web had", found["dom0_waits of Domain-0"]["sentence"])

    def test_dom0_has_ten_times_the_share(self):
        # docs/examples.md: Dom0 does not need more CPU; it does the same work in four times as many pieces.
        found = self.diagnosis("study-conf-10", FINDINGS)
        self.assertEqual(next(iter(found)), "dispatched_too_often of Domain-0")
        finding = found["dispatched_too_often of Domain-0"]
        self.assertAlmostEqual(self.figure(finding, "pages_per_execution"), 15, delta=1)
        self.assertAlmostEqual(self.figure(finding, "executions_per_s"), 1840, delta=40)
        self.assertIn("more weight makes this worse", finding["sentence"])
        # httperf polls and never sleeps.
        self.assertEqual(list(found)[1:], ["never_blocks of client"])

    def test_a_domain_that_is_served_late(self):
        # docs/examples.md: Domain-0 is the one that suffers. How the rate limit was set is not recorded.
        found = self.diagnosis("web-credit-1pcpu", FINDINGS)
        self.assertEqual(list(found), ["dom0_waits of Domain-0"])

    def test_a_domain_that_takes_all_it_can_get(self):
        found = self.diagnosis("web-credit2-2pcpu", FINDINGS)
        self.assertTrue(found)
        self.assertNotIn("no_shortage of host", found)

    def test_with_losses_it_says_that_and_nothing_else(self):
        found = self.diagnosis("web-credit2-lossy", INCOMPLETE)
        self.assertEqual(list(found), ["data_incomplete of host"])
        self.assertIn("2152 records", found["data_incomplete of host"]["sentence"])

    def test_without_the_frequency_it_says_so(self):
        plain = self.directory / "plain.xentrace.xz"
        plain.write_bytes(recording("web-credit-1pcpu").read_bytes())
        done = run(XENMON, "--diagnose", "--replay", plain)
        # Measured from the records, which is as good as given.
        self.assertEqual((done.returncode, done.stderr), (FINDINGS, ""))

    def test_of_another_time(self):
        early = self.diagnosis("web-credit-1pcpu", FINDINGS, "--at", "3")
        self.assertLess(early["dom0_waits of Domain-0"]["since_s"], 3)

    def test_the_text_has_what_the_json_has(self):
        found = self.diagnosis("study-conf-0.5", FINDINGS)
        done = run(XENMON, "--diagnose", "--replay", recording("study-conf-0.5"))
        self.assertEqual((done.returncode, done.stderr), (FINDINGS, ""))
        text = " ".join(done.stdout.split())
        for finding in found.values():
            for part in ("sentence", "remedy", "command", "may_harm", "helped_if"):
                self.assertIn(" ".join(finding.get(part, "").split()), text)
        self.assertRegex(done.stdout, r"^The (9\.9|10\.0) s that end at 12\.9 s of the trace: 2 findings\.\n")

    def test_excludes_what_makes_no_sense(self):
        for options in (["--once"], ["-n"], ["--format", "csv"], ["--vcpus"], ["--replay", "f", "--loop"]):
            done = run(XENMON, "--diagnose", *options)
            self.assertEqual(done.returncode, 2)
            self.check_one_sentence(done.stderr, "xenmon")


if __name__ == "__main__":
    unittest.main()
