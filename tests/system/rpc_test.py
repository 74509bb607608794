#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon serve: what it answers against what the region has and what the logs say, and what bad clients cost."""
import json
import pathlib
import resource
import socket
import subprocess
import unittest

from harness import RECORDINGS, ROOT, SANITIZED, XENMON, SystemTest, region_reader, run, totals, wait_for
from varlink import Failed, Listening, Served, parse

HOST = "xenmon.Host."
IDLE = 32767
RECORDING = RECORDINGS / "web-credit2-2pcpu.xentrace.xz"
SUMS = ("running_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns", "unknown_ns", "executions",
        "continues", "slice_count", "slice_sum_ns", "migrations", "avoidable_wait_ns")
# By the region's names.
RUNSTATES = {name: "domain_" + name if name in SUMS else name for name in region_reader.RUNSTATE_NAMES}
IO = {"io_map_pages": "map", "io_unmap_pages": "unmap", "io_transfer_pages": "transfer", "io_copy_pages": "copy",
      "io_copy_bytes": "copy_bytes"}
NOT_OF_IDLE = (*region_reader.NO_MEANING_OF_IDLE, "migrations", "avoidable_wait_ns")
OF_IDLE = [name for name in SUMS if name not in NOT_OF_IDLE]
KIBIBYTE = 1024


