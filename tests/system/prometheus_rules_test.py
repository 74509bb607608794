#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules that come with the exporter: promtool accepts them, and each alert fires on one recording and is silent on
another.

A recording is a few seconds long, and alerts wait for minutes. So the figures that the exporter exposes of a recording
are played to promtool as if the recording was repeated: counters grow by them once in the recording's length.
"""
import json
import re
import signal
import subprocess
import unittest

from exporter import Exporter
from harness import RECORDINGS, Daemon, SystemTest, plain_recording
from prometheus import PROMTOOL, RULES

MINUTES = 30
TOLD = ("summary", "description", "remedy")


def alerts():
    """{name: text of its rule}"""
    text = next(path for path in RULES if path.name == "xenmon-alerts.yml").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^ +- alert: ", text)[1:]
    return {part.split("\n", 1)[0]: part for part in parts}


def series_text(name, labels):
    return name + "{" + ",".join(f"{key}={json.dumps(value)}" for key, value in labels) + "}"


@unittest.skipUnless(PROMTOOL, "needs promtool, which is in Debian 12's package prometheus")
class RulesTest(SystemTest):
    def promtool(self, *words):
        done = subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_promtool_accepts_them(self):
        status, said = self.promtool("check", "rules", *RULES)
        self.assertEqual(status, 0, said)

    def test_each_alert_says_what_to_do(self):
        for name, text in alerts().items():
            for annotation in TOLD:
                self.assertIn(f"{annotation}: ", text, name)
            self.assertIn("severity: ", text, name)

    def figures(self, recording, *options):
        """What is exposed of a recording that was played to its end."""
        number = len(list(self.directory.iterdir()))
        daemon = Daemon(self, self.directory / f"region{number}", "--speed", "max", *options, recording=recording)
        daemon.wait()
        exporter = Exporter(self, daemon.region)
        found = exporter.samples()
        exporter.close()
        return found

    def fires(self, figures):
        """Names of the alerts that fire when such figures have come for half an hour."""
        seconds = max(1, round(figures["xenmon_trace_seconds_total", ()]))
        steps = MINUTES * 60 // seconds + 1
        series = []
        for (name, labels), value in figures.items():
            labels = sorted(dict(labels, instance="host", job="xenmon").items())
            counter = name.endswith(("_total", "_bucket", "_count", "_sum"))
            series.append({"series": series_text(name, labels),
                           "values": f"0+{value!r}x{steps}" if counter else f"{value!r}x{steps}"})
        fired = set()
        for name in alerts():
            # promtool says what is there instead of what is expected, here of nothing.
            test = {"rule_files": [str(path) for path in RULES], "evaluation_interval": "1m",
                    "tests": [{"interval": f"{seconds}s", "input_series": series,
                               "alert_rule_test": [{"eval_time": f"{MINUTES}m", "alertname": name}]}]}
            path = self.directory / "test.yml"
            path.write_text(json.dumps(test), encoding="utf-8")
            status, said = self.promtool("test", "rules", path)
            if status != 0:
                self.assertRegex(said, r"exp:\[\s*\]|exp:\[\]", said[:2000])
                self.assertNotIn("<no value>", said)
                self.assertNotIn("error", said.lower().replace("unmarshal error", ""), said[:2000])
                fired.add(name)
        return fired

    def damaged(self):
        """A recording that is cut off, with a wrong word in the middle of many of its records."""
        data = bytearray(plain_recording(RECORDINGS / "web-credit2-patched.xentrace.xz"))
        for at in range(50_000, len(data) - 4, 20_000):
            data[at:at + 4] = b"\xff\xff\xff\xff"
        path = self.directory / "damaged.xentrace"
        path.write_bytes(data[:-10])
        return path

    def test_each_alert_fires_on_one_recording_and_not_on_another(self):
        quiet = self.fires(self.figures(RECORDINGS / "web-credit2-patched.xentrace.xz"))
        busy = self.fires(self.figures(RECORDINGS / "web-credit2-2pcpu.xentrace.xz"))
        starved = self.fires(self.figures(RECORDINGS / "study-conf-0.5.xentrace.xz"))
        lossy = self.fires(self.figures(RECORDINGS / "web-credit2-lossy.xentrace.xz"))
        damaged = self.fires(self.figures(self.damaged()))
        gone = self.fires(self.figures_of_the_killed())

        self.assertLessEqual(quiet, {"XenmonTimeUnknown"})  # the beginning is a tenth of this short recording
        self.assertEqual(busy, {"XenmonDomainWaits", "XenmonDom0Waits", "XenmonHostOvercommitted"})
        self.assertIn("XenmonLongWakeWaits", starved)
        self.assertLessEqual({"XenmonRecordsLost", "XenmonTimeUnknown"}, lossy)
        self.assertLessEqual({"XenmonBadRecords", "XenmonTraceDoubtful"}, damaged)
        self.assertEqual(gone, {"XenmonNoData"})
        self.assertEqual(set(alerts()), busy | starved | lossy | damaged | gone)

    def figures_of_the_killed(self):
        daemon = Daemon(self, self.region, "--loop", "--speed", "1")
        exporter = Exporter(self, self.region)
        self.assertEqual(exporter.samples()["xenmon_data_current", ()], 1)
        daemon.process.send_signal(signal.SIGKILL)
        found = exporter.fresh_samples(lambda s: s["xenmon_data_current", ()] == 0, "the daemon's end to show")
        self.assertFalse([name for name, _ in found if name.startswith("xenmon_domain_")])
        return found


if __name__ == "__main__":
    unittest.main()
