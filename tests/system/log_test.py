#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon -n: the original's files, header line, columns and units."""
import os
import unittest

from harness import RECORDING, XENMON, SystemTest, children, region_reader, run, totals

HEADER = ("# passed cpu dom cpu(tot) cpu(%) cpu/ex allocated/ex blocked(tot) blocked(%) blocked/io "
          "waited(tot) waited(%) waited/ex ex/s io(tot) io/ex")
NAMES = HEADER[2:].split()
IDLE = 32767


class LogTest(SystemTest):
    def log(self, *options):
        """{file name: [line as a dict of numbers]}."""
        done = run(XENMON, "-n", "--replay", RECORDING, "-p", self.directory / "log", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout, "")
        self.assertEqual(children(os.getpid()), [])
        logs = {}
        for path in sorted(self.directory.glob("log*")):
            lines = path.read_text().splitlines()
            self.assertEqual(lines[0], HEADER, path.name)
            rows = []
            for line in lines[1:]:
                if line.startswith("#"):
                    continue
                fields = line.split(" ")
                self.assertEqual(len(fields), 16, line)
                rows.append(dict(zip(NAMES, map(float, fields))))
            self.assertTrue(rows, path.name)
            logs[path.name] = rows
        return logs

    def check(self, logs, intervals):
        gotten = {}
        for name, rows in logs.items():
            for row in rows:
                self.assertEqual(name, "log-idle.log" if row["dom"] == -1 else f"log-dom{row['dom']:.0f}.log")
                if row["cpu"] >= 0:
                    key = (row["passed"], row["cpu"])
                    gotten[key] = gotten.get(key, 0) + row["cpu(%)"]
                # The columns hang together: a share of a second, and its percentage.
                for what in ("cpu", "blocked", "waited"):
                    self.assertAlmostEqual(row[f"{what}(tot)"] / 1e7, row[f"{what}(%)"], delta=0.002)
                if row["ex/s"] > 0:
                    self.assertAlmostEqual(row["cpu/ex"] * row["ex/s"], row["cpu(tot)"],
                                           delta=row["cpu(tot)"] * 0.001 + 1)
        for key, percent in gotten.items():
            self.assertLessEqual(percent, 100.5, key)
        self.assertEqual({cpu for _, cpu in gotten}, {0, 1})
        self.assertEqual(len({passed for passed, _ in gotten}), intervals)
        # Somebody, idle or not, runs all the time; the first interval begins before the first records.
        ends = sorted({passed for passed, _ in gotten})
        for key, percent in gotten.items():
            if key[0] not in (ends[0], ends[-1]):
                self.assertGreater(percent, 99.0, key)

    def test_three_seconds(self):
        logs = self.log("-t", "3")
        self.check(logs, 3)
        self.assertLess({"log-dom0.log", "log-dom1.log", "log-idle.log"}, set(logs))
        self.assertEqual(sorted({row["passed"] for row in logs["log-dom0.log"]}), [1000.0, 2000.0, 3000.0])

    def test_at_full_speed_the_figures_are_the_same(self):
        slowly = self.log("-t", "3", "--speed", "2")
        for path in self.directory.glob("log*"):
            path.unlink()
        self.assertEqual(self.log("-t", "3", "--speed", "20"), slowly)

    def test_the_whole_recording_adds_up_to_its_totals(self):
        logs = self.log("-t", "0", "-i", "500", "--speed", "8")
        whole = totals(RECORDING)
        self.check(logs, -(-whole["duration_ns"] // 500_000_000))
        expected = {domain["domid"]: domain for domain in whole["domains"]}
        self.assertEqual(len(logs), len(expected))
        passed = sorted({row["passed"] for rows in logs.values() for row in rows})
        length_s = dict(zip(passed, [(b - a) / 1000 for a, b in zip([0, *passed], passed)]))
        for domid in expected:
            name = f"log-dom{domid}.log" if domid != IDLE else "log-idle.log"
            for column, key in (("cpu(tot)", "gotten_ns"), ("waited(tot)", "waited_ns"), ("blocked(tot)", "blocked_ns")):
                if domid == IDLE and column != "cpu(tot)":  # it waits for nobody
                    self.assertEqual({row[column] for row in logs[name]}, {0})
                    continue
                logged = sum(row[column] * length_s[row["passed"]] for row in logs[name])
                wanted = sum(vcpu[key] for vcpu in expected[domid]["vcpus"])
                self.assertAlmostEqual(logged, wanted, delta=wanted * 1e-5 + 1000, msg=(name, column))
            io = sum(row["io(tot)"] * length_s[row["passed"]] for row in logs[name])
            self.assertAlmostEqual(io, expected[domid]["io"]["total"], delta=1)

    def test_beside_a_daemon_that_runs(self):
        self.daemon("--loop")
        done = run(XENMON, "-n", "-t", "1", "-i", "200", "--region", self.region, "-p", self.directory / "log")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.directory / "log-dom0.log").read_text().startswith(HEADER + "\n"))
        # It is another's daemon, and goes on.
        self.assertTrue(self.open_region().alive())
        self.assertEqual(region_reader.Region(str(self.region)).state(), "running")


if __name__ == "__main__":
    unittest.main(verbosity=2)
