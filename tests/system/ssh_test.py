#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon --host by a real ssh and a real sshd. The sshd listens on a port of loopback and has a configuration, a host's
key and a user's key of its own; "xenmon serve" is the forced command of that key, as docs/fleet.md has it. Between ssh
and sshd is a relay that delays, tears and stalls.

The sshd runs as the user who runs the test. If that is root, it also runs as an ordinary user. Both need what is not
there without sshd being set up for logins: so they are in a mount namespace with an /etc/passwd and a /run of its own.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from bad_line import Direction, carry
from harness import PATIENCE, XENMON, Terminal, run, wait_for
from mirrors import Mirror, MirrorCase

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
IS_ROOT = os.getuid() == 0
ORDINARY = 65534  # nobody, who gets a shell
ONE_WAY = 0.1  # seconds: a round trip of 200 ms


def why_not(user):
    """Why there is no sshd of that user to be had; "" if there is one."""
    if SSHD is None or shutil.which("ssh") is None:
        return "ssh and sshd are not installed (Debian's openssh-client and openssh-server)."
    if not IS_ROOT:
        return "" if user == "ordinary" else "only root can run an sshd as root."
    if run("unshare", "--mount", "true").returncode != 0:
        return "root may not make a mount namespace here, which its sshd needs."
    return ""


class Relay:
    """Listens on loopback and passes on what it gets to another port of it, over a bad line."""

    def __init__(self, test, port):
        self.port = port
        self.options = argparse.Namespace(delay=ONE_WAY, tear=True, cut_after=1 << 62, dead="")
        self.connections = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near):
        with near:
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as far:
                    self.connections.append(near)
                    carry(Direction(near.fileno(), far.fileno(), self.options, 1),
                          Direction(far.fileno(), near.fileno(), self.options, 2), self.options)
            except OSError:
                pass  # one side has gone, and the other one is told by the end of its connection

    def cut(self):
        """All connections, as a line that breaks."""
        while self.connections:
            try:
                self.connections.pop().shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listening.close()
        self.cut()


class Sshd:
    """A real sshd with the forced command; ends with the test. Runs as the user of that id."""

    def __init__(self, test, directory, command, user):
        self.directory = pathlib.Path(directory) / "sshd"
        self.directory.mkdir()
        for name in ("host_key", "user_key"):
            done = run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", self.directory / name)
            if done.returncode != 0:
                raise AssertionError(done.stderr)
        public = (self.directory / "user_key.pub").read_text(encoding="ascii")
        (self.directory / "authorized_keys").write_text(f'restrict,command="{command}" {public}', encoding="ascii")
        self.port = free_port()
        (self.directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self.directory}/host_key\n"
            f"AuthorizedKeysFile {self.directory}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n"
            "AuthenticationMethods publickey\nPermitRootLogin yes\nUseDNS no\nPrintMotd no\n", encoding="ascii")
        self.log = self.directory / "log"
        self.log.touch()
        command = [SSHD, "-D", "-e", "-f", str(self.directory / "sshd_config")]
        if IS_ROOT:
            command = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", self._script(user), *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        test.addCleanup(self.close)
        wait_for(self._listens, lambda: "sshd to listen: " + self.log.read_text(errors="replace"))

    def _script(self, user):
        """For root: what the namespace has, and becoming that user in it."""
        passwd = self.directory / "passwd"
        lines = pathlib.Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        lines = [line for line in lines if line.split(":")[0] not in ("sshd", "nobody")]
        lines += ["sshd:x:64999:65534::/run/sshd:/usr/sbin/nologin",
                  f"nobody:x:{ORDINARY}:65534:nobody:/nonexistent:/bin/sh"]
        passwd.write_text("\n".join(lines) + "\n", encoding="utf-8")
        shadow = self.directory / "shadow"  # no password, and yet not locked
        shadow.write_text("root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n", encoding="ascii")
        become = "" if user == 0 else f"setpriv --reuid {user} --regid 65534 --clear-groups "
        if user != 0:
            for path in (self.directory, *self.directory.iterdir()):
                os.chown(path, user, 65534)
        return (f"mount --bind {passwd} /etc/passwd; mount --bind {shadow} /etc/shadow; mount -t tmpfs -o mode=755 tmpfs /run; mkdir -m 755 /run/sshd; "
                f'exec {become}"$0" "$@"')

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError("sshd has ended: " + self.log.read_text(errors="replace"))
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def end_sessions(self):
        """As when somebody restarts sshd: connections end, and it listens on."""
        for pid in sessions(self.process.pid):
            os.kill(pid, signal.SIGKILL)

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)


