#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a XenMon region with nothing but Python's standard library; docs/region.md is the format.

    region_reader.py [PATH] [--json] [--samples N]

prints what the header says, where each domain's time went, and the share of the newest samples that
each domain ran. As a module: Region(path) with header, domains(), vcpus(), samples(), sample(n), waits(),
wait(n).
"""
import argparse
import array
import json
import mmap
import os
import signal
import struct
import sys
import time
import unicodedata

MAGIC = 0x47524E4F4D4E4558  # "XENMONRG"
VERSION_MAJOR = 1
READ_TRIES = 1000
IDLE = 32767  # the domain of the idle vCPUs
NO_SLOT = NO_PCPU = 0xFFFFFFFF
IN_USE = 1  # vcpu.flags
DEAD = 2  # domain.flags
STATES = ("starting", "running", "ended", "superseded")
SOURCES = {1: "live", 2: "recording", 3: "scripted"}
VCPU_STATES = ("running", "runnable", "blocked", "offline", "unknown")
# The six times into which all of a vCPU's time is divided, in a vCPU's totals and in a row.
TIMES = ("running_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns", "unknown_ns")
# Whoever else runs, an idle vCPU waits for nobody.
NO_MEANING_OF_IDLE = ("waited_wake_ns", "waited_preempt_ns", "blocked_ns")


class Record:
    """The layout of one kind of record: (format, name) pairs in struct's letters, no padding."""

    def __init__(self, *fields):
        self.names = [name for name, _ in fields]
        self.struct = struct.Struct("<" + "".join(letters for _, letters in fields))
        self.size = self.struct.size

    def read(self, data, offset=0):
        record = dict(zip(self.names, self.struct.unpack_from(data, offset)))
        return {name: text(value) if isinstance(value, bytes) else value
                for name, value in record.items() if name != "reserved"}


def u32(*names):
    return [(name, "I") for name in names]


def u64(*names):
    return [(name, "Q") for name in names]


def text(raw):
    return raw.split(b"\0")[0].decode("utf-8", "replace")


# Characters of no width that Unicode does not class as controls: fillers and selectors.
UNSEEN = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10),
          *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)}
MARKS_OF_A_LETTER = 3


def width(character):
    """Columns of a terminal: 0, 1 or 2."""
    if unicodedata.category(character) in ("Mn", "Me") or 0x1160 <= ord(character) < 0x1200:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def printable(name):
    """For a terminal: what could steer it, or cannot be seen, is a question mark. Data has names as they are."""
    shown = []
    room = 0  # for marks of the letter before
    for character in name:
        good = (unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
                and ord(character) not in UNSEEN and character != "\ufffd")
        if good and width(character) == 0:
            good, room = room > 0, room - 1
        else:
            room = MARKS_OF_A_LETTER if good else 0
        shown.append(character if good else "?")
    return "".join(shown)


def padded(name, columns):
    """printable(), padded with blanks to this many columns."""
    shown = printable(name)
    return shown + " " * (columns - sum(map(width, shown)))


# The part of the header that never changes; the tables and the changing words follow.
HEADER = Record(*u64("magic"), *u32("version_major", "version_minor", "header_bytes", "daemon_pid"),
                *u64("region_bytes", "generation", "daemon_start"),
                *u32("source_kind", "io_kinds", "cpu_khz", "event_mask"),
                *u64("sample_ns", "history_ns", "heartbeat_period_ns", "wall_epoch_ns"),
                ("source_text", "64s"), ("xen_version", "64s"), ("scheduler", "64s"))
HEADER_BYTES = 576  # of version 1.0; later fields are there only if header_bytes says so
WALL_EPOCH_AT = 88
TABLES_AT = 288
TABLE = Record(*u64("offset"), *u32("stride", "capacity", "count", "reserved"))
WORDS_AT = {"state": 456, "flags": 464, "heartbeat_ns": 472, "newest_sample": 480, "tables_seq": 488}
WAIT_TABLE_AT, SLOW_WAIT_AT, NEWEST_WAIT_AT = 576, 600, 608
VERDICT_TABLE_AT, BAD_BY_AT, FAULTS_AT, HEADER_BYTES_1_2 = 616, 640, 704, 736  # since 1.2
CARRY_TABLE_AT, HEADER_BYTES_1_3 = 736, 760  # since 1.3
DOMAIN_ROW_TABLE_AT, SETTING_TABLE_AT, HEADER_BYTES_1_4 = 760, 784, 808  # since 1.4
COUNTERS_AT = 496
COUNTERS = ("records", "bytes", "lost_records", "bad_records", "late_records", "state_conflicts",
            "conservation_violations", "samples", "wakeups", "daemon_cpu_ns")

