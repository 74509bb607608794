#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon on regions that are damaged, foreign or none, and what xenbaked refuses: one sentence, the right status."""
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import unittest

from harness import (PATIENCE, RECORDING, XENBAKED, XENMON, SystemTest, alive, children, limit_memory, region_reader,
                     run, signal_name, wait_for)

VERSION_MAJOR_AT = 8
FAILED, USAGE, NOT_XEN, NOT_PERMITTED, BUSY = 1, 2, 3, 4, 6


class HostileRegionTest(SystemTest):
    def good_region(self):
        """The bytes of a region whose recording is over."""
        self.assertEqual(self.daemon("--speed", "max").wait(), 0)
        return self.region.read_bytes()

    def log(self, region, *options, patience=PATIENCE):
        return run(XENMON, "-n", "--region", region, "-p", self.directory / "log", *options, patience=patience)

    def check_refused(self, region, expected=FAILED, *words):
        done = self.log(region)
        self.assertEqual(done.returncode, expected, signal_name(done.returncode) + "\n" + done.stderr)
        self.assertEqual(done.stdout, "")
        self.check_one_sentence(done.stderr, "xenmon")
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(list(self.directory.glob("log-*")), [])

    def test_a_good_one_is_taken(self):
        self.good_region()
        done = self.log(self.region)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.directory / "log-dom0.log").exists())

    def test_what_is_no_region(self):
        other = self.directory / "other"
        other.write_bytes(b"")
        self.check_refused(other, FAILED, "not a XenMon region")
        other.write_bytes(b"XENMONRG")  # the magic alone
        self.check_refused(other)
        other.write_text("This is a text.\n" * 1000, encoding="ascii")
        self.check_refused(other, FAILED, "not a XenMon region")
        other.write_bytes(random.Random(1).randbytes(100_000))
        self.check_refused(other, FAILED, "not a XenMon region")
        self.check_refused(self.directory, FAILED, "not a regular file")
        self.check_refused(RECORDING, FAILED, "not a XenMon region")
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        self.check_refused(fifo, FAILED, "not a regular file")
        self.check_refused("/dev/zero", FAILED, "not a regular file")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.directory / "socket"))
            self.check_refused(self.directory / "socket", FAILED)

    def test_a_symbolic_link(self):
        self.good_region()
        link = self.directory / "link"
        link.symlink_to(self.region)
        self.check_refused(link, FAILED, "symbolic link")

    def test_one_that_may_not_be_read(self):
        self.good_region()
        self.region.chmod(0)
        if os.geteuid() == 0:
            print("root may read everything: not checked")
            return
        self.check_refused(self.region, NOT_PERMITTED)

    def test_another_version(self):
        data = bytearray(self.good_region())
        struct.pack_into("<I", data, VERSION_MAJOR_AT, 2)
        other = self.directory / "other"
        other.write_bytes(data)
        self.check_refused(other, FAILED, "version 2", "version 1")
        struct.pack_into("<II", data, VERSION_MAJOR_AT, 1, 99)  # a later minor version is readable
        other.write_bytes(data)
        self.assertEqual(self.log(other).returncode, 0)

    def test_one_that_is_cut_short(self):
        data = self.good_region()
        other = self.directory / "other"
        chosen = random.Random(4)
        for length in [1, 7, 8, 16, 100, 575, 576, 577, 4096, len(data) // 2, len(data) - 1,
                       *(chosen.randrange(len(data)) for _ in range(20))]:
            with self.subTest(length=length):
                other.write_bytes(data[:length])
                self.check_refused(other)

    def test_tipped_bits(self):
        # In the header, where everything is found from, and anywhere. Any figures, or a sentence.
        data = self.good_region()
        other = self.directory / "other"
        for seed in range(120):
            with self.subTest(seed=seed):
                chosen = random.Random(seed)
                damaged = bytearray(data)
                extent = region_reader.HEADER_BYTES if seed % 2 else len(damaged)
                for _ in range(chosen.choice((1, 4, 100))):
                    damaged[chosen.randrange(extent)] ^= 1 << chosen.randrange(8)
                # Whatever the state was turned into, nobody must wait for more to come.
                struct.pack_into("<Q", damaged, region_reader.WORDS_AT["state"], 2)
                other.write_bytes(damaged)
                done = self.log(other, "-t", "1")
                self.assertIn(done.returncode, range(7), signal_name(done.returncode) + "\n" + done.stderr)
                if done.returncode != 0:
                    self.check_one_sentence(done.stderr, "xenmon")
                for file in self.directory.glob("log-*"):
                    file.unlink()

    def test_replaced_by_garbage_while_attached(self):
        first = self.daemon("--loop")
        errors = self.directory / "errors"
        with open(errors, "wb") as stream:
            xenmon = subprocess.Popen([XENMON, "-n", "-t", "0", "-i", "100", "-p", str(self.directory / "log"),
                                       "--region", str(self.region)], stdin=subprocess.DEVNULL, stderr=stream,
                                      preexec_fn=limit_memory)
        self.addCleanup(lambda: xenmon.poll() is None and xenmon.kill())
        log = self.directory / "log-dom0.log"
        wait_for(lambda: log.exists() and log.read_text().count("\n") > 3, "the first lines of the log")
        first.kill()
        for number, garbage in enumerate((random.Random(5).randbytes(200_000), b"", b"XENMONRG" + bytes(600))):
            path = self.directory / f"garbage{number}"
            path.write_bytes(garbage)
            os.rename(path, self.region)
            self.look_thrice(xenmon)
            self.assertIsNone(xenmon.poll(), errors.read_text())
        # A directory in its place, and nothing at all.
        self.region.unlink()
        self.look_thrice(xenmon)
        self.region.mkdir()
        self.look_thrice(xenmon)
        self.region.rmdir()
        self.assertIsNone(xenmon.poll(), errors.read_text())
        # A good one: it goes on.
        self.daemon("--loop")
        wait_for(lambda: "# xenbaked restarted" in log.read_text() or xenmon.poll() is not None, "the new daemon")
        lines = log.read_text().count("\n")
        wait_for(lambda: log.read_text().count("\n") > lines + 3 or xenmon.poll() is not None, "lines of the new daemon")
        self.assertIsNone(xenmon.poll(), errors.read_text())
        xenmon.send_signal(signal.SIGTERM)
        self.assertEqual(xenmon.wait(PATIENCE), 0)
        self.assertEqual(errors.read_text(), "")

    @staticmethod
    def look_thrice(xenmon):
        """Until the process has slept and woken three times: it has looked at what is there now."""
        def switches():
            for line in pathlib.Path(f"/proc/{xenmon.pid}/status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    return int(line.split()[1])
            return 1 << 62  # a zombie no longer sleeps

        begin = switches()
        wait_for(lambda: xenmon.poll() is not None or switches() >= begin + 3, "xenmon to look")

    def test_truncated_while_attached(self):
        # A file that shrinks under the mapping: its pages are gone, and reading them would be a SIGBUS.
        self.daemon("--loop")
        xenmon = subprocess.Popen([XENMON, "-n", "-t", "0", "-i", "100", "-p", str(self.directory / "log"), "--region",
                                   str(self.region)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: xenmon.poll() is None and xenmon.kill())
        self.addCleanup(xenmon.stderr.close)
        log = self.directory / "log-dom0.log"
        wait_for(lambda: log.exists() and log.read_text().count("\n") > 3, "the first lines of the log")
        copy = self.directory / "copy"
        copy.write_bytes(self.region.read_bytes())
        os.rename(copy, self.region)  # a region that nobody writes
        self.look_thrice(xenmon)
        os.truncate(self.region, 4096)
        self.look_thrice(xenmon)
        xenmon.send_signal(signal.SIGTERM)
        self.assertEqual(xenmon.wait(PATIENCE), 0)


class RefusalTest(SystemTest):
    def test_no_hypervisor(self):
        if pathlib.Path("/proc/xen/capabilities").exists() or pathlib.Path("/dev/xen/privcmd").exists():
            print("this host runs Xen: not checked")
            return
        done = run(XENBAKED, "--region", self.region)
        self.assertEqual(done.returncode, NOT_XEN, done.stderr)
        self.check_one_sentence(done.stderr, "xenbaked")
        self.assertFalse(self.region.exists())
        # xenmon starts one where none runs, and passes its refusal on.
        done = run(XENMON, "-n", "--region", self.region, "-p", self.directory / "log")
        self.assertEqual(done.returncode, NOT_XEN, done.stderr)
        self.check_one_sentence(done.stderr, "xenmon")

    def test_a_second_daemon(self):
        first = self.daemon("--loop")
        before = self.region.stat().st_ino
        done = run(XENBAKED, "--replay", RECORDING, "--region", self.region)
        self.assertEqual(done.returncode, BUSY, done.stderr)
        self.check_one_sentence(done.stderr, "xenbaked")
        self.assertIn(str(self.region), done.stderr)
        self.assertEqual(self.region.stat().st_ino, before)
        self.assertTrue(alive(first.process.pid))

    def test_command_lines(self):
        for command in ((XENBAKED, "--no-such-option"), (XENBAKED, "--totals", "json"), (XENBAKED, "--loop"),
                        (XENBAKED, "--replay", RECORDING, "--speed", "fast"), (XENBAKED, "--ms-per-sample", "0"),
                        (XENBAKED, "surplus"), (XENMON, "--no-such-option"), (XENMON, "surplus"),
                        (XENMON, "-n", "-i", "0"), (XENMON, "-n", "--loop"), (XENMON, "-t", "soon")):
            with self.subTest(command=command[1:]):
                done = run(*command)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.check_one_sentence(done.stderr, pathlib.Path(command[0]).name)

    def test_a_screen_without_a_terminal(self):
        done = run(XENMON, "--replay", RECORDING)
        self.assertEqual(done.returncode, FAILED)
        self.check_one_sentence(done.stderr, "xenmon")

    def test_a_replay_of_what_is_no_recording(self):
        for file in (self.directory / "missing", self.directory):
            done = run(XENMON, "-n", "--replay", file, "-p", self.directory / "log")
            self.assertEqual(done.returncode, FAILED)
            self.check_one_sentence(done.stderr, "xenmon")
        self.assertEqual(children(os.getpid()), [])

    def test_a_region_where_none_can_be(self):
        occupied = self.directory / "occupied"
        occupied.mkdir()
        for path in (self.directory / "missing" / "directory" / "region", "/proc/region", occupied):
            with self.subTest(path=str(path)):
                done = run(XENBAKED, "--replay", RECORDING, "--region", path)
                self.assertIn(done.returncode, (FAILED, USAGE, NOT_PERMITTED), done.stderr)
                self.check_one_sentence(done.stderr, "xenbaked")

    def test_a_directory_that_others_may_write(self):
        self.directory.chmod(0o777)
        done = run(XENBAKED, "--replay", RECORDING, "--region", self.region)
        self.assertEqual(done.returncode, FAILED)
        self.check_one_sentence(done.stderr, "xenbaked")
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_a_symbolic_link_in_the_way(self):
        # What a stranger put under the region's name is replaced, and what it points to stays as it is.
        victim = self.directory / "victim"
        victim.write_text("precious", encoding="ascii")
        self.region.symlink_to(victim)
        self.assertEqual(self.daemon("--speed", "max").wait(), 0)
        self.assertEqual(victim.read_text(), "precious")
        self.assertFalse(self.region.is_symlink())


if __name__ == "__main__":
    unittest.main(verbosity=2)
