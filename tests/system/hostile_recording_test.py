#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenbaked on recordings that are damaged, or none at all: figures that add up, or one sentence."""
import json
import lzma
import os
import random
import struct
import unittest

from harness import RECORDING, XENBAKED, SystemTest, plain_recording, region_reader, run, signal_name

CPU_CHANGE = 0x0001F003
LOST_RECORDS = 0x0001F001
CONTINUE_RUNNING = 0x00021002
DOM_ADD = 0x00028001
GRANT_MAP = 0x0010F001
KHZ = 1_000_000  # one TSC cycle is one nanosecond
TIMES = ("gotten_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns", "unknown_ns")
RUNNING, RUNNABLE, BLOCKED, OFFLINE = range(4)
LONGEST_S = 120  # for one replay: only a hang takes this long, even with sanitizers on a busy machine


def record(event, tsc, *words):
    return struct.pack(f"<IQ{len(words)}I", event | len(words) << 28 | 1 << 31, tsc, *words)


def runstate(tsc, dom, vcpu, old, new):
    return record(0x21001 | old << 8 | new << 4, tsc, dom << 16 | vcpu)


def window(pcpu, records, length=None):
    """A frame as xentrace writes it; `length` is what it says of itself."""
    return struct.pack("<III", CPU_CHANGE | 2 << 28, pcpu, len(records) if length is None else length) + records


def frames(data):
    """[(offset, length)] of an undamaged recording's frames, header included."""
    found = []
    at = 0
    while at < len(data):
        header, _, length = struct.unpack_from("<III", data, at)
        assert header == CPU_CHANGE | 2 << 28
        found.append((at, 12 + length))
        at += 12 + length
    return found


class HostileRecordingTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.file = self.directory / "recording"

    def replay(self, data=None, *options, file=None):
        """Exit status and totals (None if it was refused), having checked what must always be so. Status 1 with totals:
        it is damaged or cut off, and a sentence says so."""
        if data is not None:
            self.file.write_bytes(data)
        done = run(XENBAKED, "--replay", file or self.file, "--totals", "json", "--cpu-khz", str(KHZ), *options,
                   patience=LONGEST_S)
        self.assertIn(done.returncode, range(7), signal_name(done.returncode) + "\n" + done.stderr)
        if done.returncode == 0:
            self.assertEqual(done.stderr, "")
        else:
            self.check_one_sentence(done.stderr, "xenbaked")
            if done.returncode != 1 or done.stdout == "":
                self.assertEqual(done.stdout, "")
                return done.returncode, None
            self.assertRegex(done.stderr, "is shown (as far as|up to)")
        totals = json.loads(done.stdout)
        for domain in totals["domains"]:
            for vcpu in domain["vcpus"]:
                self.assertEqual(sum(vcpu[name] for name in TIMES), totals["duration_ns"], (domain["domid"], vcpu))
                self.assertEqual(sum(vcpu["gotten_by_pcpu_ns"].values()), vcpu["gotten_ns"])
        return done.returncode, totals

    def publish(self, data):
        """The same in samples, into a region."""
        self.file.write_bytes(data)
        done = run(XENBAKED, "--replay", self.file, "--cpu-khz", str(KHZ), "--speed", "max", "--region", self.region,
                   patience=LONGEST_S)
        self.assertIn(done.returncode, range(7), signal_name(done.returncode) + "\n" + done.stderr)
        if done.returncode != 0:
            self.check_one_sentence(done.stderr, "xenbaked")
            if "is shown as far as" not in done.stderr:
                return
        with region_reader.Region(str(self.region)) as region:
            self.assertEqual(region.state(), "ended")
            self.assertEqual(region.counters()["conservation_violations"], 0)
            for number in region.samples():
                sample = region.sample(number)
                if sample is None:
                    break
                self.assertEqual(region_reader.conservation(sample), {}, number)
            for slot, vcpu in region.vcpus().items():
                self.assertEqual(sum(vcpu[name] for name in region_reader.TIMES), vcpu["end_ns"], slot)

    # ---- no recordings

    def test_what_is_no_file(self):
        for file in (self.directory / "missing", self.directory, self.directory / "missing" / "file", "/dev/null", ""):
            with self.subTest(file=str(file)):
                done = run(XENBAKED, "--replay", file, "--totals", "json", patience=LONGEST_S)
                if file == "":  # then it is not given, and --totals is not about a live trace
                    self.assertEqual(done.returncode, 2)
                else:
                    self.assertEqual(done.returncode, 1)
                self.check_one_sentence(done.stderr, "xenbaked")
                self.assertEqual(done.stdout, "")

    def test_what_is_no_recording(self):
        cases = {"empty": b"", "one byte": b"x", "text": b"This is not a trace.\n" * 100, "zeros": bytes(100_000),
                 "empty xz": lzma.compress(b""), "xz of text": lzma.compress(b"text" * 99),
                 "half a frame": window(0, b"")[:8]}
        for name, data in cases.items():
            with self.subTest(name):
                _, totals = self.replay(data)
                if totals is not None:  # it begins like one, and is cut short
                    self.assertEqual(name, "half a frame")
                    self.assertGreater(totals["bad_records"], 0)

    def test_a_file_that_may_not_be_read(self):
        if os.geteuid() == 0:
            print("root may read everything: not checked")
            return
        self.file.write_bytes(plain_recording())
        self.file.chmod(0)
        self.assertIn(self.replay()[0], (1, 4))

    # ---- damaged ones

    def test_cut_off_anywhere(self):
        data = plain_recording()
        whole = frames(data)
        ends = {at + length for at, length in whole}
        chosen = random.Random(1)
        offsets = [chosen.randrange(len(data)) for _ in range(140)]
        # Around the edges of frames, where one byte makes a difference.
        for at, _ in chosen.sample(whole, 10):
            offsets += [at, at + 1, at + 4, at + 11, at + 12, at + 13]
        full = self.replay(data)[1]
        for offset in offsets:
            with self.subTest(offset=offset):
                status, totals = self.replay(data[:offset])
                if totals is None:
                    self.assertLess(offset, 4)
                    continue
                self.assertEqual(status, 0 if offset in ends else 1)
                if offset not in ends:
                    self.assertGreater(totals["bad_records"], 0)
                self.assertLessEqual(totals["records"], full["records"])
                self.assertLessEqual(totals["duration_ns"], full["duration_ns"])

    def test_a_compressed_one_cut_off_anywhere(self):
        data = RECORDING.read_bytes()
        chosen = random.Random(2)
        for offset in [0, 1, 6, 12, 24, 100, len(data) - 1] + [chosen.randrange(len(data)) for _ in range(60)]:
            with self.subTest(offset=offset):
                status, totals = self.replay(data[:offset])
                self.assertEqual(status, 1)
                if totals is not None:
                    self.assertGreater(totals["bad_records"], 0)

    def test_bits_that_tipped_over(self):
        data = plain_recording()
        noticed = 0
        for seed in range(200):
            with self.subTest(seed=seed):
                chosen = random.Random(seed)
                damaged = bytearray(data)
                for _ in range(chosen.choice((1, 1, 10, 1000))):
                    damaged[chosen.randrange(len(damaged))] ^= 1 << chosen.randrange(8)
                _, totals = self.replay(bytes(damaged))
                noticed += totals is None or totals["bad_records"] > 0
                if seed % 10 == 0:
                    self.publish(bytes(damaged))
        self.assertGreater(noticed, 50)  # a thousand flipped bits do not go by unseen

    def test_bits_that_tipped_over_in_a_compressed_one(self):
        data = RECORDING.read_bytes()
        for seed in range(40):
            with self.subTest(seed=seed):
                chosen = random.Random(seed)
                damaged = bytearray(data)
                damaged[chosen.randrange(len(damaged))] ^= 1 << chosen.randrange(8)
                _, totals = self.replay(bytes(damaged))
                # xz has checksums: nothing may go by unseen.
                self.assertTrue(totals is None or totals["bad_records"] > 0)

    def test_random_bytes_in_a_frame(self):
        for seed in range(150):
            with self.subTest(seed=seed):
                chosen = random.Random(seed)
                garbage = chosen.randbytes(4 * chosen.randrange(1, 4000))
                good = b"".join(runstate(10_000 + i * 1000, 1, 0, i % 2, 1 - i % 2) for i in range(8))
                data = window(0, good) + window(chosen.randrange(4), garbage) + window(0, b"".join(
                    runstate(100_000 + i * 1000, 1, 0, i % 2, 1 - i % 2) for i in range(8)))
                status, totals = self.replay(data)
                self.assertEqual(status, 0)
                self.assertGreater(totals["bad_records"], 0)
                if seed % 10 == 0:
                    self.publish(data)

    def test_random_bytes_behind_a_frame(self):
        for seed in range(100):
            with self.subTest(seed=seed):
                chosen = random.Random(seed)
                data = window(0, runstate(1000, 1, 0, RUNNABLE, RUNNING)) + chosen.randbytes(chosen.randrange(1, 20_000))
                status, totals = self.replay(data)
                self.assertEqual(status, 0)
                self.assertGreater(totals["bad_records"], 0)

    def test_random_records(self):
        # Well-formed, and senseless: impossible domains, vCPUs, states and orders.
        for seed in range(100):
            with self.subTest(seed=seed):
                chosen = random.Random(seed)
                data = b""
                tsc = 1000
                for _ in range(chosen.randrange(1, 20)):
                    records = b""
                    for _ in range(chosen.randrange(200)):
                        tsc += chosen.choice((0, 1, 1000, 100_000, 10_000_000))
                        event = chosen.choice((0x21001 | chosen.randrange(4) << 8 | chosen.randrange(4) << 4,
                                               CONTINUE_RUNNING, DOM_ADD, DOM_ADD + 1, 0x2800F, 0x28011, GRANT_MAP,
                                               GRANT_MAP + 1, LOST_RECORDS, CPU_CHANGE, chosen.getrandbits(28)))
                        words = [chosen.choice((0, 1, 0x10000, 0x7FFF0001, 0x7FEF3FFF, chosen.getrandbits(32)))
                                 for _ in range(chosen.randrange(8))]
                        records += record(event, tsc, *words)
                    data += window(chosen.randrange(6), records)
                status, _ = self.replay(data)
                self.assertEqual(status, 0)
                if seed % 5 == 0:
                    self.publish(data)

    # ---- particular damage

    def test_a_clock_that_runs_backwards(self):
        records = (runstate(1_000_000, 1, 0, RUNNABLE, RUNNING) + runstate(2_000_000, 1, 0, RUNNING, BLOCKED)
                   + runstate(1_500_000, 1, 0, BLOCKED, RUNNABLE)  # this one
                   + runstate(4_000_000, 1, 0, RUNNABLE, RUNNING) + runstate(5_000_000, 1, 0, RUNNING, BLOCKED))
        status, totals = self.replay(window(0, records))
        self.assertEqual(status, 0)
        self.assertEqual(totals["bad_records"], 1)
        self.assertEqual(totals["duration_ns"], 4_000_000)
        vcpu = totals["domains"][0]["vcpus"][0]
        self.assertEqual(vcpu["gotten_ns"], 2_000_000)
        self.publish(window(0, records))

    def test_clocks_that_leap(self):
        for leap in (1 << 42, 1 << 50, 1 << 63, (1 << 64) - 10_000_000):
            with self.subTest(leap=leap):
                records = (runstate(1_000_000, 1, 0, RUNNABLE, RUNNING) + runstate(1_000_000 + leap, 1, 0, RUNNING, BLOCKED)
                           + runstate(2_000_000, 1, 0, BLOCKED, RUNNABLE) + runstate(3_000_000, 1, 0, RUNNABLE, RUNNING))
                status, totals = self.replay(window(0, records))
                self.assertEqual(status, 0)
                self.assertGreater(totals["bad_records"], 0)
                self.assertEqual(totals["duration_ns"], 2_000_000)

    def test_a_pcpu_that_appears_late(self):
        early = b"".join(runstate(1_000_000 * i, 1, 0, i % 2, 1 - i % 2) for i in range(1, 10))
        late = runstate(8_500_000, 2, 0, RUNNABLE, RUNNING) + runstate(9_500_000, 2, 0, RUNNING, BLOCKED)
        status, totals = self.replay(window(0, early) + window(7, late))
        self.assertEqual(status, 0)
        self.assertEqual(totals["pcpus"], 2)
        self.assertEqual(totals["bad_records"], 0)
        second = totals["domains"][1]["vcpus"][0]
        self.assertEqual(second["gotten_by_pcpu_ns"], {"7": 1_000_000})
        self.assertEqual(second["unknown_ns"], 7_500_000)

    def test_a_pcpu_that_cannot_be(self):
        good = window(0, runstate(1_000_000, 1, 0, RUNNABLE, RUNNING) + runstate(2_000_000, 1, 0, RUNNING, BLOCKED))
        for pcpu in (16_384, 65_535, 0x7FFFFFFF, 0xFFFFFFFF):
            with self.subTest(pcpu=pcpu):
                status, totals = self.replay(good + window(pcpu, runstate(1_500_000, 2, 0, RUNNABLE, RUNNING)))
                self.assertEqual(status, 0)
                self.assertGreater(totals["bad_records"], 0)
                self.assertEqual(totals["pcpus"], 1)
                self.assertEqual([domain["domid"] for domain in totals["domains"]], [1])
        # The last one that can be.
        status, totals = self.replay(good + window(16_383, runstate(1_500_000, 2, 0, RUNNABLE, RUNNING)))
        self.assertEqual((status, totals["bad_records"], totals["pcpus"]), (0, 0, 2))
        # And as the very first, where nothing has been agreed on yet.
        self.replay(window(65_535, runstate(1_000_000, 1, 0, RUNNABLE, RUNNING)))

    def test_a_record_that_runs_over_its_window(self):
        records = runstate(1_000_000, 1, 0, RUNNABLE, RUNNING) + runstate(2_000_000, 1, 0, RUNNING, BLOCKED)
        behind = window(1, runstate(3_000_000, 1, 0, BLOCKED, RUNNABLE) + runstate(4_000_000, 1, 0, RUNNABLE, RUNNING))
        for cut in range(1, 16):
            with self.subTest(cut=cut):
                # The window ends inside of its last record; the next window follows at once.
                cut_off = records + runstate(2_500_000, 1, 0, BLOCKED, RUNNABLE)[:-cut]
                status, totals = self.replay(window(0, cut_off) + behind)
                self.assertEqual(status, 0)
                self.assertGreater(totals["bad_records"], 0)
                self.assertEqual(totals["duration_ns"], 3_000_000 if cut % 4 == 0 else totals["duration_ns"])

    def test_a_window_whose_length_is_wrong(self):
        records = runstate(1_000_000, 1, 0, RUNNABLE, RUNNING) + runstate(2_000_000, 1, 0, RUNNING, BLOCKED)
        behind = window(1, runstate(2_500_000, 2, 0, RUNNABLE, RUNNING) + runstate(4_000_000, 2, 0, RUNNING, BLOCKED))
        for length in (0, 4, 8, len(records) - 4, len(records) + 4, len(records) + 12, 0x0FFFFFFC, 0xFFFFFFFF, 0x7FFFFFFF):
            with self.subTest(length=length):
                _, totals = self.replay(window(0, records, length) + behind)
                self.assertTrue(totals is None or totals["bad_records"] > 0)

    def test_many_domains_and_vcpus(self):
        # A crowd that no host has; what is kept of it must stay within the limit on memory.
        chosen = random.Random(3)
        records = b"".join(runstate(1000 + i, chosen.randrange(0x7FF0), chosen.randrange(128), RUNNABLE, RUNNING)
                           for i in range(100_000))
        status, totals = self.replay(window(0, records))
        self.assertEqual(status, 0)
        self.assertGreater(len(totals["domains"]), 30_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