PCPU = Record(*u32("seen", "running_vcpu"), *u64("records", "lost_records"))
DOMAIN = Record(*u32("flags", "domid"), *u64("uid", "born_ns", "died_ns"), ("name", "64s"),
                *u64("io_map", "io_unmap", "io_transfer", "io_copy", "io_copy_bytes"))
# What a domain as a whole does. Since 1.4 a domain has them, too, from RUNSTATES_AT on.
RUNSTATE_NAMES = ("full_run_ns", "partial_run_ns", "full_contention_ns", "partial_contention_ns",
                  "concurrency_hazard_ns", "blocked_ns", "unknown_ns")
RUNSTATES = Record(*u64(*RUNSTATE_NAMES))
RUNSTATES_AT = 136
VCPU = Record(*u32("flags", "domain_slot", "vcpu_id", "state", "last_pcpu", "reserved"),
              *u64("end_ns", *TIMES, "executions", "continues", "slice_count", "slice_sum_ns", "slice_min_ns",
                   "slice_max_ns", "wake_wait_max_ns", "preempt_wait_max_ns", "run_max_ns"))
# Since 1.3 a vCPU has them, too, from SUMS_AT on.
SUMS = Record(*u64("wake_wait_sum_ns", "preempt_wait_sum_ns", "run_sum_ns"))
SUMS_AT = 168
# Since 1.4, too, from MORE_AT on.
MORE = Record(*u64("migrations", "avoidable_wait_ns"))
MORE_AT = 192
BUCKETS = 464
SUB_BITS, FIRST_BITS = 4, 8  # 16 buckets to an octave, the first octave being all below 256 ns
HISTOGRAMS = ("wake_wait", "preempt_wait", "run")
SAMPLE = Record(*u64("seq", "start_ns", "end_ns", "first_row", "first_io_row"), *u32("row_count", "io_row_count"),
                *u64("lost_records", "records"))
# Since 1.4 a sample has them, too, from DOMAIN_ROWS_AT on.
DOMAIN_ROWS = Record(*u64("first_domain_row"), *u32("domain_row_count"))
DOMAIN_ROWS_AT = 64
ROW = Record(*u32("vcpu_slot", "pcpu", *TIMES, "executions", "continues", "slice_count", "slice_min_ns"),
             *u64("slice_sum_ns"), *u32("slice_max_ns", "domain_slot"))
# Since 1.4 a row has them, too, from ROW_MORE_AT on.
ROW_MORE = Record(*u32("migrations", "avoidable_wait_ns"))
ROW_MORE_AT = 64
IO_ROW = Record(*u32("domain_slot", "pcpu", "map", "unmap", "transfer", "copy"), *u64("copy_bytes"))
DOMAIN_ROW = Record(*u32("domain_slot", *RUNSTATE_NAMES))

RUNNERS = 3
WAIT = Record(*u64("seq", "start_ns", "end_ns", "domain_uid"),
              *u32("domid", "vcpu_id", "pcpu", "pcpu_before", "kind", "flags"),
              *(field for number in range(RUNNERS) for field in (
                  *u64(f"runner{number}_domain_uid"), *u32(f"runner{number}_domid", f"runner{number}_vcpu_id"),
                  *u64(f"runner{number}_ns"))),
              *u64("others_ns"))
CARRY = Record(*u32("vcpu_slot", "bucket"), *u64("passed"))
SETTING = Record(*u32("kind", "domid", "index", "part"), *u64("value"))
SETTINGS = ("domain_pool", "domain_vcpus", "domain_weight", "domain_cap_percent", "vcpu_hard_affinity", "vcpu_soft_affinity",
            "pool_scheduler", "pool_rate_limit_us", "pool_slice_us", "pool_pcpus", "pcpu_socket", "pcpu_core", "pcpu_node")
