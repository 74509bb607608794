# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen's trace buffers have one reader. Whoever comes second is sent away and does the first no harm; and what
xenbaked leaves behind is what it found: the mask of events, and whether anything is traced at all."""
import contextlib
import re

from daemon import facts, region, xenbaked
from machine import Boot
from xentrace import trace_mask, trace_state, xentrace

# In virtual time: on a busy host xenbaked may not be done within a second after a signal.
BOOTS = [Boot(pcpus=2, turn_us=100, fair=True, deterministic=True),
         Boot(pcpus=2, xen="tbuf_size=8", turn_us=100, fair=True, deterministic=True)]

BUSY = 6
ALL = 0x0FFFF000
OWN = 0x00129000
PAGES = 64  # as xenbaked makes them
RUNSTATES = 0x0002F000
COUNTERS_OF_TROUBLE = ("lost_records", "bad_records", "late_records", "state_conflicts", "conservation_violations")


def run(dom0):
    if dom0.boot.xen:
        restores(dom0, {"mask": ALL, "pages": 8, "on": True})
        return
    finds_no_buffers(dom0)
    xentrace_comes_first(dom0)
    xentrace_has_been(dom0)
    with both_pcpus_busy(dom0):
        xentrace_comes_second(dom0)
    xenbaked_comes_second(dom0)
    xenbaked_is_killed(dom0)


def restores(dom0, found):
    """Something that was traced is there at the beginning, and the same at the end."""
    assert trace_state(dom0) == found, trace_state(dom0)
    with xenbaked(dom0):
        assert trace_mask(dom0) == OWN
        watch(dom0)
    assert trace_state(dom0) == found, trace_state(dom0)


def finds_no_buffers(dom0):
    assert trace_state(dom0) == {"mask": ALL, "pages": 0, "on": False}, trace_state(dom0)
    with xenbaked(dom0):
        watch(dom0)
    assert trace_state(dom0) == {"mask": ALL, "pages": PAGES, "on": False}, trace_state(dom0)


def xentrace_comes_first(dom0):
    with xentrace(dom0, f"-e {RUNSTATES:#x}") as first:
        refused(dom0, "xenbaked", "xentrace", first)
        refused(dom0, "xenmon -n -t 1 -p /tmp/refused", "xentrace", first)
        assert trace_mask(dom0) == RUNSTATES
    assert trace_state(dom0) == {"mask": RUNSTATES, "pages": PAGES, "on": False}, trace_state(dom0)


def xentrace_has_been(dom0):
    restores(dom0, {"mask": RUNSTATES, "pages": PAGES, "on": False})
    with xentrace(dom0, f"-e {ALL:#x} -x"):
        pass
    restores(dom0, {"mask": ALL, "pages": PAGES, "on": True})
    with xentrace(dom0, "-c 0x1"):
        pass
    with both_pcpus_busy(dom0):
        restores(dom0, {"mask": ALL, "pages": PAGES, "on": False})
        assert set(region(dom0).pcpus()) == {0, 1}, "the mask of CPUs that xentrace left does not hide any"


def xentrace_comes_second(dom0):
    with xenbaked(dom0) as first:
        watch(dom0)
        before = unknown_ns(dom0)
        cannot_bind(dom0, "")
        watch(dom0)
        assert unknown_ns(dom0) == before

        # xentrace sets its masks before it finds that it may not read.
        cannot_bind(dom0, f"-e {RUNSTATES & ~0x21000:#x} -c 0x1")
        dom0.run(f"timeout 120 sh -c 'until trace_state | grep -qw {OWN}; do :; done'")
        watch(dom0)
        assert unknown_ns(dom0) > before, "what happened meanwhile is not known, and that is said"
        after = facts(dom0)
        assert after["alive"] and after["header"]["daemon_pid"] == first.pid, after["header"]
    assert not trace_state(dom0)["on"]


def xenbaked_comes_second(dom0):
    with xenbaked(dom0) as first:
        refused(dom0, "xenbaked", "xenbaked", first)
        refused(dom0, "xenbaked --region /run/other/region", "xenbaked", first)
        watch(dom0)
        assert facts(dom0)["header"]["daemon_pid"] == first.pid
    assert not trace_state(dom0)["on"]


def xenbaked_is_killed(dom0):
    found = trace_state(dom0)
    killed = dom0.start("xenbaked --ready-fd $READY_FD", ready=True)
    watch(dom0)
    before = facts(dom0)["header"]
    killed.stop("SIGKILL")
    # Nobody was there to put anything back.
    assert trace_state(dom0) == {"mask": OWN, "pages": PAGES, "on": True}, trace_state(dom0)
    with xenbaked(dom0) as another:
        watch(dom0)
        after = facts(dom0)["header"]
        assert after["daemon_pid"] == another.pid, after
        assert after["generation"] != before["generation"], (before, after)
    assert trace_state(dom0) == found, "what the one that was killed had found"
    killed = dom0.start("xenbaked --ready-fd $READY_FD", ready=True)
    watch(dom0)
    busy = dom0.run("xenbaked --restore", status=BUSY)
    assert re.fullmatch(r"xenbaked: Another xenbaked .*\.\n", busy.err), busy
    killed.stop("SIGKILL")
    assert trace_state(dom0) == {"mask": OWN, "pages": PAGES, "on": True}, trace_state(dom0)
    assert "is again as it was" in dom0.run("xenbaked --restore").err
    assert trace_state(dom0) == found, trace_state(dom0)
    assert "nothing to restore" in dom0.run("xenbaked --restore").err


@contextlib.contextmanager
def both_pcpus_busy(dom0):
    """So that each of them has something to report all the time."""
    loops = [dom0.start("sh -c 'while :; do :; done'") for _ in range(2)]
    yield
    for loop in loops:
        loop.stop("SIGKILL")


def watch(dom0):
    """A second of a running xenbaked's figures, in which nothing goes wrong."""
    shown = dom0.run("xenmon -n -t 1 -p /tmp/watched")
    assert not shown.err, shown
    now = facts(dom0)
    assert now["state"] == "running", now
    for name in COUNTERS_OF_TROUBLE:
        assert now["counters"][name] == 0, (name, now["counters"])


def unknown_ns(dom0):
    """Time of Dom0's vCPUs whose state xenbaked does not know."""
    return [domain["unknown_ns"] for domain in facts(dom0)["domains"].values() if domain["domid"] == 0]


def refused(dom0, command, name, first):
    result = dom0.run(command, status=BUSY)
    sentence = rf"\w+: Another program reads Xen's trace buffers, probably {name} \(process {first.pid}\): .*\.\n"
    assert not result.out and re.fullmatch(sentence, result.err), result


def cannot_bind(dom0, options):
    result = dom0.run(f"xentrace -D {options} /tmp/unread", status=1)
    assert "VIRQ" in result.err, result
