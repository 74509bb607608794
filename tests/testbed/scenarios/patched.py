# SPDX-License-Identifier: GPL-2.0-or-later
"""A hypervisor with XenMon's patches: it is recognised, and its records say the same as Xen's own, and the copies too."""
from crowd import Crowd
from daemon import await_samples, facts, region, xenbaked
from dispatch_records import MIGRATED, PAUSED, UNPAUSED, PageCounts, compare_with_stock, copied_to, switches
from dom0_terminal import Dom0Terminal
from guest import Guest, load
from machine import Boot
from recording import Recording
from xentrace import check_xenalyze, trace_features

BOOTS = [Boot(scheduler="credit", pcpus=1, patched=True, deterministic=True),
         Boot(scheduler="credit2", pcpus=2, patched=True, deterministic=True),
         Boot(scheduler="credit", pcpus=2, xen="sched-gran=socket", patched=True, deterministic=True)]
REQUESTS = 500
DISPATCH, EVERYTHING = 0x00024000, 0x0012F000
DISPATCHES, PAGE_COUNTS, GRANT_COPIES = 1, 2, 4  # of get_info
PATCHED, COPY = 2, 8  # XENMON_FLAG_PATCHED_XEN, XENMON_IO_COPY


def run(dom0):
    assert trace_features(dom0) == DISPATCHES | PAGE_COUNTS | GRANT_COPIES
    web = Guest(dom0, "web", "web")
    outside = vif_bytes(dom0)
    with xenbaked(dom0, f"--evt-mask {EVERYTHING} --record /tmp/both.xentrace"):
        inside = vif_bytes(dom0)
        load(web, REQUESTS)
        inside = vif_bytes(dom0) - inside
    outside = vif_bytes(dom0) - outside
    recording = Recording(dom0, "/tmp/both.xentrace")
    check_copies(recording, web.domid, inside, outside)
    if "sched-gran" in dom0.boot.xen:
        return
    check_xenalyze(dom0)
    print(dict(compare_with_stock(recording)))
    if dom0.boot.pcpus > 1:
        check_migration(dom0)
    check_life(dom0)
    check_xenbaked(dom0, web)
    print(recording.compare_record_kinds())


def check_xenbaked(dom0, web):
    with xenbaked(dom0):
        load(web, 50)
        await_samples(dom0, 3)
        said = facts(dom0)
        header = said["header"]
        assert header["event_mask"] == DISPATCH and said["flags"] & PATCHED and header["io_kinds"] & COPY, said
        screen = Dom0Terminal(dom0, 100, 24)
        screen.type("xenmon")
        screen.wait_for_line("patched Xen, I/O: grant map/unmap/transfer/copy")
        screen.keys("q")
    with xenbaked(dom0, "--stock-records"):
        load(web, 50)
    stock = region(dom0)
    assert stock.header["event_mask"] == 0x00129000, stock.header


def vif_bytes(dom0):
    """What netback has sent to the guest."""
    return sum(map(int, dom0.run("cat /sys/class/net/vif*/statistics/tx_bytes").out.split()))


def check_copies(recording, domid, least, most):
    """netback copies every byte that it sends to a guest into pages which the guest has granted, so what its
    interface counts is what Xen has copied. least, most: what it counts from within the recording to its end, and from
    before it to after it. Only Dom0 acts, whichever pCPU decides for its core."""
    to, of = copied_to(recording, domid)
    counts = PageCounts(recording)
    print(f"netback sent {least} to {most} bytes to the guest, and so many were copied: {to}; {of} the other way")
    assert 0 < least <= to <= most, (least, to, most)
    assert 0.95 * (to + of) < counts.bytes[0, domid] <= to + of, (counts.bytes, to, of)
    assert {domain for domain, _ in counts.actors} == {0}, counts.actors


def check_migration(dom0):
    """One that is pinned to one pCPU and another is neither paused nor unpaused."""
    crowd = Crowd(dom0)
    (spins,) = crowd.create("spin", ["spins"])
    with xenbaked(dom0, f"--evt-mask {DISPATCH} --record /tmp/pinned.xentrace"):
        for number in range(20):
            dom0.run(f"xl vcpu-pin {spins.domid} 0 {number % 2}")
    of_it = [switch for switch in switches(Recording(dom0, "/tmp/pinned.xentrace")) if spins.domid in
             (switch.leaves[0], switch.comes[0])]
    left = [switch.left for switch in of_it if switch.leaves[0] == spins.domid]
    waited = [switch.why for switch in of_it if switch.comes[0] == spins.domid]
    crowd.destroy([spins])
    print(f"pinned 20 times: it left to be moved {left.count(MIGRATED)} times")
    assert left.count(MIGRATED) > 0 and PAUSED not in left and UNPAUSED not in waited, (left, waited)


def check_life(dom0):
    """Over the whole life of a guest, as many pages are unmapped as are mapped, those at its end included."""
    with xenbaked(dom0, f"--evt-mask {DISPATCH} --record /tmp/life.xentrace"):
        guest = Guest(dom0, "short", "web")
        load(guest, 50)
        domid = guest.domid
        guest.destroy()
    counts = PageCounts(Recording(dom0, "/tmp/life.xentrace"))
    print(f"of a guest's pages, {counts.mapped[0, domid]} were mapped and {counts.unmapped[0, domid]} unmapped")
    assert 0 < counts.mapped[0, domid] == counts.unmapped[0, domid], (counts.mapped, counts.unmapped)
