#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the BVT scheduler's arithmetic and its test out of the patch, and runs the one on the other.

    bvt_arithmetic_test.py CC PATCH...

Every release of Xen is to get the same arithmetic and the same test.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FILES = ("xen/common/sched/bvt-time.h", "tools/tests/bvt/test-bvt.c")
FLAGS = ("-std=gnu99", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined,address",
         "-fno-sanitize-recover=all")


def new_file(patch, name):
    """What the patch puts into a file that it makes."""
    found = re.search(rf"^--- /dev/null\n\+\+\+ b/{re.escape(name)}\n@@ -0,0 \+1,(\d+) @@.*\n((?:\+.*\n)+)",
                      patch.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{patch.name} makes no {name}"
    lines = [line[1:] + "\n" for line in found[2].splitlines()]
    assert len(lines) == int(found[1]), f"{name} in {patch.name} is cut off"
    return "".join(lines)


def main():
    compiler, patches = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
    assert patches, __doc__
    texts = {name: new_file(patches[0], name) for name in FILES}
    for patch in patches[1:]:
        for name, text in texts.items():
            assert new_file(patch, name) == text, f"{name} in {patch} is not what it is in {patches[0]}"
    with tempfile.TemporaryDirectory() as directory:
        top = pathlib.Path(directory)
        for name, text in texts.items():
            (top / pathlib.Path(name).name).write_text(text, encoding="utf-8")
        subprocess.run([compiler, *FLAGS, "-I", top, top / "test-bvt.c", "-o", top / "test-bvt"], check=True)
        return subprocess.run([top / "test-bvt"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
