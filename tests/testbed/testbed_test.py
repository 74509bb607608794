#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the testbed can be tested without a machine."""
import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from idle_waits import IDLE, idle_waits
from late_records import INFPREV, STATES, changes_of, lateness

MS = 1_000_000


def became(tsc, pcpu, vcpu, old, new):
    return pcpu, 0x00021001 | old << 8 | new << 4, tsc, [vcpu]


def load_program(name):
    loader = importlib.machinery.SourceFileLoader(name, str(HERE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class IdleWaitsTest(unittest.TestCase):
    VCPU = 1 << 16

    def waits(self, idle_from, idle_until):
        """Of one wait from 10 ms until 13 ms, on pCPU 0, beside pCPU 1 that is idle in this time."""
        idle = IDLE << 16 | 1
        return idle_waits([became(idle_from, 1, idle, 1, 0), became(10 * MS, 0, self.VCPU, 2, 1),
                           became(13 * MS, 0, self.VCPU, 1, 0), became(idle_until, 1, idle, 0, 1)], 1)

    def test_a_wait_beside_an_idle_pcpu(self):
        seen = self.waits(5 * MS, 20 * MS)
        self.assertEqual((seen.long, seen.beside), (1, 1))

    def test_a_wait_during_half_of_which_all_pcpus_are_busy(self):
        seen = self.waits(5 * MS, 11 * MS)
        self.assertEqual((seen.long, seen.beside), (1, 0))

    def test_a_short_wait_does_not_count(self):
        self.assertEqual(idle_waits([became(0, 0, self.VCPU, 2, 1), became(MS // 2, 0, self.VCPU, 1, 0)], 1).long, 0)


class LateRecordsTest(unittest.TestCase):
    """A vCPU of Dom0's that runs for 100 us and blocks for 100 us, again and again. The records are 4 us late when it
    leaves and 5 us when it enters, its account and the wakes are not."""
    ROUNDS, US = 2000, 1000

    def setUp(self):
        records = []
        for start in range(0, self.ROUNDS * 220 * self.US, 220 * self.US):
            for late, after, old, new in ((0, 0, 2, 1), (5, 20, 1, 0), (4, 120, 0, 2)):
                at = start + (after + late) * self.US
                if old == 0:
                    records.append((0, INFPREV, at - 1, [0, 0, 100 * self.US]))
                records.append(became(at, 0, 0, old, new))
        self.changes = changes_of(records, 1)
        self.readings = [self.reading(time) for time in range(20 * MS, 400 * MS, 20 * MS)]

    def reading(self, time):
        """What Xen says at this moment."""
        rounds, rest = divmod(time, 220 * self.US)
        parts = {"runnable": 20, "running": 100, "blocked": 100}
        sums = {"offline_ns": 0}
        for state, length in parts.items():
            sums[f"{state}_ns"] = rounds * length * self.US + min(rest, length * self.US)
            rest = max(0, rest - length * self.US)
        return {"own": [{"vcpu": 0, "tsc": time, **sums}]}

    def test_it_is_found(self):
        late = lateness(self.changes, self.readings, 1)
        self.assertAlmostEqual(late.block_ns, 4 * self.US, delta=300)

    def test_it_explains_what_the_records_say_more(self):
        late = lateness(self.changes, self.readings, 1)
        begin, end = self.readings[0]["own"][0], self.readings[-1]["own"][0]
        seen = self.changes[0, 0].between(begin["tsc"], end["tsc"])
        for number, state in enumerate(STATES):
            more = seen[number] - (end[f"{state}_ns"] - begin[f"{state}_ns"])
            self.assertAlmostEqual(more, late.of(seen)[state], delta=0.0005 * (end["tsc"] - begin["tsc"]))

    def test_what_xen_cannot_take_is_no_lateness(self):
        for reading in self.readings[1::2]:
            reading["own"][0]["blocked_ns"] += 50 * MS
        for reading in self.readings[2::2]:
            reading["own"][0]["blocked_ns"] += 100 * MS
        with self.assertRaises(AssertionError):
            lateness(self.changes, self.readings, 1)


class CompatibilityTest(unittest.TestCase):
    RESULT = {"xen": "4.17.7", "arch": "amd64", "guests": "pvh", "scheduler": "credit2", "settings": "", "pcpus": 2,
              "scenario": "accuracy", "passed": True, "apart_percent": 0.1234}

    def setUp(self):
        self.program = load_program("compatibility")

    def row(self, results, start):
        (line,) = [line for line in self.program.main_table(results).splitlines() if line.startswith(start)]
        return line

    def test_only_what_ran_is_more_than_not_tried(self):
        table = self.program.main_table([self.RESULT])
        self.assertIn("| 4.17 | amd64 | credit2 | not tried | agrees (0.12 %) | not tried |", table)
        self.assertEqual(table.count("agrees"), 1)
        self.assertNotIn("runs", table)

    def test_one_failure_shows(self):
        failed = {**self.RESULT, "scenario": "churn", "passed": False}
        self.assertIn("**fails** (churn)", self.row([self.RESULT, failed], "| 4.17 | amd64 | credit2"))

    def test_a_special_setting_is_not_in_the_main_table(self):
        special = {**self.RESULT, "settings": "sched-gran=socket"}
        self.assertNotIn("agrees", self.program.main_table([special]))
        self.assertIn("| PVH | `sched-gran=socket` | agrees (0.12 %) |", self.program.settings_table([special]))


if __name__ == "__main__":
    unittest.main()