def memory_kib(pid):
    """The largest that it has had."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0])


class RpcTest(SystemTest):
    def over(self, *options):
        """A region of a recording that has been replayed to its end."""
        daemon = self.daemon("--speed", "max", *options)
        daemon.wait()
        return self.open_region()

    # ---- the interface

    def test_what_was_described_once_is_there_for_ever(self):
        stored = parse((ROOT / "tests/data/rpc/xenmon.Host.varlink").read_text())
        served = Served(self, self.region)
        description = served.call("org.varlink.service.GetInterfaceDescription", interface="xenmon.Host")["description"]
        self.assertEqual(description.rstrip(), (ROOT / "xenmon/serve/xenmon.Host.varlink").read_text().rstrip())
        present = parse(description)
        self.assertGreater(len(stored), 100)
        for name, what in stored.items():
            self.assertEqual(present.get(name), what, f"{name} was removed or changed; only add to the interface")
        # Clients that know the older description must be able to call each method without what was added.
        for name in sorted(set(present) - set(stored)):
            member = name.split(".")[0]
            if member.startswith("method") and not member.endswith("(result)") and member in stored and "." in name:
                self.assertTrue(present[name].startswith("?"), f"{name} must be optional")

    def test_the_document_has_the_description(self):
        description = (ROOT / "xenmon/serve/xenmon.Host.varlink").read_text()
        document = (ROOT / "docs/rpc.md").read_text()
        for name in parse(description):
            kind, _, rest = name.partition(" ")
            if "." not in rest and kind in ("method", "error"):
                self.assertIn(rest.removesuffix("(result)"), document)

    def test_the_service_describes_itself(self):
        served = Served(self, self.region)
        info = served.call("org.varlink.service.GetInfo")
        self.assertEqual(info["interfaces"], ["org.varlink.service", "xenmon.Host"])
        self.assertEqual("xenmon " + info["version"] + "\n", run(XENMON, "--version").stdout)
        self.assertEqual(served.end(), 0)

    def check_types(self, value, what, types):
        """A value is what the description says of it, and has no field that is not described."""
        if what.startswith("?"):
            what = what[1:]
        if what.startswith("[]"):
            for item in value:
                self.check_types(item, what[2:], types)
        elif what in ("int", "float", "string", "bool"):
            expected = {"int": int, "float": (int, float), "string": str, "bool": bool}[what]
            self.assertIsInstance(value, expected)
            self.assertEqual(isinstance(value, bool), what == "bool")
        elif what.startswith("("):
            self.assertIn(value, what[1:-1].split(","))
        elif isinstance(value, str):
            self.assertIn(f"type {what}.{value}", types)
        else:
            self.check_fields(value, f"type {what}", types)

    def check_fields(self, value, member, types):
        described = {name.partition(".")[2]: what for name, what in types.items() if name.startswith(member + ".")}
        self.assertLessEqual(set(value), set(described), member)
        for name, what in described.items():
            if not what.startswith("?"):
                self.assertIn(name, value, member)
        for name, item in value.items():
            self.check_types(item, described[name], types)

    def test_every_answer_is_as_described(self):
        self.over()
        types = parse((ROOT / "xenmon/serve/xenmon.Host.varlink").read_text())
        served = Served(self, self.region)
        for method, parameters in (("GetHost", {}), ("GetDomains", {}), ("GetDomains", {"window_s": 1}),
                                   ("GetDomains", {"window_s": 2.5, "by_pcpu": True}), ("GetVcpus", {}),
                                   ("GetVcpus", {"window_s": 1, "domid": 1}), ("GetPcpus", {}),
                                   ("GetPcpus", {"window_s": 3}), ("GetLatencies", {"buckets": True}),
                                   ("GetLatencies", {"vcpus": True}), ("GetWaits", {"most": 4096}),
                                   ("GetFindings", {}), ("GetFindings", {"window_s": 2})):
            answer = served.call(HOST + method, **parameters)
            self.check_fields(answer, f"method {method}(result)", types)
            if "Wait" in method:
                self.assertTrue(answer["waits"])

    # ---- figures

    def test_figures_since_the_start_are_those_of_the_totals(self):
        self.over()
        expected = totals(RECORDING)
        served = Served(self, self.region)
        domains = served.call(HOST + "GetDomains")
        self.assertAlmostEqual(domains["interval"]["interval_s"], expected["duration_ns"] / 1e9, places=6)
        by_place = {}
        for vcpu in served.call(HOST + "GetVcpus")["vcpus"]:
            by_place[vcpu["domid"], vcpu["vcpu"]] = vcpu
        names = {"gotten": "running_ns", "waited_wake": "waited_wake_ns", "waited_preempt": "waited_preempt_ns",
                 "blocked": "blocked_ns"}
        compared = 0
        for domain in expected["domains"]:
            answers = [entry for entry in domains["domains"] if entry["domid"] == domain["domid"]]
            if len(answers) != 1:
                continue  # a domid that was used again
            self.assertEqual(answers[0]["executions"], domain["executions"])
            for name, kind in IO.items():
                self.assertEqual(answers[0][name], domain["io"][kind])
            for name, ns in domain.get("runstates", {}).items():
                self.assertEqual(answers[0][name], ns, (domain["domid"], name))
            for vcpu in domain["vcpus"]:
                answer = by_place[domain["domid"], vcpu["vcpu"]]
                self.assertEqual(answer["executions"], vcpu["executions"])
                for theirs, ours in names.items():
                    if domain["domid"] != IDLE and theirs + "_ns" in vcpu:
                        self.assertEqual(answer[ours], vcpu[theirs + "_ns"])
                        compared += 1
        self.assertGreater(compared, 8)

    def test_percentiles_since_the_start_are_those_of_the_totals(self):
        self.over()
        served = Served(self, self.region)
        answers = served.call(HOST + "GetLatencies", vcpus=True, buckets=True)["latencies"]
        by_place = {(answer["domid"], answer["vcpu"]): answer for answer in answers}
        compared = 0
        for domain in totals(RECORDING)["domains"]:
            for vcpu in domain["vcpus"]:
                answer = by_place.get((domain["domid"], vcpu["vcpu"]))
                if answer is None:
                    self.assertEqual(domain["domid"], IDLE)
                    continue
                for theirs, ours in (("wake_wait_ns", "wake_wait"), ("preempt_wait_ns", "preempt_wait"),
                                     ("run_ns", "run")):
                    for percentile in ("p50", "p95", "p99", "max"):
                        self.assertEqual(answer[ours][percentile + "_ns"], vcpu[theirs][percentile])
                    self.assertEqual(sum(bucket["count"] for bucket in answer[ours]["buckets"]), answer[ours]["count"])
                    compared += 1
        self.assertGreater(compared, 8)

    def test_a_window_has_the_sums_of_its_samples(self):
        region = self.over()
        served = Served(self, self.region)
        newest = region.word("newest_sample")
        end_ns = region.sample(newest)["end_ns"]
        for window_s in (0.01, 0.1, 1, 2.56, 8):
            # To the nearest edge of a sample; the last one of a recording is a short one.
            from_ns = end_ns - max(window_s, 0.1) * 1e9 - 50_000_000
            samples = [region.sample(number) for number in range(newest - 100, newest + 1)]
            samples = [sample for sample in samples if sample["start_ns"] >= from_ns]
            length_s = sum(sample["end_ns"] - sample["start_ns"] for sample in samples) / 1e9
            self.assertAlmostEqual(length_s, max(window_s, 0.1), delta=0.1)
            expected = {}
            wholes = {}
            vcpus, domains = region.vcpus(), region.domains()
            for sample in samples:
                for row in sample["rows"]:
                    domid = domains[row["domain_slot"]]["domid"]
                    number = vcpus[row["vcpu_slot"]]["vcpu_id"]
                    for place in ((domid, None, None), (domid, number, None), (domid, None, row["pcpu"]),
                                  (domid, number, row["pcpu"])):
                        sums = expected.setdefault(place, dict.fromkeys(SUMS, 0))
                        for name in SUMS:
                            sums[name] += row[name]
                for row in sample["domain_rows"]:
                    whole = wholes.setdefault(domains[row["domain_slot"]]["domid"], dict.fromkeys(RUNSTATES, 0))
                    for name in RUNSTATES:
                        whole[name] += row[name]
            got = {}
            for method, key in (("GetDomains", "domains"), ("GetVcpus", "vcpus")):
                for by_pcpu in (False, True):
                    answer = served.call(HOST + method, window_s=window_s, by_pcpu=by_pcpu)
                    self.assertAlmostEqual(answer["interval"]["interval_s"], length_s)
                    for entry in answer[key]:
                        pcpu = entry.get("pcpu")
                        place = entry["domid"], entry.get("vcpu"), region_reader.NO_PCPU if pcpu == -1 else pcpu
                        got[place] = entry
            for place, sums in expected.items():
                if not any(sums.values()):
                    continue
                for name in OF_IDLE if place[0] == IDLE else SUMS:
                    self.assertEqual(got[place][name], sums[name], (window_s, place, name))
            for domid, whole in wholes.items():
                for place in ((domid, None, None), (domid, None, region_reader.NO_PCPU)):
                    self.assertEqual({name: got[place][ours] for name, ours in RUNSTATES.items()}, whole, place)
            self.assertNotIn("full_run_ns", got[0, None, 0])
            pcpus = served.call(HOST + "GetPcpus", window_s=window_s)["pcpus"]
            self.assertEqual(len(pcpus), 2)
            for pcpu in pcpus:
                busy = sum(sums["running_ns"] for (domid, vcpu, on), sums in expected.items()
                           if domid != IDLE and vcpu is None and on == pcpu["pcpu"])
                self.assertEqual(pcpu["running_ns"], busy)
                self.assertAlmostEqual((pcpu["running_ns"] + pcpu["idle_ns"] + pcpu["unknown_ns"]) / 1e9, length_s,
                                       delta=0.01)

    def test_waits_are_those_of_the_log(self):
        self.over()
        served = Served(self, self.region)
        waits = served.call(HOST + "GetWaits", most=4096)
        self.assertEqual(waits["slow_wait_ns"], 1_000_000)
        log = run(XENMON, "--replay", RECORDING, "--speed", "max", "--slow-waits", "1ms", "--format", "jsonl").stdout
        records = [json.loads(line) for line in log.splitlines()]
        records = [record for record in records if "wait_ns" in record]
        for record in [*waits["waits"], *records]:
            record.pop("wall_time", None)
        self.assertEqual(waits["waits"], records[-len(waits["waits"]):])
        long = served.call(HOST + "GetWaits", at_least_ns=10_000_000, most=3)["waits"]
        self.assertEqual(long, [record | {"wall_time": wait["wall_time"]} for record, wait in
                                zip([record for record in records if record["wait_ns"] >= 10_000_000][-3:], long)])

    # ---- streams

    def test_a_stream_of_samples_has_every_sample_once(self):
        self.daemon("--loop", "--ms-per-sample", "50")
        served = Served(self, self.region)
        served.send(HOST + "MonitorSamples", more=True, interval_s=0.05, vcpus=True)
        ends = []
        while len(ends) < 20:
            reply = served.receive()
            if "interval" not in reply:
                continue
            interval = reply["interval"]
            self.assertEqual((interval["interval_s"], interval["missed_samples"]), (0.05, 0))
            self.assertEqual(reply["state"], "recording")
            for figures in reply["figures"]:
                if figures["domid"] != IDLE:
                    self.assertEqual(sum(figures[name] for name in region_reader.TIMES), 50_000_000)
            ends.append(round(interval["end_s"] / 0.05))
        self.assertEqual(ends, list(range(ends[0], ends[0] + len(ends))))

    def test_a_stream_of_waits_has_those_that_the_ring_gets(self):
        self.daemon("--loop")
        region = self.open_region()
        served = Served(self, self.region)
        served.send(HOST + "MonitorWaits", more=True)
        got = []
        while len(got) < 5:
            reply = served.receive()
            self.assertEqual(reply["missed_waits"], 0)
            got += reply["waits"]
        ring = [wait for wait in map(region.wait, region.waits()) if wait is not None]
        ends = {(wait["domid"], wait["end_ns"]) for wait in ring}
        for wait in got[:5]:
            self.assertIn((wait["domid"], round(wait["end_s"] * 1e9)), ends)

    def test_a_stream_says_that_the_data_have_stopped(self):
        daemon = self.daemon("--loop")
        served = Served(self, self.region)
        served.send(HOST + "MonitorSamples", more=True, interval_s=0.1)
        self.assertIn("interval", served.receive())
        daemon.kill()
        reply = served.receive()
        while reply["state"] != "gone":
            reply = served.receive()
        self.assertEqual(reply, {"state": "gone", "figures": []})

    # ---- errors

    def check_error(self, served, error, method, **parameters):
        with self.assertRaises(Failed) as caught:
            served.call(method, **parameters)
        self.assertEqual(caught.exception.name, error)
        return caught.exception.parameters

    def test_errors_are_typed(self):
        served = Served(self, self.region)
        varlink = "org.varlink.service."
        self.assertEqual(self.check_error(served, HOST + "NoData", HOST + "GetDomains")["state"], "no_region")
        self.assertEqual(served.call(HOST + "GetHost")["host"]["state"], "no_region")
        self.over()
        self.assertEqual(self.check_error(served, varlink + "MethodNotFound", HOST + "GetMagic"), {"method": "GetMagic"})
        self.assertEqual(self.check_error(served, varlink + "InterfaceNotFound", "a.b.C"), {"interface": "a.b"})
        self.check_error(served, varlink + "InterfaceNotFound", varlink + "GetInterfaceDescription", interface="a.b")
        self.check_error(served, varlink + "ExpectedMore", HOST + "MonitorSamples")
        self.check_error(served, varlink + "ExpectedMore", HOST + "MonitorWaits")
        for method, parameters in (("GetDomains", {"window_s": 0}), ("GetDomains", {"window_s": -1}),
                                   ("GetDomains", {"window_s": 1e300}), ("GetDomains", {"window_s": "long"}),
                                   ("GetVcpus", {"domid": -1}), ("GetVcpus", {"domid": 1 << 40}),
                                   ("GetVcpus", {"by_pcpu": True}), ("GetPcpus", {"window_s": [1]}),
                                   ("GetLatencies", {"vcpus": 1}), ("GetWaits", {"most": 0}),
                                   ("GetWaits", {"most": 1 << 62}), ("MonitorSamples", {"interval_s": 1e-9})):
            wrong = self.check_error(served, varlink + "InvalidParameter", HOST + method, **parameters)
            self.assertEqual(wrong, {"parameter": next(iter(parameters))})
        self.assertEqual(self.check_error(served, HOST + "NoSuchDomain", HOST + "GetVcpus", domid=4711), {"domid": 4711})
        # And goes on as before.
        self.assertEqual(served.call(HOST + "GetHost")["host"]["state"], "recording_over")

    def test_a_terminal_is_sent_away(self):
        done = subprocess.run(["script", "-qec", f"{XENMON} serve", "/dev/null"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("talks to programs", done.stdout)

    # ---- bad clients

    def test_what_is_no_call_ends_the_connection_alone(self):
        self.over()
        listening = Listening(self, self.region, self.directory / "socket")
        good = listening.connect(self)
        for garbage in (b"\0", b"{}\0", b"[]\0", b"nonsense\0", b'{"method":1}\0', b'{"method":"x"}\0',
                        b'{"method":"a.b","parameters":3}\0', b"\xff\xfe\0", b"[" * 60_000 + b"\0",
                        b'{"method":"xenmon.Host.GetHost","parameters":' + b'{"a":' * 9000 + b"\0", b"x" * 1_000_000):
            bad = listening.connect(self)
            try:
                bad.send_bytes(garbage)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertIsNone(bad.receive(), garbage[:60])
            self.assertEqual(good.call(HOST + "GetHost")["host"]["state"], "recording_over")
        self.assertIsNone(listening.process.poll())

    def test_clients_that_do_not_read_cost_little_and_harm_nobody(self):
        self.over()
        listening = Listening(self, self.region, self.directory / "socket")
        good = listening.connect(self)
        good.call(HOST + "GetHost")
        before = memory_kib(listening.process.pid)
        call = json.dumps({"method": HOST + "GetLatencies", "parameters": {"vcpus": True, "buckets": True}}).encode()
        for _ in range(12):
            greedy = listening.connect(self)
            greedy.socket.setblocking(False)
            sent = 0
            try:  # a thousand calls, and as many more as there is room for
                while sent < 100_000:
                    sent += greedy.socket.send((call + b"\0") * 1000)
            except BlockingIOError:
                pass
        for _ in range(20):
            self.assertEqual(good.call(HOST + "GetHost")["host"]["state"], "recording_over")
        self.assertLess(memory_kib(listening.process.pid) - before, 32 * KIBIBYTE)
        # A user has no more than so many; others wait for nothing. These go, and there is room again.
        crowd = [listening.connect(self) for _ in range(40)]
        for client in crowd:
            try:
                client.send(HOST + "GetHost")
            except BrokenPipeError:
                pass
        answered = sum(client.receive() is not None for client in crowd)
        self.assertLessEqual(answered, 16)
        for client in crowd:
            client.socket.close()
        self.assertTrue(wait_for(lambda: self.is_answered(listening), "room for another client"))

    def is_answered(self, listening):
        client = listening.connect(self)
        try:
            client.send(HOST + "GetHost")
            return client.receive() is not None
        except BrokenPipeError:
            return False
        finally:
            client.socket.close()

    def test_a_thousand_calls_at_once_are_answered_in_order(self):
        self.over()
        served = Served(self, self.region)
        message = json.dumps({"method": HOST + "GetPcpus"}).encode() + b"\0"
        served.send_bytes(message * 500)
        for _ in range(500):
            self.assertEqual(len(served.receive()["pcpus"]), 2)
        # Calls that were sent before the end are answered after it.
        served.send_bytes(message * 50)
        served.process.stdin.close()
        for _ in range(50):
            self.assertEqual(len(served.receive()["pcpus"]), 2)
        self.assertIsNone(served.receive())
        self.assertEqual(served.process.wait(60), 0)

    def test_a_connected_socket_is_one_client(self):
        self.over()
        ours, theirs = socket.socketpair()
        script = 'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --region "$1"' % theirs.fileno()
        with ours, theirs:
            process = subprocess.Popen(["/bin/sh", "-c", script, XENMON, str(self.region)], stdin=subprocess.DEVNULL,
                                       pass_fds=[theirs.fileno()])
            theirs.close()
            ours.sendall(b'{"method":"xenmon.Host.GetHost"}\0')
            self.assertIn(b"recording_over", ours.recv(65536))
            ours.close()
            self.assertEqual(process.wait(60), 0)

    def test_it_can_open_nothing_for_writing_and_start_nothing(self):
        # The filter, by what it says of itself.
        self.over()
        served = Served(self, self.region)
        served.call(HOST + "GetHost")
        status = pathlib.Path(f"/proc/{served.process.pid}/status").read_text()
        if not SANITIZED:
            self.assertIn("Seccomp:\t2", status)
            self.assertIn("NoNewPrivs:\t1", status)
        maps = pathlib.Path(f"/proc/{served.process.pid}/maps").read_text()
        self.assertTrue([line for line in maps.splitlines() if str(self.region) in line and " r--s " in line])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(verbosity=2)
