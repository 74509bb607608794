# SPDX-License-Identifier: GPL-2.0-or-later
"""The study's figures as tables, from the points' results."""


def tables(results):
    """Markdown: one table for each configuration, its rates in order."""
    text = []
    configurations = list(dict.fromkeys(point.configuration for point in results))
    for configuration in configurations:
        rows = {point.rate: result for point, result in results.items() if point.configuration == configuration}
        text.append(f"## {configuration.name}\n\n{table(rows)}\n")
    return "\n".join(text)


COLUMNS = (
    ("requests/s", lambda r: f"{r['rate']}"),
    ("replies/s", lambda r: f"{r['httperf']['replies'] / r['httperf']['duration_s']:.1f}"),
    ("response, ms", lambda r: f"{r['httperf']['response_ms']:.1f}"),
    ("gotten %: Dom0", lambda r: percent(r, "dom0", "gotten")),
    ("web", lambda r: percent(r, "web", "gotten")),
    ("idle", lambda r: percent(r, "idle", "gotten")),
    ("blocked %: Dom0", lambda r: percent(r, "dom0", "blocked")),
    ("web", lambda r: percent(r, "web", "blocked")),
    ("waited %: Dom0", lambda r: percent(r, "dom0", "waited")),
    ("web", lambda r: percent(r, "web", "waited")),
    ("I/O /s: Dom0", lambda r: f"{r['means']['dom0']['io']:.0f}"),
    ("web", lambda r: f"{r['means']['web']['io']:.0f}"),
    ("I/O per execution: Dom0", lambda r: ratio(r, "dom0", "io", 1)),
    ("web", lambda r: ratio(r, "web", "io", 1)),
    ("executions/s: Dom0", lambda r: f"{r['means']['dom0']['executions']:.0f}"),
    ("web", lambda r: f"{r['means']['web']['executions']:.0f}"),
    ("us per execution: Dom0", lambda r: ratio(r, "dom0", "gotten", 1e6)),
    ("web", lambda r: ratio(r, "web", "gotten", 1e6)),
)


def table(rows):
    lines = ["| " + " | ".join(name for name, _ in COLUMNS) + " |", "| " + " | ".join("---:" for _ in COLUMNS) + " |"]
    for rate in sorted(rows):
        lines.append("| " + " | ".join(value(rows[rate]) for _, value in COLUMNS) + " |")
    return "\n".join(lines)


def percent(result, domain, what):
    return f"{100 * result['means'][domain][what]:.1f}"


def ratio(result, domain, what, scale):
    means = result["means"][domain]
    return f"{scale * means[what] / means['executions']:.1f}" if means["executions"] else "-"
