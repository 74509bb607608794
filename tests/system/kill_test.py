#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon that is killed leaves a region that says so, no lock, and room for the next one."""
import re
import time
import unittest

from harness import XENBAKED, XENMON, RECORDING, SystemTest, Terminal, region_reader, run, signal_name, wait_for


class KillTest(SystemTest):
    def test_the_next_daemon_takes_over(self):
        first = self.daemon("--loop")
        old = self.open_region()
        wait_for(lambda: old.word("newest_sample") >= 3, "three samples")
        self.assertTrue(old.alive())
        refused = run(XENBAKED, "--replay", RECORDING, "--region", self.region)
        self.assertEqual(refused.returncode, 6, signal_name(refused.returncode))
        self.check_one_sentence(refused.stderr, "xenbaked")
        self.assertTrue(old.alive(), "the second daemon must leave the first one's region alone")
        first.kill()

        # It could not say that it exited; its heartbeat shows it.
        self.assertEqual(old.state(), "running")
        beat = old.word("heartbeat_ns")
        wait_for(lambda: not old.alive(), "the region to be found stale")
        self.assertEqual(old.word("heartbeat_ns"), beat)
        self.assertGreater(time.clock_gettime_ns(time.CLOCK_BOOTTIME) - beat, 3 * old.header["heartbeat_period_ns"])
        newest = old.word("newest_sample")
        self.assertEqual(region_reader.conservation(old.sample(newest)), {})

        second = self.daemon("--loop")
        new = self.open_region()
        self.assertNotEqual(new.header["generation"], old.header["generation"])
        self.assertNotEqual(new.header["daemon_start"], old.header["daemon_start"])
        self.assertEqual(new.header["daemon_pid"], second.process.pid)
        wait_for(lambda: new.word("newest_sample") >= 3, "samples of the new daemon")
        self.assertTrue(new.alive())
        # Whoever still has the old file open reads what was there.
        self.assertEqual(old.word("newest_sample"), newest)
        self.assertEqual(region_reader.conservation(old.sample(newest)), {})
        # Nothing but the region and its lock lies about.
        self.assertEqual(sorted(entry.name for entry in self.directory.iterdir()), ["region", "region.lock"])

    def test_the_screen_says_so_and_goes_on(self):
        first = self.daemon("--loop")
        terminal = Terminal(self, 80, 24)
        terminal.command(XENMON, "--region", self.region)
        terminal.wait_for(lambda lines: "recording" in lines[22] and any("%" in line for line in lines[3:21]),
                          "figures of the recording")
        self.assertNotIn("data stopped", terminal.text())
        first.kill()
        terminal.wait_for_line("data stopped")
        self.assertIn("xenbaked is gone", terminal.lines()[22])
        # What is shown stays as it is, but for the time since.
        still = terminal.lines()[2:21]
        terminal.wait_for(lambda lines: re.search(r"data stopped ([6-9]|\d\d) s ago", lines[22]), "the time to be counted")
        self.assertEqual(terminal.lines()[2:21], still)

        self.daemon("--loop")
        terminal.wait_for(lambda lines: "data stopped" not in lines[22] and "recording" in lines[22], "the new daemon")
        self.assertIn("restarted", terminal.lines()[22])
        figures = terminal.wait_for(lambda lines: lines[2:21] if lines[2:21] != still else None, "new figures")
        self.assertTrue(any("%" in line for line in figures))
        terminal.wait_for(lambda lines: lines[2:21] != figures, "figures that move")
        terminal.keys("q")
        terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the shell's prompt")


if __name__ == "__main__":
    unittest.main(verbosity=2)
