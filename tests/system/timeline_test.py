#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon timeline: protoc decodes what it writes, and the sums of all states are the totals, to the nanosecond."""
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import unittest

import flight_test as flight
import hostile_recording_test as records
from harness import RECORDING, RECORDINGS, XENBAKED, XENMON, SystemTest, Terminal, plain_recording, run

HERE = pathlib.Path(__file__).resolve().parent
MOST_BYTES = 20  # of a change of state
STATES = {"RUNNING": "running_ns", "RUNNABLE": "waited_ns", "INTERRUPTIBLE_SLEEP": "blocked_ns", "STOPPED": "offline_ns"}
FIELD = re.compile(r'\s*(\w+)(?:: (.*)| \{)$')


def parsed(lines):
    """A message of protoc's text format: by field, a list of values or of messages."""
    fields = collections.defaultdict(list)
    for line in lines:
        if line.strip() == "}":
            break
        name, value = FIELD.match(line).groups()
        if value is None:
            fields[name].append(parsed(lines))
        else:
            fields[name].append(value.strip('"') if not re.fullmatch(r"-?\d+", value) else int(value))
    return fields


def one(message, name, default=None):
    values = message.get(name, [default])
    assert len(values) == 1, (name, values)
    return values[0]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def packet_sizes(data):
    """Of each packet with its header, in order; the file is nothing else."""
    at, sizes = 0, []
    while at < len(data):
        assert data[at] == 1 << 3 | 2, at
        length, begin = varint(data, at + 1)
        sizes.append(begin + length - at)
        at = begin + length
    assert at == len(data)
    return sizes


def whole_windows(data):
    """Where the last whole window of a part of a recording ends."""
    at = 0
    while at + 12 <= len(data):
        size = int.from_bytes(data[at + 8:at + 12], "little")
        if at + 12 + size > len(data):
            break
        at += 12 + size
    return at


class Timeline:
    """What a viewer makes of it."""

    def __init__(self, path):
        data = path.read_bytes()
        done = subprocess.run(["protoc", f"--proto_path={HERE}", "--decode=xenmon.Trace", str(HERE / "timeline.proto")],
                              input=data, capture_output=True, check=True)
        self.unknown_fields = re.findall(r"^\s*(\d+): ", done.stdout.decode(), re.MULTILINE)
        packets = parsed(iter(done.stdout.decode().splitlines()))["packet"]
        self.sizes = [(packet, size) for packet, size in zip(packets, packet_sizes(data))]
        assert len(packets) == len(self.sizes)
        self.changes = [size for packet, size in self.sizes if packet["task_state"]]
        self.end = max(one(packet, "timestamp", 0) for packet in packets)
        self.begin = min(one(packet, "timestamp", 0) for packet in packets if packet["task_state"])
        # As the viewer does: by time, and those of the same time in the order of the file.
        self.packets = sorted(packets, key=lambda packet: one(packet, "timestamp", 0))
        self.processes, self.threads, self.tracks = {}, {}, {}
        self.idle = set()
        self.states = collections.defaultdict(list)  # (time, state, CPU) by thread
        self.events = []
        self.clocks = [packet["clock_snapshot"][0] for packet in packets if packet["clock_snapshot"]]
        for packet in self.packets:
            self.take(one(packet, "timestamp", 0), packet)

    def take(self, now, packet):
        for tree in packet["process_tree"]:
            for process in tree["process"]:
                self.processes[one(process, "pid")] = one(process, "cmdline")
            for thread in tree["thread"]:
                self.threads[one(thread, "tid")] = (one(thread, "pid"), one(thread, "comm"))
                if one(thread, "is_idle"):
                    self.idle.add(one(thread, "tid"))
        for state in packet["task_state"]:
            self.states[one(state, "tid")].append((now, one(state, "state"), one(state, "cpu")))
        for track in packet["track"]:
            self.tracks[one(track, "uuid")] = one(track, "name")
        for event in packet["track_event"]:
            self.events.append((now, one(event, "type"), one(event, "track_uuid"), one(event, "name"),
                                one(event, "counter_value")))

    def names(self):
        return {(self.processes[pid], comm) for pid, comm in self.threads.values()}

    def sums(self):
        """By (process, vCPU): ns by state, and by CPU while it ran."""
        out = {}
        for tid, states in self.states.items():
            pid, comm = self.threads[tid]
            sums = out.setdefault((pid, int(comm.removeprefix("vCPU "))), collections.Counter())
            for (now, state, cpu), (then, _, _) in zip(states, states[1:] + [(self.end, None, None)]):
                if state in STATES:
                    sums[STATES[state]] += then - now
                if state == "RUNNING":
                    sums[cpu] += then - now
        return out

    def slices(self):
        """(track, name, from, to) of each, by when it began."""
        open_ones, out = collections.defaultdict(list), []
        for now, kind, track, name, _ in self.events:
            if kind == "SLICE_BEGIN":
                open_ones[track].append((len(out), name, now))
                out.append(None)
            elif kind == "SLICE_END":
                place, name, begun = open_ones[track].pop()
                out[place] = (self.tracks[track], name, begun, now)
        assert not any(open_ones.values())
        return out

    def counters(self):
        """The last value by track."""
        return {self.tracks[track]: value for _, kind, track, _, value in self.events if kind == "COUNTER"}


