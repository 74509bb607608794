#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which folder may include which: one table, against every include of the programs and against docs/design.md.

A folder may include itself, and those that its row names, all of which stand above it. So no arrow goes up, and
there is no circle. A folder that is not in the table, or is in it and has no sources, fails, too.

    includes_test.py            checks; the exit status is 1 if something is wrong
    includes_test.py --list     prints every arrow that exists
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# From the bottom up: folder, the folders that it may include, libraries whose headers only such folders have.
TABLE = {
    "include/xenmon": ([], []),
    "include/base": (["include/xenmon"], []),
    "xenmon/text": ([], ["libutf8proc"]),
    "xenmon/metrics": (["include/xenmon"], []),
    "xenmon/journal": ([], []),
    "xenbaked/trace": (["include/xenmon"], []),
    "xenbaked/source": (
        ["include/xenmon", "include/base", "xenmon/text", "xenbaked/trace"],
        ["libxenctrl", "decompressors", "zlib", "nlohmann-json"],
    ),
    "xenbaked/flight": (
        ["include/xenmon", "include/base", "xenmon/text", "xenbaked/trace", "xenbaked/source"],
        ["libzstd", "nlohmann-json"],
    ),
    "xenbaked/merge": (["include/xenmon", "xenbaked/trace", "xenbaked/source"], []),
    "xenbaked/survey": (["include/xenmon", "xenbaked/trace", "xenbaked/source", "xenbaked/merge"], []),
    "xenbaked/bake": (["include/xenmon", "include/base", "xenbaked/trace"], []),
    "xenbaked/publish": (
        ["include/xenmon", "include/base", "xenbaked/trace", "xenbaked/source", "xenbaked/merge", "xenbaked/bake"],
        [],
    ),
    "xenbaked/session": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/journal",
            "xenbaked/trace",
            "xenbaked/source",
            "xenbaked/merge",
            "xenbaked/survey",
            "xenbaked/bake",
            "xenbaked/publish",
        ],
        [],
    ),
    "xenbaked/timeline": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenbaked/trace",
            "xenbaked/source",
            "xenbaked/merge",
            "xenbaked/survey",
            "xenbaked/bake",
            "xenbaked/session",
        ],
        ["protozero"],
    ),
    "xenbaked/confine": (["include/base", "xenmon/journal"], ["libseccomp"]),
    "xenbaked": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/metrics",
            "xenmon/journal",
            "xenbaked/trace",
            "xenbaked/source",
            "xenbaked/flight",
            "xenbaked/merge",
            "xenbaked/survey",
            "xenbaked/bake",
            "xenbaked/publish",
            "xenbaked/session",
            "xenbaked/timeline",
            "xenbaked/confine",
        ],
        ["CLI11", "nlohmann-json"],
    ),
    "xenmon/client": (["include/xenmon", "include/base", "xenmon/text", "xenmon/metrics"], []),
    "xenmon/process": (["include/base"], []),
    "xenmon/sandbox": (["include/base"], ["libseccomp"]),
    "xenmon/rpc": (["include/base", "xenmon/text"], ["nlohmann-json"]),
    "xenmon/mirror": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenbaked/publish",
            "xenmon/client",
            "xenmon/rpc",
        ],
        ["libzstd"],
    ),
    "xenmon/far": (["include/base", "xenmon/text", "xenmon/rpc", "xenmon/mirror"], []),
    "xenmon/daemon": (["include/xenmon", "include/base", "xenmon/text", "xenmon/client", "xenmon/process"], []),
    "xenmon/model": (
        ["include/xenmon", "include/base", "xenmon/text", "xenmon/metrics", "xenmon/client", "xenmon/daemon"],
        [],
    ),
    "xenmon/screen": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/metrics",
            "xenmon/client",
            "xenmon/process",
            "xenmon/model",
        ],
        ["ncurses", "nlohmann-json"],
    ),
    "xenmon/log": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/metrics",
            "xenmon/journal",
            "xenmon/client",
            "xenmon/process",
            "xenmon/model",
            "xenmon/screen",
        ],
        ["nlohmann-json"],
    ),
    "xenmon/serve": (
        ["include/xenmon", "include/base", "xenmon/text", "xenmon/metrics", "xenmon/client", "xenmon/rpc",
         "xenmon/mirror", "xenmon/log"],
        [],
    ),
    "xenmon/plot": (
        ["include/xenmon", "include/base", "xenmon/text", "xenmon/metrics", "xenmon/log"],
        ["nlohmann-json"],
    ),
    "xenmon/command_line": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/metrics",
            "xenmon/daemon",
            "xenmon/log",
            "xenmon/plot",
        ],
        ["CLI11"],
    ),
    "xenmon/run": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/metrics",
            "xenmon/journal",
            "xenmon/client",
            "xenmon/process",
            "xenmon/sandbox",
            "xenmon/rpc",
            "xenmon/mirror",
            "xenmon/far",
            "xenmon/daemon",
            "xenmon/model",
            "xenmon/screen",
            "xenmon/log",
            "xenmon/serve",
            "xenmon/plot",
            "xenmon/command_line",
        ],
        [],
    ),
    "xenmon/export": (
        ["include/xenmon", "include/base", "xenmon/text", "xenmon/client", "xenmon/process"],
        ["libmicrohttpd", "protozero", "zlib", "CLI11"],
    ),
    "xenmon": (
        [
            "include/xenmon",
            "include/base",
            "xenmon/text",
            "xenmon/journal",
            "xenmon/process",
            "xenmon/daemon",
            "xenmon/screen",
            "xenmon/command_line",
            "xenmon/run",
        ],
        [],
    ),
}

