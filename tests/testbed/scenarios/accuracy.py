# SPDX-License-Identifier: GPL-2.0-or-later
"""XenMon's figures against the hypervisor's own accounting, against xenalyze, and live against its own recording.

In virtual time: an emulated machine whose CPUs the host stops now and then has pCPUs whose clocks disagree by
some 100 us, and Xen drops what runs backwards between them, up to 5 % of the running time on a busy host.
"""
import json

from curve import Curve, curves_of_region
from daemon import region, xenbaked
from guest import Guest, load
from machine import Boot
from recording import Recording

BOOTS = [Boot(scheduler="credit", pcpus=1, deterministic=True), Boot(scheduler="credit2", pcpus=2, deterministic=True)]
REQUESTS = 1500
TOLERANCE = 0.002  # of elapsed
SAMPLE_MS = 5
# What Xen shows of its accounting, read so often; between two readings it is taken as straight.
READ_EVERY_MS = 20


def run(dom0):
    web = Guest(dom0, "web", "web", vcpus=1)
    accounting = dom0.start(f"vcpu_times --every {READ_EVERY_MS}")
    with xenbaked(dom0, "--record /tmp/accuracy.xentrace"):
        guest_before = web.own_times()
        load(web, REQUESTS)
        guest_after = web.own_times()
        load(web, 5)  # so that the trace goes on beyond that reading
    live = region(dom0)
    lines = accounting.stop().out.splitlines()
    (dom0.directory / "readings.json").write_text("[" + ",\n".join(lines) + "]", encoding="ascii")
    readings = [json.loads(line) for line in lines]
    recording = Recording(dom0, "/tmp/accuracy.xentrace")

    check_live_equals_recording(live, recording)
    print(recording.compare_with_xenalyze())

    ns = 1e6 / live.header["cpu_khz"]
    base = min(tsc for _, _, tsc, _ in recording.records()) * ns
    ours = curves_of_region(recording.samples(SAMPLE_MS), base)
    check_running(ours, xen_curves(readings, ns))
    check_own_states(ours, web.domid, guest_before, guest_after, system_time_offset(readings, ns))


def check_live_equals_recording(live, recording):
    """Every vCPU's totals are the same to the nanosecond: the recording holds all that the daemon saw."""
    names = {"gotten_ns": "running_ns", "waited_wake_ns": "waited_wake_ns", "waited_preempt_ns": "waited_preempt_ns",
             "blocked_ns": "blocked_ns", "offline_ns": "offline_ns", "unknown_ns": "unknown_ns",
             "executions": "executions"}
    assert live.state() == "ended" and live.counters()["lost_records"] == 0, live.counters()
    domains = live.domains()
    seen = {(domains[vcpu["domain_slot"]]["domid"], vcpu["vcpu_id"]): vcpu for vcpu in live.vcpus().values()}
    totals = {(domain["domid"], vcpu["vcpu"]): vcpu
              for domain in recording.totals()["domains"] for vcpu in domain["vcpus"]}
    assert set(seen) == set(totals), (seen.keys(), totals.keys())
    for who, total in totals.items():
        for name, column in names.items():
            assert seen[who][column] == total[name], (who, name, seen[who], total)


def xen_curves(readings, ns):
    """{(domid, vCPU, "running"): Curve} of xc_vcpu_getinfo's times."""
    curves = {}
    for reading in readings:
        for vcpu in reading["vcpus"]:
            curve = curves.setdefault((vcpu["domain"], vcpu["vcpu"], "running"), Curve())
            curve.add(reading["tsc"] * ns, vcpu["cpu_ns"])
    return curves


def check_running(ours, xen):
    """Gotten time, from a second after the trace's beginning until a second before its end."""
    second = 1e9
    for key, theirs in xen.items():
        curve = ours[key]
        begin = max(curve.times[0], theirs.times[0]) + second
        end = min(curve.times[-1], theirs.times[-1]) - second
        assert end - begin > 3 * second, "the trace is too short"
        compare(key, curve.between(begin, end), theirs.between(begin, end), end - begin)


def system_time_offset(readings, ns):
    """TSC time less Xen's system time. Each reading's system time is a little early: the least early one counts."""
    return min(reading["tsc"] * ns - reading["now_ns"] for reading in readings)


def check_own_states(ours, domid, before, after, offset):
    """The web server's vCPU by its own runstates, between two moments of its own."""
    begin, end = before["now_ns"] + offset, after["now_ns"] + offset
    for state in ("running", "runnable", "blocked", "offline"):
        key = (domid, 0, state)
        own = after["own"][0][f"{state}_ns"] - before["own"][0][f"{state}_ns"]
        compare(key, ours[key].between(begin, end) if key in ours else 0, own, end - begin)


def compare(key, ours, theirs, elapsed):
    apart = abs(ours - theirs) / elapsed
    print(f"domain {key[0]} vCPU {key[1]} {key[2]}: {ours / 1e9:.4f} s, Xen {theirs / 1e9:.4f} s, "
          f"{100 * apart:.3f} % of elapsed apart", flush=True)
    assert apart <= TOLERANCE, f"{key}: {ours} ns, Xen says {theirs} ns, of {elapsed} ns"
