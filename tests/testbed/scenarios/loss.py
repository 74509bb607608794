# SPDX-License-Identifier: GPL-2.0-or-later
"""Buffers that are too small, and a consumer that is stopped for a while: what Xen says it lost is what is shown."""
import re

from daemon import region, xenbaked
from dom0_terminal import Dom0Terminal
from guest import Guest, load
from machine import Boot
from recording import LOST_RECORDS, Recording

# One page for each pCPU, made as Xen starts.
BOOTS = [Boot(scheduler="credit2", pcpus=2, xen="tbuf_size=1")]
REQUESTS = 60


def run(dom0):
    web = Guest(dom0, "web", "web")
    with xenbaked(dom0, "--record /tmp/loss.xentrace --history 600") as daemon:
        screen = Dom0Terminal(dom0, 100, 24)
        screen.type("xenmon")
        screen.wait_for_line("web")
        log = dom0.start("xenmon -n -t 0 -p /tmp/log")
        while "0" in dom0.run("cat /tmp/log-dom0.log 2>/dev/null | wc -l").out.split():
            pass  # one that came later would find a daemon that does not answer, and start its own
        daemon.signal("SIGSTOP")
        load(web, REQUESTS)
        daemon.signal("SIGCONT")
        # The hypervisor reports the loss with the next record that it has room for.
        load(web, REQUESTS)
        screen.wait_for(lambda lines: re.search(r"\d+ records? lost", "\n".join(lines)), "the loss on the screen")
        screen.keys("q")
        ended = log.stop("SIGINT")
    assert ended.status == 0, ended
    seen = region(dom0)
    lost = check_counts(seen, Recording(dom0, "/tmp/loss.xentrace"))
    check_what_is_known(seen)
    check_logs(dom0, lost)


def check_counts(seen, recording):
    """The sum, in all and by pCPU, of what the hypervisor's own records of loss say."""
    lost = {}
    for pcpu, event, _, words in recording.records():
        if event == LOST_RECORDS:
            lost[pcpu] = lost.get(pcpu, 0) + words[0]
    total = sum(lost.values())
    assert total > 0, "the buffers were large enough after all"
    counters = seen.counters()
    assert counters["lost_records"] == total, (counters, lost)
    assert {pcpu: record["lost_records"] for pcpu, record in seen.pcpus().items()} == \
        {pcpu: lost.get(pcpu, 0) for pcpu in seen.pcpus()}, lost
    assert counters["bad_records"] == counters["conservation_violations"] == 0, counters
    assert recording.totals()["lost_records"] == total
    return total


def check_what_is_known(seen):
    """What happened while records were lost is attributed to nobody."""
    samples = [seen.sample(number) for number in seen.samples()]
    assert sum(sample["lost_records"] for sample in samples) == seen.counters()["lost_records"]
    assert any(domain["unknown_ns"] > 0 for domain in seen.domains().values())


def check_logs(dom0, lost):
    text = dom0.run("cat /tmp/log-dom0.log").out
    said = sum(int(count) for count in re.findall(r"# .*?(\d+) trace records? lost", text))
    assert 0 < said <= lost, (said, lost, text)
