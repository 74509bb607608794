#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit: its sandbox as systemd judges it, and that xenbaked does what Type=notify and a watchdog ask for; and what
a running xenbaked has given up."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import unittest

from harness import PATIENCE, RECORDING, ROOT, SANITIZED, XENBAKED, XENMON, SystemTest, run, wait_for

UNIT = ROOT / "xenbaked/systemd/xenbaked.service.in"
MOST_EXPOSURE = 15  # tenths; without a sandbox it would be 9.6
NOBODY = 65534


def status_of(pid):
    """What Linux says of a process: the fields of /proc/PID/status."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


class Unit(SystemTest):
    def setUp(self):
        super().setUp()
        self.unit = pathlib.Path(self.directory) / "xenbaked.service"
        self.unit.write_text(UNIT.read_text(encoding="utf-8").replace("@XENBAKED@", XENBAKED), encoding="utf-8")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_little_is_exposed(self):
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", self.unit)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"Overall exposure level for xenbaked.service: [01]\.\d")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_systemd_understands_each_line(self):
        done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", self.unit)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_statuses_that_a_restart_does_not_cure_are_those_of_the_documents(self):
        text = UNIT.read_text(encoding="utf-8")
        self.assertEqual(re.search("^RestartPreventExitStatus=(.*)$", text, re.M)[1].split(), ["2", "3", "4", "5"])

    def test_the_manager_hears_that_the_region_is_there_and_that_the_loop_goes_round(self):
        path = str(pathlib.Path(self.directory) / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(PATIENCE)
            # Three times within its patience: at once, and after half a second.
            environment = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1500000"}
            with subprocess.Popen([XENBAKED, "--replay", RECORDING, "--loop", "--region", self.region],
                                  env=environment) as process:
                try:
                    self.assertEqual(manager.recv(64), b"READY=1")
                    self.assertTrue(os.path.exists(self.region))
                    for _ in range(3):
                        self.assertEqual(manager.recv(64), b"WATCHDOG=1")
                    process.send_signal(signal.SIGTERM)
                    heard = b"WATCHDOG=1"
                    while heard == b"WATCHDOG=1":
                        heard = manager.recv(64)
                    self.assertEqual(heard, b"STOPPING=1")
                    self.assertEqual(process.wait(PATIENCE), 0)
                finally:
                    process.kill()


@unittest.skipIf(SANITIZED, "a sanitizer needs calls that xenbaked gives up")
class Confinement(SystemTest):
    def test_a_replay_is_confined(self):
        daemon = self.daemon("--loop")
        status = status_of(daemon.process.pid)
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        # As root, no more than reading what belongs to others.
        self.assertIn(int(status["CapEff"], 16), (0, 1 << 2))

    def test_unconfined_it_is_not(self):
        daemon = self.daemon("--loop", "--unconfined")
        self.assertEqual(status_of(daemon.process.pid)["Seccomp"], status_of("self")["Seccomp"])

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_a_replay_under_sudo_runs_as_the_caller(self):
        os.environ.update(SUDO_UID=str(NOBODY), SUDO_GID=str(NOBODY))
        self.addCleanup(lambda: [os.environ.pop(name) for name in ("SUDO_UID", "SUDO_GID")])
        os.chmod(self.directory, 0o755)
        os.chown(self.directory, NOBODY, NOBODY)
        daemon = self.daemon("--loop")
        status = status_of(daemon.process.pid)
        self.assertEqual(status["Uid"].split(), [str(NOBODY)] * 4)
        self.assertEqual(int(status["CapPrm"], 16), 0)
        self.assertEqual(os.stat(self.region).st_uid, NOBODY)

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_xenmon_under_sudo_too(self):
        environment = {**os.environ, "SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY)}
        environment.pop("XDG_RUNTIME_DIR", None)
        with subprocess.Popen([XENMON, "--format", "csv", "--replay", RECORDING, "-o", "/dev/null"],
                              env=environment, stderr=subprocess.PIPE) as process:
            try:
                children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                child = wait_for(lambda: children.read_text(encoding="ascii").split(), "a xenbaked")[0]
                wait_for(lambda: status_of(child)["Seccomp"] == "2", "a confined xenbaked")
                self.assertEqual(status_of(child)["Uid"].split()[0], str(NOBODY))
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)
            finally:
                process.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)
