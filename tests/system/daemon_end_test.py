#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How xenbaked exits: on a signal whatever it waits for, on damage, on limits; and what it leaves behind."""
import gzip
import itertools
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import unittest

from harness import (DEFERS_SIGNALS, PATIENCE, RECORDING, SANITIZED, XENBAKED, XENMON, SystemTest, plain_recording,
                     region_reader, run, signal_name, totals, wait_for)

CPU_CHANGE = 0x2001F003
ADDRESS_SPACE = 512 << 20


def frame(pcpu, records, length=None):
    return struct.pack("<III", CPU_CHANGE, pcpu, len(records) if length is None else length) + records


def waits_in(pid, *calls):
    """Whether a process sleeps in one of these system calls."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            number = file.read().split()[0]
    except OSError:
        return False
    known = {"write": "1", "poll": "7", "ppoll": "271"} if os.uname().machine == "x86_64" else {}
    return state == "S" and (not known or number in [known[call] for call in calls])


class DaemonEndTest(SystemTest):
    def start(self, *options, **streams):
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([XENBAKED, *map(str, options)], **{**settings, **streams})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def stop_all_ways(self, start):
        """Each of the signals ends what start() gives, once it waits."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=signal.Signals(number).name):
                process = start()
                wait_for(lambda: waits_in(process.pid, "poll", "ppoll"), "xenbaked to wait")
                process.send_signal(number)
                process.wait(PATIENCE)
                self.assertIn(process.returncode, (0, 1), signal_name(process.returncode))
                self.assertNotIn("did not answer", process.stderr.read())

    # ---- what it waits for

    def test_a_fifo_that_nobody_writes(self):
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        self.stop_all_ways(lambda: self.start("--replay", fifo, "--region", self.region))
        self.stop_all_ways(lambda: self.start("--replay", fifo, "--totals", "json"))

    def test_a_pipe_that_never_delivers(self):
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        self.addCleanup(os.close, write_end)
        self.stop_all_ways(lambda: self.start("--replay", "-", "--region", self.region, stdin=read_end))

    def test_a_pipe_that_stops_in_the_middle(self):
        data = plain_recording()
        def start():
            read_end, write_end = os.pipe()
            self.addCleanup(os.close, write_end)
            process = self.start("--replay", "-", "--totals", "json", stdin=read_end)
            os.close(read_end)
            os.write(write_end, data[:30_000])
            return process
        self.stop_all_ways(start)

    def test_standard_output_that_nobody_reads(self):
        def start():
            read_end, write_end = os.pipe()
            self.addCleanup(os.close, read_end)
            os.set_blocking(write_end, False)
            try:
                while True:
                    os.write(write_end, bytes(4096))
            except BlockingIOError:
                os.set_blocking(write_end, True)
            process = self.start("--replay", RECORDING, "--totals", "json", stdout=write_end)
            os.close(write_end)
            return process
        self.stop_all_ways(start)

    def test_a_replay_at_its_own_pace(self):
        self.stop_all_ways(lambda: self.start("--replay", RECORDING, "--region", self.region))

    def test_a_fifo_to_record_to_is_refused(self):
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        done = run(XENBAKED, "--replay", RECORDING, "--totals", "json", "--record", fifo)
        self.assertNotEqual(done.returncode, 0)
        self.check_one_sentence(done.stderr, "xenbaked")

    @unittest.skipIf(DEFERS_SIGNALS, "ThreadSanitizer runs a signal's handler only after the write")
    def test_what_cannot_be_interrupted_is_not_waited_for(self):
        # Its standard error is a full pipe: what writes there without asking first is stuck for good, and there is
        # something to say, because nothing gives this recording's TSC frequency.
        plain = self.directory / "trace"
        plain.write_bytes(frame(0, struct.pack("<IQI", 0x21001 | 1 << 8 | 1 << 28 | 1 << 31, 1000, 0)))
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        os.set_blocking(write_end, False)
        try:
            while True:
                os.write(write_end, bytes(4096))
        except BlockingIOError:
            os.set_blocking(write_end, True)
        process = self.start("--replay", plain, "--region", self.region, stderr=write_end)
        os.close(write_end)
        wait_for(lambda: waits_in(process.pid, "write"), "xenbaked to be stuck")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 1)

    def test_closed_descriptors(self):
        for closed, options in ((">&-", f"--replay {RECORDING} --totals json"), ("<&-", "--replay - --totals json"),
                                (">&-", "--help"), (">/dev/full", "--version")):
            done = subprocess.run(f"exec {XENBAKED} {options} {closed}", shell=True, timeout=PATIENCE, check=False,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.check_one_sentence(done.stderr, "xenbaked")
            if "--totals" in options:
                self.assertIn("Bad file descriptor", done.stderr)

    def test_what_was_ignored_stays_ignored(self):
        for name in ("SIGHUP", "SIGINT"):
            number = getattr(signal, name)
            before = signal.signal(number, signal.SIG_IGN)
            try:
                daemon = self.daemon("--loop")
            finally:
                signal.signal(number, before)
            region = self.open_region()
            daemon.process.send_signal(number)
            newest = region.word("newest_sample")
            wait_for(lambda: region.word("newest_sample") > newest + 2, "it to go on")
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0)

    # ---- damage

    def test_damage_is_a_status_of_totals_and_daemon(self):
        whole = RECORDING.read_bytes()
        plain = plain_recording()
        for name, data in (("cut.xz", whole[:len(whole) * 2 // 3]), ("cut.gz", gzip.compress(plain)[:-200]),
                           ("cut", plain[:-7])):
            with self.subTest(name):
                path = self.directory / name
                path.write_bytes(data)
                done = run(XENBAKED, "--replay", path, "--totals", "json", "--cpu-khz", "2400000")
                self.assertEqual(done.returncode, 1)
                self.check_one_sentence(done.stderr, "xenbaked")
                self.assertIn("as far as", done.stderr)
                self.assertGreater(json.loads(done.stdout)["records"], 1000)
                done = run(XENBAKED, "--replay", path, "--speed", "max", "--region", self.region, "--cpu-khz", "2400000")
                self.assertEqual(done.returncode, 1)
                self.check_one_sentence(done.stderr, "xenbaked")
                with region_reader.Region(str(self.region)) as region:
                    self.assertEqual(region.state(), "ended")
                    self.assertTrue(region.vcpus())

    def test_damage_is_a_status_of_every_log_and_table(self):
        whole = RECORDING.read_bytes()
        recordings = {"cut.xz": whole[:-1000], "cut": plain_recording()[:-7]}
        for (name, data), options in itertools.product(recordings.items(), (
                ("--once",), ("--once", "--at", "end"), ("-n", "-t", "0", "--speed", "max", "-p", self.directory / "log"),
                ("--format", "csv", "-t", "0", "--speed", "max"), ("--format", "jsonl", "-t", "0", "--speed", "max"),
                ("--slow-waits", "1ms", "--speed", "max"))):
            with self.subTest(name=name, options=options):
                path = self.directory / name
                path.write_bytes(data)
                done = run(XENMON, "--replay", path, "--cpu-khz", "2400000", *options)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(f"{name} is ", done.stderr)
                self.assertIn("is shown as far as", done.stderr)
                shown = (self.directory / "log-dom0.log").read_text() if "-n" in options else done.stdout
                self.assertGreater(shown.count("\n"), 5)

    def test_a_recording_that_shrinks_while_it_is_read(self):
        path = self.directory / "trace"
        path.write_bytes(plain_recording())
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        daemon = self.daemon("--cpu-khz", "2400000", "--control-fd", str(theirs.fileno()), "--held-at", "0.1",
                             recording=path, inherits=[theirs.fileno()])
        theirs.close()
        self.assertTrue(ours.recv(100).startswith(b"held"))
        os.truncate(path, 0)
        ours.send(b"to end\n")
        self.assertEqual(daemon.wait(), 1)
        self.assertIn("became shorter", daemon.said())

    # ---- limits

    @unittest.skipIf(SANITIZED, "a sanitizer reserves more than there is")
    def test_memory_is_bounded(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        record = struct.pack("<IQI", 0x22202 | 1 << 28 | 1 << 31, 1000, 0)
        first = frame(0, record)
        kinds = {
            "one long window": lambda out: out.write(first + frame(1, b"", 0x0FFFFFFC)),
            "many pCPUs": lambda out: out.write(first),
            "garbage": lambda out: out.write(first),
        }
        zeros = bytes(1 << 20)
        for name, begin in kinds.items():
            with self.subTest(name):
                path = self.directory / "hostile.gz"
                with gzip.open(path, "wb", compresslevel=1) as out:
                    begin(out)
                    for number in range(700):
                        out.write(zeros if name != "many pCPUs" else frame(number + 1, zeros))
                    out.write(frame(0, record))
                done = subprocess.run([XENBAKED, "--replay", path, "--totals", "json", "--cpu-khz", "1000000"],
                                      capture_output=True, text=True, preexec_fn=limit, timeout=10 * PATIENCE, check=False)
                self.assertEqual(done.returncode, 0 if name == "garbage" else 1, done.stderr)
                self.assertEqual(done.stderr.count("\n"), done.returncode, done.stderr)
                self.assertGreaterEqual(json.loads(done.stdout)["records"], 1)

    @unittest.skipIf(SANITIZED, "a sanitizer reserves more than there is")
    def test_out_of_memory_is_a_sentence(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (160 << 20, 160 << 20))
        # More vCPUs than there is room for.
        path = self.directory / "crowd"
        path.write_bytes(frame(0, b"".join(
            struct.pack("<IQI", 0x21001 | 1 << 8 | 1 << 28 | 1 << 31, 1000 + i, (i // 64) << 16 | i % 64)
            for i in range(0x7000 * 16))))
        for options in (("--totals", "json"), ("--region", self.region, "--speed", "max")):
            with self.subTest(options):
                done = subprocess.run([XENBAKED, "--replay", path, "--cpu-khz", "1000000", *map(str, options)],
                                      capture_output=True, text=True, preexec_fn=limit, timeout=PATIENCE, check=False)
                self.assertEqual(done.returncode, 1, (signal_name(done.returncode), done.stderr))
                self.check_one_sentence(done.stderr, "xenbaked")

    @unittest.skipIf(SANITIZED, "a sanitizer reserves more than there is")
    def test_too_little_memory_to_decompress_is_no_damage(self):
        said = set()
        for megabytes in range(40, 260, 20):
            def limit(most=megabytes << 20):
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
            done = subprocess.run([XENBAKED, "--replay", RECORDING, "--totals", "json"], capture_output=True, text=True,
                                  preexec_fn=limit, timeout=PATIENCE, check=False)
            if "error while loading" in done.stderr:
                continue
            self.assertNotIn("damaged", done.stderr, megabytes)
            said.add(done.stderr.strip())
        self.assertIn("", said)
        self.assertTrue(any("Not enough memory" in each for each in said), said)

    def test_a_limit_on_file_size(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        for options in (("--region", self.region), ("--totals", "json", "--record", self.directory / "copy")):
            with self.subTest(options):
                done = subprocess.run([XENBAKED, "--replay", RECORDING, "--speed", "max", *map(str, options)],
                                      capture_output=True, text=True, preexec_fn=limit, timeout=PATIENCE, check=False)
                self.assertEqual(done.returncode, 1, signal_name(done.returncode))
                self.check_one_sentence(done.stderr, "xenbaked")
                self.assertIn("File too large", done.stderr)
        self.assertFalse((self.directory / "copy").exists())
        self.assertTrue((self.directory / "copy.partial").exists())

    # ---- what stays behind

    def test_a_recording_is_there_when_it_is_complete(self):
        copy = self.directory / "copy"
        daemon = self.daemon("--record", copy)
        wait_for(lambda: any(entry.stat().st_size > 0 for entry in self.directory.glob(".copy.*.part")), "records")
        self.assertFalse(copy.exists())
        daemon.kill()
        self.assertFalse(copy.exists())
        daemon = self.daemon("--record", copy)
        wait_for(lambda: any(entry.stat().st_size > 0 for entry in self.directory.glob(".copy.*.part")), "records")
        self.assertEqual(len(list(self.directory.glob(".copy.*.part"))), 1, "the other one's has been swept up")
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(sorted(entry.name for entry in self.directory.glob("*copy*")), ["copy", "copy.json"])
        self.assertGreater(totals(copy)["records"], 0)

    def test_sixty_that_are_killed_leave_nothing(self):
        # Domains enough to make the region grow again and again.
        records = b"".join(struct.pack("<IQI", 0x21001 | 1 << 8 | 1 << 28 | 1 << 31, 1000 * i, (i // 4) % 0x7000 << 16 | i % 4)
                           for i in range(60_000))
        path = self.directory / "crowd"
        path.write_bytes(frame(0, records))
        left = 0
        for _ in range(60):
            process = self.start("--replay", path, "--cpu-khz", "1000000", "--speed", "max", "--region", self.region,
                                 "-m", "1")
            wait_for(lambda: any(self.directory.glob(".region.*")) or process.poll() is not None, "a region in the making")
            process.kill()
            process.wait(PATIENCE)
            left += len(list(self.directory.glob(".region.*")))
        self.assertGreater(left, 0, "or this tests nothing")
        self.daemon("--loop").process.send_signal(signal.SIGTERM)
        self.assertEqual(sorted(entry.name for entry in self.directory.iterdir()), ["crowd", "region", "region.lock"])

    def test_nothing_to_restore(self):
        done = run(XENBAKED, "--restore", "--region", self.region)
        self.assertEqual(done.returncode, 0)
        self.check_one_sentence(done.stderr, "xenbaked")
        self.assertIn("nothing to restore", done.stderr)
        self.daemon("--loop")
        done = run(XENBAKED, "--restore", "--region", self.region)
        self.assertEqual(done.returncode, 6)
        self.check_one_sentence(done.stderr, "xenbaked")

    def test_a_session_that_cannot_begin_leaves_an_old_recording_alone(self):
        copy = self.directory / "copy"
        copy.write_text("an old one", encoding="ascii")
        done = run(XENBAKED, "--replay", RECORDING, "--region", self.directory / "none/at/all", "--record", copy)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(copy.read_text(encoding="ascii"), "an old one")
        self.assertFalse(copy.with_name("copy.json").exists())

    # ---- a recording that grows

    def test_following(self):
        data = plain_recording()
        at = 0
        ends = []
        while at < len(data):
            at += 12 + struct.unpack_from("<I", data, at + 8)[0]
            ends.append(at)
        path = self.directory / "growing"
        with open(path, "wb", buffering=0) as file:
            file.write(data[:5])  # not even a whole header
            daemon = self.daemon("--follow", "--speed", "max", "--cpu-khz", "2400000", recording=path)
            region = self.open_region()
            begin = 5
            seen = 0
            for part in (len(ends) // 3, len(ends) * 2 // 3, len(ends) - 1):
                file.write(data[begin:ends[part] - 3])
                begin = ends[part] - 3
                wait_for(lambda: region.word("newest_sample") > seen, "what was added")
                seen = region.word("newest_sample")
                self.assertTrue(region.alive())
            file.write(data[begin:])
        self.assertIsNone(daemon.process.poll())
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.said(), "")

    def test_what_cannot_be_followed(self):
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        for options in (("--replay", RECORDING), ("--replay", fifo), ("--replay", "-"), ("--replay", RECORDING, "--loop"), ()):
            done = run(XENBAKED, "--follow", *options, "--region", self.region)
            self.assertEqual(done.returncode, 2, options)
            self.check_one_sentence(done.stderr, "xenbaked")


if __name__ == "__main__":
    unittest.main(verbosity=2)
