#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The options that --help names are those in the man pages and in the completions, and bash completes them."""
import re
import subprocess
import unittest

from harness import ROOT, XENBAKED, XENMON, run

PAGES = {"xenmon": ROOT / "docs/man/xenmon.1", "xenbaked": ROOT / "docs/man/xenbaked.8"}
PROGRAMS = {"xenmon": XENMON, "xenbaked": XENBAKED}
LONG = re.compile(r"(?<![\w-])--[a-z][a-z_-]*")


def in_help(name, *command):
    """What begins its lines, before the explanation; --[no]x stands for two options."""
    lines = run(PROGRAMS[name], *command, "--help").stdout.splitlines()
    text = "\n".join(re.split(r"(?<=\S)  ", line)[0] for line in lines if line.lstrip().startswith("-"))
    negatable = set(re.findall(r"--\[no\]([a-z]+)", text))
    return set(LONG.findall(text)) | {f"--{one}" for one in negatable} | {f"--no{one}" for one in negatable}


def in_all_help(name):
    """With the options of its commands."""
    commands = ("plot", "capture", "timeline") if name == "xenmon" else ()
    return in_help(name).union(*(in_help(name, command) for command in commands))


def in_page(name):
    """The options in a line that starts an entry, after .TP."""
    lines = PAGES[name].read_text(encoding="utf-8").splitlines()
    entries = [line for before, line in zip(lines, lines[1:]) if before == ".TP"]
    return set(LONG.findall("\n".join(entries).replace("\\-", "-").replace("\\fI", " ").replace('"', " ")))


def completed(name, *words):
    """What bash offers after these words."""
    script = ROOT / name / "completion" / f"{name}.bash"
    quoted = " ".join(f"'{word}'" for word in (name, *words))
    done = subprocess.run(["bash", "-c", f"compopt() {{ :; }}; . {script}; COMP_WORDS=({quoted}); "
                           f"COMP_CWORD={len(words)}; _{name}; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
                          capture_output=True, text=True, check=True)
    return set(done.stdout.split())


class OptionsTest(unittest.TestCase):
    def test_man_pages_have_all_of_them(self):
        for name in PROGRAMS:
            self.assertGreater(len(in_help(name)), 15)
            self.assertEqual(in_page(name), in_all_help(name), name)

    def test_help_that_cannot_be_written_is_a_failure(self):
        for name, *words in (("xenmon", "--help"), ("xenmon", "-V"), ("xenmon", "plot", "--help"), ("xenmon", "plot", "-V"),
                             ("xenbaked", "--help"), ("xenbaked", "-V")):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([PROGRAMS[name], *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertRegex(done.stderr, rf"^{name}: [Cc]annot write to standard output.*\.\n$")

    def test_man_pages_are_well_formed(self):
        for page in PAGES.values():
            done = run("groff", "-ww", "-man", "-Kutf8", "-Tutf8", "-z", page)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)

    def test_bash_completes_all_of_them(self):
        for name in PROGRAMS:
            self.assertEqual(completed(name, "--"), in_help(name), name)
        self.assertEqual(completed("xenmon", "plot", "--"), in_help("xenmon", "plot"))
        self.assertEqual(completed("xenmon", "capture", "--"), in_help("xenmon", "capture"))
        self.assertEqual(completed("xenmon", "timeline", "--"), in_help("xenmon", "timeline"))
        self.assertEqual(completed("xenmon", "pl"), {"plot"})
        self.assertEqual(completed("xenmon", "c"), {"capture"})
        self.assertEqual(completed("xenmon", "plot", "--figure", "g"), {"gotten"})
        self.assertEqual(completed("xenmon", "--format", "c"), {"csv"})
        self.assertEqual(completed("xenbaked", "--totals", ""), {"text", "json"})

    def test_zsh_knows_all_of_them(self):
        for name in PROGRAMS:
            text = (ROOT / name / "completion" / f"_{name}").read_text(encoding="utf-8")
            self.assertEqual(set(LONG.findall(text)), in_all_help(name), name)


if __name__ == "__main__":
    unittest.main()
