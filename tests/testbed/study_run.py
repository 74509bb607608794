# SPDX-License-Identifier: GPL-2.0-or-later
"""One point of the study, in a machine of its own.

Dom0 and the web server share the first pCPU, as in the original. Who asks for pages has a domain and the second pCPU
for itself: that keeps it out of the measured CPU and in the same virtual time. httperf polls and never sleeps, so both
pCPUs are busy all the time that is measured, and the measured one has half of all instructions whatever the load is.
Requests come to Dom0 from a vif as the original's came from a network card, and Dom0 routes them to the web server's.
"""
import re

from daemon import await_samples, region_reader, xenbaked
from guest import Guest
from logs import read_logs
from machine import Boot

MEASURED_PCPU = 0
SECONDS = 10  # of requests
SETTLED = 2  # from when on figures count, in seconds after the first request
ENDING = 1  # until when, before the last
WARM_UP = 20  # requests, so that every process of the server has its memory
LINES = 10 * (SECONDS - SETTLED - ENDING)  # of the log, for a domain that is never quiet
TIMEOUT = 5  # for an answer, in seconds
APACHE = ("/usr/sbin/apache2", "/usr/lib/apache2/modules/mod_mpm_prefork.so",
          "/usr/lib/apache2/modules/mod_authz_core.so")
COUNTERS = (*region_reader.TIMES, "executions", "continues", "io_map", "io_unmap", "io_transfer", "io_copy",
            "io_copy_bytes")
SPREADS = ("wake_wait", "preempt_wait", "run")


def boot_for(configuration):
    return Boot(scheduler=configuration.scheduler, pcpus=2, dom0_vcpus=1, xen="dom0_vcpus_pin", deterministic=True,
                turn_us=20, patched=True)


def run_point(dom0, point, record=False):
    """What came of it, as JSON has it; the files that it was made from are beside the console's log. record: the trace
    is there, too, which costs the measured pCPU a little."""
    web = Guest(dom0, "web", "apache", memory=160, files=APACHE, config=f'cpus="{MEASURED_PCPU}"')
    client = Guest(dom0, "client", "shell", memory=192, files=("/usr/bin/httperf",), config='cpus="1"')
    dom0.run("echo 1 >/proc/sys/net/ipv4/ip_forward")
    dom0.run(point.configuration.command(web.domid))
    with xenbaked(dom0, *(["--record /tmp/recording"] if record else [])):
        client.run(httperf(web, 10, WARM_UP))
        log = dom0.start("xenmon -n -t 0 -i 100 -p /tmp/log")
        await_samples(dom0, 5)  # so that there are lines
        # All of it without a word to the outside, which takes no virtual time and would let some pass.
        text = dom0.run(f"{snapshot('before')}; {client.request(httperf(web, point.rate, point.rate * SECONDS))}; "
                        f"{snapshot('after')}").out
        log.stop("SIGINT")
    if record:
        for suffix in ("", ".json"):
            dom0.fetch(f"/tmp/recording{suffix}", f"recording.xentrace{suffix}")
    answer = client.answer(text)
    assert answer.status == 0, answer
    (dom0.directory / "httperf.txt").write_text(answer.out, encoding="ascii")
    before, after = (Snapshot(dom0, name, web) for name in ("before", "after"))
    return {"rate": point.rate, "scheduler": point.configuration.scheduler, "httperf": figures_of_httperf(answer.out),
            "means": means(dom0, web, before.logged_s), **differences(before, after)}


def httperf(web, rate, count):
    return (f"httperf --server {web.address} --uri /index.html --rate {rate} --num-conns {count} "
            f"--timeout {TIMEOUT}")


def snapshot(name):
    """Counters as they are, and how far the log has come."""
    return (f"cp /run/xenmon/region /tmp/{name}.region; tail -n 1 /tmp/log-idle.log >/tmp/{name}.line; "
            f"grep . /sys/class/net/vif*/statistics/[rt]x_[bp]* >/tmp/{name}.net")


class Snapshot:
    """What was known at one moment."""

    def __init__(self, dom0, name, web):
        self.region = region_reader.Region(str(dom0.fetch(f"/tmp/{name}.region")))
        self.end_s = self.region.sample(self.region.word("newest_sample"))["end_ns"] / 1e9
        self.logged_s = float(dom0.read(f"/tmp/{name}.line").split()[0]) / 1e3
        text = dom0.fetch(f"/tmp/{name}.net").read_text(encoding="ascii")
        found = re.findall(rf"vif{web.domid}\.0/statistics/(\w+):(\d+)", text)
        self.vif = {name: int(value) for name, value in found}
        self.domains = {domain["name"]: (slot, domain) for slot, domain in self.region.domains().items()
                        if domain["name"] in ("Domain-0", "web")}

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
            "connections": figure(r"connections (\d+) requests"), "errors": figure(r"Errors: total (\d+)"),
            "response_ms": figure(r"Reply time \[ms\]: response ([\d.]+)"),
            "connection_ms": figure(r"Connection time \[ms\]: min [\d.]+ avg ([\d.]+)"),
            "reply_bytes": figure(r"\(total ([\d.]+)\)")}


# Columns of a log's lines; rates are per second.
PASSED, CPU, GOTTEN, BLOCKED, WAITED, EXECUTIONS, IO = 0, 1, 3, 7, 10, 13, 14


def means(dom0, web, begin_s):
    """Of the lines of the measured pCPU while the load was on it, by domain: times as parts of the pCPU's."""
    result = {}
    logs = read_logs(dom0, "/tmp/log")
    for name, file in {"dom0": "dom0", "web": f"dom{web.domid}", "idle": "idle"}.items():
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
              "vif": {name: after.vif[name] - before.vif[name] for name in before.vif}}
    for name in ("Domain-0", "web"):
        (_, first), (_, last) = before.domains[name], after.domains[name]
        result[name] = {key: last[key] - first[key] for key in COUNTERS}
        counts = {spread: [b - a for a, b in zip(before.counts(name)[spread], after.counts(name)[spread])]
                  for spread in SPREADS}
        result[name]["spreads"] = {spread: {bucket: count for bucket, count in enumerate(values) if count}
                                   for spread, values in counts.items()}
    return result
