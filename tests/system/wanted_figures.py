# SPDX-License-Identifier: GPL-2.0-or-later
"""What xenmon's views are to show of a recording: figures, and the units in which they may be said."""
import re
from fractions import Fraction

from recorded_figures import IDLE, LONG, PERCENTILES, SHORT, SPREADS, WINDOW_NS, drained_bytes, percentiles, quotient

SECOND = 10**9
COPIES = 8  # in the header's io_kinds

VCPU_COLUMNS = ["gotten", "waited", "woken", "preempt", "blocked", "other", "exec/s", "time/ex", "wait/ex",
                "I/O", "avoid", "migr/s", "hazard", "fullcont", "partcont", "fullrun", "partrun"]
# Of a domain as a whole, on all pCPUs: the last of them.
RUNSTATES = ("concurrency_hazard_ns", "full_contention_ns", "partial_contention_ns", "full_run_ns", "partial_run_ns")
PCPU_COLUMNS = ["gotten", "waited", "exec/s", "time/ex"]
LATENCY_COLUMNS = ["count", *PERCENTILES] * len(SPREADS)
# Columns have headings in common.
VCPU_GROUPS = ["executions, I/O", "other CPUs", "domain as a whole, % of time"]
PCPU_GROUPS = ["executions"]
LATENCY_GROUPS = ["preempted until running", "executions"]
# A window that holds less of its length says so.
NEARLY_WHOLE = Fraction(85, 100)
TIME_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
# In ns, kHz, bytes, or what is counted.
UNITS = {**TIME_UNITS, **{unit + per: ns for unit, ns in TIME_UNITS.items() for per in ("/ex", "/io")},
         "": 1, "%": 1, "/s": 1, "M/s": 10**6, "/ex": 1, "kB/s": 10**3, "MB/s": 10**6, "GHz": 10**6}
# Said in whole numbers; other figures have three digits at least, or two decimals.
WHOLE = ("/s", "ns", "ns/ex", "ns/io")


class Shown:
    """A figure that is to be shown: a number, which units it may have, and how many decimals if that is fixed."""

    def __init__(self, value, *units, decimals=None):
        self.value = Fraction(value)
        self.units = units
        self.decimals = decimals

    def __repr__(self):
        return f"{float(self.value / UNITS[self.units[0]]):.6g} {self.units[0]}"

    def is_said_by(self, text):
        """The text's number is the figure to within half a unit of its last digit."""
        parts = re.fullmatch(r"(\d+)(?:\.(\d+))? ?(\D*)", text)
        if not parts or parts[3] not in self.units:
            return False
        decimals = parts[2] or ""
        if self.decimals not in (None, len(decimals)):
            return False
        scale = UNITS[parts[3]]
        said = Fraction(int(parts[1] + decimals), 10**len(decimals)) * scale
        half = Fraction(scale, 2 * 10**len(decimals))
        exact_enough = (self.decimals is not None or parts[3] in WHOLE or len(decimals) == 2
                        or len(parts[1] + decimals) >= 3)
        return exact_enough and abs(said - self.value) <= half * (1 + Fraction(1, 10**9))


def time_shown(ns, per="", decimals=None):
    return Shown(ns, *(unit + per for unit in TIME_UNITS), decimals=decimals)


def percent_shown(part, whole, decimals=2):
    return Shown(100 * quotient(part, whole), "%", decimals=decimals)


def rate_shown(count, length):
    return Shown(SECOND * quotient(count, length), "/s", "M/s")


def per_shown(ns, count, per="", decimals=None):
    return time_shown(quotient(ns, count), per, decimals) if count else "-"


# A table's line has a key, what its parent and itself are called, and a cell for each column.


def runstate_cells(recorded, domid, window, pcpu):
    whole = recorded.wholes[window].get(domid)
    if pcpu is not None or not whole:
        return ["-"] * len(RUNSTATES)
    return [percent_shown(whole[name], sum(whole.values())) for name in RUNSTATES]


def vcpu_cells(recorded, domid, figures, window, of_pcpu, child, pcpu=None):
    length = recorded.length_ns[window]
    whole = length if of_pcpu else figures.online_ns()
    idle = domid == IDLE
    cells = [percent_shown(figures["running_ns"], whole), percent_shown(figures.waited_ns(), whole),
             percent_shown(figures["waited_wake_ns"], whole), percent_shown(figures["waited_preempt_ns"], whole),
             percent_shown(figures["blocked_ns"], whole), percent_shown(figures.other_ns(), whole),
             rate_shown(figures["executions"], length),
             per_shown(figures["running_ns"], figures["executions"]),
             per_shown(figures.waited_ns(), figures["executions"]), rate_shown(figures["io"], length),
             percent_shown(figures["avoidable_wait_ns"], whole), rate_shown(figures["migrations"], length),
             *runstate_cells(recorded, domid, window, pcpu)]
    if idle:  # it waits for nobody
        cells = [cell if column in ("gotten", "exec/s", "time/ex") else ""
                 for cell, column in zip(cells, VCPU_COLUMNS)]
    if child:
        cells[VCPU_COLUMNS.index("I/O")] = ""
        cells[-len(RUNSTATES):] = [""] * len(RUNSTATES)
    return cells


