# SPDX-License-Identifier: GPL-2.0-or-later
"""A Prometheus for a test, on a loopback port of its own, with the rules and consoles that the exporter comes with."""
import http.client
import json
import shutil
import socket
import subprocess
import urllib.parse

from harness import PATIENCE, ROOT, wait_for

PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
SHIPPED = ROOT / "xenmon/export"
RULES = sorted((SHIPPED / "rules").glob("*.yml"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """Scrapes the exporter at that port each second; ends with the test."""

    def __init__(self, test, target, native):
        self.port = free_port()
        configuration = test.directory / "prometheus.yml"
        configuration.write_text(json.dumps({  # JSON is YAML
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in RULES],
            "scrape_configs": [{"job_name": "xenmon",
                                "static_configs": [{"targets": [f"127.0.0.1:{target}"],
                                                    "labels": {"instance": "host"}}]}]}), encoding="utf-8")
        command = [PROMETHEUS, f"--config.file={configuration}", f"--storage.tsdb.path={test.directory / 'data'}",
                   f"--web.listen-address=127.0.0.1:{self.port}", f"--web.console.templates={SHIPPED / 'consoles'}",
                   f"--web.console.libraries={SHIPPED / 'consoles'}", "--log.level=warn"]
        if native:
            command.append("--enable-feature=native-histograms")
        self.log = open(test.directory / "prometheus.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        test.addCleanup(self.close)

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def query(self, expression):
        """[(labels, number)]"""
        try:
            status, body = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        except ConnectionError:
            return []  # not there yet
        if status != 200:
            if status == 503:
                return []
            raise AssertionError(f"{expression}: {body}")
        return [(sample["metric"], float(sample["value"][1]) if "value" in sample else sample["histogram"][1])
                for sample in json.loads(body)["data"]["result"]]

    def wait_for(self, expression, patience=PATIENCE):
        return wait_for(lambda: self.query(expression), lambda: f"data for {expression}; {self.said()}", patience)

    def said(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.log.close()
