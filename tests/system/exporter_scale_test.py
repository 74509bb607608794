#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scrape of a big host has: the number of its series and its bytes are bounded.

What it costs is printed and not checked, because it depends on the machine: XENMON_BIN=build/release/bin
tests/system/exporter_scale_test.py -v makes the figures of docs/fleet.md.
"""
import subprocess
import sys
import unittest

from exporter import OPEN_METRICS, PROTOBUF, TEXT, Exporter, unpacked
from harness import BIN, SystemTest, alive

PUBLISHER = str(BIN / "big_host_publisher")
REPEATED = 10


class BigHost:
    """A big_host_publisher; another second of its trace comes for each step()."""

    def __init__(self, test, region, domains):
        self.process = subprocess.Popen([PUBLISHER, str(region), "io", str(domains)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        test.addCleanup(self.close)
        self.process.stdout.read(1)

    def step(self):
        self.process.stdin.write(b"n")
        self.process.stdin.flush()
        self.process.stdout.read(1)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class ExporterScaleTest(SystemTest):
    def measure(self, domains):
        """{format: (series, bytes, bytes of gzip)}"""
        host = BigHost(self, self.region, domains)
        exporter = Exporter(self, self.region)
        found = {}
        for name, accept in (("protobuf", PROTOBUF), ("OpenMetrics", OPEN_METRICS), ("text", TEXT)):
            sizes = {}
            for compressed in (False, True):
                spent = 0
                for _ in range(REPEATED):
                    host.step()  # so long that nothing is handed out twice
                    before = exporter.cpu_ns()
                    status, headers, body = exporter.get(accept, compressed=compressed)
                    spent += exporter.cpu_ns() - before
                    self.assertEqual(status, 200)
                sizes[compressed] = len(body)
                print(f"{domains} domains, {name}{', gzip' if compressed else ''}: {len(body)} bytes, "
                      f"{spent / REPEATED / 1e6:.1f} ms of CPU", file=sys.stderr)
            text = unpacked(headers, body).decode(errors="replace") if name != "protobuf" else ""
            series = sum(not line.startswith("#") for line in text.splitlines())
            found[name] = (series, sizes[False], sizes[True])
        self.assertTrue(alive(exporter.process.pid))
        return found

    def test_a_thousand_domains(self):
        found = self.measure(1024)
        classic = found["text"][0]
        # Native ones have one series each instead of one for each bound, count and sum.
        native = classic - 3 * 1024 * 15 + 3 * 1024
        print(f"{classic} series classic, {native} native", file=sys.stderr)
        self.assertGreater(classic, 1024 * 50)
        self.assertLessEqual(classic, 67_000)
        self.assertLessEqual(native, 24_000)
        self.assertEqual(found["OpenMetrics"][0], classic)
        self.assertLessEqual(found["protobuf"][1], 5_000_000)
        for name in ("OpenMetrics", "text"):
            self.assertLessEqual(found[name][1], 7_000_000)
            self.assertLessEqual(found[name][2], 1_000_000)

    def test_fifty_domains(self):
        found = self.measure(50)
        for _, plain, _ in found.values():
            self.assertLessEqual(plain, 350_000)


if __name__ == "__main__":
    unittest.main()
