#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon-exporter over HTTP: formats, sockets, files, and what many, slow and mad clients can do to it."""
import os
import random
import socket
import subprocess
import threading
import unittest

from exporter import (EXPORTER, OPEN_METRICS, PROTOBUF, TEXT, Exporter, UnixConnection, of_name, samples, unpacked)
from harness import PATIENCE, SANITIZED, SystemTest, alive, run, wait_for

COUNTER_ENDS = ("_total", "_bucket", "_count", "_sum")
MOST_MEMORY = 200 << 20


class ExporterTest(SystemTest):
    def exporter(self, *options):
        """Of a recording that goes round."""
        self.daemon("--loop", "--speed", "4")
        exporter = Exporter(self, self.region, *options)
        exporter.fresh_samples(lambda s: of_name(s, "xenmon_domain_info"), "the first domain")
        return exporter

    def played(self):
        """Of a recording that is over."""
        self.daemon("--speed", "max").wait()
        return Exporter(self, self.region)

    def test_speaks_the_format_that_is_asked_for(self):
        exporter = self.exporter()
        for accept, content in ((PROTOBUF, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                                           "encoding=delimited"),
                                (OPEN_METRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
                                (TEXT, "text/plain; version=0.0.4; charset=utf-8")):
            status, headers, body = exporter.get(accept)
            self.assertEqual((status, headers["Content-Type"]), (200, content))
            self.assertEqual(int(headers["Content-Length"]), len(body))
            status, headers, compressed = exporter.get(accept, compressed=True)
            self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
            self.assertLess(len(compressed), len(unpacked(headers, compressed)))
        self.assertTrue(exporter.get(OPEN_METRICS)[2].endswith(b"\n# EOF\n"))

    def test_the_two_texts_have_the_same_samples(self):
        exporter = self.played()
        changing = ("process_", "xenmon_data_age", "xenmon_daemon_cpu")
        texts = [{key: value for key, value in exporter.samples(accept).items() if not key[0].startswith(changing)}
                 for accept in (TEXT, OPEN_METRICS)]
        self.assertEqual(*texts)
        self.assertGreater(len(texts[0]), 100)

    def test_other_requests(self):
        exporter = self.exporter()
        status, _, page = exporter.get(path="/")
        self.assertEqual(status, 200)
        self.assertIn(b'href="/metrics"', page)
        self.assertEqual(exporter.get(path="/metric")[0], 404)
        self.assertEqual(exporter.get(path="/metrics?x=y")[0], 200)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, headers, _ = exporter.get(method=method)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        status, headers, body = exporter.get(method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 1000)

    def test_vcpus_on_request(self):
        exporter = self.exporter("--vcpus")
        with_vcpus = exporter.samples()
        exporter.close()
        times = of_name(with_vcpus, "xenmon_vcpu_seconds_total")
        self.assertIn(("vcpu", "0"), next(iter(times)))
        self.assertTrue(of_name(with_vcpus, "xenmon_vcpu_executions_total"))
        without = Exporter(self, self.region).samples()
        self.assertFalse([name for name, _ in without if name.startswith("xenmon_vcpu_")])

    def test_counters_only_grow(self):
        exporter = self.exporter()
        before = exporter.samples()
        for _ in range(10):
            last = before["xenmon_trace_seconds_total", ()]
            after = exporter.fresh_samples(lambda s, last=last: s["xenmon_trace_seconds_total", ()] > last, "a sample")
            for key, value in after.items():
                if key[0].endswith(COUNTER_ENDS) and key in before:
                    self.assertGreaterEqual(value, before[key], key)
            before = after

    def test_states_add_up(self):
        found = self.played().samples()
        length = found["xenmon_trace_seconds_total", ()]
        vcpus = {labels: count for labels, count in of_name(found, "xenmon_domain_vcpus").items()}
        for labels, count in vcpus.items():
            total = sum(value for key, value in of_name(found, "xenmon_domain_vcpu_seconds_total").items()
                        if set(labels) <= set(key))
            whole = sum(value for key, value in of_name(found, "xenmon_domain_runstate_seconds_total").items()
                        if set(labels) <= set(key))
            # What is not known of the domain has no series: not more than what is not known of its vCPUs, and what
            # was doubted with it.
            self.assertLessEqual(whole, total / count + 1e-6, labels)
            self.assertGreater(whole, 0.9 * total / count, labels)
            # A domain's counters start with it.
            self.assertLessEqual(total, length * count + 1e-6, labels)
            if dict(labels)["domid"] == "0":
                self.assertAlmostEqual(total, length * count, places=6)
        for pcpu in ("0", "1"):
            self.assertAlmostEqual(sum(value for key, value in of_name(found, "xenmon_pcpu_seconds_total").items()
                                       if ("pcpu", pcpu) in key), length, places=6)

    def test_without_a_region_it_answers(self):
        exporter = Exporter(self, self.region)
        found = exporter.samples()
        self.assertEqual(found["xenmon_data_current", ()], 0)
        self.daemon("--loop", "--speed", "1")
        exporter.fresh_samples(lambda s: s["xenmon_data_current", ()] == 1 and of_name(s, "xenmon_domain_info"),
                               "the region to be found")

    def test_systemd_hands_over_sockets(self):
        self.daemon("--loop", "--speed", "1")
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            port = listening.getsockname()[1]
            # Descriptor 3 and the process's own id, as systemd does it.
            process = subprocess.Popen(
                ["sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --region "$1" 3<&{listening.fileno()}', EXPORTER,
                 str(self.region)], pass_fds=[listening.fileno()], stderr=subprocess.PIPE, text=True)
            try:
                self.assertEqual(process.stderr.readline(), f"xenmon-exporter: listening on 127.0.0.1:{port}\n")
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                    client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                    self.assertIn(b"200 OK", client.recv(100))
            finally:
                process.terminate()
                process.wait(PATIENCE)
                process.stderr.close()

    def test_writes_a_file(self):
        daemon = self.daemon("--speed", "max")
        daemon.wait()
        path = self.directory / "xenmon.prom"
        done = run(EXPORTER, "--region", self.region, "--textfile", path)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(samples(path.read_text(encoding="utf-8"))["xenmon_data_current", ()], 1)
        self.assertEqual(path.stat().st_mode & 0o777, 0o644)
        process = subprocess.Popen([EXPORTER, "--region", self.region, "--textfile", path, "--every", "1"])
        try:
            first = path.stat().st_ino
            wait_for(lambda: path.stat().st_ino != first, "the first file")
            second = path.stat().st_ino
            wait_for(lambda: path.stat().st_ino != second, "the second file")
        finally:
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
        done = run(EXPORTER, "--region", self.region, "--textfile", self.directory / "missing/x.prom")
        self.assertEqual(done.returncode, 1)
        self.check_one_sentence(done.stderr, "xenmon-exporter")

    def test_its_socket_is_removed_with_it(self):
        exporter = self.exporter()
        self.assertTrue(os.path.exists(exporter.socket))
        exporter.close()
        self.assertEqual(exporter.process.returncode, 0)
        self.assertFalse(os.path.exists(exporter.socket))

    # ---- too many, too slow, mad

    def memory(self, exporter):
        with open(f"/proc/{exporter.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))

    def test_a_hundred_scrapers_at_once(self):
        exporter = self.exporter()
        statuses = []

        def scrape():
            statuses.append(exporter.get(OPEN_METRICS, compressed=True)[0])

        threads = [threading.Thread(target=scrape) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 100)
        if not SANITIZED:
            self.assertLess(self.memory(exporter), MOST_MEMORY)

    def test_readers_that_do_not_read_keep_nobody_waiting(self):
        exporter = self.exporter()
        stuck = []
        self.addCleanup(lambda: [each.close() for each in stuck])
        for _ in range(100):
            client = socket.create_connection(("127.0.0.1", exporter.port), PATIENCE)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            stuck.append(client)
        with socket.create_connection(("127.0.0.1", exporter.port), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertIn(b"200 OK", client.recv(100))
        self.assertEqual(exporter.get()[0], 200)
        if not SANITIZED:
            self.assertLess(self.memory(exporter), MOST_MEMORY)

    def test_garbage(self):
        exporter = self.exporter()
        chance = random.Random(1)
        shapes = [b"\x00" * 100_000, b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
                  b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 50_000 + b"\r\n", b"\r\n" * 50_000, b"GET",
                  b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                  b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000,
                  b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
                  b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + b"a/b;q=" * 2_000 + b"\r\n\r\n"]
        shapes += [chance.randbytes(chance.randrange(1, 5_000)) for _ in range(50)]
        for shape in shapes:
            with socket.create_connection(("127.0.0.1", exporter.port), PATIENCE) as client:
                try:
                    client.sendall(shape)
                    client.settimeout(0.5)
                    client.recv(1 << 16)
                except OSError:
                    pass  # it has hung up on us, or waits for the rest
        self.assertTrue(alive(exporter.process.pid))
        self.assertEqual(exporter.get()[0], 200)
        if not SANITIZED:
            self.assertLess(self.memory(exporter), MOST_MEMORY)

    def test_one_connection_for_many_scrapes(self):
        exporter = self.exporter()
        connection = UnixConnection(exporter.socket)
        self.addCleanup(connection.close)
        for _ in range(20):
            self.assertEqual(exporter.get(connection=connection)[0], 200)


class OptionsTest(SystemTest):
    def test_a_wrong_option_is_one_sentence(self):
        for words in (["--listen", "nowhere"], ["--every", "5"], ["--nothing"]):
            done = run(EXPORTER, *words)
            self.assertEqual(done.returncode, 2, words)
            self.check_one_sentence(done.stderr, "xenmon-exporter")

    def test_help_and_version(self):
        for words in (["--help"], ["--version"]):
            done = run(EXPORTER, *words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("xenmon-exporter", done.stdout)


if __name__ == "__main__":
    unittest.main()
