# SPDX-License-Identifier: GPL-2.0-or-later
"""The log files that xenmon -n writes."""
import pathlib


def fetch_logs(dom0, prefix):
    """Those of Dom0's with this prefix, as read_logs has them."""
    for path in dom0.run(f"ls {prefix}-*.log").out.split():
        dom0.fetch(path)
    return read_logs(dom0.directory, pathlib.Path(prefix).name)


def read_logs(directory, prefix="log"):
    """{"dom0": [[number, ...], ...], ..., "idle": ...}: the columns of each line, headings left out."""
    logs = {}
    for path in directory.glob(f"{prefix}-*.log"):
        name = path.stem.rsplit("-", 1)[1]
        text = path.read_text(encoding="ascii")
        assert text.startswith("# passed cpu dom cpu(tot) cpu(%)"), text
        logs[name] = [[float(word) for word in line.split()] for line in text.splitlines() if not line.startswith("#")]
    return logs
