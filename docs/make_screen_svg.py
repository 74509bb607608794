#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws docs/screen.svg: xenmon's screen on the recording that ./run shows.

    make_screen_svg.py [--size 110x35] [--xenmon PROGRAM] [--recording FILE] [OUTPUT]

Needs tmux and the built programs; nothing else. xenmon runs in a tmux server of its own until its 10 s
window is full and the recording's load is in the last second; then what is on the screen is drawn, each
character in its cell.
"""
import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE_S = 40
LOAD_S = 3.0  # behind the moment in which the window is full

FONT_SIZE = 14
CELL_WIDTH = 8.43  # what most monospaced fonts have at this size: 0.602 em
CELL_HEIGHT = 18
BASELINE = 13.5
MARGIN = 14
FONTS = "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, 'Courier New', monospace"
BACKGROUND = "#16191d"
PLAIN = "#cdd2d8"
BOLD = "#ffffff"
DIM = "#7d858e"

SGR = re.compile(r"\x1b\[([0-9;]*)m")


def fail(sentence):
    sys.exit("make_screen_svg: " + sentence)


def capture(program, recording, width, height):
    """The screen's lines, with SGR sequences."""
    with tempfile.TemporaryDirectory() as directory:
        tmux = ["tmux", "-u", "-S", os.path.join(directory, "socket"), "-f", "/dev/null"]
        environment = {k: v for k, v in os.environ.items() if k not in ("TMUX", "TMUX_PANE")}
        environment["LC_ALL"] = "C.UTF-8"

        def run(*arguments):
            result = subprocess.run(
                tmux + list(arguments), env=environment, text=True, encoding="utf-8", capture_output=True
            )
            if result.returncode != 0:
                fail("tmux %s: %s" % (arguments[0], result.stderr.strip() or "failed"))
            return result.stdout

        command = shlex.join([str(program), "--replay", str(recording), "--loop"])
        run("new-session", "-d", "-x", str(width), "-y", str(height), command)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not is_full(run("capture-pane", "-p").split("\n")):
                if time.monotonic() > deadline:
                    fail("the 10 s window did not become full.")
                time.sleep(0.2)
            time.sleep(LOAD_S)
            lines = run("capture-pane", "-p", "-e").split("\n")[:height]
            run("send-keys", "q")
            time.sleep(0.5)  # xenmon stops its xenbaked
            return lines
        finally:
            subprocess.run(tmux + ["kill-server"], env=environment, capture_output=True, check=False)


def is_full(lines):
    """Whether a screen is there whose long window has its whole length."""
    text = [line for line in lines if line.strip()]
    return len(text) > 4 and "CPU = " in text[0] and "recording " in text[-1] and " holds " not in text[-1]


def runs(lines):
    """(row, column, text, attributes) for each stretch of cells that look alike. SGR goes on over line ends."""
    attributes = frozenset()
    for row, line in enumerate(lines):
        column = 0
        at = 0
        for match in list(SGR.finditer(line)) + [None]:
            text = line[at : match.start() if match else len(line)]
            if text:
                yield row, column, text, attributes
                column += len(text)
            if match:
                attributes = changed(attributes, match.group(1))
                at = match.end()


def changed(attributes, parameters):
    names = {1: "bold", 2: "dim", 7: "reverse"}
    for number in (int(n or 0) for n in parameters.split(";")):
        if number == 0:
            attributes = frozenset()
        elif number in names:
            attributes |= {names[number]}
        elif number == 22:
            attributes -= {"bold", "dim"}
        elif number == 27:
            attributes -= {"reverse"}
    return attributes


def number(value):
    return ("%.2f" % value).rstrip("0").rstrip(".")


def draw(lines, width, height):
    full_width = width * CELL_WIDTH + 2 * MARGIN
    full_height = height * CELL_HEIGHT + 2 * MARGIN
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img">'
        % ((number(full_width), number(full_height)) * 2),
        "<title>The screen of xenmon</title>",
        '<rect width="100%%" height="100%%" rx="8" fill="%s"/>' % BACKGROUND,
        '<g font-family="%s" font-size="%d" fill="%s" xml:space="preserve">' % (FONTS, FONT_SIZE, PLAIN),
    ]
    for row, column, text, attributes in runs(lines):
        top = MARGIN + row * CELL_HEIGHT
        fill = BOLD if "bold" in attributes else DIM if "dim" in attributes else PLAIN
        if "reverse" in attributes:
            out.append(
                '<rect x="%s" y="%s" width="%s" height="%d" fill="%s"/>'
                % (number(MARGIN + column * CELL_WIDTH), number(top), number(len(text) * CELL_WIDTH), CELL_HEIGHT, fill)
            )
            fill = BACKGROUND
        # Word by word, so that a font of another width cannot move what follows.
        for word in re.finditer(r"\S+", text):
            style = "" if fill == PLAIN else ' fill="%s"' % fill
            if "bold" in attributes:
                style += ' font-weight="bold"'
            out.append(
                '<text x="%s" y="%s" textLength="%s" lengthAdjust="spacingAndGlyphs"%s>%s</text>'
                % (
                    number(MARGIN + (column + word.start()) * CELL_WIDTH),
                    number(top + BASELINE),
                    number(len(word.group()) * CELL_WIDTH),
                    style,
                    escape(word.group()),
                )
            )
    out += ["</g>", "</svg>"]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Draws xenmon's screen as an SVG.")
    parser.add_argument("--size", default="110x35", help="columns x rows (110x35)")
    parser.add_argument("--xenmon", type=pathlib.Path, default=ROOT / "build/release/bin/xenmon")
    parser.add_argument(
        "--recording",
        type=pathlib.Path,
        default=ROOT / "tests/data/recordings/web-credit2-2pcpu.xentrace.xz",
    )
    parser.add_argument("output", nargs="?", type=pathlib.Path, default=ROOT / "docs/screen.svg")
    arguments = parser.parse_args()
    size = re.fullmatch(r"([1-9][0-9]{1,2})x([1-9][0-9]{0,2})", arguments.size)
    if size is None:
        fail("--size takes columns x rows, such as 110x35.")
    width, height = int(size.group(1)), int(size.group(2))
    if not arguments.xenmon.exists():
        fail("%s is not there; build it with ./run." % arguments.xenmon)
    lines = capture(arguments.xenmon, arguments.recording, width, height)
    arguments.output.write_text(draw(lines, width, height), encoding="utf-8")


if __name__ == "__main__":
    main()
