#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks xenalyze as a third party about some of the model's histories.

    ask_xenalyze.py MODEL_TEST XENBAKED COMPARE [COUNT]

Every time of every vCPU agrees (COMPARE is tests/golden/compare_with_xenalyze.py). Executions are left out: in
histories this short much depends on what xenalyze does not count, that is decisions before a vCPU's first dispatch and
such as take no time. What a domain does as a whole is compared with recordings only: here too much of it is before
its vCPUs' first dispatches, and after their last records, which xenalyze sees differently.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

KINDS = ("stock-states", "stock")


def main():
    model_test, xenbaked, compare = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    failed = compared = 0
    with tempfile.TemporaryDirectory(prefix="xenmon-model-") as directory:
        recording = pathlib.Path(directory) / "history.xentrace.xz"
        for kind in KINDS:
            for seed in range(1, count + 1):
                recording.unlink(missing_ok=True)
                subprocess.run([model_test, "--count", "1", "--kind", kind, "--way", "xz", "--seed", str(seed),
                                "--keep", directory, "--out", directory], check=True, stdout=subprocess.DEVNULL)
                if not recording.exists():
                    continue  # nothing was written in it
                answer = subprocess.run([sys.executable, compare, xenbaked, recording], capture_output=True, text=True,
                                        check=False)
                lines = (answer.stdout + answer.stderr).splitlines()
                fine = r" executions, xenalyze |vCPUs? compared|domains? (was )?compared|^d\d+ [a-z]"
                wrong = [line for line in lines if not re.search(fine, line)]
                compared += sum(int(match[1]) for line in lines if (match := re.search(r"(\d+) vCPUs? compared", line)))
                if wrong:
                    failed += 1
                    print(f"{kind} {seed}:", *wrong, sep="\n  ")
    print(f"{compared} vCPUs compared, {failed} histories differ")
    return 1 if failed or compared < count else 0


if __name__ == "__main__":
    sys.exit(main())
