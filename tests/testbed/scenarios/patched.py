# SPDX-License-Identifier: GPL-2.0-or-later
"""A hypervisor with XenMon's patches: it is recognised, and its records say the same as Xen's own, and the copies too."""
from daemon import await_samples, facts, region, xenbaked
from dom0_terminal import Dom0Terminal
from guest import Guest, load
from machine import Boot
from recording import Recording

BOOTS = [Boot(scheduler=scheduler, pcpus=pcpus, patched=True, deterministic=True)
         for scheduler, pcpus in (("credit", 1), ("credit2", 2))]
REQUESTS = 500
ACCOUNTING, EVERYTHING = 0x01007000, 0x0112F000
PAGE_OP, COPY_TO = 0x01008001, 4
PATCHED, COPY = 2, 8  # XENMON_FLAG_PATCHED_XEN, XENMON_IO_COPY


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
    print(recording.compare_record_kinds())
    check_copies(recording, web.domid, sent)


def vif_bytes(dom0):
    """What netback has sent to the guest."""
    return sum(map(int, dom0.run("cat /sys/class/net/vif*/statistics/tx_bytes").out.split()))


def check_copies(recording, domid, sent):
    """netback copies every byte that it sends to a guest into pages which the guest has granted, so what its
    interface counts is what Xen has copied."""
    copied = sum(words[1] for _, event, _, words in recording.records()
                 if event == PAGE_OP and words[0] == COPY_TO << 16 | domid)
    print(f"netback sent {sent} bytes to the guest, and so many were copied: {copied}")
    assert copied == sent, (copied, sent)