NO_SLOT = 0xffffffff
VERDICT = Record(*u32("kind", "reserved"), ("text", "120s"))
BAD_CAUSES = ("framing", "length", "tsc", "words", "content", "ring", "input")
FAULTS = ("ring", "event", "mask")
WOKEN, PREEMPTED = 1, 2  # wait.kind
FORGOTTEN, UNKNOWN = 1, 2  # wait.flags

# The tables in the header's order, with the least that a record has.
TABLES = {"pcpu": PCPU.size, "domain": DOMAIN.size, "vcpu": VCPU.size, "hist": 4 * BUCKETS * len(HISTOGRAMS),
          "sample": SAMPLE.size, "row": ROW.size, "io_row": IO_ROW.size}


def bucket_lower(bucket):
    """The shortest duration in a bucket of a histogram, in ns; it ends where the next begins."""
    octave, sub = bucket >> SUB_BITS, bucket & ((1 << SUB_BITS) - 1)
    if octave == 0:
        return sub << (FIRST_BITS - SUB_BITS)
    return ((1 << SUB_BITS) + sub) << (octave - 1 + FIRST_BITS - SUB_BITS)


class RegionError(Exception):
    """The file cannot be read; the text is a sentence for the user."""


class Region:
    """A region, mapped read-only. Also a context manager.

    header: the part of the header that never changes, as a dict.
    tables: offset, stride and capacity of each table; "wait" only if this daemon records waits.
    slow_wait_ns: the shortest wait that is recorded, or None.
    """

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < HEADER_BYTES:
                    raise RegionError(f"{path} is no region: it has {size} bytes, less than a header.")
                self._map = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        except OSError as error:
            hint = {FileNotFoundError: " Is xenbaked running?",
                    PermissionError: " Read it as root or as a member of the group xenmon."}.get(type(error), "")
            raise RegionError(f"{path} cannot be read: {error.strerror}.{hint}") from error
        self._bytes = memoryview(self._map)
        # One aligned word as one load: struct's "<Q" reads byte by byte, this does not.
        self._words = self._bytes[: size // 8 * 8].cast("Q")
        try:
            self._check(size)
        except RegionError:
            self.close()
            raise

    def _check(self, size):
        path = self.path
        self.header = header = HEADER.read(self._bytes)
        if header["magic"] != MAGIC:
            raise RegionError(f"{path} is no XenMon region.")
        if header["version_major"] != VERSION_MAJOR:
            raise RegionError(f"{path} has format version {header['version_major']}, and this reader knows "
                              f"version {VERSION_MAJOR}. Use the reader that came with that xenbaked.")
        if header["region_bytes"] > size:
            raise RegionError(f"{path} is cut short: {size} of {header['region_bytes']} bytes.")
        self.tables = {}
        places = [(name, TABLES_AT + index * TABLE.size, least) for index, (name, least) in enumerate(TABLES.items())]
        self.slow_wait_ns = None
        if header["header_bytes"] >= NEWEST_WAIT_AT + 8 <= size and TABLE.read(self._bytes, WAIT_TABLE_AT)["capacity"]:
            self.slow_wait_ns = self._word(SLOW_WAIT_AT)
            places.append(("wait", WAIT_TABLE_AT, WAIT.size))
        self._is_1_2 = header["header_bytes"] >= HEADER_BYTES_1_2 <= size
        if self._is_1_2 and TABLE.read(self._bytes, VERDICT_TABLE_AT)["capacity"]:
            places.append(("verdict", VERDICT_TABLE_AT, VERDICT.size))
        if (header["header_bytes"] >= HEADER_BYTES_1_3 <= size
                and TABLE.read(self._bytes, CARRY_TABLE_AT)["capacity"]):
            places.append(("carry", CARRY_TABLE_AT, CARRY.size))
        if header["header_bytes"] >= HEADER_BYTES_1_4 <= size:
            for name, at, record in (("domain_row", DOMAIN_ROW_TABLE_AT, DOMAIN_ROW),
                                     ("setting", SETTING_TABLE_AT, SETTING)):
                if TABLE.read(self._bytes, at)["capacity"]:
                    places.append((name, at, record.size))
        for name, at, least in places:
            table = TABLE.read(self._bytes, at)
            del table["count"]  # it grows; _count() reads it afresh
            end = table["offset"] + table["stride"] * table["capacity"]
            if (header["header_bytes"] < HEADER_BYTES or table["offset"] < header["header_bytes"]
                    or table["offset"] % 8 or table["stride"] % 8 or table["stride"] < least
                    or table["capacity"] == 0 or end > header["region_bytes"]):
                raise RegionError(f"{path} is damaged: the header's entry for table {name} is impossible.")
            self.tables[name] = table
        if self.tables["hist"]["capacity"] < self.tables["vcpu"]["capacity"]:
            raise RegionError(f"{path} is damaged: there are fewer histograms than vCPUs.")

    def close(self):
        self._words.release()
        self._bytes.release()
        self._map.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # The words that change.

    def _word(self, offset):
        word = self._words[offset // 8]
        return word if sys.byteorder == "little" else int.from_bytes(word.to_bytes(8, "big"), "little")

    def word(self, name):
        """One of state, flags, heartbeat_ns, newest_sample, tables_seq as it is now."""
        return self._word(WORDS_AT[name])

    def state(self):
        number = self.word("state")
        return STATES[number] if number < len(STATES) else f"state {number}"

    def alive(self):
        """False: the daemon has ended or died or made a newer file, and what is here is history."""
        age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self.word("heartbeat_ns")
        return self.state() in ("starting", "running") and age <= 3 * self.header["heartbeat_period_ns"]

    def counters(self):
        return {name: self._word(COUNTERS_AT + 8 * index) for index, name in enumerate(COUNTERS)}

    def wall_epoch_ns(self):
        """CLOCK_REALTIME of trace time 0 as it is now, 0 if unknown; while a trace is live it follows the host's clock."""
        return self._word(WALL_EPOCH_AT)

    def bad_records_by(self):
        """{cause: count}, whose sum is the counter bad_records; {} before 1.2."""
        return {name: self._word(BAD_BY_AT + 8 * index) for index, name in enumerate(BAD_CAUSES)} if self._is_1_2 else {}

    def source_faults(self):
        """{kind: count} of what a live source met; {} before 1.2."""
        return {name: self._word(FAULTS_AT + 8 * index) for index, name in enumerate(FAULTS)} if self._is_1_2 else {}

    # The tables under tables_seq.
    #
    # The format asks for an acquire fence between the copy and the second look at the counter. Python
    # has none. On x86 none is needed: the CPU does not reorder loads with one another, and CPython,
    # whose every step here is a call, does not either; so what the second look at the counter finds
    # was true after the copy was made. On a CPU that reorders loads (Arm, POWER, RISC-V) this is not
    # enough: call atomic_thread_fence(memory_order_acquire) from a small C helper after each load of
    # a counter and before each second one. Xen's other architecture is Arm, so this matters there.

    def _count(self, name):
        later = {"verdict": VERDICT_TABLE_AT, "carry": CARRY_TABLE_AT, "setting": SETTING_TABLE_AT}
        at = later[name] if name in later else TABLES_AT + list(TABLES).index(name) * TABLE.size
        return TABLE.read(self._bytes, at)["count"]

    def _read_tables(self, *wanted):
        """Consistent copies of the used parts of several tables, each a list of dicts by slot."""
        for _ in range(READ_TRIES):
            before = self.word("tables_seq")
            if before % 2:
                time.sleep(0)
                continue
            copies = []
            damaged = None
            for name, record in wanted:
                table = self.tables[name]
                count = self._count(name)
                if count > table["capacity"]:
                    damaged = name
                    break
                end = table["offset"] + table["stride"] * count
                copies.append((record, table["stride"], bytes(self._bytes[table["offset"]:end])))
            if self.word("tables_seq") != before:
                continue  # what was copied, or looked damaged, was being written
            if damaged:
                raise RegionError(f"{self.path} is damaged: table {damaged} counts more records than it has "
                                  "room for.")
            return [[record.read(copy, at) for at in range(0, len(copy), stride)] for record, stride, copy in copies]
        raise RegionError(f"{self.path} changes faster than it can be read, or its writer died while writing.")

    def pcpus(self):
        """{pCPU id: record} of those that exist; "seen" is 1 of one that has produced records, 2 of one without."""
        (records,) = self._read_tables(("pcpu", PCPU))
        return {pcpu: record for pcpu, record in enumerate(records) if record["seen"]}

    def verdicts(self):
        """What is wrong with the trace as a whole: records with a "kind" and a "text"; [] before 1.2."""
        return self._read_tables(("verdict", VERDICT))[0] if "verdict" in self.tables else []

    def vcpus(self):
        """{slot: record} of the vCPUs, with totals as of end_ns."""
        (records,) = self._read_tables(("vcpu", VCPU))
        return {slot: record for slot, record in enumerate(records) if record["flags"] & IN_USE}

    def domains(self):
        """{slot: record} of the domains; each has "vcpus" and the sums over its vCPUs besides its own fields."""
        domains, vcpus = self._read_tables(("domain", DOMAIN), ("vcpu", VCPU))
        summed = TIMES + ("executions", "continues", "slice_count", "slice_sum_ns")
        found = {}
        for slot, domain in enumerate(domains):
            if domain["flags"]:
                domain["vcpus"] = 0
                domain.update(dict.fromkeys(summed, 0))
                found[slot] = domain
        for vcpu in vcpus:
            domain = found.get(vcpu["domain_slot"])
            if domain is not None and vcpu["flags"] & IN_USE:
                domain["vcpus"] += 1
                for name in summed:
                    domain[name] += vcpu[name]
        return found

    def sums(self, vcpu_slot):
        """{"wake_wait_sum_ns": ns, ...} of what the vCPU's histograms count; {} before 1.3."""
        table = self.tables["vcpu"]
        if table["stride"] < SUMS_AT + SUMS.size:
            return {}
        return SUMS.read(self._bytes, table["offset"] + table["stride"] * vcpu_slot + SUMS_AT)

    def more(self, vcpu_slot):
        """{"migrations": count, "avoidable_wait_ns": ns} of the vCPU; {} before 1.4. Each number is read by itself."""
        table = self.tables["vcpu"]
        if table["stride"] < MORE_AT + MORE.size:
            return {}
        return MORE.read(self._bytes, table["offset"] + table["stride"] * vcpu_slot + MORE_AT)

    def runstates(self, domain_slot):
        """{"full_run_ns": ns, ...} of what the domain as a whole did; {} before 1.4. Each number is read by itself."""
        table = self.tables["domain"]
        if table["stride"] < RUNSTATES_AT + RUNSTATES.size:
            return {}
        return RUNSTATES.read(self._bytes, table["offset"] + table["stride"] * domain_slot + RUNSTATES_AT)

    def carries(self):
        """{(vCPU slot, histogram, bucket): how often its count has passed 2^32}; {} before 1.3."""
        if "carry" not in self.tables:
            return {}
        return {(carry["vcpu_slot"], HISTOGRAMS[carry["bucket"] // BUCKETS], carry["bucket"] % BUCKETS): carry["passed"]
                for carry in self._read_tables(("carry", CARRY))[0]
                if carry["vcpu_slot"] != NO_SLOT and carry["bucket"] < BUCKETS * len(HISTOGRAMS)}

    def settings(self):
        """What is set on the host: records with a "kind" (a name of SETTINGS); [] before 1.4 and where nothing is known."""
        if "setting" not in self.tables:
            return []
        return [dict(setting, kind=SETTINGS[setting["kind"] - 1]) for setting in self._read_tables(("setting", SETTING))[0]
                if 0 < setting["kind"] <= len(SETTINGS)]

    def histograms(self, vcpu_slot):
        """{"wake_wait": [count by bucket], ...}; no guard: each count is read by itself and only grows, modulo 2^32."""
        table = self.tables["hist"]
        if not 0 <= vcpu_slot < self.tables["vcpu"]["capacity"]:
            raise IndexError(vcpu_slot)
        at = table["offset"] + table["stride"] * vcpu_slot
        counts = array.array("I", self._bytes[at:at + 4 * BUCKETS * len(HISTOGRAMS)].cast("I"))
        if sys.byteorder == "big":
            counts.byteswap()
        return {name: list(counts[i * BUCKETS:(i + 1) * BUCKETS]) for i, name in enumerate(HISTOGRAMS)}

    # The samples, each under its own seq.

    def samples(self):
        """Numbers of the samples that may be there, the newest first. sample() says whether they still are."""
        newest = self.word("newest_sample")
        yield from range(newest, max(0, newest - self.tables["sample"]["capacity"]), -1)

    def sample(self, number):
        """Sample `number` with its "rows", "io_rows" and "domain_rows", or None if it is not, or no longer, there."""
        if number < 1:
            return None
        table = self.tables["sample"]
        at = table["offset"] + number % table["capacity"] * table["stride"]
        if self._word(at) != number:
            return None
        sample = SAMPLE.read(self._bytes, at)
        try:
            rows = self._ring("row", sample["first_row"], sample["row_count"])
            io_rows = self._ring("io_row", sample["first_io_row"], sample["io_row_count"])
            domain_rows = []
            if "domain_row" in self.tables and table["stride"] >= DOMAIN_ROWS_AT + DOMAIN_ROWS.size:
                sample.update(DOMAIN_ROWS.read(self._bytes, at + DOMAIN_ROWS_AT))
                domain_rows = self._ring("domain_row", sample["first_domain_row"], sample["domain_row_count"])
        except RegionError:
            if self._word(at) != number:  # overwritten meanwhile: no damage
                return None
            raise
        if self._word(at) != number:
            return None
        sample["rows"] = [ROW.read(row) for row in rows]
        if self.tables["row"]["stride"] >= ROW_MORE_AT + ROW_MORE.size:
            for row, data in zip(sample["rows"], rows):
                row.update(ROW_MORE.read(data, ROW_MORE_AT))
        sample["io_rows"] = [IO_ROW.read(row) for row in io_rows]
        sample["domain_rows"] = [DOMAIN_ROW.read(row) for row in domain_rows]
        return sample

    # The waits, each under its own seq.

    def waits(self):
        """Numbers of the waits that may be there, the newest first. wait() says whether they still are."""
        if "wait" in self.tables:
            newest = self._word(NEWEST_WAIT_AT)
            yield from range(newest, max(0, newest - self.tables["wait"]["capacity"]), -1)

    def wait(self, number):
        """Wait `number` with its "runners", or None if it is not there, or no longer there."""
        if number < 1 or "wait" not in self.tables:
            return None
        table = self.tables["wait"]
        at = table["offset"] + number % table["capacity"] * table["stride"]
        if self._word(at) != number:
            return None
        wait = WAIT.read(self._bytes, at)
        if self._word(at) != number:
            return None
        runners = [{name: wait.pop(f"runner{index}_{name}") for name in ("domain_uid", "domid", "vcpu_id", "ns")}
                   for index in range(RUNNERS)]
        wait["runners"] = [runner for runner in runners if runner["ns"]]
        return wait

    def _ring(self, name, first, count):
        table = self.tables[name]
        if count > table["capacity"]:
            raise RegionError(f"{self.path} is damaged: a sample counts more {name}s than there is room for.")
        places = (table["offset"] + position % table["capacity"] * table["stride"]
                  for position in range(first, first + count))
        return [bytes(self._bytes[at:at + table["stride"]]) for at in places]


def conservation(sample):
    """{vCPU slot: sum of its times} of those whose times do not add up to the sample's length; so {} is good."""
    sums = {}
    for row in sample["rows"]:
        sums[row["vcpu_slot"]] = sums.get(row["vcpu_slot"], 0) + sum(row[name] for name in TIMES)
    length = sample["end_ns"] - sample["start_ns"]
    return {slot: total for slot, total in sums.items() if total != length}


def gotten(sample):
    """{domain slot: the share of the sample for which its vCPUs ran}; 1.0 is one physical CPU."""
    length = max(1, sample["end_ns"] - sample["start_ns"])
    shares = {}
    for row in sample["rows"]:
        shares[row["domain_slot"]] = shares.get(row["domain_slot"], 0) + row["running_ns"] / length
    return shares


def domain_label(domains, slot):
    domain = domains.get(slot)
    if domain is None:
        return f"slot {slot}"
    if domain["domid"] == IDLE:
        return "idle"
    return f"{domain['domid']} {domain['name']}".strip()


def collect(region, count):
    """Everything that is printed, as one dict."""
    newest = []
    for number in region.samples():
        if len(newest) == count:
            break
        sample = region.sample(number)
        if sample is None:
            break
        newest.append(sample)
    return {
        "header": region.header, "source": SOURCES.get(region.header["source_kind"], "unknown"),
        "state": region.state(), "flags": region.word("flags"), "alive": region.alive(),
        "newest_sample": region.word("newest_sample"), "counters": region.counters(),
        "bad_records_by": region.bad_records_by(), "source_faults": region.source_faults(),
        "verdicts": region.verdicts(), "domains": region.domains(),
        "samples": [{"number": sample["seq"], "start_ns": sample["start_ns"], "end_ns": sample["end_ns"],
                     "lost_records": sample["lost_records"], "gotten": gotten(sample),
                     "conserved": not conservation(sample)} for sample in newest],
    }


def print_report(facts):
    header, counters, domains = facts["header"], facts["counters"], facts["domains"]
    print(f"format       {header['version_major']}.{header['version_minor']}, generation {header['generation']:#x}")
    print(f"source       {facts['source']} {printable(header['source_text'])}".rstrip()
          + f", Xen {printable(header['xen_version']) or '?'}, scheduler {printable(header['scheduler']) or '?'}, "
          f"{header['cpu_khz']} kHz")
    print(f"state        {facts['state']}" + ("" if facts["alive"] else "; what follows is history"))
    print(f"samples      {facts['newest_sample']} of {header['sample_ns'] / 1e6:g} ms")
    print(f"records      {counters['records']}, lost {counters['lost_records']}, bad {counters['bad_records']}, "
          f"late {counters['late_records']}")
    for verdict in facts["verdicts"]:
        print(f"verdict      {''.join(c if c.isprintable() else '?' for c in verdict['text'])}")
    print("\nSeconds since the trace began, summed over vCPUs")
    print(f"{'domain':<24} {'vcpus':>5} {'gotten':>10} {'wake wait':>10} {'preempt':>10} {'blocked':>10} "
          f"{'offline':>10} {'unknown':>10} {'executions':>10}")
    for slot, domain in domains.items():
        label = domain_label(domains, slot) + (" (dead)" if domain["flags"] & DEAD else "")
        print(f"{padded(label, 24)} {domain['vcpus']:>5} " + " ".join("         -" if domain["domid"] == IDLE and name in NO_MEANING_OF_IDLE
                                                                       else f"{domain[name] / 1e9:>10.3f}" for name in TIMES)
              + f" {domain['executions']:>10}")
    if facts["samples"]:
        print("\nGotten in the newest samples, 100 % is one physical CPU")
    for sample in facts["samples"]:
        shares = ", ".join(f"{printable(domain_label(domains, slot))} {100 * share:.1f} %"
                           for slot, share in sorted(sample["gotten"].items()))
        print(f"{sample['number']:>8} ({sample['end_ns'] / 1e9:.3f} s): {shares or 'nothing'}"
              + ("" if sample["conserved"] else "  TIMES DO NOT ADD UP"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Show what a XenMon region holds.")
    parser.add_argument("path", nargs="?", default="/run/xenmon/region", metavar="PATH")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--samples", type=int, default=5, metavar="N", help="how many of the newest samples (5)")
    options = parser.parse_args(arguments)
    try:
        with Region(options.path) as region:
            facts = collect(region, max(0, options.samples))
    except RegionError as error:
        print(f"region_reader: {printable(str(error))}", file=sys.stderr)
        return 1
    if options.json:
        json.dump(facts, sys.stdout, indent=2)
        print()
    else:
        print_report(facts)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())
