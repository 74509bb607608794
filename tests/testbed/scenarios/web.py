# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server under load, seen live: what the region and xenmon's log files say of it is whole and agrees.

In virtual time: where the host stops an emulated CPU between the two records of a switch, nobody is said to run.
"""
from daemon import await_samples, facts, xenbaked
from guest import Guest, load
from logs import fetch_logs
from machine import Boot

# The last one is what --interactive shows.
BOOTS = [Boot(scheduler="credit2", pcpus=1, guests="pvh", deterministic=True),
         *(Boot(scheduler=scheduler, pcpus=pcpus, deterministic=True)
           for scheduler in ("credit", "credit2") for pcpus in (1, 2))]
REQUESTS = 700
IDLE = 32767


def run(dom0):
    web = Guest(dom0, "web", "web")
    with xenbaked(dom0, "--history 600"):
        xenmon = dom0.start("xenmon -n -t 0 -p /tmp/log")
        load(web, REQUESTS)
        await_samples(dom0, 20)  # two seconds more of the log, however fast the load went
        ended = xenmon.stop("SIGINT")
        seen = facts(dom0, samples=1000)
    assert ended.status == 0 and not ended.err, ended
    check_region(seen, dom0.boot, web)
    check_logs(fetch_logs(dom0, "/tmp/log"), dom0.boot, web)


def check_region(seen, boot, web):
    header, counters = seen["header"], seen["counters"]
    assert seen["source"] == "live" and seen["alive"] and seen["state"] == "running", seen
    assert header["scheduler"] == boot.scheduler and header["xen_version"].startswith("4."), header
    for name in ("lost_records", "bad_records", "late_records", "state_conflicts", "conservation_violations"):
        assert counters[name] == 0, (name, counters)

    domains = {domain["domid"]: domain for domain in seen["domains"].values()}
    assert set(domains) - {IDLE} == {0, web.domid}, domains  # under such load the idle domain may never run
    assert domains[0]["name"] == "Domain-0" and domains[web.domid]["name"] == "web", domains
    assert all(sample["conserved"] for sample in seen["samples"])

    times = ("running_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns", "unknown_ns")
    end_ns = sum(domains[0][name] for name in times) // domains[0]["vcpus"]  # a vCPU's times are the whole
    served = domains[web.domid]
    assert served["vcpus"] == 1
    assert served["executions"] > 0
    assert served["io_map"] >= REQUESTS, "each answer leaves the domain in pages that Dom0 maps"
    assert 0.01 * end_ns < served["running_ns"] < end_ns, served
    assert served["waited_wake_ns"] + served["waited_preempt_ns"] > 0 or boot.pcpus > 1, served
    # Every pCPU runs some vCPU at any time, an idle one if there is no other. Unknown is the time before
    # each one's first record; and a switch has two records, between whose stamps nobody is said to run.
    running = sum(domain["running_ns"] for domain in domains.values())
    unknown = sum(domain["unknown_ns"] for domain in domains.values())
    assert running <= boot.pcpus * end_ns <= 1.003 * running + unknown, (running, unknown, end_ns)


def check_logs(logs, boot, web):
    assert set(logs) - {"idle"} == {"dom0", f"dom{web.domid}"}, logs.keys()
    # Column 3 of a line is the percentage gotten, on the pCPU in column 1, in the second that ends at column 0.
    share = {}
    for lines in logs.values():
        for line in lines:
            share.setdefault((line[0], line[1]), []).append(line[4])
    whole = sorted(share)[boot.pcpus:]  # the first second knows not yet who runs everywhere
    assert whole, "the load took longer than a second"
    for key in whole:
        assert abs(sum(share[key]) - 100) < 0.3, (key, share[key])  # see check_region
    assert any(line[4] > 1 for line in logs[f"dom{web.domid}"]), "the web server ran"
