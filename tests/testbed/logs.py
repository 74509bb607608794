# SPDX-License-Identifier: GPL-2.0-or-later
"""The log files that xenmon -n writes."""
import pathlib


def read_logs(dom0, prefix):
    """{"dom0": [[number, ...], ...], ..., "idle": ...}: the columns of each line, headings left out."""
    logs = {}
    for path in dom0.run(f"ls {prefix}-*.log").out.split():
        name = pathlib.Path(path).stem.rsplit("-", 1)[1]
        text = dom0.fetch(path).read_text(encoding="ascii")
        assert text.startswith("# passed cpu dom cpu(tot) cpu(%)"), text
        logs[name] = [[float(word) for word in line.split()] for line in text.splitlines() if not line.startswith("#")]
    return logs
