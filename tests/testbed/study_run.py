# SPDX-License-Identifier: GPL-2.0-or-later
"""One point of the study in a machine of its own: what inside/study_point.py left there, and the figures of it."""
import re

import region_reader
from dom0 import Failed
from guest import Guest
from logs import read_logs
from machine import Boot, Machine
from study_points import MEASURED_PCPU, SECONDS

LEFT = "/tmp/point"
SETTLED = 2  # from when on figures count, in seconds after the first request
ENDING = 1  # until when, before the last
LINES = 10 * (SECONDS - SETTLED - ENDING)  # of the log, for a domain that is never quiet
COUNTERS = (*region_reader.TIMES, "executions", "continues", "io_map", "io_unmap", "io_transfer", "io_copy",
            "io_copy_bytes")
WEB = 1
DOMAINS = ("Domain-0", "web", "client")
VIFS = {WEB: "web", 2: "client"}
SPREADS = ("wake_wait", "preempt_wait", "run")


def boot_for(point, record=False, shift=0):
    words = ("study_point.py", str(point), *(["record"] if record else []), *([f"shift-{shift}"] if shift else []))
    return Boot(scheduler=point.configuration.scheduler, pcpus=2, dom0_vcpus=1,
                xen=f"dom0_vcpus_pin {point.configuration.xen}".strip(), deterministic=True, turn_us=20, patched=True,
                script=words)


def run_point(point, images, directory, logs, host_cpu=None, record=False, shift=0):
    """What came of it, as JSON has it. Logs go to logs, the rest to directory. record: the trace is there, too. shift:
    0, or the number of another run, whose machine differs by a word on its kernel's command line."""
    with Machine(boot_for(point, record, shift), images, directory, host_cpu) as dom0:
        names = dom0.run(f"ls {LEFT}").out.split()
        if "failed" in names:
            raise Failed(dom0.read(f"{LEFT}/failed").decode())
        for name in names:
            target = logs if name.endswith(".log") else directory
            target.mkdir(parents=True, exist_ok=True)
            dom0.fetch(f"{LEFT}/{name}", target / name)
    answer = Guest.answer((directory / "answer").read_text(encoding="ascii"))
    if answer.status != 0:
        raise Failed(f"httperf ended with {answer.status}: {answer.err or answer.out}")
    (directory / "httperf.txt").write_text(answer.out, encoding="ascii")
    before, after = (Snapshot(directory, name) for name in ("before", "after"))
    return {"rate": point.rate, "scheduler": point.configuration.scheduler, "httperf": figures_of_httperf(answer.out),
            "means": means(logs, before.logged_s), **differences(before, after)}


class Snapshot:
    """What was known at one moment."""

    def __init__(self, directory, name):
        self.region = region_reader.Region(str(directory / f"{name}.region"))
        self.end_s = self.region.sample(self.region.word("newest_sample"))["end_ns"] / 1e9
        self.logged_s = float((directory / f"{name}.line").read_text(encoding="ascii").split()[0]) / 1e3
        text = (directory / f"{name}.net").read_text(encoding="ascii")
        self.vifs = {domain: {counter: int(value) for counter, value in
                              re.findall(rf"vif{domid}\.0/statistics/(\w+):(\d+)", text)}
                     for domid, domain in VIFS.items()}
        self.domains = {domain["name"]: (slot, domain) for slot, domain in self.region.domains().items()
                        if domain["name"] in DOMAINS}

    def counts(self, name):
        """{spread: counts by bucket} of all a domain's vCPUs."""
        slot = self.domains[name][0]
        histograms = [self.region.histograms(at) for at, vcpu in self.region.vcpus().items()
                      if vcpu["domain_slot"] == slot]
        return {spread: [sum(column) for column in zip(*(one[spread] for one in histograms))] for spread in SPREADS}


def figures_of_httperf(text):
    def figure(pattern):
        found = re.search(pattern, text)
        assert found, text
        return float(found[1])
    return {"replies": figure(r"replies (\d+) test-duration"), "duration_s": figure(r"test-duration ([\d.]+) s"),
            "connections": figure(r"connections (\d+) requests"), "requests": figure(r"requests (\d+) replies"),
            "errors": figure(r"Errors: total (\d+)"),
            "response_ms": figure(r"Reply time \[ms\]: response ([\d.]+)"),
            "connection_ms": figure(r"Connection time \[ms\]: min [\d.]+ avg ([\d.]+)"),
            "request_bytes": figure(r"Request size \[B\]: ([\d.]+)"), "reply_bytes": figure(r"\(total ([\d.]+)\)")}


# Columns of a log's lines; rates are per second.
PASSED, CPU, GOTTEN, BLOCKED, WAITED, EXECUTIONS, IO = 0, 1, 3, 7, 10, 13, 14


def means(directory, begin_s):
    """Of the lines of the measured pCPU while the load was on it, by domain: times as parts of the pCPU's."""
    result = {}
    logs = read_logs(directory)
    for name, file in {"dom0": "dom0", "web": f"dom{WEB}", "idle": "idle"}.items():
        lines = [line for line in logs[file] if line[CPU] == MEASURED_PCPU
                 and begin_s + SETTLED < line[PASSED] / 1e3 <= begin_s + SECONDS - ENDING]
        assert lines, (name, begin_s, logs[file][-1])

        def mean(column, scale=1, of=lines):
            return sum(line[column] for line in of) / scale / LINES
        result[name] = {"gotten": mean(GOTTEN, 1e9), "blocked": mean(BLOCKED, 1e9), "waited": mean(WAITED, 1e9),
                        "executions": mean(EXECUTIONS), "io": mean(IO)}
    return result


def differences(before, after):
    """What all of it added up to, warm-up left out."""
    result = {"elapsed_s": after.end_s - before.end_s,
              "vifs": {domain: {name: counts[name] - before.vifs[domain][name] for name in counts}
                       for domain, counts in after.vifs.items()}}
    for name in DOMAINS:
        (_, first), (_, last) = before.domains[name], after.domains[name]
        result[name] = {key: last[key] - first[key] for key in COUNTERS}
        counts = {spread: [b - a for a, b in zip(before.counts(name)[spread], after.counts(name)[spread])]
                  for spread in SPREADS}
        result[name]["spreads"] = {spread: {bucket: count for bucket, count in enumerate(values) if count}
                                   for spread, values in counts.items()}
    return result
