# SPDX-License-Identifier: GPL-2.0-or-later
"""A xenmon-exporter for a test, and its answers."""
import gzip
import http.client
import re
import socket
import subprocess

from harness import BIN, PATIENCE, wait_for

EXPORTER = str(BIN / "xenmon-exporter")

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain;version=0.0.4"

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def samples(text):
    """{(name, ((label, value), ...)): number}; the labels are sorted. Fails on a line that is none, and on one that
    comes twice."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        if match is None:
            raise AssertionError(f"no sample: {line!r}")
        labels = tuple(sorted((name, re.sub(r"\\[\\n\"]", lambda m: UNESCAPED[m[0]], value))
                              for name, value in LABEL.findall(match[2] or "")))
        key = (match[1], labels)
        if key in found:
            raise AssertionError(f"twice: {line!r}")
        found[key] = float(match[3])
    return found


def of_name(all_samples, name):
    """{labels as a dict's items: number} of one name."""
    return {labels: number for (key, labels), number in all_samples.items() if key == name}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Exporter:
    """On a port of its own and on a Unix socket beside the region; ends with the test."""

    def __init__(self, test, region, *options):
        self.socket = f"{region}.sock"
        self.process = subprocess.Popen(
            [EXPORTER, "--region", str(region), "--listen", "127.0.0.1:0", "--listen", f"unix:{self.socket}", *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        test.addCleanup(self.close)
        first = self.process.stderr.readline()
        self.port = int(re.fullmatch(r"xenmon-exporter: listening on 127\.0\.0\.1:(\d+)\n", first)[1])
        self.said = [first, self.process.stderr.readline()]

    def get(self, accept=TEXT, path="/metrics", compressed=False, method="GET", connection=None):
        """Status, headers, body as it was sent."""
        own = connection is None
        connection = connection or UnixConnection(self.socket)
        try:
            connection.request(method, path, headers={"Accept": accept,
                                                      "Accept-Encoding": "gzip" if compressed else "identity"})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            if own:
                connection.close()

    def samples(self, accept=TEXT):
        status, headers, body = self.get(accept)
        if status != 200:
            raise AssertionError(f"{status}: {headers} {body!r}")
        return samples(body.decode())

    def fresh_samples(self, condition, what):
        """The first samples for which the condition holds."""
        return wait_for(lambda: (lambda s: s if condition(s) else None)(self.samples()), what)

    def cpu_ns(self):
        """CPU time that it has used."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as stat:
            return int(stat.read().split()[0])

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.process.stderr.close()


def unpacked(headers, body):
    return gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
