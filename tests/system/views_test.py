#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every figure on every view of xenmon is the recording's, rounded: the views against `xenbaked --totals json`.

The recordings are shorter than the long window, which so holds all that the totals are of. What is of the short
window or of one pCPU is held against the rows in recorded_figures.py, whose sums are the totals. Left out is what the
programs themselves cost.
"""
import re
import unittest
from fractions import Fraction

from harness import RECORDINGS, XENMON, Daemon, SystemTest, Terminal, region_reader, wait_for
from held_replay_test import is_held
from recorded_figures import IDLE, LONG, SHORT, SPREADS, RecordedFigures, bucket_ends, percentiles, quotient
from wanted_figures import LATENCY_COLUMNS, LATENCY_GROUPS, PCPU_COLUMNS, PCPU_GROUPS, SECOND, VCPU_COLUMNS, \
    VCPU_GROUPS, Shown, domain_rows, tenths, time_shown, total_row, wanted_headings, wanted_host, wanted_latencies, \
    wanted_pcpus, wanted_rivals, wanted_vcpus

# What a field of the view of domains contains, and the maximum width of the first one.
FIELD = re.compile(r"of \d+%|no limit|\d\S*(?: (?:ns|us|ms|s|min|h)\b(?:/\w+)?)?|-(?= |$)")
FIRST_FIELD = 9
SORTED = re.compile(r"[v^]$")
PICTURES = re.compile("gotten recently$|busy$")


class ViewsTest(SystemTest):
    def start(self, recording, *options, width=250, height=70, shows=" ended ", longer=False):
        """xenmon in a terminal, showing a recording; its end by default."""
        path = RECORDINGS / f"{recording}.xentrace.xz"
        self.recorded = RecordedFigures(self, path, longer)
        self.recording = path
        self.terminal = Terminal(self, width, height)
        self.terminal.type(f"export XDG_CONFIG_HOME={self.directory}")  # nobody's settings
        self.terminal.command(XENMON, "--replay", path, *options)
        self.terminal.wait_for_line(shows)

    def eventually(self, check):
        """What check(lines) returns once it is right: while the screen is drawn, a part of it may be of before."""
        wrong = ""

        def right():
            nonlocal wrong
            lines = self.terminal.lines()
            try:
                return [check(lines)]
            except AssertionError as error:
                wrong = f"{error}\n" + "\n".join(line for line in lines if line)
                return None
        return wait_for(right, lambda: wrong)[0]

    def check_said(self, text, wanted, what):
        if isinstance(wanted, Shown):
            self.assertTrue(wanted.is_said_by(text), f"{what}: {text!r} is not {wanted}")
        else:
            self.assertEqual(text, wanted, what)

    # Tables

    def table(self, lines, heading, columns):
        """[(indent, label, cells, what follows them)] by the places of the headings, these columns and no others."""
        at = next((i for i, line in enumerate(lines) if line.startswith(heading)), None)
        self.assertIsNotNone(at, f"no heading {heading!r}")
        behind = re.sub(r"^[v^]", " ", lines[at][len(heading):])  # if it is sorted by labels
        titles = list(re.finditer(r"\S+", re.sub(PICTURES, "", behind)))
        self.assertEqual([re.sub(SORTED, "", title[0]) for title in titles], columns)
        ends = [len(heading) + title.end() for title in titles]
        width = ends[1] - ends[0]
        rows = []
        for line in lines[at + 1:]:
            if not line:
                break
            label = line[:ends[0] - width]
            cells = [line[end - width:end].strip() for end in ends]
            rows.append((len(label) - len(label.lstrip()), label.strip(), cells, line[ends[-1]:].strip()))
        return rows

    def check_table(self, heading, columns, wanted, groups=()):
        """wanted: [((parent's label, label), cells)], in any order, but each below its parent, which has itself."""
        def check(lines):
            if groups:
                self.assertRegex(lines[1], "^ +" + " -* *".join(map(re.escape, groups)) + " -+$")
            rows = self.table(lines, heading, columns)
            found = {}
            parent = None
            for indent, label, cells, behind in rows:
                parent = label if indent == 0 else parent
                self.assertNotIn((parent, label), found)
                found[parent, label] = cells, behind
            self.assertEqual(sorted(found), sorted(key for key, _ in wanted))
            for key, figures in wanted:
                self.assertEqual(len(found[key][0]), len(figures))
                for text, figure, column in zip(found[key][0], figures, columns):
                    self.check_said(text, figure, (*key, column))
            return found
        return self.eventually(check)

    def check_scrolling(self, heading, columns, wanted, fit):
        """The same where only this many columns fit: sideways to the last one."""
        for first in range(len(columns) - fit + 1):
            self.check_table(heading, columns[first:first + fit],
                             [(key, cells[first:first + fit]) for key, cells in wanted])
            self.terminal.keys("Right")

    def check_vcpus_view(self, pcpu=None):
        self.terminal.keys("2")
        for window, span in ((LONG, "10 s"), (SHORT, "1 s")):
            for of_pcpu, of in ((True, "% of pCPU"), (False, "% of vCPUs")):
                wanted = wanted_vcpus(self.recorded, window, of_pcpu, pcpu)
                shown = self.check_table("domain, vCPU", VCPU_COLUMNS, wanted,
                                         [f"{span}, {of}", *VCPU_GROUPS])
                self.check_states(shown, window, of_pcpu, pcpu)
                if of_pcpu:
                    self.check_sums(shown)
                self.terminal.keys("%")
            self.terminal.keys("t")

    def check_sums(self, shown):
        """The percentages of a domain's vCPUs add up to the domain's, but for their rounding."""
        for column in range(VCPU_COLUMNS.index("other") + 1):
            of_domains, of_vcpus, counted = {}, {}, {}
            for (parent, label), (cells, _) in shown.items():
                if not cells[column]:
                    continue
                value = Fraction(cells[column].rstrip("%"))
                if parent == label:
                    of_domains[parent] = value
                else:
                    of_vcpus[parent] = of_vcpus.get(parent, 0) + value
                    counted[parent] = counted.get(parent, 0) + 1
            self.assertEqual(set(of_domains), set(of_vcpus))
            for domain, value in of_domains.items():
                self.assertLessEqual(abs(of_vcpus[domain] - value), Fraction(1, 200) * (counted[domain] + 1), domain)

    def check_states(self, shown, window, of_pcpu, pcpu):
        """A vCPU's states are all of its time since its first record, and both ways to wait are all waiting."""
        length = self.recorded.length_ns[window]
        whole_time = 0
        for (domid, vcpu), slot in self.recorded.slots.items():
            label = "- " + self.recorded.label(domid)
            if domid == IDLE or (label, f"v{vcpu}") not in shown:
                continue
            cells = shown[label, f"v{vcpu}"][0]
            said = {name: Fraction(cell.rstrip("%")) for name, cell in zip(VCPU_COLUMNS, cells) if cell.endswith("%")}
            rounding = Fraction(1, 200)
            self.assertLessEqual(abs(said["waited"] - said["woken"] - said["preempt"]), 3 * rounding, slot)
            states = sum(said[name] for name in ("gotten", "waited", "blocked", "other"))
            figures = self.recorded.figures(window, domid, vcpu, pcpu)
            told = (self.recorded.told_ns[window].get((domid, vcpu), 0) if pcpu is None
                    else figures.online_ns() + figures["offline_ns"])
            whole = length if of_pcpu else figures.online_ns()
            self.assertLessEqual(abs(states - 100 * quotient(told if whole else 0, whole)), 4 * rounding, slot)
            if told == length and of_pcpu:
                self.assertLessEqual(abs(states - 100), 4 * rounding, slot)
                whole_time += 1
        if pcpu is None and of_pcpu:
            self.assertTrue(whole_time, "no vCPU was there all the time")

    def check_pcpus_view(self):
        self.terminal.keys("3")
        for window, span in ((LONG, "10 s"), (SHORT, "1 s")):
            wanted, parts = wanted_pcpus(self.recorded, window)
            shown = self.check_table("pCPU, domain", PCPU_COLUMNS, wanted, [f"{span}, % of pCPU", *PCPU_GROUPS])
            for key, (_, bar) in shown.items():
                self.assertLessEqual(abs(bar.count("\u2588") - parts[key] * len(bar)), Fraction(1, 2), key)
            self.check_shares(shown, window)
            self.terminal.keys("t")

    def check_shares(self, shown, window):
        """A pCPU's shares are all of its time, except unknown time; busy is all but idle."""
        length = self.recorded.length_ns[window]
        for pcpu in self.recorded.pcpus():
            parent = f"- CPU {pcpu}"
            shares = {label: Fraction(cells[0].rstrip("%")) for (above, label), (cells, _) in shown.items()
                      if above == parent}
            busy = shares.pop(parent)
            rounding = Fraction(1, 200) * (len(shares) + 1)
            self.assertLessEqual(abs(busy - sum(shares.values()) + shares.get("Idle", 0)), rounding)
            told = sum(figures["running_ns"] for key, figures in self.recorded.rows[window].items()
                       if key[2] == pcpu)
            self.assertLessEqual(length - told, self.recorded.unknown_ns())
            self.assertLessEqual(abs(sum(shares.values()) - 100 * quotient(told, length)), rounding)

    def check_latency_view(self):
        self.terminal.keys("4")
        wanted = wanted_latencies(self.recorded)
        self.check_table("domain, vCPU", LATENCY_COLUMNS, wanted)
        heading = self.eventually(lambda lines: self.heading(
            lines, r"woken, since start, (\S+) -+ " + " -+ ".join(LATENCY_GROUPS) + " -+\n"))
        self.check_said(heading[1], time_shown(self.recorded.totals["duration_ns"]), "since the start")
        self.check_selected(len(wanted), 10 * SECOND)

    def check_selected(self, count, span_ns):
        """What is below the table, of each of its lines."""
        self.terminal.keys("Home")
        for position in range(count):
            self.eventually(lambda lines, position=position: self.check_pictures(lines, position))
            self.eventually(lambda lines, position=position: self.check_rivals(lines, position, span_ns))
            self.terminal.keys("Down")
        self.terminal.keys("Home")

    def heading(self, lines, pattern):
        found = re.search(pattern, "\n".join(lines))
        self.assertIsNotNone(found, pattern)
        return found

    def line_at(self, lines, position):
        """(domid, vCPU or None) of a line of the table."""
        rows = self.table(lines, "domain, vCPU", LATENCY_COLUMNS)
        self.assertLess(position, len(rows))
        label = next(label for indent, label, _, _ in reversed(rows[:position + 1]) if indent == 0)
        label = label.removesuffix(" (ended)")
        domid = next((domid for domid in self.recorded.names if "- " + self.recorded.label(domid) == label), None)
        self.assertIsNotNone(domid, label)
        indent, label, _, _ = rows[position]
        return domid, int(label[1:]) if indent else None

    def check_pictures(self, lines, position):
        """How many there were of the line that is selected."""
        line = self.line_at(lines, position)
        found = re.findall(r"(?:^|  )(?:(\d+) of them, p99 (\S+)|(none))(?=  |$)", "\n".join(lines), re.MULTILINE)
        self.assertEqual(len(found), len(SPREADS))
        for (count, p99, none), name in zip(found, SPREADS):
            counts, longest = self.recorded.histogram(name, *line)
            self.assertEqual(bool(none), not any(counts), name)
            if not none:
                self.assertEqual(int(count), sum(counts), name)
                self.check_said(p99, time_shown(percentiles(counts, longest)["p99"]), name)

    def check_rivals(self, lines, position, span_ns):
        """Who ran during the long waits of the line that is selected, the longest first, and then all others."""
        domid, vcpu = self.line_at(lines, position)
        who = self.recorded.label(domid) + ("" if vcpu is None else f"v{vcpu}")
        line = next((line for line in lines if line.startswith(who + ": ")), "")
        found = re.fullmatch(r".*?: (\d+) waits? over (\S+?)(?:; who ran: (.+))?", line)
        self.assertIsNotNone(found, f"nothing of the waits of {who}")
        count, shares, ran = wanted_rivals(self.recorded, span_ns, domid, vcpu)
        self.assertEqual(int(found[1]), count, who)
        self.check_said(found[2], time_shown(self.recorded.region.slow_wait_ns), who)
        said = [part.rsplit(" ", 1) for part in (found[3] or "").split(", ") if part]
        names = [None if name == "others" else name for name, _ in said]
        self.assertEqual(sorted(map(str, names)), sorted(map(str, shares)), who)
        for name, (_, share) in zip(names, said):
            self.check_said(share, shares[name], (who, name))
        told = [ran[name] for name in names if name is not None]
        self.assertEqual(told, sorted(told, reverse=True), who)
        self.assertNotIn(None, names[:-1])

    # The domains' view

    def fields_of(self, line, ends):
        """What stands right-aligned at the ends, each half's three fields; a range stands across two of them."""
        found = [""] * len(ends)
        first = ends[0] - FIRST_FIELD
        for field in FIELD.finditer(line[first:ends[-1]]):
            self.assertIn(first + field.end(), ends, line)
            found[ends.index(first + field.end())] = field[0]
        return found[:3], found[3:]

    def check_domains_view(self, pcpu=None):
        self.terminal.keys("1")
        for of_pcpu, rule in ((True, "percent of one pCPU's time"), (False, "percent of the domain's vCPUs' time")):
            self.eventually(lambda lines, of_pcpu=of_pcpu, rule=rule: self.check_domains(lines, of_pcpu, rule, pcpu))
            self.terminal.keys("%")

    def check_domains(self, lines, of_pcpu, rule, pcpu):
        self.assertIn("CPU = " + ("all" if pcpu is None else str(pcpu)), lines[0])
        patterns, lengths = zip(*wanted_headings(self.recorded))
        found = re.fullmatch(" +" + " +".join(patterns), lines[1])
        self.assertIsNotNone(found, lines[1])
        for text, length in zip(found.groups(), sum(lengths, []), strict=True):
            self.check_said(text, length, "heading")
        self.assertIn(rule, lines[2])
        total = next((line for line in lines if line.lstrip().startswith("Total ")), None)
        self.assertIsNotNone(total, "no total")
        # The total has all six fields, and so shows where they end.
        fields = list(FIELD.finditer(total))
        self.assertEqual(len(fields), 6, total)
        ends = [field.end() for field in fields]
        for window in (LONG, SHORT):
            shown = self.fields_of(total, ends)[window]
            for text, wanted in zip(shown, total_row(self.recorded, window, of_pcpu, pcpu)):
                self.check_said(text, wanted, ("Total", window))
        at = 3
        for domid in sorted(self.shown_order(lines), key=self.shown_order(lines).get):
            halves = [domain_rows(self.recorded, domid, window, of_pcpu, pcpu) for window in (LONG, SHORT)]
            for row in range(6):
                shown = self.fields_of(lines[at], ends)
                for window in (LONG, SHORT):
                    self.check_fields(shown[window], halves[window][row], (self.recorded.label(domid), row, window))
                at += 1
        self.assertIn(lines[at], ("", total))

    def shown_order(self, lines):
        """{domid: row} of all domains of the recording."""
        found = {domid: row for domid in self.recorded.names for row, line in enumerate(lines)
                 if row >= 3 and re.match(rf" ?{re.escape(self.recorded.label(domid))} ", line)}
        self.assertEqual(set(found), set(self.recorded.names))
        return found

    def check_fields(self, shown, wanted, what):
        if isinstance(wanted[0], tuple):  # the shortest and the longest slice, across two fields
            self.assertIn("..", shown[1], what)
            for text, figure in zip(shown[1].split(".."), wanted[0]):
                self.check_said(text, figure, what)
            wanted = ["", shown[1], wanted[1]]
        for text, figure in zip(shown, wanted):
            self.check_said(text, figure, what)

    # The host's view

    def check_host_view(self):
        """Right ten seconds after the start: until then the records are those that came while xenmon looked."""
        self.terminal.keys("5")
        wanted = wanted_host(self.recorded, self.recording)
        self.eventually(lambda lines: self.check_host(lines, wanted))

    def check_host(self, lines, wanted):
        named = [line[1:15].strip() for line in lines[1:] if re.match(r" \S.{13}\S", line)]
        self.assertEqual(named[:len(wanted) + 2], [*wanted, "xenbaked", "xenmon"])
        for name, (pattern, figures) in wanted.items():
            value = next((line[15:] for line in lines if line.startswith(f" {name} ")), "")
            found = re.fullmatch(pattern, value)
            self.assertIsNotNone(found, f"{name}: {value!r}")
            for text, figure in zip(found.groups(), figures, strict=True):
                self.check_said(text, figure, name)

    def check_status(self, lines):
        """The status line's unknown time, and what was lost."""
        text = "\n".join(lines)
        found = re.search(r"state unknown for (\S+) of vCPU time", text)
        self.assertEqual(bool(found), bool(self.recorded.unknown_ns()), text)
        if found:
            self.check_said(found[1], time_shown(self.recorded.unknown_ns()), "status")
        lost = re.search(r"(\d+) records? lost in the last 10 s", text)
        self.assertEqual(int(lost[1]) if lost else 0, self.recorded.totals["lost_records"])
        self.assertIn(f" s ago | at {tenths(self.recorded.end_ns)} s", text)

    def check_all(self, recording, *options):
        self.start(recording, *options)
        self.eventually(self.check_status)
        self.check_domains_view()
        self.check_vcpus_view()
        self.check_pcpus_view()
        self.check_latency_view()
        self.check_host_view()
        self.terminal.keys("1")
        for pcpu in self.recorded.pcpus():
            self.terminal.keys("c")
            self.check_domains_view(pcpu)
            self.check_vcpus_view(pcpu)
        self.terminal.keys("q")

    def test_one_pcpu(self):
        self.check_all("web-credit-1pcpu", "--speed", "max")

    def test_two_pcpus_at_the_end(self):
        self.check_all("web-credit2-patched", "--at", "end")

    def test_long_waits_of_a_shorter_window(self):
        self.start("web-credit-1pcpu", "--speed", "max")
        self.terminal.keys("4", "W", "W")
        self.terminal.wait_for_line("windows of 5 s and 1 s | ")
        self.assertLess(len(self.recorded.waits_of(5 * SECOND, 0)), len(self.recorded.waits_of(10 * SECOND, 0)))
        self.check_selected(len(wanted_latencies(self.recorded)), 5 * SECOND)
        self.terminal.keys("q")

    def test_a_small_terminal(self):
        self.start("web-credit2-patched", "--speed", "max", width=80, height=24)
        self.check_domains_view()
        self.terminal.keys("2")
        self.check_scrolling("domain, vCPU", VCPU_COLUMNS, wanted_vcpus(self.recorded, LONG, True), 7)
        self.check_pcpus_view()
        self.terminal.keys("4")
        self.check_scrolling("domain, vCPU", LATENCY_COLUMNS, wanted_latencies(self.recorded), 9)
        self.terminal.keys("q")

    def test_long_waits_of_a_longer_recording(self):
        """So many run in turn that not all are reported individually."""
        self.start("web-credit2-2pcpu", "--speed", "max", longer=True)
        self.assertTrue(any(wait["others_ns"] for wait in self.recorded.waits_of(10 * SECOND, 1)))
        self.terminal.keys("4")
        self.check_selected(len(wanted_latencies(self.recorded)), 10 * SECOND)
        self.terminal.keys("q")

    def test_recent_latencies(self):
        """What was counted since the view was opened, at one second: the end's histograms less those of then."""
        self.start("web-credit2-patched", "--at", "1", "--speed", "max", shows=", held at 1")
        held = Daemon(self, self.directory / "held", "--held-at", "1", recording=self.recording)
        wait_for(lambda: is_held(held.region), "the replay to be held")
        early = region_reader.Region(held.region)
        self.addCleanup(early.close)
        domains = early.domains()
        slots = {(domains[vcpu["domain_slot"]]["domid"], vcpu["vcpu_id"]): slot
                 for slot, vcpu in early.vcpus().items()}

        def recent_of(name, domid, vcpu):
            counts, longest = self.recorded.histogram(name, domid, vcpu)
            before = early.histograms(slots[domid, vcpu])[name] if (domid, vcpu) in slots else [0] * len(counts)
            counts = [after - then for after, then in zip(counts, before)]
            # How long the longest one was is known as exactly as the buckets allow.
            last = max((bucket for bucket, count in enumerate(counts) if count), default=None)
            return counts, 0 if last is None else min(longest, bucket_ends(last)[1])

        def recent(name, domid, vcpu):
            parts = [recent_of(name, domid, each) for each in ([vcpu] if vcpu is not None
                                                               else self.recorded.vcpus(domid))]
            return [sum(column) for column in zip(*(counts for counts, _ in parts))], max(most for _, most in parts)

        self.terminal.keys("4")
        self.eventually(lambda lines: self.heading(lines, r"woken, since start, 1\.00s "))
        self.terminal.keys("Space")
        self.terminal.wait_for_line(" ended ")
        heading = self.eventually(lambda lines: self.heading(lines, r"woken, last (\S+) "))
        self.check_said(heading[1], time_shown(self.recorded.totals["duration_ns"] - SECOND), "recent")
        self.check_table("domain, vCPU", LATENCY_COLUMNS, wanted_latencies(self.recorded, recent))
        self.terminal.keys("t")
        self.terminal.wait_for_line("since xenbaked started | ")
        self.check_table("domain, vCPU", LATENCY_COLUMNS, wanted_latencies(self.recorded))
        self.terminal.keys("q")

    def test_lost_records(self):
        # So short that both windows hold all of it.
        self.check_all("web-credit2-lossy", "--speed", "max")
        self.assertEqual(self.recorded.rows[LONG], self.recorded.rows[SHORT])


if __name__ == "__main__":
    unittest.main(verbosity=2)
