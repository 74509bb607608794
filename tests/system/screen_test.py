#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon in a terminal: what it shows at several sizes, its keys, and that it leaves the terminal as it was."""
import os
import pathlib
import re
import signal
import unittest

from harness import RECORDING, XENBAKED, XENMON, SystemTest, Terminal, alive, children, running, wait_for


class ScreenTest(SystemTest):
    def start(self, width, height, *options):
        """A terminal in which xenmon replays the recording; the settings of before are in a file."""
        self.before = running(XENBAKED)
        self.terminal = Terminal(self, width, height)
        self.terminal.type(f"cd {self.directory}; stty -a > before")
        wait_for(lambda: (self.directory / "before").exists() and (self.directory / "before").read_text(), "stty")
        self.cursor = self.terminal.fact("cursor_flag")
        self.terminal.command(XENMON, "--replay", RECORDING, *options)
        return self.terminal

    def xenmon(self):
        """The process that the shell in the terminal has started."""
        return wait_for(lambda: next(iter(children(self.terminal.shell_pid())), None), "xenmon to be started")

    def wait_for_figures(self):
        self.terminal.wait_for(lambda lines: "CPU =" in lines[0] and "%" in lines[3]
                               and any(line.startswith("recording") for line in lines), "figures of the recording")

    def check_ended(self, expected_status):
        """The shell has the terminal again, as it was; the daemon is gone."""
        wait_for(lambda: not children(self.terminal.shell_pid()), "xenmon to end")
        self.terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the shell's prompt")
        self.terminal.type("echo $? > status; stty -a > after; echo shell is well")
        self.terminal.wait_for(lambda lines: "shell is well" in lines, "the shell's answer")
        self.assertEqual((self.directory / "status").read_text().strip(), str(expected_status))
        self.assertEqual((self.directory / "after").read_text(), (self.directory / "before").read_text())
        self.assertEqual(self.terminal.fact("cursor_flag"), "1")
        self.assertEqual(self.terminal.fact("alternate_on"), "0")
        self.assertEqual(self.terminal.fact("keypad_flag"), "0")
        self.check_no_daemon()

    def check_no_daemon(self):
        left = [pid for pid in running(XENBAKED) if pid not in self.before and self.is_ours(pid)]
        self.assertEqual(left, [], "a xenbaked was left behind")

    @staticmethod
    def is_ours(pid):
        # Other tests may run at the same time: those that have a parent are taken care of.
        stat = pathlib.Path(f"/proc/{pid}/stat")
        try:
            return stat.read_text().rsplit(")", 1)[1].split()[1] == "1"
        except OSError:
            return False

    @staticmethod
    def status_row(height):
        """Above the keys, which a low screen has no room for."""
        return height - 1 - (height >= 16)

    def title(self):
        return self.terminal.lines()[0]

    def check_size(self, width, height):
        self.start(width, height, "--loop")
        self.wait_for_figures()
        daemon = children(self.xenmon())
        self.assertEqual(len(daemon), 1)
        lines = self.terminal.lines()[:height]
        self.assertTrue(lines[0].lstrip().startswith("CPU = all"), lines[0])
        for line in lines:
            self.assertLessEqual(len(line), width)
        status = self.status_row(height)
        self.assertIn("recording", lines[status])
        self.assertIn("Total", lines[status - 1])
        self.assertEqual("F1Help" in lines[height - 1], height >= 16)
        self.check_keys()
        self.terminal.keys("q")
        self.check_ended(0)
        self.assertFalse(alive(daemon[0]))

    def check_keys(self):
        """c and n go on, p goes back; all, 0, 1 and round."""
        for key, title in (("c", "CPU = 0"), ("n", "CPU = 1"), ("c", "CPU = all"), ("p", "CPU = 1"), ("p", "CPU = 0"),
                           ("p", "CPU = all")):
            self.terminal.keys(key)
            self.terminal.wait_for(lambda lines, title=title: title in lines[0], f"{title!r} after {key!r}")
            # What is shown belongs to it: one CPU of all its time, or both.
            percent = "of 200%" if title.endswith("all") else "of 100%"
            if any("of " in line and "00%" in line for line in self.terminal.lines()):
                self.assertIn(percent, self.terminal.text())
        self.terminal.keys("x", "z")  # without a meaning
        self.assertIn("CPU = all", self.title())

    def test_80x24(self):
        self.check_size(80, 24)

    def test_132x43(self):
        self.check_size(132, 43)

    def test_40x10(self):
        self.check_size(40, 10)

    def test_20x5(self):
        self.start(20, 5, "--loop")
        self.terminal.wait_for(lambda lines: "CPU = all" in lines[0] and lines[4].startswith("recording"),
                               "the title and what it is")
        self.check_keys()
        self.terminal.keys("q")
        self.check_ended(0)

    def test_scrolling_at_40x10(self):
        self.start(40, 10, "--loop")
        self.wait_for_figures()

        def domains(lines):
            return [line[:7].strip() for line in lines[3:8] if line and not line.startswith(" ")]

        def metrics():
            words = ("Gotten", "Allocated", "Blocked", "Waited", "Exec count", "I/O count")
            return [next((word for word in words if word in line), None) for line in self.terminal.lines()[3:8]]

        # All three domains are there: eighteen rows, five of which fit.
        top = ["Gotten", "Allocated", "Blocked", "Waited", "Exec count"]
        self.terminal.wait_for(lambda lines: metrics() == top, "the first five rows")
        self.terminal.keys("Down")
        self.terminal.wait_for(lambda lines: metrics() == [*top[1:], "I/O count"], "one row further down")
        self.terminal.keys("Up")
        self.terminal.wait_for(lambda lines: metrics() == top, "the first five rows again")
        self.terminal.keys("Up")
        self.terminal.keys("NPage")
        self.terminal.wait_for(lambda lines: metrics() == ["I/O count", *top[:4]], "a page further down")
        # A domain that appears late in the recording moves the end.
        self.terminal.wait_for(lambda lines: (metrics()[-1] == "I/O count" and "Idle" in "".join(domains(lines)))
                               or self.terminal.keys("End"), "the idle domain at the end")
        self.terminal.keys("Down")  # no further
        self.terminal.keys("Home")
        self.terminal.wait_for(lambda lines: metrics() == top and domains(lines)[0] == "Domain-", "the top again")
        # Sideways: other columns, and back.
        heading = self.terminal.lines()[1]
        self.terminal.keys("Right")
        self.terminal.wait_for(lambda lines: lines[1] != heading or "%" in lines[3], "other columns")
        for _ in range(8):
            self.terminal.keys("Right")
        self.terminal.wait_for(lambda lines: "1 second" in lines[1] or "1 s" in lines[1], "the last second's half")
        for _ in range(10):
            self.terminal.keys("Left")
        self.terminal.wait_for(lambda lines: lines[1] == heading, "the first columns")
        self.terminal.keys("q")
        self.check_ended(0)

    def test_help_pause_and_rows(self):
        self.start(80, 24, "--loop", "--speed", "4")
        self.wait_for_figures()
        self.terminal.keys("?")
        self.terminal.wait_for(lambda lines: "xenmon: keys  any key closes" in lines[0], "help")
        self.terminal.keys("x")
        self.terminal.wait_for(lambda lines: "CPU = all" in lines[0], "the screen again")
        for key, word in (("a", "Allocated"), ("b", "Blocked"), ("w", "Waited"), ("e", "Exec count"),
                          ("i", "I/O count")):
            self.terminal.keys(key)
            self.terminal.wait_for(lambda lines, word=word: not any(word in line for line in lines), f"no {word}")
            self.terminal.keys(key)
            self.terminal.wait_for(lambda lines, word=word: any(word in line for line in lines), f"{word} again")
        for key in ("a", "i"):
            self.terminal.keys(key)
        self.terminal.wait_for(lambda lines: "hidden: a i" in lines[0], "what is hidden")
        self.terminal.keys("q")
        self.check_ended(0)

    def start_beside(self, width, height, *options):
        """A terminal in which xenmon reads the region of a xenbaked that is not its own."""
        self.daemon("--loop", "--speed", "4")
        self.before = running(XENBAKED)
        self.terminal = Terminal(self, width, height)
        self.terminal.type(f"cd {self.directory}; stty -a > before")
        wait_for(lambda: (self.directory / "before").exists() and (self.directory / "before").read_text(), "stty")
        self.terminal.command(XENMON, "--region", self.region, *options)
        return self.terminal

    def test_pausing_holds_every_view(self):
        self.start_beside(80, 24)
        self.wait_for_figures()
        self.terminal.keys("Space")
        self.terminal.wait_for(lambda lines: "PAUSED" in lines[0], "that it is paused")
        held = self.terminal.lines()[3:21]
        # Help is drawn over it and taken away again: what comes back is what was held.
        for key, title in (("h", "xenmon: keys"), ("q", "PAUSED"), ("2", "domain, vCPU"), ("3", "pCPU, domain"),
                           ("1", "Allocated")):
            self.terminal.keys(key)
            self.terminal.wait_for(lambda lines, title=title: any(title in line for line in lines), title)
        self.assertEqual(self.terminal.lines()[3:21], held)
        self.terminal.keys("]")
        self.terminal.wait_for_line("only a recording played with --replay FILE can be stepped through")
        self.terminal.keys("Space")
        self.terminal.wait_for(lambda lines: "PAUSED" not in lines[0] and lines[3:21] != held, "new figures")
        self.terminal.keys("q")
        self.terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the shell's prompt")

    def test_views(self):
        self.start(132, 43, "--loop")
        self.wait_for_figures()
        headings = {"2": "domain, vCPU", "3": "pCPU, domain", "4": "preempted until running", "5": "Dispatches",
                    "6": "The last ", "1": "Last 1"}
        for key, heading in headings.items():
            self.terminal.keys(key)
            self.terminal.wait_for_line(heading)
        for heading in ("domain, vCPU", "pCPU, domain", "preempted until running", "Dispatches", "The last ", "Last 1"):
            self.terminal.keys("Tab")
            self.terminal.wait_for_line(heading)
        self.terminal.keys("F2")
        self.terminal.wait_for_line("domain, vCPU")
        # Folding: a domain's vCPUs go and come back.
        def vcpus(lines):
            return sum(line.startswith("    v") for line in lines)
        self.terminal.wait_for(lambda lines: vcpus(lines) >= 5, "vCPUs")
        self.terminal.keys("*")
        self.terminal.wait_for(lambda lines: vcpus(lines) == 0, "no vCPUs")
        self.terminal.keys("Enter")
        self.terminal.wait_for(lambda lines: vcpus(lines) == 2, "Domain-0's vCPUs")
        self.terminal.keys("4")
        self.terminal.wait_for_line("who ran:")
        self.terminal.keys("z")
        self.terminal.wait_for_line("this key has no meaning here")
        self.terminal.keys("q")
        self.check_ended(0)

    def test_sorting_filter_and_search(self):
        self.start(80, 17, "--loop")  # so low that batch can always be scrolled to the top
        self.wait_for_figures()

        def first(lines):
            return lines[3].split()[0]
        self.terminal.wait_for(lambda lines: first(lines) == "Domain-0", "the order of ids")
        self.terminal.keys("s", "s")
        self.terminal.wait_for(lambda lines: "by gotten v" in lines[0] and first(lines) != "Domain-0", "another order")
        self.terminal.keys("F6", "Up", "Up")
        self.terminal.wait_for(lambda lines: lines[1].strip().startswith("Sort by") and "by gotten" not in lines[0]
                               and any("Esc: cancel" in line for line in lines), "the list of orders")
        self.terminal.keys("Escape")
        self.terminal.wait_for(lambda lines: "by gotten v" in lines[0] and "Sort by" not in lines[1], "as it was")
        self.terminal.keys("f", "w", "e", "b")
        self.terminal.wait_for(lambda lines: lines[15] == "Show only (name or id): web_" and first(lines) == "web"
                               and not any("Domain-0" in line for line in lines), "web alone, while it is typed")
        self.terminal.keys("Enter")
        self.terminal.wait_for(lambda lines: "filter: web" in lines[0] and "recording" in lines[15], "the filter")
        self.terminal.keys("f", "x", "y", "Escape")  # as it was
        self.terminal.wait_for(lambda lines: "filter: web" in lines[0] and first(lines) == "web", "the old filter")
        self.terminal.keys("Escape", "<", "<")
        self.terminal.wait_for(lambda lines: "filter" not in lines[0] and first(lines) == "Domain-0", "all again")
        self.terminal.keys("/", "b", "a", "t", "c", "q", "BSpace", "h", "Enter")
        self.terminal.wait_for(lambda lines: first(lines) == "batch", "batch on top")
        self.terminal.keys("/", "n", "o", "Enter")
        self.terminal.wait_for(lambda lines: "no domain matches no" in lines[15], "that there is none")
        self.terminal.keys("q")
        self.check_ended(0)

    def test_settings_are_kept_when_asked(self):
        config = self.directory / "config"
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        self.terminal.keys("q")
        self.check_ended(0)
        self.assertFalse(config.exists())
        self.terminal.type(f"clear; export XDG_CONFIG_HOME={config}")
        for keys, heading in ((("3", "S", "q"), "Last 1"), (("q",), "pCPU, domain")):
            self.terminal.command(XENMON, "--replay", RECORDING, "--loop")
            self.terminal.wait_for(lambda lines, heading=heading: any(heading in line for line in lines[:3]), heading)
            for key in keys:
                self.terminal.keys(key)
            self.terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the prompt")
        self.assertIn('"view": "cpus"', (config / "xenmon/settings.json").read_text())

    def test_stepping_through_a_recording(self):
        self.start(80, 24, "--at", "5")
        self.terminal.wait_for(lambda lines: "held at 5.000 s" in lines[22], "five seconds")
        for keys, time in (("]", "6.000"), ("]", "7.000"), ("[", "6.000"), ("g2Enter", "2.000"), ("[", "1.000"),
                           ("g1:Enter", "1.000"), ("g7.5Enter", "7.500")):
            self.terminal.keys(*(["g", *keys[1:-5], "Enter"] if keys[0] == "g" else [keys]))
            self.terminal.wait_for(lambda lines, time=time: f"held at {time} s" in lines[22]
                                   or "not a time in a recording" in lines[22], f"{keys} to {time}")
        self.terminal.keys("Space")
        self.terminal.wait_for(lambda lines: "held" not in lines[22] and "| at " in lines[22], "that it goes on")
        self.terminal.keys("Space")
        self.terminal.wait_for(lambda lines: "held at" in lines[22], "that it is held")
        self.terminal.keys("}")
        self.terminal.wait_for(lambda lines: " ended " in lines[22], "the end")
        self.terminal.keys("{")
        self.terminal.wait_for(lambda lines: "held at 0." in lines[22], "ten seconds before")
        self.terminal.keys("q")
        self.check_ended(0)

    def colours(self):
        """The colour sequences on the screen."""
        return re.findall(r"\x1b\[(?:\d+;)*(3[0-7])m", self.terminal.tmux("capture-pane", "-p", "-e", "-t", "t"))

    def test_colours_and_their_absence(self):
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        self.assertTrue({"32", "36"} <= set(self.colours()), self.colours())
        self.terminal.keys("q")
        self.check_ended(0)
        for prefix, option in (("", ["--no-color"]), ("NO_COLOR=1 ", [])):
            self.terminal.type(f"clear; {prefix}{XENMON} --replay {RECORDING} --loop {' '.join(option)}")
            self.wait_for_figures()
            self.assertEqual(self.colours(), [])
            self.terminal.keys("q")
            self.terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the prompt")

    def test_resizing(self):
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        for width, height in ((10, 3), (1, 1), (2, 2), (200, 60), (40, 10), (80, 24)):
            self.terminal.resize(width, height)
            if height >= 10:
                self.terminal.wait_for(
                    lambda lines, status=self.status_row(height): "CPU = all" in lines[0]
                    and "Total" in lines[status - 1] and lines[status].startswith("recording"),
                    f"the whole screen at {width}x{height}")
            else:
                # So small, and yet alive: it draws what fits.
                self.terminal.wait_for(any, f"something at {width}x{height}")
        self.assertTrue(alive(self.xenmon()))
        self.check_keys()
        self.terminal.keys("q")
        self.check_ended(0)

    def check_signal(self, number, status):
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        os.kill(self.xenmon(), number)
        self.check_ended(status)

    def test_stopped_and_continued(self):
        """Ctrl-Z gives the shell its terminal, fg takes it again."""
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        for _ in range(2):
            self.terminal.keys("C-z")
            self.terminal.wait_for(lambda lines: any(line.startswith("ready>") for line in lines), "the shell's prompt")
            self.assertEqual(self.terminal.fact("alternate_on"), "0")
            self.terminal.type("fg")
            self.wait_for_figures()
            self.assertEqual(self.terminal.fact("alternate_on"), "1")
        self.terminal.keys("q")
        self.check_ended(0)

    def test_told_to_end_while_it_is_stopped(self):
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        xenmon = self.xenmon()
        self.terminal.keys("C-z")
        self.terminal.wait_for(lambda lines: any(line.startswith("ready>") for line in lines), "the shell's prompt")
        os.kill(xenmon, signal.SIGTERM)
        os.kill(xenmon, signal.SIGCONT)  # as the shell's own kill does
        wait_for(lambda: not alive(xenmon), "xenmon to end")
        self.terminal.type("clear; stty -a > after; echo shell is well")
        self.terminal.wait_for(lambda lines: "shell is well" in lines, "the shell's answer")
        self.assertEqual((self.directory / "after").read_text(), (self.directory / "before").read_text())
        self.assertEqual(self.terminal.fact("alternate_on"), "0")
        self.check_no_daemon()

    def test_sigterm(self):
        self.check_signal(signal.SIGTERM, 0)

    def test_sigint(self):
        self.check_signal(signal.SIGINT, 0)

    def test_ctrl_c(self):
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        self.terminal.keys("C-c")
        self.check_ended(0)

    def test_killed_without_a_chance(self):
        # Nobody can put the terminal right then; but the daemon must not stay.
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        xenmon = self.xenmon()
        (daemon,) = children(xenmon)
        os.kill(xenmon, signal.SIGKILL)
        wait_for(lambda: not alive(daemon), "the daemon to end with its xenmon")

    def test_the_terminal_goes_away(self):
        self.start(80, 24, "--loop")
        self.wait_for_figures()
        xenmon = self.xenmon()
        (daemon,) = children(xenmon)
        self.terminal.tmux("kill-session", "-t", "t")
        wait_for(lambda: not alive(xenmon) and not alive(daemon), "both to end with the terminal")

    def test_the_end_of_a_recording(self):
        self.start(80, 24, "--speed", "4")
        self.wait_for_figures()
        self.terminal.wait_for(lambda lines: "ended" in lines[22], "the end of the recording")
        self.assertRegex(self.terminal.lines()[22], r"^recording web-credit2\S* ended \d+ s ago")
        # The last figures stay, and are not of the present: nothing moves but the time since.
        still = self.terminal.lines()[2:22]
        self.assertTrue(any("%" in line for line in still))
        before = self.terminal.lines()[22]
        self.terminal.wait_for(lambda lines: lines[22] != before, "the time since to be counted")
        self.assertEqual(self.terminal.lines()[2:22], still)
        self.terminal.keys("q")
        self.check_ended(0)

    def test_at_its_own_speed_to_the_end(self):
        self.start(80, 24, "--speed", "1")
        self.wait_for_figures()
        self.assertTrue(self.terminal.lines()[22].startswith("recording web-credit2"), self.terminal.text())
        self.assertNotIn("ended", self.terminal.lines()[22])
        self.terminal.wait_for(lambda lines: " ended " in lines[22], "the end of the recording")
        self.terminal.keys("q")
        self.check_ended(0)

    def test_a_recording_that_is_none(self):
        self.before = running(XENBAKED)
        self.terminal = Terminal(self, 80, 24)
        self.terminal.type(f"cd {self.directory}; stty -a > before")
        self.terminal.command(XENMON, "--replay", "/dev/null")
        self.terminal.wait_for_line("xenmon: /dev/null is empty")
        self.check_ended(1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
