#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd's own Varlink client, varlinkctl, as a client of xenmon serve: this machine's, or the one of Debian 13, whose
package is fetched and unpacked as the testbed does it."""
import json
import platform
import shutil
import subprocess
import sys
import unittest

from harness import PATIENCE, ROOT, XENMON, SystemTest, run
from varlink import Listening, parse

sys.path.insert(0, str(ROOT / "tests/testbed"))
import packages  # pylint: disable=wrong-import-position

RELEASE = "trixie"
DESCRIPTION = ROOT / "xenmon/serve/xenmon.Host.varlink"


def varlinkctl():
    """The beginning of its command line. Unavailable: there is none."""
    program = shutil.which("varlinkctl")
    if program:
        return [program]
    if platform.machine() != "x86_64":
        raise packages.Unavailable("varlinkctl is not installed, and Debian's for x86-64 cannot run here.")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise packages.Unavailable("varlinkctl is not installed, and this is no Debian from which it could be fetched.")
    command = packages.varlinkctl(RELEASE, say=lambda _: None)
    done = run(*command, "--version")
    if done.returncode != 0:
        raise packages.Unavailable(f"Debian's varlinkctl does not run here: {done.stderr.strip()}")
    return command


class Varlinkctl(SystemTest):
    @classmethod
    def setUpClass(cls):
        try:
            cls.client = varlinkctl()
        except packages.Unavailable as why:
            raise unittest.SkipTest(f"varlinkctl cannot be had: {why}") from why

    def setUp(self):
        super().setUp()
        self.daemon("--speed", "max").wait()
        self.address = f"unix:{self.directory}/socket"
        Listening(self, self.region, self.directory / "socket")

    def ask(self, *words):
        return run(*self.client, "--no-pager", *words)

    def call(self, method, *options, **parameters):
        """The replies, one or several."""
        done = self.ask("call", "--json=short", *options, self.address, method, json.dumps(parameters))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.strip("\x1e\n").splitlines()]

    def test_it_knows_what_answers(self):
        done = self.ask("info", self.address)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Product: xenmon", done.stdout)
        done = self.ask("list-interfaces", self.address)
        self.assertEqual(done.stdout.split(), ["org.varlink.service", "xenmon.Host"])

    def test_it_understands_the_description(self):
        done = self.ask("introspect", self.address, "xenmon.Host")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # It prints what it has understood.
        self.assertEqual(parse(done.stdout), parse(DESCRIPTION.read_text(encoding="utf-8")))
        done = self.ask("validate-idl", DESCRIPTION)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_it_calls_every_method_without_parameters(self):
        host, = self.call("xenmon.Host.GetHost")
        self.assertEqual(host["host"]["state"], "recording_over")
        for method, member in (("GetDomains", "domains"), ("GetVcpus", "vcpus"), ("GetPcpus", "pcpus"),
                               ("GetLatencies", "latencies"), ("GetWaits", "waits")):
            answer, = self.call("xenmon.Host." + method)
            self.assertTrue(answer[member], method)

    def test_an_error_has_its_name(self):
        done = self.ask("call", self.address, "xenmon.Host.GetDomains", '{"window_s": "ten"}')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("org.varlink.service.InvalidParameter", done.stderr)

    def test_more_is_a_stream(self):
        self.region = self.directory / "running"
        self.daemon("--loop")
        Listening(self, self.region, self.directory / "running.socket")
        command = [*self.client, "call", "--more", "--json=short", f"unix:{self.directory}/running.socket",
                   "xenmon.Host.MonitorSamples", "{}"]
        ends = []
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            try:
                while len(ends) < 5:
                    reply = json.loads(process.stdout.readline().lstrip("\x1e"))
                    if "interval" in reply:  # otherwise the state has changed
                        ends.append(reply["interval"]["end_s"])
            finally:
                process.terminate()
                process.wait(PATIENCE)
        self.assertEqual(ends, sorted(set(ends)))

    def test_it_starts_the_program_itself(self):
        script = self.directory / "serve"
        script.write_text(f"#!/bin/sh\nexec {XENMON} serve --region {self.region}\n", encoding="utf-8")
        script.chmod(0o755)
        done = self.ask("call", "--json=short", f"exec:{script}", "xenmon.Host.GetHost", "{}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout.strip("\x1e\n"))["host"]["state"], "recording_over")


if __name__ == "__main__":
    unittest.main(verbosity=2)