LIBRARIES = {
    "libseccomp": ["seccomp.h"],
    "libutf8proc": ["utf8proc.h"],
    "libzstd": ["zstd.h"],
    "libxenctrl": ["xenctrl.h", "xen", "xencall.h", "xenevtchn.h", "xenforeignmemory.h", "xenstore.h",
                   "xenstore_lib.h", "xentoollog.h"],
    "decompressors": ["archive.h", "archive_entry.h", "lzma.h"],
    "zlib": ["zlib.h"],
    "nlohmann-json": ["nlohmann"],
    "libmicrohttpd": ["microhttpd.h"],
    "protozero": ["protozero"],
    "CLI11": ["CLI"],
    "ncurses": ["curses.h", "ncurses.h", "term.h"],
}

# Where a name between quotes is looked for, as the build has it: beside the file that says it comes first.
# Relative to the root; a program's own folder is added.
SEARCHED = ["include", "xenmon/text", "xenmon/metrics", "xenmon/journal", "xenbaked"]

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def sources():
    for top in ("include", "xenbaked", "xenmon"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".hpp", ".c", ".cpp"):
                yield path.relative_to(ROOT)


def find(name, source):
    """The file that an include between quotes names, or None."""
    for folder in [source.parent, Path(source.parts[0]), *map(Path, SEARCHED)]:
        if (ROOT / folder / name).is_file():
            return folder / name
    return None


def arrows():
    """Yields (source, folder or library that it includes, what it says)."""
    of_header = {header: library for library, headers in LIBRARIES.items() for header in headers}
    for source in sources():
        for quoted, angled in INCLUDE.findall((ROOT / source).read_text(encoding="utf-8")):
            if quoted:
                found = find(quoted, source)
                yield source, None if found is None else found.parent.as_posix(), quoted
            elif Path(angled).parts[0] in of_header:
                yield source, of_header[Path(angled).parts[0]], angled


def check_table():
    known = list(TABLE)
    for at, (folder, (includes, libraries)) in enumerate(TABLE.items()):
        for other in includes:
            if other not in known[:at]:
                yield f"the table: {folder} includes {other}, which does not stand above it"
        for library in libraries:
            if library not in LIBRARIES:
                yield f"the table: {folder} has {library}, which is no library of LIBRARIES"


def check_sources():
    folders = {source.parent.as_posix() for source in sources()}
    for folder in sorted(folders - set(TABLE)):
        yield f"{folder} has sources and is not in the table of tests/lint/includes_test.py"
    for folder in sorted(set(TABLE) - folders):
        yield f"{folder} is in the table of tests/lint/includes_test.py and has no sources"
    for source, target, name in arrows():
        folder = source.parent.as_posix()
        if folder not in TABLE:
            continue
        includes, libraries = TABLE[folder]
        if target is None:
            yield f'{source}: no such file: "{name}"'
        elif target != folder and target not in includes + libraries:
            yield f"{source}: {folder} may not include {target} ({name})"


def check_design():
    """The table of docs/design.md: | `folder/` | what is there | `folder/`, `folder/`; library |"""
    shown = {}
    for line in (ROOT / "docs/design.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.fullmatch(r"`([a-z_/]+)/`", cells[0])
        if line.startswith("|") and len(cells) == 3 and name:
            shown[name[1]] = cells[2]
    order = [folder for folder in shown if folder in TABLE]
    if order != list(TABLE):
        yield "docs/design.md: its folders, in their order, should be: " + ", ".join(TABLE)
    for folder in order:
        wanted = row_of(folder)
        if shown[folder] != wanted:
            yield f"docs/design.md: the row of {folder} should end with: {wanted}"


def row_of(folder):
    """The third column of docs/design.md. Within a program its folders are said without it."""
    program = folder.split("/")[0] + "/"
    includes, libraries = TABLE[folder]
    if program == "include/": # no program; `xenmon/` alone would be the other one
        program = "/"
    short = [f"`{name.removeprefix(program)}/`" for name in includes]
    return ", ".join(short + libraries) or "nothing"


def main():
    if sys.argv[1:] == ["--list"]:
        for folder, target in sorted({(source.parent.as_posix(), str(target)) for source, target, _ in arrows()}):
            if folder != target:
                print(f"{folder} -> {target}")
        return 0
    faults = [*check_table(), *check_sources(), *check_design()]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