@unittest.skipUnless(shutil.which("protoc"), "there is no protoc here: install protobuf-compiler")
class TimelineTest(SystemTest):
    def make(self, recording, *options, **more):
        path = self.directory / "trace.pftrace"
        path.unlink(missing_ok=True)
        done = run(XENMON, "timeline", recording, "-o", path, "--xenbaked", XENBAKED, *options, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([path.name], [one.name for one in self.directory.glob("*pftrace*")])
        return Timeline(path)

    @staticmethod
    def totals(recording):
        return json.loads(run(XENBAKED, "--replay", recording, "--totals", "json").stdout)

    def check_format(self, timeline, cpus=True):
        self.assertEqual(timeline.unknown_fields, [])
        self.assertLessEqual(max(timeline.changes), MOST_BYTES)
        for tid, states in timeline.states.items():
            self.assertNotEqual(tid, timeline.threads[tid][0], "it would be taken for the main thread")
            for (since, earlier, left), (now, state, cpu) in zip([(-1, None, None)] + states, states):
                self.assertIn(state, (*STATES, "DESTROYED"))
                self.assertEqual(cpu is not None, "RUNNING" in (state, earlier), (tid, now, state))
                self.assertNotEqual(state, earlier, (tid, now))
                self.assertGreater(now, since, (tid, now, state))
                if earlier == "RUNNING":
                    self.assertEqual(cpu, left)
        if cpus:
            self.check_cpus(timeline)

    def check_cpus(self, timeline):
        """No two run on one CPU at the same time."""
        runs = collections.defaultdict(list)
        for states in timeline.states.values():
            for (now, state, cpu), (then, _, _) in zip(states, states[1:] + [(timeline.end, None, None)]):
                if state == "RUNNING":
                    runs[cpu].append((now, then))
        for times in runs.values():
            times.sort()
            for (_, end), (begin, _) in zip(times, times[1:]):
                self.assertGreaterEqual(begin, end)

    def check_sums(self, timeline, totals):
        self.assertEqual(timeline.end, totals["duration_ns"])
        sums = timeline.sums()
        uses = collections.Counter()
        for domain in totals["domains"]:
            idle = domain["domid"] == 32767
            pid = 0 if idle else domain["domid"] + 1 + 65536 * uses[domain["domid"]]
            uses[domain["domid"]] += 1
            for vcpu in domain["vcpus"]:
                known = sums.pop((pid, vcpu["vcpu"]), {})
                wanted = {"running_ns": vcpu["gotten_ns"], "blocked_ns": vcpu["blocked_ns"],
                          "waited_ns": vcpu["waited_ns"], "offline_ns": vcpu["offline_ns"]}
                where = (domain["domid"], vcpu["vcpu"])
                self.assertEqual({name: known.get(name, 0) for name in wanted}, wanted, where)
                self.assertEqual(totals["duration_ns"] - sum(wanted.values()), vcpu["unknown_ns"], where)
                for pcpu, running in vcpu["gotten_by_pcpu_ns"].items():
                    self.assertEqual(known.get(int(pcpu), 0), running, where)
        self.assertEqual(sums, {})
        self.assertEqual(timeline.counters()["Lost records"], totals["lost_records"])

    def test_sums_are_the_totals(self):
        for recording in sorted(RECORDINGS.glob("web-*.xz")):
            with self.subTest(recording=recording.name):
                timeline = self.make(recording)
                self.check_format(timeline)
                totals = self.totals(recording)
                self.check_sums(timeline, totals)
                names = {domain["name"] for domain in totals["domains"] if domain["name"]}
                self.assertLessEqual(names, set(timeline.processes.values()) | {"idle"})
                exchanged = timeline.counters()
                for domain in totals["domains"]:
                    for name, figure in (("pages mapped", "map"), ("pages copied", "copy")):
                        wanted = domain["io"][figure]
                        self.assertEqual(exchanged.get(f"{domain['name']}: {name}", 0), wanted, domain["name"])

    def test_what_is_unknown_has_no_state(self):
        """Records that vanish, even in the middle of switches, and rounds that are cut off."""
        data = plain_recording(RECORDINGS / "web-credit2-2pcpu.xentrace.xz")[:1_000_000]
        beside = json.loads((RECORDINGS / "web-credit2-2pcpu.xentrace.json").read_text(encoding="utf-8"))
        path = self.directory / "damaged"
        path.with_name("damaged.json").write_text(json.dumps(beside), encoding="utf-8")
        for seed in range(6):
            with self.subTest(seed=seed):
                chance = random.Random(seed)
                damaged = b""
                for pcpu, window in flight.windows(data[:whole_windows(data)]):
                    kept = b"".join(window[begin:end] for _, begin, end in flight.records(window)
                                    if chance.random() > 0.002 * seed)
                    damaged += flight.frame(pcpu, kept)
                path.write_bytes(damaged)
                timeline = self.make(path)
                self.check_format(timeline, cpus=False)  # that a switch vanished may show only later
                self.check_sums(timeline, self.totals(path))
                if seed:
                    self.assertIn("DESTROYED", {state for states in timeline.states.values() for _, state, _ in states})

    def test_a_domain_with_an_earlier_ones_number_is_another_process(self):
        data = b"".join((records.record(0x28001, 0, 5), records.runstate(1000, 5, 0, 3, 1), records.runstate(2000, 5, 0, 1, 0),
                         records.runstate(5000, 5, 0, 0, 2), records.record(0x28002, 6000, 5),
                         records.record(0x28001, 7000, 5), records.runstate(8000, 5, 0, 3, 1),
                         records.runstate(9000, 5, 0, 1, 0), records.runstate(12000, 5, 0, 0, 2)))
        path = self.directory / "trace"
        path.write_bytes(flight.frame(0, data))
        path.with_name("trace.json").write_text(
            json.dumps({"cpu_khz": 1_000_000, "domains": [{"domid": 5, "use": 1, "name": "first"},
                                                          {"domid": 5, "use": 2, "name": "second"}]}), encoding="ascii")
        timeline = self.make(path)
        self.check_format(timeline)
        self.check_sums(timeline, self.totals(path))
        self.assertEqual(set(timeline.threads[tid][0] for tid in timeline.states), {6, 6 + 65536})
        self.assertEqual({timeline.processes[6], timeline.processes[6 + 65536]}, {"first", "second"})

    def test_a_part_is_the_same_as_in_the_whole(self):
        whole = self.make(RECORDING)
        first, last = 2_000_000_000, 3_500_000_000
        part = self.make(RECORDING, "--from", "2", "--until", "0:03.5")
        self.assertEqual((part.begin, part.end), (first, last))
        self.check_format(part)

        def within(timeline):
            out = {}
            for tid, states in timeline.states.items():
                pid, comm = timeline.threads[tid]
                for (now, state, cpu), (then, _, _) in zip(states, states[1:] + [(timeline.end, None, None)]):
                    if state in STATES and max(now, first) < min(then, last):
                        cpu = cpu if state == "RUNNING" else None
                        out.setdefault((pid, comm), []).append((max(now, first), min(then, last), state, cpu))
            return out
        part, whole = within(part), within(whole)
        for vcpu, states in whole.items():
            not_created_yet = [(first, last, "STOPPED", None)]
            self.assertEqual(part.pop(vcpu, not_created_yet), states, vcpu)
        self.assertEqual(part, {})

    def test_nothing_of_that_time(self):
        for options, words in ((("--from", "3", "--until", "2"), "is not before"), (("--from", "1000"), "has nothing of that"),
                               (("--from", "soon"), "takes seconds")):
            done = run(XENMON, "timeline", RECORDING, "-o", self.directory / "none", "--xenbaked", XENBAKED, *options)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)
            self.assertEqual(list(self.directory.glob("*none*")), [])

    def test_from_a_pipe(self):
        wanted = self.make(RECORDING)
        path = self.directory / "piped.pftrace"
        khz = json.loads(RECORDING.with_suffix(".json").read_text(encoding="utf-8"))["cpu_khz"]
        done = subprocess.run([XENMON, "timeline", "-", "--cpu-khz", str(khz), "-o", path, "--xenbaked", XENBAKED],
                              input=plain_recording(), capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(Timeline(path).sums(), wanted.sums())

    def test_a_flight_recorders_directory(self):
        """By times of day; the end is after the beginning."""
        os.environ["TZ"] = "UTC"
        data = plain_recording()
        recording = self.directory / "trace"
        recording.write_bytes(data)
        beside = {**json.loads(RECORDING.with_suffix(".json").read_text(encoding="utf-8")), "wall_epoch_ns": flight.EPOCH}
        recording.with_name("trace.json").write_text(json.dumps(beside), encoding="utf-8")
        kept = self.directory / "flight"
        done = run(XENBAKED, "--replay", recording, "--speed", "max", "--region", self.region, "--flight", "10m",
                   "--flight-dir", kept)
        self.assertEqual(done.returncode, 0, done.stderr)
        part = self.make(kept, "--from", "23:26:42", "--until", "23:26:43")
        self.check_format(part)
        self.assertAlmostEqual(part.end - part.begin, 1_000_000_000, delta=1_000_000)
        self.assertAlmostEqual(part.begin, 2_000_000_000, delta=1_000_000)
        realtime = next(one(clock, "timestamp") for clock in part.clocks[0]["clock"] if one(clock, "id") == 1)
        self.assertAlmostEqual(realtime, flight.EPOCH, delta=1_000_000)
        self.assertEqual(self.make(kept).sums(), self.make(recording).sums())

    def test_long_waits_and_who_ran_meanwhile(self):
        """The same waits as --slow-waits reports, with executions inside that the CPUs' rows show, too."""
        timeline = self.make(RECORDING, "--slow-waits", "2ms")
        done = run(XENMON, "--slow-waits", "2ms", "--format", "jsonl", "--replay", RECORDING, "--xenbaked", XENBAKED)
        reported = [json.loads(line) for line in done.stdout.splitlines()]
        slices = timeline.slices()
        waits = [one_slice for one_slice in slices if one_slice[1].startswith("waits")]
        ran = [one_slice for one_slice in slices if not one_slice[1].startswith("waits")]
        self.assertEqual(len(waits), sum("wait_ns" in line for line in reported))
        self.assertGreater(len(waits), 20)
        self.assertTrue(all(end - begin >= 2_000_000 for _, _, begin, end in waits))
        spans = collections.defaultdict(list)  # when a domain ran, anywhere
        for tid, states in timeline.states.items():
            name = timeline.processes[timeline.threads[tid][0]]
            for (now, state, _), (then, _, _) in zip(states, states[1:] + [(timeline.end, None, None)]):
                if state == "RUNNING":
                    spans[name].append((now, then))
        self.assertGreater(len(ran), len(waits) // 2)
        covered = length = 0
        for track, name, begin, end in ran:
            self.assertTrue(any(base.startswith(track.split(":")[0]) and since <= begin and end <= until
                                for base, _, since, until in waits))
            if name != "several domains":
                # An execution counts with the switches before and after it, which may take long in an emulated
                # machine.
                inside = sum(max(0, min(until, end) - max(since, begin)) for since, until in spans[name])
                self.assertGreater(inside, 0, (name, begin, end))
                covered += inside
                length += end - begin
        self.assertGreater(covered, 0.95 * length)

    def test_a_key_makes_one_of_a_long_wait(self):
        """Of the recording that is shown; what cannot be is said in a sentence."""
        terminal = Terminal(self, 132, 43)
        terminal.command("cd", self.directory)
        terminal.command(XENMON, "--replay", RECORDING, "--at", "5", "--xenbaked", XENBAKED)
        terminal.wait_for_line("held at")
        terminal.keys("T")
        terminal.wait_for_line("T is for the view of latency")
        terminal.keys("4")
        terminal.wait_for_line("who ran:")
        terminal.keys("T")
        terminal.wait_for_line("the timeline of this wait is in wait-d")
        made, = self.directory.glob("wait-d*.pftrace")
        timeline = Timeline(made)
        self.check_format(timeline)
        self.assertAlmostEqual(timeline.end - timeline.begin, 1_000_000_000, delta=20_000_000)
        begun = float(re.search(r"-([\d.]+)s\.pftrace", made.name)[1]) * 1e9
        longest = max(end - begin for _, name, begin, end in timeline.slices() if name.startswith("waits"))
        self.assertTrue(any(abs(begin - begun) < 1_000_000 and end - begin > longest // 2
                            for _, name, begin, end in timeline.slices() if name.startswith("waits")))
        terminal.keys("q")

    def test_losses_and_gaps_are_instants(self):
        recording = RECORDINGS / "web-credit2-lossy.xentrace.xz"
        timeline = self.make(recording)
        instants = [name for _, kind, _, name, _ in timeline.events if kind == "INSTANT"]
        self.assertEqual(sum(int(name.split()[0]) for name in instants if "lost" in name), self.totals(recording)["lost_records"])


if __name__ == "__main__":
    unittest.main()
