# SPDX-License-Identifier: GPL-2.0-or-later
"""A recording that xenbaked made in Dom0, looked at outside with the same release's programs."""
import json
import pathlib
import shutil

import region_reader
from packages import CACHE, ROOT, inside

# public/trace.h
LOST_RECORDS, WRAP_BUFFER, CPU_CHANGE = 0x1F001, 0x1F002, 0x1F003


class Recording:
    """The file and its metadata, brought out of a machine."""

    def __init__(self, dom0, path):
        self.release = dom0.release
        self.path = dom0.fetch(path)
        dom0.fetch(f"{path}.json")

    def _run(self, *command):
        done = inside(CACHE / self.release / "tree", command, src=ROOT, build=CACHE / self.release / "build",
                      tmp=self.path.parent.resolve())
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def totals(self, *options):
        """What xenbaked --totals says of it."""
        return json.loads(self._run("/build/bin/xenbaked", "--replay", f"/tmp/{self.path.name}", "--totals", "json",
                                    *options))

    def compare_with_xenalyze(self):
        """Fails if xenalyze gives other figures."""
        return self._compare("compare_with_xenalyze.py")

    def compare_record_kinds(self):
        """Fails if a patched hypervisor's records give other figures than Xen's own."""
        return self._compare("compare_record_kinds.py")

    def _compare(self, script):
        return self._run("python3", "-B", f"/src/tests/golden/{script}", "/build/bin/xenbaked",
                         f"/tmp/{self.path.name}").strip()

    def samples(self, sample_ms):
        """The region that a replay makes of it, with samples of this length, kept as a whole."""
        name = f"{self.path.name}.region"
        self._run("/build/bin/xenbaked", "--replay", f"/tmp/{self.path.name}", "--speed", "max", "--region",
                  f"/tmp/{name}", "--ms-per-sample", str(sample_ms), "--history", "120")
        return region_reader.Region(str(self.path.parent / name))

    def records(self, untimed=False):
        """(pCPU, event, TSC, words) of every record with a TSC, and with untimed of those without, which have None;
        decoded by a few lines that share nothing with xenbaked's."""
        data = memoryview(self.path.read_bytes())
        at, pcpu = 0, None
        while at < len(data):
            header = int.from_bytes(data[at:at + 4], "little")
            event, count, has_tsc = header & 0x0FFFFFFF, header >> 28 & 7, header >> 31
            tsc = int.from_bytes(data[at + 4:at + 12], "little") if has_tsc else None
            at += 12 if has_tsc else 4
            words = [int.from_bytes(data[at + 4 * i:at + 4 * i + 4], "little") for i in range(count)]
            at += 4 * count
            if event == CPU_CHANGE:
                pcpu = words[0]
            elif (has_tsc or untimed) and event != WRAP_BUFFER:
                yield pcpu, event, tsc, words

    def keep_as(self, directory, name):
        """A copy with its metadata, for the tree."""
        for suffix in ("", ".json"):
            shutil.copy2(f"{self.path}{suffix}", pathlib.Path(directory, f"{name}.xentrace{suffix}"))
