#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace records are described three times: for the decoder, for its readers, and in the patches to Xen."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def decoders_table():
    """By name: id, fewest words."""
    text = (ROOT / "xenbaked/trace/events.h").read_text(encoding="utf-8")
    ids = {name: int(value, 16) for name, value in re.findall(r"uint32_t (k\w+) = (0x[0-9a-f]+);", text)}
    rows = re.findall(r'Description\{(k\w+), (\d+), "(\w+)"\}', text)
    assert len(rows) > 15, "the decoder's table was not understood"
    return {name: (ids[constant], int(words)) for constant, words, name in rows}


def document_table(path):
    """The same of a document. X and Y in an id are runstates and count as 0; a row without
    an id is about the record above it, in another version."""
    rows, name = {}, None
    for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
        row = re.match(r"\| (?:0x([0-9a-fXY]+)|) ?\| (?:`(\w+)`|[^|]*) \| (\d+) \| (.*?) \|", line)
        if row is None:
            name = None
        elif row[1]:
            name = row[2]
            rows[name] = int(re.sub("[XY]", "0", row[1]), 16), int(row[3])
        elif name:
            rows[name] = rows[name][0], min(rows[name][1], int(row[3]))
    return rows


def defined_in_patches(directory):
    """What the patches of one release add to Xen's header: values by name."""
    values = {"TRC_MEM": 0x0010f000}
    for patch in sorted(directory.glob("*.patch")):
        for name, text in re.findall(r"^\+#define (TRC_\w+)\s+(\(?[\w +]+\)?)", patch.read_text(encoding="utf-8"),
                                     re.MULTILINE):
            base, _, more = text.strip("() ").partition(" + ")
            number = int(base, 16) if base.startswith("0x") else values.get(base)
            if number is not None:
                values[name] = number + int(more or 0)
    return values


def main():
    decoder = decoders_table()
    documented = document_table("docs/trace-records.md")
    assert documented == decoder, set(documented.items()) ^ set(decoder.items())

    defines = {f"TRC_{name}": number for name, (number, _) in decoder.items() if name.startswith("DISPATCH_")}
    defines["TRC_MEM_PAGE_GRANT_COPY"] = decoder["GRANT_COPY"][0]
    assert len(defines) == 7, defines
    releases = sorted(path for path in (ROOT / "hypervisor").glob("xen-*") if path.is_dir())
    assert len(releases) == 5, releases
    for directory in releases:
        defined = defined_in_patches(directory)
        for name, number in defines.items():
            assert defined.get(name) == number, (directory.name, name, defined.get(name), hex(number))
    print(f"{len(decoder)} records, {len(defines)} of them of the patches for {len(releases)} releases: all agree")


if __name__ == "__main__":
    main()
