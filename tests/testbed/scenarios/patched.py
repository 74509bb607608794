# SPDX-License-Identifier: GPL-2.0-or-later
"""A hypervisor with XenMon's patches: it is recognised, and its records tell what Xen's own tell, and the copies too."""
from collections import Counter

from daemon import await_samples, facts, region, xenbaked
from dom0_terminal import Dom0Terminal
from guest import Guest, load
from machine import Boot
from recording import Recording

BOOTS = [Boot(scheduler=scheduler, pcpus=pcpus, patched=True, deterministic=True)
         for scheduler, pcpus in (("credit", 1), ("credit2", 2))]
REQUESTS = 500
ACCOUNTING, EVERYTHING = 0x01007000, 0x0112F000
SWITCH, CONTINUE, PAGE_COUNTS, PAGE_OP = 0x01001001, 0x01001002, 0x01004001, 0x01008001
KINDS = ("map", "unmap", "transfer", "copy", "copy")  # the last two out of the granted page and into it
COPY_TO = 4
PATCHED, COPY = 2, 8  # XENMON_FLAG_PATCHED_XEN, XENMON_IO_COPY
TOLERANCE = 0.001  # of elapsed


def run(dom0):
    web = Guest(dom0, "web", "web")
    with xenbaked(dom0):
        load(web, 50)
        await_samples(dom0, 3)
        said = facts(dom0)
        header = said["header"]
        assert header["event_mask"] == ACCOUNTING and said["flags"] & PATCHED and header["io_kinds"] & COPY, said
        screen = Dom0Terminal(dom0, 100, 24)
        screen.type("xenmon")
        screen.wait_for_line("patched Xen, I/O: grant map/unmap/transfer/copy")
        screen.keys("q")
    with xenbaked(dom0, "--stock-records"):
        load(web, 50)
    stock = region(dom0)
    assert stock.header["event_mask"] == 0x00129000 and not stock.header["io_kinds"] & COPY, stock.header

    before = vif_bytes(dom0)
    with xenbaked(dom0, f"--evt-mask {EVERYTHING} --record /tmp/both.xentrace"):
        load(web, REQUESTS)
        sent = vif_bytes(dom0) - before
    recording = Recording(dom0, "/tmp/both.xentrace")
    check_same_answers(recording)
    check_page_counts(recording)
    check_copies(recording, web.domid, sent)


def vif_bytes(dom0):
    """What netback has sent to the guest."""
    return sum(map(int, dom0.run("cat /sys/class/net/vif*/statistics/tx_bytes").out.split()))


def check_same_answers(recording):
    """By the new records and by Xen's own, which are all in there."""
    new, old = recording.totals(), recording.totals("--stock-records")
    elapsed = new["duration_ns"]
    assert old["duration_ns"] == elapsed and new["lost_records"] == new["bad_records"] == 0, (new, old)
    ours, theirs = by_vcpu(new), by_vcpu(old)
    assert set(ours) == set(theirs), (ours.keys(), theirs.keys())
    worst = 0
    for who, vcpu in ours.items():
        stock = theirs[who]
        assert vcpu["executions"] == stock["executions"], (who, vcpu, stock)
        assert vcpu["allocated_ns"] == stock["allocated_ns"], (who, vcpu, stock)
        for name in ("gotten_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns"):
            apart = abs(vcpu[name] - stock[name]) - stock["unknown_ns"]  # which the new ones may know
            worst = max(worst, apart / elapsed)
            assert apart < TOLERANCE * elapsed, (who, name, vcpu, stock)
    print(f"times agree to {100 * worst:.4f} % of elapsed, executions exactly")


def by_vcpu(totals):
    return {(domain["domid"], vcpu["vcpu"]): vcpu for domain in totals["domains"] for vcpu in domain["vcpus"]}


def check_page_counts(recording):
    """What is summed up is the sum of what is told one by one, execution for execution."""
    summed, single = Counter(), Counter()
    since = {}  # by pCPU: since the scheduler was last called
    for pcpu, event, _, words in recording.records(untimed=True):
        if event == PAGE_COUNTS:
            granter, words = words[0] & 0xFFFF, [*words, 0, 0]
            summed.update({(granter, "map"): words[2] & 0xFFFF, (granter, "unmap"): words[2] >> 16,
                           (granter, "transfer"): words[3],
                           (granter, "copy"): words[0] >> 16, (granter, "copy_bytes"): words[1]})
        elif event == PAGE_OP:
            granter, kind = words[0] & 0xFFFF, KINDS[words[0] >> 16]
            since.setdefault(pcpu, Counter()).update({(granter, kind): 1, (granter, "copy_bytes"): words[1]})
        elif event in (SWITCH, CONTINUE):
            single += since.pop(pcpu, Counter())
            assert +summed == +single, (summed, single)
    assert single, "nobody exchanged anything"
    totals = {domain["domid"]: domain["io"] for domain in recording.totals()["domains"]}
    for (granter, kind), count in single.items():
        assert totals[granter][kind] == count or granter == 0, (granter, kind, totals, single)


def check_copies(recording, domid, sent):
    """netback copies every byte that it sends to a guest into pages which the guest has granted, so what its
    interface counts is what Xen has copied."""
    copied = sum(words[1] for _, event, _, words in recording.records()
                 if event == PAGE_OP and words[0] == COPY_TO << 16 | domid)
    print(f"netback sent {sent} bytes to the guest, and so many were copied: {copied}")
    assert copied == sent, (copied, sent)
