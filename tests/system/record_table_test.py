#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace records are described four times: for the decoder, for its readers, in the patches to Xen and beside them."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHED = "ACCT_"


def decoders_table():
    """By name: id, fewest words."""
    text = (ROOT / "xenbaked/trace/events.h").read_text(encoding="utf-8")
    ids = {name: int(value, 16) for name, value in re.findall(r"uint32_t (k\w+) = (0x[0-9a-f]+);", text)}
    rows = re.findall(r'Description\{(k\w+), (\d+), "(\w+)"\}', text)
    assert len(rows) > 15, "the decoder's table was not understood"
    return {name: (ids[constant], int(words)) for constant, words, name in rows}


def document_table(path):
    """The same of a document; X and Y in an id are runstates and count as 0."""
    text = (ROOT / path).read_text(encoding="utf-8")
    rows = re.findall(r"^\| 0x([0-9a-fXY]+) \| `(\w+)` \| (\d+) \| (.*?) \|", text, re.MULTILINE)
    return {name: (int(re.sub("[XY]", "0", number), 16), int(words)) for number, name, words, _ in rows}, \
        {name: layout for _, name, _, layout in rows}


def defined_in_patches(directory):
    """What the patches of one release add to Xen's header: values by name."""
    values = {}
    for patch in sorted(directory.glob("*.patch")):
        for name, text in re.findall(r"^\+#define (TRC_ACCT\w*)\s+(\(?[\w +]+\)?)", patch.read_text(encoding="utf-8"),
                                     re.MULTILINE):
            base, _, more = text.strip("()").partition(" + ")
            values[name] = (int(base, 16) if base.startswith("0x") else values.get(base, 0)) + int(more or 0)
    return values


def main():
    decoder = decoders_table()
    documented, layouts = document_table("docs/trace-records.md")
    assert documented == decoder, set(documented.items()) ^ set(decoder.items())

    ours = {name: row for name, row in decoder.items() if name.startswith(PATCHED)}
    beside, beside_layouts = document_table("hypervisor/README.md")
    assert beside == ours, set(beside.items()) ^ set(ours.items())
    assert beside_layouts == {name: layouts[name] for name in ours}, beside_layouts

    releases = sorted(path for path in (ROOT / "hypervisor").glob("xen-*") if path.is_dir())
    assert releases, "there are no patches"
    for directory in releases:
        defined = defined_in_patches(directory)
        for name, (number, _) in ours.items():
            assert defined.get(f"TRC_{name}") == number, (directory.name, name, defined.get(f"TRC_{name}"), number)
    print(f"{len(decoder)} records, {len(ours)} of them of the patches for {len(releases)} releases: all agree")


if __name__ == "__main__":
    main()
