#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every series of patches does the same as the one that they are all made from, but for differences that are meant.

    series_parity_test.py [--write] HYPERVISOR DIFFERENCES

HYPERVISOR is the directory of the series. xen-staging is the source. What another series adds and removes is compared
with what the source does, patch by patch and file by file; where a change is, and what is around it, does not matter.
DIFFERENCES has a file for each other series, with a section for each file in which something differs:

    == number of the patch, name of the file
    why: the reason, in a sentence
    -a line of changes of the source's ("-+text" is a line that it adds, and this series does not)
    +a line of changes of this series'

--write writes these files, and keeps the reasons.
"""
import difflib
import pathlib
import re
import sys

SOURCE = "xen-staging"


def changes(patch):
    """The lines that a patch adds ("+") and removes ("-"), by file."""
    found, lines, left = {}, None, [0, 0]
    for line in patch.read_text(encoding="utf-8").splitlines():
        if any(left):
            if line[:1] in "+-":
                lines.append(line)
            left[0] -= line[:1] != "+"
            left[1] -= line[:1] != "-"
        elif match := re.match(r"diff --git a/\S+ b/(\S+)$", line):
            lines = found.setdefault(match[1], [])
        elif match := re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line):
            left = [1 if count is None else int(count) for count in match.groups()]
    assert not any(left), f"{patch} is cut off"
    return found


def numbered(directory):
    return {path.name[:4]: path for path in sorted(directory.glob("*.patch"))}


def differences(source, derived):
    """Sections: {(number, file): lines}."""
    ours, theirs = numbered(source), numbered(derived)
    assert ours.keys() == theirs.keys(), f"{derived.name} has other patches: {sorted(ours.keys() ^ theirs.keys())}"
    found = {}
    for number, path in ours.items():
        of_source, of_derived = changes(path), changes(theirs[number])
        for name in sorted(of_source.keys() | of_derived.keys()):
            diff = difflib.ndiff(of_source.get(name, []), of_derived.get(name, []))
            lines = [line[0] + line[2:] for line in diff if line[0] in "+-"]
            if lines:
                found[number, name] = lines
    return found


def read_list(path):
    """{(number, file): (reason, lines)}"""
    found, key = {}, None
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        if line.startswith("== "):
            key = tuple(line.split()[1:])
            found[key] = ["", []]
        elif line.startswith("why: "):
            found[key][0] = line.removeprefix("why: ")
        elif line and not line.startswith("#"):
            found[key][1].append(line)
    return found


def as_text(series, sections, reasons):
    lines = ["# SPDX-License-Identifier: GPL-2.0-only",
             f"# In what {series} is meant to differ from {SOURCE}; see series_parity_test.py."]
    for (number, name), section in sections.items():
        reason = reasons.get((number, name), ("",))[0]
        lines += ["", f"== {number} {name}", f"why: {reason}", *section]
    return "\n".join(lines) + "\n"


def complaints(series, found, listed):
    for key in sorted(found.keys() | listed.keys()):
        title = f"{series}: {' '.join(key)}"
        reason, lines = listed.get(key, ("", []))
        if found.get(key, []) != lines:
            yield (f"{title} does not differ from {SOURCE} as the list says:\n  " + "\n  ".join(
                difflib.unified_diff(lines, found.get(key, []), "listed", "found", lineterm="", n=0)))
        elif not reason:
            yield f"{title}: the list gives no reason."


def main():
    writes = "--write" in sys.argv
    hypervisor, lists = (pathlib.Path(name) for name in sys.argv[1:] if name != "--write")
    series = sorted(path for path in hypervisor.glob("xen-*") if path.name != SOURCE)
    assert series, __doc__
    found = {path.name: differences(hypervisor / SOURCE, path) for path in series}
    bad = []
    for name, sections in found.items():
        path = lists / f"{name}.txt"
        listed = read_list(path)
        if writes:
            path.write_text(as_text(name, sections, listed), encoding="utf-8")
        bad += complaints(name, sections, read_list(path))
    print("\n".join(bad) or f"{len(series)} series differ from {SOURCE} only as they are meant to.")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