def sessions(pid):
    """The processes that sshd has for connections."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text(encoding="ascii").split()] if children.exists() else []


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class SshCase(MirrorCase):
    """What holds for an sshd of any user."""

    user = ""

    def setUp(self):
        super().setUp()
        reason = why_not(self.user)
        if reason:
            self.skipTest(reason)
        uid = os.getuid() if not IS_ROOT or self.user == "root" else ORDINARY
        # Where that user can reach them.
        self.directory.chmod(0o755)
        served = self.directory / "xenmon"
        shutil.copy(XENMON, served)
        self.daemon("--loop", "--ms-per-sample", "50")
        if uid != os.getuid():
            self.region.chmod(0o644)
        self.sshd = Sshd(self, self.directory, f"{served} serve --region {self.region}", uid)
        self.relay = Relay(self, self.sshd.port)
        # The one that xenmon runs: the real one, with a configuration that is not the user's.
        place = self.directory / "bin"
        place.mkdir()
        known = (self.sshd.directory / "host_key.pub").read_text(encoding="ascii")
        (self.directory / "known_hosts").write_text("far " + known, encoding="ascii")
        key = self.directory / "key"
        shutil.copy(self.sshd.directory / "user_key", key)
        key.chmod(0o600)
        name = "nobody" if uid != os.getuid() else os.environ.get("USER", "root") if uid else "root"
        if not IS_ROOT:
            name = run("id", "-un").stdout.strip()
        (self.directory / "ssh_config").write_text(
            f"Host far\n HostName 127.0.0.1\n HostKeyAlias far\n Port {self.relay.listening.getsockname()[1]}\n"
            f" User {name}\n IdentityFile {key}\n IdentitiesOnly yes\n StrictHostKeyChecking yes\n"
            f" UserKnownHostsFile {self.directory}/known_hosts\n GlobalKnownHostsFile /dev/null\n", encoding="ascii")
        wrapper = place / "ssh"
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.directory}/ssh_config "$@"\n',
                           encoding="ascii")
        wrapper.chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}
        self.environment.pop("SSH_AUTH_SOCK", None)

    def far_mirror(self):
        mirror = Mirror(self, self.copy, "--host", "far", environment=self.environment)
        wait_for(self.copy.exists, lambda: f"a mirror; it says: {self.said(mirror)}; sshd says: "
                 + self.sshd.log.read_text(errors="replace"))

    def check_no_sample_is_lost_or_twice(self):
        self.far_mirror()
        seen = {}
        self.follow(seen, lambda: len(seen) >= 80)
        self.check_complete(seen)

    def check_that_sessions_which_end_lose_nothing(self):
        self.far_mirror()
        seen = {}
        for end in (self.sshd.end_sessions, self.relay.cut):
            enough = len(seen) + 20
            self.follow(seen, lambda enough=enough: len(seen) >= enough)
            end()
        enough = len(seen) + 40
        began = time.monotonic()
        self.follow(seen, lambda: len(seen) >= enough or time.monotonic() > began + PATIENCE)
        self.assertGreaterEqual(len(seen), enough)
        self.check_complete(seen)

    def check_a_log(self):
        done = run(XENMON, "--format", "jsonl", "-t", "2", "-i", "100", "--host", "far", env=self.environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('"missed_samples":0', done.stdout.replace(" ", ""))
        self.assertNotRegex(done.stdout.replace(" ", ""), r'"missed_samples":[1-9]')


class OrdinaryUser(SshCase):
    user = "ordinary"

    def test_no_sample_is_lost_or_twice(self):
        self.check_no_sample_is_lost_or_twice()

    def test_sessions_that_end_lose_nothing(self):
        self.check_that_sessions_which_end_lose_nothing()

    def test_a_log_has_all_samples(self):
        self.check_a_log()

    def test_a_screen_of_hosts_has_what_ssh_says_in_a_line(self):
        config = self.directory / "ssh_config"
        config.write_text(config.read_text(encoding="ascii") + "Host shut\n HostName 127.0.0.1\n "
                          f"Port {free_port()}\n", encoding="ascii")
        terminal = Terminal(self, 120, 24)
        terminal.type(f"PATH={self.directory}/bin:$PATH")
        terminal.command(XENMON, "--host", "far", "--host", "shut", "--connect",
                         f"{XENMON} serve --region {self.region}")
        figures = re.compile(r"far +2 +\d+\.\d\d +\d+\.\d\d .* \d+ s$")
        terminal.wait_for(lambda lines: any(map(figures.match, lines)), "figures of the host that is reached by ssh")
        reason = re.compile("shut .*Connection refused")
        terminal.wait_for(lambda lines: any(map(reason.match, lines)), "the reason of the one that is not reached")
        terminal.wait_for_line("3 hosts, 1 without data")
        terminal.keys("q")
        terminal.wait_for_line("ready>")

    def test_what_ssh_says_is_the_reason(self):
        (self.directory / "known_hosts").write_text("", encoding="ascii")
        done = run(XENMON, "--once", "--host", "far", env=self.environment)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no connection to far: Host key verification failed.", done.stderr)
        self.check_one_sentence(done.stderr, "xenmon")


class Root(SshCase):
    user = "root"

    def test_no_sample_is_lost_or_twice(self):
        self.check_no_sample_is_lost_or_twice()


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