def wanted_vcpus(recorded, window, of_pcpu, pcpu=None):
    rows = []
    for domid in recorded.names:
        label = "- " + recorded.label(domid)
        whole = recorded.figures(window, domid, pcpu=pcpu)
        rows.append(((label, label), vcpu_cells(recorded, domid, whole, window, of_pcpu, False, pcpu)))
        for vcpu in recorded.vcpus(domid):
            if pcpu is not None and (domid, vcpu, pcpu) not in recorded.rows[LONG]:
                continue
            figures = recorded.figures(window, domid, vcpu, pcpu)
            rows.append(((label, f"v{vcpu}"), vcpu_cells(recorded, domid, figures, window, of_pcpu, True, pcpu)))
    return rows


def wanted_pcpus(recorded, window):
    """The lines, and by their keys the part of the pCPU's time."""
    length = recorded.length_ns[window]
    wanted = []
    parts = {}
    for pcpu in recorded.pcpus():
        parent = f"- CPU {pcpu}"
        domids = {key[0] for key in recorded.rows[LONG] if key[2] == pcpu}
        for domid in (None, *domids):
            figures = recorded.figures(window, domid, pcpu=pcpu)
            label = parent if domid is None else recorded.label(domid)
            wanted.append(((parent, label), [
                percent_shown(figures["running_ns"], length),
                "" if domid == IDLE else percent_shown(figures.waited_ns(), length),
                rate_shown(figures["executions"], length),
                per_shown(figures["running_ns"], figures["executions"])]))
            parts[parent, label] = quotient(figures["running_ns"], length)
    return wanted, parts


def wanted_latencies(recorded, histogram=None):
    """The lines of all domains and vCPUs; since the start, unless another histogram is given."""
    histogram = histogram or recorded.histogram
    wanted = []
    for domid in (domid for domid in recorded.names if domid != IDLE):
        label = "- " + recorded.label(domid)
        for key, vcpu in ((label, None), *((f"v{vcpu}", vcpu) for vcpu in recorded.vcpus(domid))):
            cells = []
            for name in SPREADS:
                counts, longest = histogram(name, domid, vcpu)
                found = percentiles(counts, longest)
                cells.append(str(sum(counts)))
                cells += [time_shown(found[key]) if any(counts) else "-" for key in PERCENTILES]
            wanted.append(((label, key), cells))
    return wanted


def wanted_rivals(recorded, span_ns, domid, vcpu=None):
    """How many long waits there were, {who ran meanwhile: share}, and {who: ns}; "others" is None."""
    waits = recorded.waits_of(span_ns, domid, vcpu)
    ran = {}
    for wait in waits:
        ran[None] = ran.get(None, 0) + wait["others_ns"]
        for runner in wait["runners"]:
            ran[recorded.label(runner["domid"])] = ran.get(recorded.label(runner["domid"]), 0) + runner["ns"]
    ran = {who: ns for who, ns in ran.items() if ns}
    return len(waits), {who: percent_shown(ns, sum(ran.values()), decimals=0) for who, ns in ran.items()}, ran


def domain_rows(recorded, domid, window, of_pcpu, pcpu):
    """The three fields of each of a domain's six rows in one half."""
    figures = recorded.figures(window, domid, pcpu=pcpu)
    length = recorded.length_ns[window]
    whole = length if of_pcpu else figures.online_ns()
    executions = figures["executions"]

    def line(ns, count, per):
        return [time_shown(SECOND * quotient(ns, length), decimals=2), percent_shown(ns, whole),
                per_shown(ns, count, per, decimals=2)]

    rows = [line(figures["running_ns"], executions, "/ex")]
    if figures["slice_count"]:
        shortest, longest = (time_shown(ns) for ns in (min(figures["slices"]), max(figures["slices"])))
        rows.append([(shortest, longest),
                     per_shown(figures["slice_sum_ns"], figures["slice_count"], "/ex", decimals=2)])
    else:
        rows.append(["", "", "no limit" if executions else "-"])
    if domid == IDLE:
        rows += [["", "", "-"], ["", "", "-"]]
    else:
        rows += [line(figures["blocked_ns"], figures["io"], "/io"), line(figures.waited_ns(), executions, "/ex")]
    rows.append(["", "", rate_shown(executions, length)])
    ratio = Shown(quotient(figures["io"], executions), "/ex", decimals=2) if executions else "-"
    rows.append([rate_shown(figures["io"], length), "", ratio])
    return rows


