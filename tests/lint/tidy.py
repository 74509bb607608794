# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs clang-tidy on the files that have changed; tests/lint/tidy.sh has checked its version."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
# Commands for clang, and an empty file for each clean source, named by the digest of everything it was made from.
OURS = ROOT / "build/tidy"
CLEAN = OURS / "clean"
# gcc's flags for its optimiser mean nothing to clang, and the check for reserved names is the compiler's own, which
# does not walk through the system's headers for it.
EXTRA = ["-Wno-ignored-optimization-argument", "-Wno-unknown-warning-option", "-Wreserved-identifier"]
TIDY = ["clang-tidy", "-p", str(OURS), "-quiet", *(f"-extra-arg={one}" for one in EXTRA)]


def commands():
    """The command of each source, without gcc's precompiled header, and without -Werror: .clang-tidy decides what is an
    error."""
    entries = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    for entry in entries:
        entry["command"] = re.sub(r" -Werror| -Winvalid-pch| -include \S*/cmake_pch\.hxx", "", entry["command"])
    return [entry for entry in entries if re.match(r"(include|xenbaked|xenmon|tests)/", relative(entry["file"]))]


def relative(path):
    return os.path.relpath(path, ROOT)


def headers():
    """By object: all that it was compiled from."""
    lines = subprocess.run(["ninja", "-C", str(BUILD), "-t", "deps"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    found, current = {}, []
    for line in lines:
        if line.startswith("    "):
            current.append(os.path.normpath(BUILD / line.strip()))
        elif line:
            current = found.setdefault(line.split(":")[0], [])
    return found


class Digests:
    """Of files, each of which is read once."""

    def __init__(self):
        self.known = {}

    def of(self, path):
        if path not in self.known:
            try:
                data = pathlib.Path(path).read_bytes()
            except OSError:
                data = b""
            self.known[path] = hashlib.sha256(data).hexdigest()
        return self.known[path]


def key(entry, dependencies, digests):
    words = shlex.split(entry["command"])
    target = words[words.index("-o") + 1]
    paths = sorted({entry["file"], str(ROOT / ".clang-tidy"), str(ROOT / "tests/.clang-tidy"), __file__,
                    *dependencies.get(target, [])})
    return hashlib.sha256("\n".join([entry["command"], *(path + digests.of(path) for path in paths)]).encode()).hexdigest()


def look_at(path):
    done = subprocess.run([*TIDY, path], capture_output=True, text=True, check=False)
    return path, done.returncode, done.stdout, done.stderr


def main(force):
    entries = commands()
    CLEAN.mkdir(parents=True, exist_ok=True)
    (OURS / "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")
    dependencies, digests = headers(), Digests()
    # The tests compile some files twice; the first command is as good as the second.
    keys = {}
    for entry in entries:
        keys.setdefault(entry["file"], key(entry, dependencies, digests))
    stale = [path for path, name in keys.items() if force or not (CLEAN / name).exists()]
    print(f"{len(stale)} of {len(keys)} files are new or have changed")
    # The largest files take longest, so they start first.
    stale.sort(key=lambda path: -os.path.getsize(path))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, status, out, err in pool.map(look_at, stale):
            if status == 0:
                (CLEAN / keys[path]).touch()
            else:
                bad += 1
                print(f"{relative(path)}:\n{out}{err}", flush=True)
    kept = set(keys.values())
    for old in CLEAN.iterdir():
        if old.name not in kept:
            old.unlink()
    return bad != 0


if __name__ == "__main__":
    sys.exit(main("--force" in sys.argv[1:]))
