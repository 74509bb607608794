#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Of a recording of a patched hypervisor that contains Xen's own records as well as the dispatch records, compares what
xenbaked makes of the ones and of the others, and page exchanges summed up with the individual ones.

    compare_record_kinds.py XENBAKED RECORDING

Executions and slices agree exactly, each time of each vCPU within 0.1 % of elapsed, and page exchanges exactly,
execution for execution. The records are decoded by a few lines that share nothing with xenbaked's.
"""
import argparse
import json
import lzma
import pathlib
import shutil
import struct
import subprocess
import tempfile
from collections import Counter

TOLERANCE = 0.001  # of elapsed
CPU_CHANGE = 0x1F003
SWITCH, CONTINUE, PAGE_COUNTS = 0x00024001, 0x00024002, 0x00024006
RELEASED = 0xFFFF  # instead of a vCPU: by Xen, at a domain's end, of which there are no individual records
GRANT_MAP, GRANT_TRANSFER, GRANT_COPY = 0x0010F001, 0x0010F003, 0x0010F013
# The same of the patches' first version.
OLD_SWITCH, OLD_CONTINUE, OLD_PAGE_COUNTS, OLD_PAGE_OP = 0x01001001, 0x01001002, 0x01004001, 0x01008001
KINDS = ("map", "unmap", "transfer", "copy", "copy")  # the last two out of the granted page and into it
TIMES = ("gotten_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns")


def records(data):
    """(pcpu, event, words) of every record, in file order."""
    at, pcpu = 0, None
    while at < len(data):
        (header,) = struct.unpack_from("<I", data, at)
        at += 12 if header >> 31 else 4
        words = struct.unpack_from(f"<{header >> 28 & 7}I", data, at)
        at += 4 * len(words)
        event = header & 0x0FFFFFFF
        if event == CPU_CHANGE:
            pcpu = words[0]
        yield pcpu, event, words


def totals(xenbaked, path, *options):
    command = [xenbaked, "--replay", path, "--totals", "json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def by_vcpu(answer):
    return {(domain["domid"], vcpu["vcpu"]): vcpu for domain in answer["domains"] for vcpu in domain["vcpus"]}


def compare_times(new, old):
    """The largest difference, as a part of elapsed."""
    elapsed = new["duration_ns"]
    assert old["duration_ns"] == elapsed and new["lost_records"] == new["bad_records"] == 0, (new, old)
    ours, theirs = by_vcpu(new), by_vcpu(old)
    assert set(ours) == set(theirs) and ours, (ours.keys(), theirs.keys())
    worst = 0
    for who, vcpu in ours.items():
        stock = theirs[who]
        assert vcpu["executions"] == stock["executions"], (who, vcpu, stock)
        assert vcpu["allocated_ns"] == stock["allocated_ns"], (who, vcpu, stock)
        for name in TIMES:
            apart = abs(vcpu[name] - stock[name]) - stock["unknown_ns"]  # which the new ones may know
            worst = max(worst, apart / elapsed)
            assert apart < TOLERANCE * elapsed, (who, name, vcpu, stock)
    return worst


def page_counts(event, words):
    """What was done with the grants of one domain, or None."""
    if event == PAGE_COUNTS and words[0] & 0xFFFF != RELEASED:
        words = words[1:]
    elif event != OLD_PAGE_COUNTS:
        return None
    granter, words = words[0] & 0xFFFF, [*words, 0, 0]
    return {(granter, "map"): words[2] & 0xFFFF, (granter, "unmap"): words[2] >> 16, (granter, "transfer"): words[3],
            (granter, "copy"): words[0] >> 16, (granter, "copy_bytes"): words[1]}


def one_exchange(event, words, old):
    """The same of an individual record."""
    done = Counter()
    if old and event == OLD_PAGE_OP:
        granter = words[0] & 0xFFFF
        done.update({(granter, KINDS[words[0] >> 16]): 1, (granter, "copy_bytes"): words[1]})
    elif not old and GRANT_MAP <= event <= GRANT_TRANSFER:
        done[words[0] & 0xFFFF, KINDS[event - GRANT_MAP]] = 1
    elif not old and event == GRANT_COPY:
        for bit, granter in ((1 << 16, words[0] & 0xFFFF), (1 << 17, words[0] >> 16)):
            if words[1] & bit:
                done.update({(granter, "copy"): 1, (granter, "copy_bytes"): words[1] & 0xFFFF})
    return done


def compare_page_exchanges(data, answer):
    """How many there were."""
    old = any(event == OLD_SWITCH for _, event, _ in records(data))
    summed, single = Counter(), Counter()
    since = {}  # by pCPU: since the scheduler was last called
    for pcpu, event, words in records(data):
        if counts := page_counts(event, words):
            summed.update(counts)
        elif done := one_exchange(event, words, old):
            since.setdefault(pcpu, Counter()).update(done)
        elif event in ((OLD_SWITCH, OLD_CONTINUE) if old else (SWITCH, CONTINUE)):
            single += since.pop(pcpu, Counter())
            assert +summed == +single, (summed, single)
    assert single, "nobody exchanged anything"
    io = {domain["domid"]: domain["io"] for domain in answer["domains"]}
    for (granter, kind), count in single.items():
        assert io[granter][kind] == count or granter == 0, (granter, kind, io, single)
    return sum(count for (_, kind), count in single.items() if kind != "copy_bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("xenbaked")
    parser.add_argument("recording")
    options = parser.parse_args()
    with open(options.recording, "rb") as file:
        data = file.read()
    if options.recording.endswith(".xz"):
        data = lzma.decompress(data)
    with tempfile.TemporaryDirectory() as directory:
        plain = pathlib.Path(directory, "plain.xentrace")
        plain.write_bytes(data)
        # What was traced: without it the first records of the one kind count before the other kind is met.
        shutil.copy(f"{options.recording.removesuffix('.xz')}.json", f"{plain}.json")
        new = totals(options.xenbaked, plain)
        old = totals(options.xenbaked, plain, "--stock-records")
    worst = compare_times(new, old)
    exchanged = compare_page_exchanges(data, new)
    print(f"times agree to {100 * worst:.4f} % of elapsed, executions exactly, and so do {exchanged} page exchanges")


if __name__ == "__main__":
    main()