def wanted_headings(recorded):
    """Of the windows: how it begins, the length if it is not the nominal one, and how it ends."""
    headings = []
    for window, text in ((LONG, "Last 10 seconds"), (SHORT, "Last 1 second")):
        length = recorded.length_ns[window]
        whole = length >= WINDOW_NS[window] * NEARLY_WHOLE
        headings.append((text, []) if whole else (r"Last (\S+) so far", [time_shown(length)]))
    return headings


def total_row(recorded, window, of_pcpu, pcpu):
    figures = recorded.figures(window, pcpu=pcpu)
    length = recorded.length_ns[window]
    whole = 100 * (len(recorded.pcpus()) if of_pcpu and pcpu is None else 1)
    return [time_shown(SECOND * quotient(figures["running_ns"], length), decimals=2),
            percent_shown(figures["running_ns"], length if of_pcpu else figures.online_ns()), f"of {whole}%"]


def tenths(ns):
    """Seconds as a time of a recording is said: not rounded up to what has not been."""
    return f"{ns // SECOND}.{ns // (SECOND // 10) % 10}"


def wanted_host(recorded, recording):
    """{name: (pattern of the line, its groups)}."""
    length = recorded.totals["duration_ns"]
    busy = recorded.figures(LONG)
    idle = recorded.figures(LONG, IDLE)
    pcpus = len(recorded.pcpus())
    lost = recorded.totals["lost_records"]
    guests = [domid for domid in recorded.names if domid != IDLE]
    vcpus = sum(len(recorded.vcpus(domid)) for domid in guests)
    header = recorded.region.header

    def average(ns):
        return Shown(quotient(ns, length), "", decimals=2)

    def counted(count, what):
        return [str(count), what + ("s" if count != 1 else "")]

    def byte_rate(count):
        return Shown(SECOND * quotient(count, length), "kB/s", "MB/s")

    unknown = sum(recorded.figures(LONG, domid)["unknown_ns"] for domid in guests)
    told = sum(recorded.told_ns[LONG][key] for key in recorded.slots if key[0] in guests)
    return {
        "Source": (rf"recording {re.escape(recording.name)} ended \d+ s ago, at (\S+) s of (\S+) s",
                   2 * [tenths(recorded.end_ns)]),
        "Xen": (r"(\S+), scheduler (\w+), .*", [header["xen_version"], header["scheduler"]]),
        "Tracing": (r"mask (\w+), samples of 100 ms, TSC (.+)",
                    [f"0x{header['event_mask']:08x}", Shown(header["cpu_khz"], "GHz")]),
        "Shown": (r"(\d+) (\w+), (\d+) (\w+), (\d+) (\w+), the last 10 s",
                  [*counted(pcpus, "pCPU"), *counted(len(guests), "domain"), *counted(vcpus, "vCPU")]),
        "Running": (r"(\S+) vCPUs on average, (\S+) of the pCPUs' time",
                    [average(busy["running_ns"]), percent_shown(busy["running_ns"], length * pcpus)]),
        "Waiting": (r"(\S+) vCPUs on average, (\S+) a pCPU: (\S+) preempted, (\S+) woken",
                    [average(busy.waited_ns()), average(Fraction(busy.waited_ns(), pcpus)),
                     average(busy["waited_preempt_ns"]), average(busy["waited_wake_ns"])]),
        "Dispatches": (r"(\S+) of domains, (\S+) of idle",
                       [rate_shown(busy["executions"], length), rate_shown(idle["executions"], length)]),
        "I/O": ((r"(\S+) pages, (.+) copied", [rate_shown(busy["io"], length), byte_rate(busy["io_bytes"])])
                if header["io_kinds"] & COPIES else
                (r"(\S+) pages, copies are not traced", [rate_shown(busy["io"], length)])),
        "Lost records": (r"(\d+) in the last 10 s, (\d+) since xenbaked started", [str(lost), str(lost)]),
        "State unknown": (r"(\S+), (\S+) of the domains' vCPU time", [time_shown(unknown),
                                                                        percent_shown(unknown, told)]),
        "Odd records": (r"(\d+) malformed, (\d+) late, (\d+) conflicting",
                        [str(recorded.counters[name]) for name in ("bad_records", "late_records",
                                                                   "state_conflicts")]),
        "Records": (r"(\S+), (.+)", [rate_shown(recorded.totals["records"], length),
                                     byte_rate(drained_bytes(recording))]),
    }
