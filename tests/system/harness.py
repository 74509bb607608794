# SPDX-License-Identifier: GPL-2.0-or-later
"""What the system tests share: the programs, terminals, and waiting for what is to come.

XENMON_BIN names the directory of xenbaked and xenmon, XENMON_SANITIZE is set if they were built with a
sanitizer; both come from CTest.
"""
import importlib.util
import json
import lzma
import os
import pathlib
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("XENMON_BIN", ROOT / "build/release/bin"))
XENBAKED = str(BIN / "xenbaked")
XENMON = str(BIN / "xenmon")
SANITIZED = bool(os.environ.get("XENMON_SANITIZE"))
# ThreadSanitizer keeps a signal from its handler until the call that it came in has returned, poll() and its like apart.
DEFERS_SIGNALS = os.environ.get("XENMON_SANITIZE") == "thread"
# Whoever calls the tests by sudo: a replay would run as that user, who may not use root's directories.
os.environ.pop("SUDO_UID", None)
RECORDINGS = ROOT / "tests/data/recordings"
RECORDING = RECORDINGS / "web-credit2-2pcpu.xentrace.xz"
# Only a program that hangs takes this long.
PATIENCE = 120 if SANITIZED else 40
ADDRESS_SPACE = 2 << 30


def _region_reader():
    spec = importlib.util.spec_from_file_location("region_reader", ROOT / "docs/region_reader.py")
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


region_reader = _region_reader()


def plain_recording(path=RECORDING):
    """The recording's bytes as xentrace wrote them."""
    return lzma.decompress(pathlib.Path(path).read_bytes())


def wait_for(condition, what, patience=PATIENCE):
    """The first true value of condition(). Fails in words when there is none in time."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what() if callable(what) else what}")
        time.sleep(0.02)


def limit_memory():
    if not SANITIZED:  # a sanitizer reserves more than there is
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(*command, patience=PATIENCE, **options):
    """A finished command: returncode, stdout, stderr."""
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=patience, preexec_fn=limit_memory, check=False, **options)


def totals(recording, *options):
    """xenbaked's totals of a recording."""
    done = run(XENBAKED, "--replay", recording, "--totals", "json", *options)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def running(program):
    """The ids of all processes of this executable, zombies aside."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "exe") == os.path.realpath(program):
                    found.append(int(entry.name))
            except OSError:
                pass  # gone, or not ours
    return found


def children(pid):
    """The ids of a process's children."""
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def alive(pid):
    """Whether there is such a process, zombies aside."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Daemon:
    """A xenbaked with a region of its own; ends with the test."""

    def __init__(self, test, region, *options, recording=RECORDING, inherits=()):
        self.region = str(region)
        self.errors = tempfile.TemporaryFile()
        read_end, write_end = os.pipe()
        command = [XENBAKED, "--replay", str(recording), "--region", self.region, "--ready-fd", str(write_end),
                   *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.errors, pass_fds=[write_end, *inherits])
        test.addCleanup(self.close)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as ready:  # the region is there, or the daemon has ended
            if ready.read(1) != b"R":
                self.process.wait(PATIENCE)
                raise AssertionError(f"xenbaked ended with {self.process.returncode}: {self.said()}")

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def kill(self):
        """As kill -9 does."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def wait(self):
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.errors.close()


class Terminal:
    """A shell in a tmux server of its own; ends with the test."""

    def __init__(self, test, width=80, height=24):
        self.socket = f"xenmon-test-{os.getpid()}-{next(self._numbers)}"
        self.directory = tempfile.mkdtemp(prefix="xenmon-tmux-")
        startup = pathlib.Path(self.directory, "startup")
        startup.write_text("PS1='ready> '\n", encoding="ascii")
        self.environment = dict(os.environ, TMUX_TMPDIR=self.directory, ENV=str(startup), TERM="screen-256color",
                                LC_ALL="C.UTF-8", XDG_RUNTIME_DIR=self.directory,
                                XDG_CONFIG_HOME=self.directory)
        self.environment.pop("TMUX", None)
        test.addCleanup(self.close)
        self._open(width, height)

    def _open(self, width, height):
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(width), "-y", str(height), "/bin/sh")
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("set-option", "-g", "window-size", "manual")
        self.resize(width, height)
        self.wait_for_line("ready>")

    _numbers = iter(range(1_000_000))
    patience = PATIENCE

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-L", self.socket, *arguments], env=self.environment, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise AssertionError(f"tmux {arguments}: {done.stderr}")
        return done.stdout

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def lines(self):
        """What is on the screen, without trailing blanks."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", "-t", "t").split("\n")]

    def text(self):
        return "\n".join(self.lines())

    def fact(self, name):
        """What tmux knows of the terminal, as cursor_flag."""
        return self.tmux("display-message", "-p", "-t", "t", "#{" + name + "}").strip()

    def keys(self, *names):
        self.tmux("send-keys", "-t", "t", *names)

    def type(self, command):
        """A command line for the shell, given at once."""
        self.tmux("send-keys", "-t", "t", "-l", command)
        self.keys("Enter")

    def command(self, *words):
        self.type(" ".join(shlex.quote(str(word)) for word in words))

    def shell_pid(self):
        return int(self.fact("pane_pid"))

    def wait_for(self, condition, what):
        """Until condition(lines) is true of the screen."""
        return wait_for(lambda: condition(self.lines()), lambda: f"{what}; the screen shows\n{self.text()}",
                        self.patience)

    def wait_for_line(self, part):
        self.wait_for(lambda lines: any(part in line for line in lines), f"a line with {part!r}")

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], env=self.environment, capture_output=True,
                       timeout=PATIENCE, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


class SystemTest(unittest.TestCase):
    """Each test has a directory of its own."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="xenmon-system-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.region = self.directory / "region"

    def daemon(self, *options, **named):
        return Daemon(self, self.region, *options, **named)

    def open_region(self):
        region = region_reader.Region(str(self.region))
        self.addCleanup(region.close)
        return region

    def check_one_sentence(self, text, program):
        """One line, of this program, that ends like a sentence."""
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith(program + ": "), text)
        self.assertTrue(text.endswith(".\n"), text)


def signal_name(returncode):
    return f"signal {signal.Signals(-returncode).name}" if returncode < 0 else f"exit status {returncode}"
