#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Of a recording of a patched hypervisor that holds Xen's own records as well as those for accounting, compares what
xenbaked makes of the ones and of the others, and page exchanges summed up with those told one by one.

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
SWITCH, CONTINUE, PAGE_COUNTS, PAGE_OP = 0x01001001, 0x01001002, 0x01004001, 0x01008001
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


def compare_page_exchanges(data, answer):
    """How many there were."""
    summed, single = Counter(), Counter()
    since = {}  # by pCPU: since the scheduler was last called
    for pcpu, event, words in records(data):
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
