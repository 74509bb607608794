#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How xenmon exits: at once when it is told to, whatever it waits for; with the terminal as it was, a whole last line,
no xenbaked and no directory left."""
import fcntl
import itertools
import os
import pathlib
import pty
import random
import resource
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from harness import (PATIENCE, RECORDING, SANITIZED, XENMON, SystemTest, alive, children, limit_memory, wait_for)

# A program that is told to exit has exited long before; one that hangs never does.
SOON = 30 if SANITIZED else 10


def unread(descriptor):
    """How many bytes wait in a pipe or terminal."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))[0]


class EndingTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.runtime = self.directory / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.runtime), TERM="xterm-256color", LC_ALL="C.UTF-8",
                                XDG_CONFIG_HOME=str(self.directory))

    def start(self, *options, ignored=(), closed=(), limits=(), **named):
        """A xenmon in a session without a terminal, as a service has it."""
        def prepare():
            limit_memory()
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
            for limit, value in limits:
                resource.setrlimit(limit, (value, value))
            for descriptor in closed:
                os.close(descriptor)

        named = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True,
                 "env": self.environment, **named}
        process = subprocess.Popen([XENMON, *map(str, options)], preexec_fn=prepare, **named)
        self.addCleanup(self.clear_away, process)
        return process

    @staticmethod
    def clear_away(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def check_ends(self, process, number, status, before_it_ends=lambda: None):
        """It ends by that status, and nothing of it is left. What it said."""
        daemons = children(process.pid)
        process.send_signal(number)
        before_it_ends()
        self.assertEqual(process.wait(SOON), status)
        for daemon in daemons:
            wait_for(lambda daemon=daemon: not alive(daemon), "its xenbaked to end")
        self.assertEqual(os.listdir(self.runtime), [])
        return process.stderr.read().decode() if process.stderr else ""

    def check_lost(self, said):
        self.check_one_sentence(said, "xenmon")

    def script(self, text):
        """A xenbaked that does as the text says; $ready is where its byte belongs."""
        path = self.directory / "a-xenbaked"
        path.write_text("#!/bin/bash\nwhile [ $# -gt 0 ]; do\n  if [ $1 = --ready-fd ]; then ready=$2; fi; shift\ndone\n"
                        f"exec 9>{self.directory}/began\n{text}\n", encoding="ascii")
        path.chmod(0o700)
        return path


class WaitingTest(EndingTest):
    """Told to end while it waits."""

    def test_a_pipe_that_nobody_reads(self):
        for number, (form, end) in itertools.product((signal.SIGTERM, signal.SIGINT),
                                                     (("jsonl", b"}\n"), ("csv", b"\r\n"))):
            with self.subTest(form=form, number=number):
                ours, theirs = os.pipe()
                fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
                xenmon = self.start("--replay", RECORDING, "--loop", "--speed", "50", "-t", "0", "-i", "100", "--vcpus",
                                    "--format", form, stdout=theirs)
                # It has one page, and takes nothing more once there is something in it.
                wait_for(lambda ours=ours: unread(ours) > 0, "the pipe to be full")
                said = self.check_ends(xenmon, number, 1)
                self.check_lost(said)
                self.assertNotEqual(fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK, os.O_NONBLOCK)
                os.close(theirs)
                with os.fdopen(ours, "rb") as pipe:
                    self.assertEqual(pipe.read()[-len(end):], end)

    def test_a_pipe_that_is_read_again_in_time(self):
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
        xenmon = self.start("--replay", RECORDING, "--speed", "50", "-t", "3", "-i", "100", "--format", "jsonl",
                            stdout=theirs)
        os.close(theirs)
        wait_for(lambda: unread(ours) > 0, "the pipe to be full")
        with os.fdopen(ours, "rb") as pipe:
            read = []
            said = self.check_ends(xenmon, signal.SIGTERM, 0, lambda: read.append(pipe.read()))
        self.assertEqual((said, read[0][-2:]), ("", b"}\n"))

    def test_a_fifo_without_a_reader(self):
        fifo = self.directory / "log-dom0.log"
        os.mkfifo(fifo)
        for options in (("--format", "jsonl", "-o", fifo, "-i", "100"), ("-n", "-p", self.directory / "log"),
                        ("--slow-waits", "1ms", "-o", fifo)):
            with self.subTest(options=options):
                xenmon = self.start("--replay", RECORDING, "--loop", "--speed", "50", "-t", "0", *options)
                wait_for(lambda xenmon=xenmon: self.waits_for_a_fifo(xenmon), "it to wait for the FIFO")
                said = self.check_ends(xenmon, signal.SIGTERM, 1)
                self.check_lost(said)
                self.assertIn("FIFO", said)
        # Another domain's log of the same interval is there all the same, and whole.
        self.assertTrue((self.directory / "log-idle.log").read_text().endswith("\n"))

    @staticmethod
    def waits_for_a_fifo(xenmon):
        what = pathlib.Path(f"/proc/{xenmon.pid}/wchan").read_text()
        return what == "wait_for_partner"

    def test_a_table_into_a_full_pipe(self):
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
        os.write(theirs, b"x" * 4096)
        xenmon = self.start("--once", "--replay", RECORDING, "--at", "3", stdout=theirs)
        wait_for(lambda: children(xenmon.pid), "its xenbaked")
        self.check_lost(self.check_ends(xenmon, signal.SIGTERM, 1))
        os.close(theirs)
        os.close(ours)

    def test_standard_error_that_nobody_reads(self):
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
        os.write(theirs, b"x" * 4096)
        # It says which file it cannot open.
        xenmon = self.start("--replay", RECORDING, "-n", "-t", "0", "-p", "/nonexistent/log", stderr=theirs)
        wait_for(lambda: pathlib.Path(f"/proc/{xenmon.pid}/wchan").read_text() in ("pipe_write", "anon_pipe_write"),
                 "it to wait for a reader of its sentence")
        self.check_ends(xenmon, signal.SIGTERM, 1)
        os.close(theirs)
        os.close(ours)

    def test_a_xenbaked_that_never_is_ready(self):
        xenbaked = self.script("trap '' INT TERM\nwhile :; do sleep 1; done")
        xenmon = self.start("--replay", RECORDING, "--xenbaked", xenbaked, "-n", "-p", self.directory / "log")
        wait_for((self.directory / "began").exists, "its xenbaked")
        said = self.check_ends(xenmon, signal.SIGTERM, 1)
        self.assertEqual(said, "xenmon: interrupted while xenbaked was starting.\n")

    def test_a_xenbaked_that_does_not_end_is_killed_soon(self):
        late = self.directory / "late"
        ready = self.directory / "ready"
        xenbaked = self.script("trap '' INT TERM PIPE\nwhile printf R >&$ready; do sleep 0.05; done 2>/dev/null\n"
                               f"touch {ready}\nfor i in 1 2 3 4; do sleep 1; done\ntouch {late}\n"
                               "while :; do sleep 1; done")
        xenmon = self.start("--replay", RECORDING, "--xenbaked", xenbaked, "-n", "-p", self.directory / "log")
        # It hears the byte and stops listening.
        wait_for(ready.exists, "xenmon to take it for ready")
        self.check_ends(xenmon, signal.SIGTERM, 0)
        self.assertFalse(late.exists(), "it was waited for, for seconds")

    def test_a_xenbaked_that_was_stopped_is_woken_to_end(self):
        xenmon = self.start("--replay", RECORDING, "--loop", "-n", "-t", "0", "-i", "100", "-p", self.directory / "log")
        wait_for((self.directory / "log-dom0.log").exists, "a log")
        os.kill(children(xenmon.pid)[0], signal.SIGSTOP)
        self.assertEqual(self.check_ends(xenmon, signal.SIGTERM, 0), "")

    def test_signals_that_were_ignored_stay_so(self):
        log = self.directory / "log.jsonl"
        xenmon = self.start("--replay", RECORDING, "--loop", "-t", "0", "-i", "100", "--format", "jsonl", "-o", log,
                            ignored=(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT))
        wait_for(lambda: log.exists() and log.read_text().count("\n") > 3, "a log")
        moved = self.directory / "moved"
        log.rename(moved)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            xenmon.send_signal(number)
        lines = moved.read_text().count("\n")
        wait_for(lambda: moved.read_text().count("\n") > lines + 30, "the log to go on")
        self.assertFalse(log.exists())
        self.assertEqual(self.check_ends(xenmon, signal.SIGTERM, 0), "")

    def test_logs_are_rotated(self):
        xenmon = self.start("--replay", RECORDING, "--loop", "-n", "-t", "0", "-i", "100", "-p", self.directory / "log")
        names = [self.directory / f"log-{who}.log" for who in ("dom0", "dom1", "idle")]
        for turn in range(1, 4):
            for name in names:
                wait_for(lambda name=name: name.exists() and name.read_text().count("\n") > 3, f"lines in {name}")
            for name in names:
                name.rename(f"{name}.{turn}")
            xenmon.send_signal(signal.SIGHUP)
        for name in names:
            wait_for(lambda name=name: name.exists() and name.read_text().count("\n") > 3, f"lines in {name}")
        self.assertEqual(self.check_ends(xenmon, signal.SIGTERM, 0), "")
        for name in names:
            passed = []
            for part in (*(pathlib.Path(f"{name}.{turn}") for turn in range(1, 4)), name):
                text = part.read_text()
                self.assertTrue(text.startswith("# passed cpu dom ") and text.endswith("\n"), part)
                passed += [float(line.split()[0]) for line in text.splitlines() if not line.startswith("#")]
            # No line is there twice, or in the wrong file.
            self.assertEqual(passed, sorted(passed))
            steps = sorted(set(passed))
            self.assertLess(max(b - a for a, b in zip(steps, steps[1:])), 250, name)


class FailureTest(EndingTest):
    def test_a_limit_on_the_size_of_files(self):
        limits = ((resource.RLIMIT_FSIZE, 20_000),)
        region = self.daemon("--loop", "--speed", "20").region  # which needs larger files itself
        for options in (("-o", self.directory / "log"), ()):
            with self.subTest(options=options), open(self.directory / "out", "wb") as out:
                xenmon = self.start("--region", region, "-t", "0", "-i", "50", "--format", "jsonl", *options,
                                    limits=limits, stdout=out)
                self.assertEqual(xenmon.wait(PATIENCE), 1)
                self.check_one_sentence(xenmon.stderr.read().decode(), "xenmon")
                log = (options[1] if options else self.directory / "out").read_bytes()
                self.assertEqual(log[-2:], b"}\n")
                self.assertGreater(len(log), 10_000)

    @unittest.skipIf(SANITIZED, "a sanitizer has descriptors of its own")
    def test_too_few_descriptors(self):
        for most in range(5, 30):
            with self.subTest(descriptors=most):
                xenmon = self.start("--once", "--replay", RECORDING, limits=((resource.RLIMIT_NOFILE, most),),
                                    stdout=subprocess.DEVNULL)
                if xenmon.wait(PATIENCE) == 0:
                    self.assertGreater(most, 8)
                    return
                self.assertEqual(xenmon.returncode, 1)
                said = xenmon.stderr.read().decode()
                self.check_one_sentence(said, "xenmon")
                self.assertIn("oo many open files", said)
                self.assertNotIn("run as root", said)
        self.fail("it never had enough")

    @unittest.skipIf(SANITIZED, "a sanitizer's own memory cannot be limited")
    def test_no_memory(self):
        # A log of more records than there is room for.
        log = self.directory / "log.csv"
        made = self.start("--replay", RECORDING, "--speed", "max", "-t", "3", "--format", "csv", "-o", log)
        self.assertEqual(made.wait(PATIENCE), 0)
        header, *lines = log.read_bytes().splitlines(keepends=True)
        columns = [line.split(b",", 1)[1] for line in lines]
        with open(log, "wb") as large:
            large.write(header)
            for second in range(20_000):
                large.writelines(b"%d.000000000,%s" % (second + 1, rest) for rest in columns[:5])
        xenmon = self.start("plot", log, "--script", limits=((resource.RLIMIT_AS, 14 << 20),), stdout=subprocess.DEVNULL)
        self.assertEqual(xenmon.wait(PATIENCE), 1)
        said = xenmon.stderr.read().decode()
        self.check_one_sentence(said, "xenmon")
        self.assertIn("memory", said)

    @unittest.skipIf(SANITIZED, "a sanitizer's own memory cannot be limited")
    def test_little_memory(self):
        region = self.daemon("--loop", "--speed", "20").region
        for kib in range(8 << 10, 13 << 10, 128):
            limits = ((resource.RLIMIT_AS, kib << 10),)
            if self.start("--version", limits=limits, stdout=subprocess.DEVNULL).wait(PATIENCE) != 0:
                continue  # it can hardly be loaded
            xenmon = self.start("--region", region, "--once", limits=limits, stdout=subprocess.DEVNULL)
            status = xenmon.wait(PATIENCE)
            said = xenmon.stderr.read().decode()
            self.assertIn(status, (0, 1), (kib, said))
            if status == 1:
                self.check_one_sentence(said, "xenmon")

    def test_what_the_killed_leave_is_swept(self):
        chance = random.Random(20)
        daemons = []
        for _ in range(20):
            xenmon = self.start("--replay", RECORDING, "--loop", "-n", "-p", self.directory / "log")
            time.sleep(chance.uniform(0, 0.15))
            daemons += children(xenmon.pid)
            xenmon.kill()
            xenmon.wait()
        wait_for(lambda: not any(map(alive, daemons)), "what they started to end")
        running = self.start("--replay", RECORDING, "--loop", "-n", "-t", "0", "-i", "100", "-p", self.directory / "log")
        wait_for((self.directory / "log-idle.log").exists, "a log")
        # Only its own is there, and a third one leaves it alone.
        wait_for(lambda: len(os.listdir(self.runtime)) == 1, lambda: f"only its own in {os.listdir(self.runtime)}")
        other = self.start("--replay", RECORDING, "-n", "-t", "1", "-p", self.directory / "other")
        self.assertEqual(other.wait(PATIENCE), 0)
        self.assertEqual(len(os.listdir(self.runtime)), 1)
        self.check_ends(running, signal.SIGTERM, 0)

    def test_closed_descriptors(self):
        for closed in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
            for options in (("--once", "--at", "3"), ("--format", "jsonl", "-t", "1"), ("-n", "-t", "1"), ("--help",), ()):
                with self.subTest(closed=closed, options=options):
                    replay = () if options == ("--help",) else ("--replay", RECORDING)
                    xenmon = self.start(*replay, *options, closed=closed, stdout=subprocess.PIPE, cwd=self.directory)
                    out, said = xenmon.communicate(timeout=PATIENCE)
                    needs_output = options[:1] in (("--once",), ("--format",), ("--help",))
                    works = options != () and not (needs_output and 1 in closed)
                    self.assertEqual(xenmon.returncode, 0 if works else 1, said)
                    self.assertEqual(bool(out), works and needs_output)
                    if not works and 2 not in closed:
                        self.check_one_sentence(said.decode(), "xenmon")
                    self.assertEqual(os.listdir(self.runtime), [])


class TerminalTest(EndingTest):
    """The screen, on a terminal whose other side is the test's."""

    gone = None  # the other side that was closed

    def open(self, *options, size=(24, 80), reading=True, ignored=()):
        ours, theirs = pty.openpty()
        self.ours = ours
        self.addCleanup(lambda: self.ours != self.gone and os.close(ours))
        self.resize(size)
        self.theirs = theirs
        self.addCleanup(os.close, theirs)
        self.before = termios.tcgetattr(theirs)
        self.shown = b""

        def prepare():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.xenmon = subprocess.Popen([XENMON, "--replay", str(RECORDING), "--loop", *map(str, options)], stdin=theirs,
                                       stdout=theirs, stderr=theirs, env=self.environment, preexec_fn=prepare)
        self.addCleanup(self.clear_away, self.xenmon)
        if reading:
            self.wait_until_shown(b"recording")
        return self.xenmon

    def resize(self, size):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def read(self):
        while select.select([self.ours], [], [], 0)[0]:
            self.shown += os.read(self.ours, 65536)
        return self.shown

    def wait_until_shown(self, text):
        wait_for(lambda: text in self.read(), lambda: f"{text!r} in {self.shown[-2000:]!r}")

    def check_ended(self, status):
        self.assertEqual(self.xenmon.wait(SOON), status)
        self.assertEqual(termios.tcgetattr(self.theirs), self.before)

    def check_restored(self):
        """The other screen has been left, and the cursor is there again."""
        shown = self.read()
        self.assertGreater(shown.rfind(b"\x1b[?1049l"), shown.rfind(b"\x1b[?1049h"))
        self.assertGreater(shown.rfind(b"\x1b[?25h"), shown.rfind(b"\x1b[?25l"))

    def blocked(self):
        """Whether it waits for the terminal to take something."""
        what = pathlib.Path(f"/proc/{self.xenmon.pid}/syscall")
        before = what.read_text().split()[:2]
        return before == ["1", "0x1"]

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number=number):
                self.open()
                daemons = children(self.xenmon.pid)
                self.xenmon.send_signal(number)
                self.check_ended(0)
                self.check_restored()
                self.assertEqual([pid for pid in daemons if alive(pid)], [])
                self.assertEqual(os.listdir(self.runtime), [])

    def test_sigquit_cleans_up(self):
        self.open()
        daemons = children(self.xenmon.pid)
        os.write(self.ours, b"\x1c")
        self.check_ended(-signal.SIGQUIT)
        self.check_restored()
        self.assertEqual([pid for pid in daemons if alive(pid)], [])
        self.assertEqual(os.listdir(self.runtime), [])

    @unittest.skipIf(SANITIZED, "a sanitizer has these signals itself")
    def test_a_fault_leaves_the_terminal_as_it_was(self):
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
            with self.subTest(number=number):
                self.open()
                self.xenmon.send_signal(number)
                self.check_ended(-number)
                self.check_restored()

    def test_a_terminal_that_was_stopped(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number=number):
                self.open()
                os.write(self.ours, b"\x13")
                wait_for(lambda: not select.select([], [self.theirs], [], 0)[1], "the terminal to be stopped")
                self.xenmon.send_signal(number)
                self.check_ended(-number if number == signal.SIGQUIT else 0)
                self.assertEqual(os.listdir(self.runtime), [])

    @unittest.skipUnless(os.uname().machine == "x86_64", "knows the numbers of system calls")
    def test_a_terminal_that_is_not_read(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number=number):
                self.open(size=(200, 500))
                os.set_blocking(self.ours, False)

                def full():
                    try:
                        os.write(self.ours, b"\x0c")  # redraw
                    except BlockingIOError:
                        pass
                    return self.blocked()

                wait_for(full, "it to wait for the terminal")
                os.set_blocking(self.ours, True)
                self.xenmon.send_signal(number)
                self.check_ended(-number if number == signal.SIGQUIT else 0)
                self.assertEqual(os.listdir(self.runtime), [])

    def test_a_log_goes_on_without_its_terminal_if_told_so(self):
        log = self.directory / "log-dom0.log"
        self.open("-n", "-t", "0", "-i", "100", "-p", self.directory / "log", reading=False, ignored=(signal.SIGHUP,))
        wait_for(lambda: log.exists() and log.read_text().count("\n") > 3, "a log")
        self.gone = self.ours
        os.close(self.ours)  # as the end of an ssh session
        lines = log.read_text().count("\n")
        wait_for(lambda: log.read_text().count("\n") > lines + 30, "the log to go on")
        self.xenmon.send_signal(signal.SIGTERM)
        self.assertEqual(self.xenmon.wait(SOON), 0)
        self.assertTrue(log.read_text().endswith("\n"))

    def test_a_log_ends_with_its_terminal_otherwise(self):
        log = self.directory / "log-dom0.log"
        self.open("-n", "-t", "0", "-i", "100", "-p", self.directory / "log", reading=False)
        wait_for(lambda: log.exists() and log.read_text().count("\n") > 3, "a log")
        self.gone = self.ours
        os.close(self.ours)
        self.assertEqual(self.xenmon.wait(SOON), 0)
        self.assertTrue(log.read_text().endswith("\n"))
        self.assertEqual(os.listdir(self.runtime), [])

    def test_any_size(self):
        self.open(size=(24, 80))
        for size in ((1, 1), (2, 2), (1, 200), (200, 1), (5, 20), (300, 1000), (1, 1), (24, 80)):
            self.resize(size)
            self.xenmon.send_signal(signal.SIGWINCH)
            for key in b"12345?q\x1bcf\x1b\x0c":
                if key != ord("q"):
                    os.write(self.ours, bytes([key]))
            self.shown = b""
            wait_for(self.read, f"something on {size}")
            self.assertIsNone(self.xenmon.poll(), size)
        os.write(self.ours, b"\x1b")
        self.xenmon.send_signal(signal.SIGTERM)
        self.check_ended(0)

    def test_begins_on_one_cell(self):
        self.open(size=(1, 1), reading=False)
        wait_for(lambda: b"\x1b[?1049h" in self.read(), "the screen")
        os.write(self.ours, b"q")
        self.check_ended(0)

    def test_terminals_that_will_not_do(self):
        for term in (None, "", "dumb", "no-such-terminal"):
            with self.subTest(term=term):
                self.environment.pop("TERM", None)
                if term is not None:
                    self.environment["TERM"] = term
                self.open(reading=False)
                self.check_ended(1)
                said = self.read().decode().replace("\r\n", "\n")
                self.check_one_sentence(said, "xenmon")
                self.assertIn("TERM", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
