# SPDX-License-Identifier: GPL-2.0-or-later
"""XenMon's figures against the hypervisor's own accounting, against xenalyze, and live against its own recording.

In virtual time: an emulated machine whose CPUs the host stops now and then has pCPUs whose clocks disagree by
some 100 us, and Xen drops what runs backwards between them, up to 5 % of the running time on a busy host.

What a vCPU was in by its own runstates is compared after the time that Xen takes to decide has been taken off, see
late_records.py: its records, which are all that XenMon has, come after its decision, its account begins before.
"""
import bisect
import json

from curve import Curve, curves_of_region
from daemon import region, xenbaked
from guest import Guest, load
from late_records import STATES, changes_of, lateness
from machine import Boot
from recording import Recording

BOOTS = [Boot(scheduler="credit", pcpus=1, deterministic=True), Boot(scheduler="credit2", pcpus=2, deterministic=True)]
MORE = [Boot(scheduler="credit2", pcpus=2, guests="pvh", turn_us=100, deterministic=True),
        Boot(scheduler="credit2", pcpus=2, xen="sched-gran=socket", deterministic=True),
        Boot(scheduler="rtds", pcpus=2, hypervisor=("CONFIG_UNSUPPORTED=y", "CONFIG_SCHED_RTDS=y"), deterministic=True),
        Boot(scheduler="null", pcpus=2, dom0_vcpus=1, hypervisor=("CONFIG_UNSUPPORTED=y", "CONFIG_SCHED_NULL=y"),
             deterministic=True)]
REQUESTS, PARTS = 1500, 5
TOLERANCE = 0.002  # of elapsed
TOLERANCE_OF_STATES = 0.001  # of what cannot be expected
SAMPLE_MS = 5
# Xen's own records on a patched Xen, too.
STOCK_RECORDS = 0x00129000
# What Xen shows of its accounting, read so often; between two readings it is taken as straight.
READ_EVERY_MS = 20
# public/trace.h: a vCPU, the word's lower half, of a domain, the upper half, runs now, whatever it did before.
RUNSTATE_RUNNING, RUNSTATE_BITS = 0x00021001, 0x0FFFFCFF
# From the dispatch of a vCPU until a program that slept has read its clock.
READ_WITHIN_NS = 300_000


def run(dom0):
    web = Guest(dom0, "web", "web", vcpus=vcpus_of(dom0.boot))
    tells_runstates = dom0.boot.arch == "amd64"
    accounting = dom0.start(f"vcpu_times --every {READ_EVERY_MS}")
    with xenbaked(dom0, f"--record /tmp/accuracy.xentrace --evt-mask {STOCK_RECORDS:#x}"):
        guest_before = web.own_times() if tells_runstates else None
        for _ in range(PARTS):
            load(web, REQUESTS // PARTS)
            # Of guests that need little time for a request the trace would be too short.
            dom0.run(f"sleep {0 if dom0.guests == 'pv' else 1}")
        guest_after = web.own_times() if tells_runstates else None
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
    if dom0.boot.arch == "arm64":
        readings = with_records_clock(readings, recording, ns)
    apart = check_running(ours, xen_curves(readings, ns))
    if tells_runstates:
        offset = system_time_offset(readings, ns)
        (dom0.directory / "own_times.json").write_text(json.dumps([guest_before, guest_after]), encoding="ascii")
        units = "sched-gran" in dom0.boot.xen
        changes = changes_of(recording.records(), ns, units)
        late = lateness(changes, readings, ns)
        print(late, flush=True)
        apart += check_own_states(ours, web.domid, guest_before, guest_after, offset, changes, late,
                                  TOLERANCE if units else TOLERANCE_OF_STATES)
    return {"apart_percent": round(100 * max(apart), 3)}


def vcpus_of(boot):
    """The web server's. A PVH guest whose vCPUs are more than the pCPUs waits for its own interprocessor interrupts for
    so long, in virtual time, that requests fail."""
    if boot.pcpus == 1 or boot.scheduler == "null":
        return 1
    return 2 if boot.has_svm() else 4


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
    """Gotten time, from a second after the trace's beginning until a second before its end: how far apart each is."""
    second = 1e9
    apart = []
    for key, theirs in xen.items():
        curve = ours.get(key, theirs)
        begin = max(curve.times[0], theirs.times[0]) + second
        end = min(curve.times[-1], theirs.times[-1]) - second
        assert end - begin > 3 * second, "the trace is too short"
        apart.append(compare(key, curve.between(begin, end) if key in ours else 0, theirs.between(begin, end), end - begin))
    return apart


def system_time_offset(readings, ns):
    """TSC time less Xen's system time. Each reading's system time is a little early: the least early one counts."""
    return min(reading["tsc"] * ns - reading["now_ns"] for reading in readings)


def with_records_clock(readings, recording, ns):
    """The readings of an Arm machine, where a domain's own count begins when the domain does, and that of the records
    when the machine does. The reader has slept before each reading, so a vCPU of Dom0's has just been dispatched, and
    that has left a record: the difference is the one with which the most readings find theirs."""
    dispatched = sorted(tsc for _, event, tsc, words in recording.records()
                        if event & RUNSTATE_BITS == RUNSTATE_RUNNING and words[0] >> 16 == 0)
    told = [reading["tsc"] for reading in readings[::10]]
    within = READ_WITHIN_NS / ns

    def found(difference):
        at = (bisect.bisect_right(dispatched, tsc + difference) for tsc in told)
        return sum(place > 0 and tsc + difference - dispatched[place - 1] <= within for place, tsc in zip(at, told))

    # The clock of the whole trace, and one reading's dispatch may be any of it.
    middle = told[len(told) // 2]
    difference = max((one + within / 2 - middle for one in dispatched), key=found)
    print(f"{found(difference)} of {len(told)} readings follow a dispatch", flush=True)
    return [{**reading, "tsc": reading["tsc"] + difference} for reading in readings]


def check_own_states(ours, domid, before, after, offset, changes, late, tolerance):
    """The web server's vCPUs by their own runstates, each between two moments of its own: how far apart each is, but
    for what the records are late."""
    apart = []
    for vcpu, (first, last) in enumerate(zip(before["own"], after["own"])):
        begin, end = first["now_ns"] + offset, last["now_ns"] + offset
        switches = changes[domid, vcpu].between(begin, end) if (domid, vcpu) in changes else [0] * 7
        for state in STATES:
            key = (domid, vcpu, state)
            own = last[f"{state}_ns"] - first[f"{state}_ns"]
            seen = ours[key].between(begin, end) if key in ours else 0
            apart.append(compare(key, seen, own, end - begin, late.of(switches)[state], tolerance))
    return apart


def compare(key, ours, theirs, elapsed, expected=0.0, tolerance=TOLERANCE):
    """expected: by how much ours must be more."""
    apart = abs(ours - expected - theirs) / elapsed
    allowed = f", {expected / 1e9:+.4f} s of it expected" if expected else ""
    print(f"domain {key[0]} vCPU {key[1]} {key[2]}: {ours / 1e9:.4f} s{allowed}, Xen {theirs / 1e9:.4f} s, "
          f"{100 * apart:.3f} % of elapsed apart", flush=True)
    assert apart <= tolerance, f"{key}: {ours} ns less {expected} ns, Xen says {theirs} ns, of {elapsed} ns"
    return apart
