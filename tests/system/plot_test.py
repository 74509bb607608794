#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenmon plot: pictures of logs of all three forms, which say the same as each other and as xenbaked's totals."""
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from harness import RECORDING, RECORDINGS, XENMON, SystemTest, run, totals

LOSSY = RECORDINGS / "web-credit2-lossy.xentrace.xz"
FIGURES = ["gotten", "blocked", "waited", "io", "io-per-execution", "executions", "time-per-execution"]
DOMAINS = ["Domain-0 (0)", "web (1)", "batch (2)", "visitor (3)"]
SVG = "{http://www.w3.org/2000/svg}"


def plot(*arguments, **options):
    # gnuplot is no program of ours: what it needs of memory is its own affair.
    return subprocess.run([XENMON, "plot", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False, **options)


def data_of(script):
    """By the domain's label, {(begin, end): [figure, ...]} of a script with all figures."""
    labels = re.findall(r'keyentry .* title "([^"]*)"', script)
    blocks = re.findall(r"^\$domain_(\d+) << END\n(.*?)^END\n", script, re.MULTILINE | re.DOTALL)
    assert labels and [int(number) for number, _ in blocks] == list(range(1, len(labels) + 1)), script[:2000]
    found = {}
    for label, (_, text) in zip(labels, blocks):
        rows = [[float(word) for word in line.split()] for line in text.splitlines() if line]
        intervals = {}
        for begin, end in zip(rows[::2], rows[1::2]):
            assert begin[0] < end[0] and repr(begin[1:]) == repr(end[1:]), (begin, end)
            intervals[begin[0], end[0]] = begin[1:]
        found[label] = intervals
    return found


def to_milliseconds(data):
    """The same with the times as -n has them."""
    return {label: {(round(begin, 3), round(end, 3)): figures for (begin, end), figures in intervals.items()}
            for label, intervals in data.items()}


class PlotTest(SystemTest):
    def make_logs(self, recording=RECORDING, *options):
        """The recording's logs in all forms: lists of paths."""
        prefix = self.directory / "log"
        common = [XENMON, "--replay", recording, "--speed", "max", "-t", "0", *options]
        commands = {"-n": ["-n", "-p", prefix]}
        for form in ("csv", "jsonl"):
            commands[form] = ["--format", form, "--vcpus", "-o", f"{prefix}.{form}"]
        for command in commands.values():
            done = run(*common, *command)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {"-n": sorted(self.directory.glob("log-*.log")), "csv": [f"{prefix}.csv"], "jsonl": [f"{prefix}.jsonl"]}

    def script(self, *arguments):
        done = plot("--script", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def picture(self, path):
        """A picture's root; it must be SVG, and well-formed."""
        root = ElementTree.parse(path).getroot()
        self.assertEqual(root.tag, SVG + "svg")
        return root

    def texts(self, root):
        return [(text.text or "").strip() for text in root.iter(SVG + "text")]

    def test_settings_have_columns_of_one_scale(self):
        log = pathlib.Path(self.make_logs()["csv"][0])
        runs = []
        for setting in ("weight-256", "weight-512"):
            for number in (100, 200):
                runs.append(self.directory / setting / str(number))
                runs[-1].mkdir(parents=True)
                shutil.copy(log, runs[-1])
        path = self.directory / "plot.svg"
        done = plot("--against", "requests/s", "--figure", "gotten", "--figure", "io", *runs, "-o", path)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        texts = self.texts(self.picture(path))
        for text, count in {"weight-256": 1, "weight-512": 1, "requests/s": 2, "web (1)": 1,
                            "Gotten (% of one pCPU)": 1}.items():
            self.assertEqual(texts.count(text), count, text)

    def test_each_form_is_drawn_with_a_line_for_each_domain(self):
        for form, logs in self.make_logs().items():
            path = self.directory / "plot.svg"
            done = plot(*logs, "-o", path, "--title", "Two <pCPUs> & 'more'")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), form)
            root = self.picture(path)
            # Of each domain its line and its marks in each figure, and one entry in the legend.
            plots = [group for group in root.iter(SVG + "g") if group.get("id", "").startswith("gnuplot_plot_")]
            self.assertEqual(len(plots), (2 * len(FIGURES) + 1) * len(DOMAINS), form)
            drawn = [group for group in plots if any("d" in line.keys() for line in group.iter(SVG + "path"))]
            self.assertEqual(len(drawn), (len(FIGURES) + 1) * len(DOMAINS), form)
            texts = self.texts(root)
            self.assertIn("Two <pCPUs> & 'more'", texts)
            for domain in DOMAINS:
                label = domain if form != "-n" else f"domain {domain[-2]}"
                self.assertEqual(texts.count(label), 1, (form, texts))
            self.assertNotIn("Idle", texts)
            self.assertEqual(texts.count("Time since the log began (s)"), 1)
            self.assertEqual(sorted(os.listdir(self.directory)).count("plot.svg"), 1)
            self.assertEqual([name for name in os.listdir(self.directory) if name.startswith("plot.svg.")], [])

    def check_same(self, one, other, label, rounding):
        self.assertEqual(set(one) - set(other), set(), label)
        for interval, figures in one.items():
            for name, mine, theirs in zip(FIGURES, figures, other[interval]):
                if math.isnan(mine):
                    continue  # said below where that may be
                self.assertTrue(math.isclose(mine, theirs, rel_tol=rounding, abs_tol=rounding), (label, interval, name))

    def test_all_forms_say_the_same(self):
        """-n rounds to 3 digits, and has no line where a domain was paused or had ended."""
        for interval_ms in ("1000", "250"):
            logs = self.make_logs(RECORDING, "-i", interval_ms)
            of_csv = to_milliseconds(data_of(self.script("--idle", *logs["csv"])))
            of_json = to_milliseconds(data_of(self.script("--idle", *logs["jsonl"])))
            of_files = to_milliseconds(data_of(self.script("--idle", *logs["-n"])))
            self.assertEqual(list(of_csv), [*DOMAINS, "Idle"])
            self.assertEqual(repr(of_csv), repr(of_json))
            self.assertEqual(len(of_files), len(of_csv))
            for label, mine in zip(of_csv, of_files):
                self.check_same(of_files[mine], of_csv[label], label, 1e-4)
                for interval in set(of_csv[label]) - set(of_files[mine]):
                    self.assertEqual(of_csv[label][interval][0], 0, (label, interval))
                for interval, figures in of_files[mine].items():
                    if math.isnan(figures[FIGURES.index("blocked")]) and label != "Idle":  # which never has one
                        self.assertEqual(of_csv[label][interval][:4], [0, 0, 0, 0], (label, interval))
        # The batch job was paused: that is seen, and not drawn over.
        paused = [figures for figures in of_csv["batch (2)"].values() if figures[FIGURES.index("executions")] == 0]
        self.assertTrue(paused)
        for figures in paused:
            self.assertEqual([figures[0], math.isnan(figures[4]), math.isnan(figures[6])], [0, True, True])

    def test_all_forms_add_up_to_the_totals(self):
        logs = self.make_logs()
        whole = totals(RECORDING)
        for form, rounding in (("csv", 1e-6), ("jsonl", 1e-6), ("-n", 1e-4)):
            drawn = data_of(self.script("--idle", *logs[form]))
            self.assertEqual(len(drawn), len(whole["domains"]))
            for domain in whole["domains"]:
                (label,) = [label for label in drawn if label.endswith(f"({domain['domid']})") or
                            label == f"domain {domain['domid']}" or label == "Idle" and domain["domid"] == 32767]
                vcpus = domain["vcpus"]
                expected = {"gotten": sum(vcpu["gotten_ns"] for vcpu in vcpus) / 1e7,
                            "waited": sum(vcpu["waited_ns"] for vcpu in vcpus) / 1e7,
                            "blocked": sum(vcpu["blocked_ns"] for vcpu in vcpus) / 1e7,
                            "executions": sum(vcpu["executions"] for vcpu in vcpus),
                            "io": sum(domain["io"][kind] for kind in ("map", "unmap", "transfer", "copy"))}
                for name, value in expected.items():
                    column = FIGURES.index(name)
                    if label == "Idle" and name in ("waited", "blocked"):  # which mean nothing
                        self.assertTrue(all(math.isnan(figures[column]) for figures in drawn[label].values()), form)
                        continue
                    total = sum((end - begin) * figures[column] for (begin, end), figures in drawn[label].items()
                                if not math.isnan(figures[column]))
                    # The last interval's end has 3 digits in -n.
                    self.assertTrue(math.isclose(total, value, rel_tol=rounding, abs_tol=1e-2 * (form == "-n") + 1e-6),
                                    (form, label, name, total, value))

    def test_the_other_kinds_of_file(self):
        log = self.make_logs()["csv"][0]
        for suffix, magic in ((".png", b"\x89PNG\r\n"), (".pdf", b"%PDF-")):
            path = self.directory / ("plot" + suffix)
            done = plot(log, "-o", path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(path.read_bytes().startswith(magic))

    def test_standard_output_and_input(self):
        with open(self.make_logs()["jsonl"][0], encoding="ascii") as log:
            done = subprocess.run([XENMON, "plot", "-", "-o", "-", "--figure", "waited", "--domain", "web"], stdin=log,
                                  capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        texts = self.texts(ElementTree.fromstring(done.stdout))
        self.assertIn("web (1)", texts)
        self.assertNotIn("batch (2)", texts)
        self.assertIn("Waited (% of one pCPU)", texts)
        self.assertNotIn("Gotten (% of one pCPU)", texts)

    def test_a_script_draws_what_is_drawn_without_it(self):
        log = self.make_logs()["csv"][0]
        drawn = subprocess.run(["gnuplot", "--default-settings"], input=self.script(log), capture_output=True, text=True,
                               check=True).stdout
        self.assertEqual(drawn, plot(log, "-o", "-").stdout)

    def test_names_from_outside_are_only_text(self):
        log = self.directory / "log.jsonl"
        marker = self.directory / "marker"
        names = [f"`touch {marker}`", f"'; system('touch {marker}'); #", f"\" | touch {marker}", "</text><script>&amp;",
                 "\\", "a\\\nplot x", "@x $y {z} %d ^2 _3", "END\n!touch " + str(marker), "é", "EOD", "-"]
        lines = []
        for number, name in enumerate(names, 1):
            record = {"passed_s": 1, "interval_s": 1, "domid": number, "domain": name, "domain_uid": number, "pcpu": 0}
            record |= {field: 1000 * number for field in (
                "running_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns", "offline_ns", "executions",
                "io_map_pages", "io_unmap_pages", "io_transfer_pages", "io_copy_pages")}
            record |= {"lost_records": 0, "missed_samples": 0}
            lines.append(json.dumps(record, ensure_ascii=False))
        log.write_text("\n".join(lines) + "\n", encoding="utf-8")
        path = self.directory / "plot.svg"
        for title in names[:4]:
            done = plot(log, "-o", path, "--title", title)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertFalse(marker.exists())
            texts = self.texts(self.picture(path))
            self.assertIn(title.strip()[:20], [text[:20] for text in texts])
            for domid in range(1, len(names) + 1):
                self.assertEqual(len([text for text in texts if text.endswith(f"({domid})")]), 1, texts)
            self.assertIn("@x $y {z} %d ^2 _3 (7)", texts)
            self.assertIn("é (9)", texts)

    def test_half_lines_are_said_once(self):
        logs = self.make_logs()
        whole = data_of(self.script(*logs["csv"]))
        cut = self.directory / "cut.csv"
        with open(logs["csv"][0], "rb") as log:
            cut.write_bytes(log.read()[:-3])
        done = plot("--script", cut)
        self.assertEqual(done.returncode, 0)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertIn("is malformed or cut short", done.stderr)
        self.assertEqual(list(data_of(done.stdout)), list(whole))
        cut.write_bytes(cut.read_bytes().replace(b"\r\n2.0", b"\r\nx.0"))
        done = plot("--script", cut)
        self.check_one_sentence(done.stderr, "xenmon")
        self.assertRegex(done.stderr, r"\d+ lines are malformed or cut short .* line \d+ of .*cut\.csv")

    def test_losses_are_said(self):
        logs = self.make_logs(LOSSY, "-i", "300")
        intervals = []
        for form in logs:
            done = plot("--script", *logs[form])
            self.assertEqual(done.returncode, 0)
            self.check_one_sentence(done.stderr, "xenmon")
            self.assertIn("trace records were lost in 1 of 3 intervals", done.stderr)
            intervals.append([list(one) for one in to_milliseconds(data_of(done.stdout)).values()])
        self.assertEqual(len(intervals[0][0]), 3)
        self.assertEqual(intervals[1:], [intervals[0], intervals[0]])

    def test_mixed_logs_are_told_apart(self):
        logs = self.make_logs()
        found = data_of(self.script(*logs["-n"], *logs["jsonl"], *logs["csv"]))
        self.assertEqual(len(found), 3 * len(DOMAINS))
        for label in ("web (1) in log.csv", "web (1) in log.jsonl", "domain 1 in log"):
            self.assertIn(label, found)

    def test_refusals(self):
        log = self.make_logs()["csv"][0]
        path = self.directory / "plot.svg"
        path.write_text("old", encoding="ascii")
        empty = self.directory / "empty.csv"
        empty.touch()
        for arguments, status, words in (
                (["/etc/passwd", "-o", path], 1, "is not a log"),
                ([log, "/nonexistent", "-o", path], 1, "No such file"),
                ([empty, "-o", path], 1, "is empty"),
                ([log, "-o", path, "--domain", "mail"], 1, '"mail"'),
                ([log, "-o", self.directory / "missing" / "plot.svg"], 1, "No such file"),
                ([log, "-o", "/dev/null"], 2, ".svg, .png or .pdf"),
                ([log], 2, "--output"),
                (["-o", path], 2, "name the logs"),
                ([log, "-o", path, "--figure", "x"], 2, "gotten, blocked, waited")):
            done = plot(*arguments)
            self.assertEqual((done.returncode, done.stdout), (status, ""), arguments)
            self.check_one_sentence(done.stderr, "xenmon")
            self.assertIn(words, done.stderr)
        self.assertEqual(path.read_text(encoding="ascii"), "old")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([XENMON, "plot", log, "--script"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "xenmon: cannot write standard output: No space left on device.\n"))

    def with_gnuplot(self, text, *arguments):
        """plot() with this as the only gnuplot, none if it is None."""
        directory = self.directory / "bin"
        directory.mkdir(exist_ok=True)
        program = directory / "gnuplot"
        program.unlink(missing_ok=True)
        if text is not None:
            program.write_text("#!/bin/sh\n" + text, encoding="ascii")
            program.chmod(0o755)
        return plot(*arguments, env=dict(os.environ, PATH=str(directory)))

    def test_a_gnuplot_that_cannot(self):
        log = self.make_logs()["csv"][0]
        path = self.directory / "plot.png"
        path.write_text("old", encoding="ascii")
        before = sorted(os.listdir(self.directory))
        for text, words in ((None, "install the package gnuplot-nox"), ("exit 77\n", "pngcairo"),
                            ("echo half\necho 'line 3: all is lost' >&2\nexit 1\n", "all is lost"),
                            ("echo half\nkill -9 $$\n", "signal 9"), ("exit 0\n", "status 0")):
            done = self.with_gnuplot(text, log, "-o", path)
            self.assertEqual((done.returncode, done.stdout), (1, ""), text)
            self.check_one_sentence(done.stderr, "xenmon")
            self.assertIn(words, done.stderr)
            self.assertEqual(path.read_text(encoding="ascii"), "old")
        self.assertEqual(sorted(set(os.listdir(self.directory)) - {"bin"}), before)
        # Without gnuplot there is still the script.
        self.assertEqual(self.with_gnuplot(None, log, "--script").returncode, 0)


if __name__ == "__main__":
    unittest.main()
