#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the figures of docs/case-study.md from what tests/testbed/study left: XenMon's metrics by xenmon plot, and what
XenMon's logs do not have (what httperf measured, the distributions of the region) by gnuplot itself."""
import argparse
import json
import pathlib
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.append(str(DOCS.parent / "tests" / "testbed"))

import region_reader
from study_points import ORIGINAL
from study_tables import throughput

SETTINGS = tuple(configuration.name for configuration in ORIGINAL)
METRICS = ("gotten", "blocked", "waited", "io-per-execution", "executions", "time-per-execution")
SETTLED = ("--from", "3", "--until", "9")  # in a log that begins up to a second before the load
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
STYLE = """set terminal svg noenhanced background '#ffffff' size 900,{height} font 'sans-serif,12'
set encoding utf8
set border 3 linecolor rgb '#404040'
set grid linecolor rgb '#d8d8d8' linetype 1 linewidth 0.6
set tics out nomirror
set lmargin 9
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=pathlib.Path, metavar="DIR", help="the directory that the study was kept in")
    parser.add_argument("--xenmon", default="xenmon", help="the program (%(default)s)")
    options = parser.parse_args()
    for metric in METRICS:
        plot(options, metric)
    draw("study-throughput.svg", replies_and_responses(options.study))
    draw("study-latency.svg", latency(options.study))


def plot(options, metric):
    """A column for each of the original's settings."""
    runs = [path for setting in SETTINGS for path in sorted((options.study / "logs" / setting).iterdir())]
    subprocess.run([options.xenmon, "plot", "--against", "requests/s", "--figure", metric, "--domain", "0", "--domain",
                    "1", *SETTLED, *runs, "-o", DOCS / f"study-{metric}.svg"], check=True)


def draw(name, script):
    done = subprocess.run(["gnuplot", "--default-settings", "-"], input=script, capture_output=True, text=True,
                          check=True)
    (DOCS / name).write_text(done.stdout, encoding="utf-8")


def results(study, setting):
    """Of the points that are done, by their rates."""
    paths = (study / "points" / setting).glob("*/result.json")
    return [json.loads(path.read_text(encoding="ascii"))
            for path in sorted(paths, key=lambda path: int(path.parent.name))]


def blocks(data):
    """Of named data for gnuplot; rows of numbers."""
    return "".join(f"${name} << END\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows) + "END\n"
                   for name, rows in data.items())


def lines(using):
    """One for each of the original's settings."""
    return ", ".join(f"$data_{place} using {using} with linespoints title '{setting}' linecolor rgb '{colour}' "
                     f"pointtype {(7, 5, 9, 13)[place]} pointsize 0.6 linewidth 1.5"
                     for place, (setting, colour) in enumerate(zip(SETTINGS, COLOURS)))


def replies_and_responses(study):
    data = {f"data_{place}": [(one["rate"], throughput(one), one["httperf"]["response_ms"])
                              for one in results(study, setting)]
            for place, setting in enumerate(SETTINGS)}
    return (STYLE.format(height=330) + blocks(data) + "set multiplot layout 1,2\nset xlabel 'requests/s'\n"
            "set key left top\nset title 'Replies (per second)'\nset yrange [0:*]\n"
            f"plot {lines('1:2')}\nset title 'Response time (ms)'\nset logscale y\nset yrange [1:*]\n"
            f"plot {lines('1:3')}\nunset multiplot\n")


def longer_than(counts):
    """(us, the part that was longer, in percent) at each bucket's end."""
    total = sum(counts.values())
    left, rows = total, []
    for bucket in sorted(map(int, counts)):
        left -= counts[str(bucket)]
        if left:
            rows.append((region_reader.bucket_lower(bucket + 1) / 1e3, 100 * left / total))
    return rows


def latency(study, rate=400):
    script = STYLE.format(height=330) + "set multiplot layout 1,2\nset logscale xy\nset yrange [0.01:100]\n" \
        "set xrange [1:100000]\nset xlabel 'us'\nset key left bottom\n"
    for domain, title in (("Domain-0", "Dom0"), ("web", "web server")):
        data = {}
        for place, setting in enumerate(SETTINGS):
            result = next(one for one in results(study, setting) if one["rate"] == rate)
            data[f"data_{place}"] = longer_than(result[domain]["spreads"]["wake_wait"])
        script += blocks(data) + f"set title '{title}: waits longer after a wake (% of wakes)'\n" \
            f"plot {lines('1:2').replace('linespoints', 'lines')}\n"
    return script + "unset multiplot\n"


if __name__ == "__main__":
    main()
