#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares xenbaked's totals of a recording with what Debian's xenalyze says of the same file.

    compare_with_xenalyze.py XENBAKED RECORDING [--repeat N]

With --lose a part of the records is taken out first and LOST_RECORDS put in, as Xen does. Then no vCPU
may have more time in any state than in the whole trace: nothing is attributed across a gap.

For every vCPU that ran: running, runnable after wake, runnable when preempted, and blocked time agree
within 0.1 % of elapsed, and executions equal xenalyze's count. xenalyze leaves out what comes
before a vCPU's first dispatch and the interval that is still open when the trace ends; this script finds
these in the file by itself. xenalyze's printed
totals are rounded, so count x mean is used, at the 2.4 GHz that it assumes.

What a domain as a whole did agrees in the same way, for domains whose vCPUs are all dispatched early in the trace: what
xenalyze leaves out of it is the time before the last of them is dispatched, and that after its last record.
"""
import argparse
import json
import lzma
import re
import struct
import subprocess
import sys
import tempfile

KHZ = 2_400_000
TOLERANCE = 0.001  # of elapsed
CPU_CHANGE, LOST, WRAP, CONTINUE = 0x1F003, 0x1F001, 0x1F002, 0x21002
STATES = {0: "running", 1: "runnable", 2: "blocked", 3: "offline"}


def records(data):
    """Every record with a TSC: (pcpu, event, tsc, words), in file order."""
    offset, pcpu = 0, None
    while offset < len(data):
        (header,) = struct.unpack_from("<I", data, offset)
        event, words, has_tsc = header & 0x0FFFFFFF, header >> 28 & 7, header >> 31
        at = offset + 4
        tsc = None
        if has_tsc:
            (tsc,) = struct.unpack_from("<Q", data, at)
            at += 8
        extra = struct.unpack_from("<%dI" % words, data, at)
        offset = at + 4 * words
        if event == CPU_CHANGE:
            pcpu = extra[0]
        elif has_tsc and event != WRAP:
            yield pcpu, event, tsc, extra


def state_changes(data):
    """What each vCPU's records say, in order: {(dom, vcpu): [(tsc, state), ...]}, and the first and last TSC."""
    changes, first_tsc, last_tsc = {}, None, 0
    for _, event, tsc, extra in records(data):
        first_tsc = tsc if first_tsc is None else min(first_tsc, tsc)
        last_tsc = max(last_tsc, tsc)
        if event & 0x0FFFFCCF == 0x21001 or event == CONTINUE:
            state = "running" if event == CONTINUE else STATES[event >> 4 & 3]
            old = "running" if event == CONTINUE else STATES[event >> 8 & 3]
            if state == "runnable":
                state = "preempt" if old == "running" else "wake"
            changes.setdefault((extra[0] >> 16, extra[0] & 0xFFFF), []).append((tsc, state))
    for told in changes.values():
        told.sort(key=lambda change: change[0])
    return changes, first_tsc, last_tsc


def left_out(changes, last_tsc):
    """What xenalyze does not count: {(dom, vcpu): {state: cycles}}, until the first dispatch and at the very end."""
    result = {}
    for who, told in changes.items():
        cycles = result[who] = {}
        for (tsc, state), (until, _) in zip(told, told[1:]):
            if state == "running":
                break
            cycles[state] = cycles.get(state, 0) + until - tsc
        tsc, state = told[-1]
        cycles[state] = cycles.get(state, 0) + last_tsc - tsc
    return result


def left_out_of_domains(changes, first_tsc, last_tsc):
    """How many cycles of a domain xenalyze may see differently: {dom: cycles}."""
    result = {}
    for domid in {domid for domid, _ in changes}:
        of_domain = [told for (of, _), told in changes.items() if of == domid]
        dispatches = [next((tsc for tsc, state in told if state == "running"), last_tsc) for told in of_domain]
        newest = max(told[-1][0] for told in of_domain)
        result[domid] = max(dispatches) - first_tsc + last_tsc - newest
    return result


# xenalyze's names, and ours in the totals.
RUNSTATES = {"full run": "full_run_ns", "partial run": "partial_run_ns", "full_contention": "full_contention_ns",
             "partial contention": "partial_contention_ns", "concurrency_hazard": "concurrency_hazard_ns",
             "blocked": "domain_blocked_ns"}


def xenalyze(path):
    """{(dom, vcpu): {state: (count, cycles)}} from xenalyze --summary; vcpu None: the domain as a whole."""
    # Where a repeated trace starts again it contradicts itself; this must not end the run.
    command = ["xenalyze", "--summary", "--tolerance=6", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result, domain, vcpu = {}, None, None
    for line in text.splitlines():
        if match := re.match(r"\|-- Domain (\d+) --\|", line):
            domain, vcpu = int(match[1]), None
            result[domain, None] = {}
        elif match := re.match(r"-- v(\d+) --", line):
            vcpu = int(match[1])
            result[domain, vcpu] = {}
        elif domain is not None and (match := re.match(r"\s+(\w[\w ]*):\s+(\d+)\s+[\d.]+s\s+(-?\d+) ", line)):
            result[domain, vcpu][match[1]] = (int(match[2]), int(match[2]) * int(match[3]))
    return result


def repeated(data, times):
    """The trace again and again with its TSCs moved on."""
    places, lo, hi, offset = [], None, 0, 0
    while offset < len(data):
        (header,) = struct.unpack_from("<I", data, offset)
        if header >> 31:
            (tsc,) = struct.unpack_from("<Q", data, offset + 4)
            places.append((offset + 4, tsc))
            lo = tsc if lo is None else min(lo, tsc)
            hi = max(hi, tsc)
        offset += 4 + 8 * (header >> 31) + 4 * (header >> 28 & 7)
    out = bytearray()
    for round_ in range(times):
        copy = bytearray(data)
        for place, tsc in places:
            struct.pack_into("<Q", copy, place, tsc + round_ * (hi - lo + 1000))
        out += copy
    return bytes(out)


def with_loss(data, every, length):
    """The trace as if Xen had lost `length` records in a row, `every` records, on each pCPU. Returns it and
    how many records were lost."""
    out, offset, lost_total = bytearray(), 0, 0
    seen, pending = {}, {}  # by pCPU: records so far; [count, TSC of the first lost]
    running = {}  # by pCPU: the word of the vCPU that runs
    while offset < len(data):
        pcpu, size = struct.unpack_from("<II", data, offset + 4)
        end = offset + 12 + size
        offset += 12
        window = bytearray()
        while offset < end:
            (header,) = struct.unpack_from("<I", data, offset)
            event, words, has_tsc = header & 0x0FFFFFFF, header >> 28 & 7, header >> 31
            record = data[offset:offset + 4 + 8 * has_tsc + 4 * words]
            offset += len(record)
            if not has_tsc:
                continue  # padding
            (tsc,) = struct.unpack_from("<Q", record, 4)
            if event == CONTINUE or (event & 0x0FFFFCCF == 0x21001 and event >> 4 & 3 == 0):
                running[pcpu] = struct.unpack_from("<I", record, 12)[0]
            number = seen[pcpu] = seen.get(pcpu, 0) + 1
            if number % every < length and number > every and pcpu in running:
                pending.setdefault(pcpu, [0, tsc])[0] += 1
                lost_total += 1
                continue
            # Xen reports the loss when there is room again. Not between the two records of a switch,
            # where the vCPU that it names would not be the one whose records come next.
            if pcpu in pending and event & 0x0FFFFCCF == 0x21001 and event >> 4 & 3 == 0:
                lost_total += 1
                pending[pcpu][0] += 1
                continue
            if pcpu in pending:
                count, first = pending.pop(pcpu)
                word = running[pcpu]
                window += struct.pack("<IQIHHQ", LOST | 4 << 28 | 1 << 31, tsc, count, word >> 16, word & 0xFFFF, first)
            window += record
        out += struct.pack("<III", CPU_CHANGE | 2 << 28, pcpu, len(window)) + window
    return bytes(out), lost_total


def totals_of(xenbaked, path):
    run = subprocess.run([xenbaked, "--replay", path, "--cpu-khz", str(KHZ), "--totals", "json"],
                         capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def invented(whole, lossy):
    """What the trace with losses claims and the whole one does not."""
    known = {(d["domid"], v["vcpu"]): v for d in whole["domains"] for v in d["vcpus"]}
    problems = []
    for domain in lossy["domains"]:
        for vcpu in domain["vcpus"]:
            full = known[domain["domid"], vcpu["vcpu"]]
            for part in ("gotten_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns", "executions"):
                if vcpu[part] > full[part]:
                    problems.append(f"d{domain['domid']}v{vcpu['vcpu']}: {part} is {vcpu[part]} with losses, "
                                    f"{full[part]} without")
    return problems


def by_domid(totals):
    """{(dom, vcpu): its figures}. To xenalyze domains that follow each other under one number are one."""
    sums = {}
    for domain in totals["domains"]:
        for vcpu in domain["vcpus"]:
            total = sums.setdefault((domain["domid"], vcpu["vcpu"]), {})
            for name in ("gotten_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "executions"):
                total[name] = total.get(name, 0) + vcpu[name]
    return sums


def compare_domains(totals, theirs, uncounted):
    problems, compared = [], 0
    duration = totals["duration_ns"]
    sums = {}
    for domain in totals["domains"]:
        for name, ns in domain.get("runstates", {}).items():
            of_domid = sums.setdefault(domain["domid"], {})
            of_domid[name] = of_domid.get(name, 0) + ns
    for domid, ours in sums.items():
        allowed = uncounted.get(domid, 0) * 1e6 / KHZ
        if (domid, None) not in theirs or allowed > duration / 10:
            continue
        compared += 1
        for name, key in RUNSTATES.items():
            count, cycles = theirs[domid, None].get(name, (0, 0))
            difference = ours[key] - cycles * 1e6 / KHZ
            if max(difference - allowed, -difference) > TOLERANCE * duration:
                problems.append(f"d{domid} {name}: {ours[key]} ns, xenalyze {cycles * 1e6 / KHZ:.0f} ns, {count} times")
    if compared == 0:
        problems.append("no domain was compared")
    print(f"{compared} domains compared as a whole")
    return problems


def compare(xenbaked, data, path, rounds=1, lost=0):
    totals = totals_of(xenbaked, path)
    theirs = xenalyze(path)
    changes, first_tsc, last_tsc = state_changes(data)
    elapsed, uncounted = last_tsc - first_tsc, left_out(changes, last_tsc)
    problems, compared, worst = [], 0, 0.0
    duration = totals["duration_ns"]
    if totals["lost_records"] != lost:
        problems.append(f"{totals['lost_records']} lost records, but {lost} were taken out")
    if abs(duration - elapsed * 1e6 / KHZ) > 2:
        problems.append(f"duration {duration} ns, but the file spans {elapsed} cycles")
    for domain in totals["domains"]:
        for vcpu in domain["vcpus"]:
            who = (domain["domid"], vcpu["vcpu"])
            name = "d%dv%d" % who
            parts = ("gotten_ns", "waited_ns", "blocked_ns", "offline_ns", "unknown_ns")
            if sum(vcpu[part] for part in parts) != duration:
                problems.append(f"{name}: its times do not add up to {duration}")
            if vcpu["waited_ns"] != vcpu["waited_wake_ns"] + vcpu["waited_preempt_ns"]:
                problems.append(f"{name}: waited is not wake and preempt")
            if sum(vcpu["gotten_by_pcpu_ns"].values()) != vcpu["gotten_ns"]:
                problems.append(f"{name}: gotten by pCPU does not add up")
    for who, vcpu in by_domid(totals).items():
        name = "d%dv%d" % who
        if who not in theirs or "running" not in theirs[who]:
            continue
        # xenalyze forgets every idle vCPU at a loss, though only that pCPU's can have been touched.
        if lost and who[0] == 32767:
            continue
        compared += 1
        open_state = changes[who][-1][1]
        for state, ours in (("running", "gotten_ns"), ("wake", "waited_wake_ns"),
                            ("preempt", "waited_preempt_ns"), ("blocked", "blocked_ns")):
            expected = theirs[who].get(state, (0, 0))[1] * 1e6 / KHZ
            allowed = uncounted[who].get(state, 0) * 1e6 / KHZ
            difference = vcpu[ours] - expected
            outside = max(difference - allowed, -difference, 0.0) / duration
            worst = max(worst, outside)
            if outside > TOLERANCE:
                problems.append(f"{name} {state}: {vcpu[ours]} ns, xenalyze {expected:.0f} ns: "
                                f"{100 * outside:.3f} % of elapsed apart")
        count = theirs[who]["running"][0]
        # A run that is open at the end is counted here; xenalyze leaves it out if it has no length yet,
        # and likewise where a repeated trace contradicts itself at the seam.
        # After a loss it takes up a vCPU only at its next dispatch.
        slack = (rounds if open_state == "running" else 0) + (lost // 100)
        if not 0 <= vcpu["executions"] - count <= slack:
            problems.append(f"{name}: {vcpu['executions']} executions, xenalyze {count}")
    if compared == 0:
        problems.append("xenalyze found no vCPU that ran")
    if not lost and rounds == 1:  # xenalyze calls a domain lost only when all of its vCPUs are
        problems += compare_domains(totals, theirs, left_out_of_domains(changes, first_tsc, last_tsc))
    print(f"{path}: {compared} vCPUs compared, at most {100 * worst:.4f} % of elapsed apart")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("xenbaked")
    parser.add_argument("recording")
    parser.add_argument("--repeat", type=int, default=1, help="play it N times in a row")
    parser.add_argument("--lose", type=int, nargs=2, metavar=("EVERY", "LENGTH"),
                        help="take LENGTH records out of every EVERY")
    options = parser.parse_args()
    opener = lzma.open if options.recording.endswith(".xz") else open
    with opener(options.recording, "rb") as file:
        data = file.read()
    if options.repeat > 1:
        data = repeated(data, options.repeat)
    lost, problems, whole = 0, [], None
    if options.lose:
        with tempfile.NamedTemporaryFile(suffix=".xentrace") as plain:
            plain.write(data)
            plain.flush()
            whole = totals_of(options.xenbaked, plain.name)
        data, lost = with_loss(data, *options.lose)
    with tempfile.NamedTemporaryFile(suffix=".xentrace") as plain:
        plain.write(data)
        plain.flush()
        problems += compare(options.xenbaked, data, plain.name, options.repeat, lost)
        if whole:
            problems += invented(whole, totals_of(options.xenbaked, plain.name))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
