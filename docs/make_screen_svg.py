#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the pictures of docs/screen.md: each view of xenmon's screen, on the recording that ./run shows.

    make_screen_svg.py [--xenmon PROGRAM] [--recording FILE] [--directory DIR] [VIEW]...

Needs tmux and the built programs; nothing else. Each view has a tmux server, and settings, of its own. What
is on the screen is drawn cell by cell into DIR/screen-VIEW.svg (docs).

The recording is held at one time with --at, so the same picture comes out whenever the screen says the same.
One view is played up to about that time instead: it has recent latencies only since it is open. It comes out much
alike.
"""
import argparse
import dataclasses
import json
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
AT_S = 9.5
WIDTH = 110


@dataclasses.dataclass(frozen=True)
class View:
    title: str
    height: int
    played: bool = False
    refresh_ms: int = 1000


VIEWS = {
    "domains": View("domains", 36),
    "vcpus": View("vCPUs", 18),
    "cpus": View("CPUs", 18),
    "latency": View("latency", 24, played=True, refresh_ms=200),
    "host": View("host", 28),
}

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
COLOURS = {31: "#ff7b72", 32: "#6fd67b", 33: "#e8bd53", 34: "#7ab4ff", 36: "#5fd3dc"}  # by SGR number

SGR = re.compile(r"\x1b\[([0-9;]*)m")
HELD = re.compile(r", held at [0-9.]+ s")
HOLDS = re.compile(r" holds ([0-9.]+) s")
# The eighths and the full block are drawn as boxes, as no font's fit together everywhere.
WORD = re.compile(r"([\u2581-\u2588])\1*|[^\s\u2581-\u2588]+")


def fail(sentence):
    sys.exit("make_screen_svg: " + sentence)


def capture(program, recording, name):
    """The screen's lines, with SGR sequences."""
    view = VIEWS[name]
    with tempfile.TemporaryDirectory() as directory:
        tmux = ["tmux", "-u", "-S", os.path.join(directory, "socket"), "-f", "/dev/null"]
        environment = {k: v for k, v in os.environ.items() if k not in ("TMUX", "TMUX_PANE", "NO_COLOR")}
        environment.update(LC_ALL="C.UTF-8", XDG_CONFIG_HOME=directory)
        settings = pathlib.Path(directory, "xenmon", "settings.json")
        settings.parent.mkdir()
        settings.write_text(json.dumps({"view": name, "refresh_ms": view.refresh_ms}), encoding="utf-8")

        def run(*arguments):
            result = subprocess.run(
                tmux + list(arguments), env=environment, text=True, encoding="utf-8", capture_output=True, check=False
            )
            if result.returncode != 0:
                fail("tmux %s: %s" % (arguments[0], result.stderr.strip() or "failed"))
            return result.stdout

        def wait_for(said, what):
            deadline = time.monotonic() + PATIENCE_S
            while not said(run("capture-pane", "-p")):
                if time.monotonic() > deadline:
                    fail("the screen did not come to %s." % what)
                time.sleep(0.1)

        command = [str(program), "--replay", str(recording)] + ([] if view.played else ["--at", str(AT_S)])
        run("new-session", "-d", "-x", str(WIDTH), "-y", str(view.height), shlex.join(command))
        try:
            if view.played:
                wait_for(lambda text: float((HOLDS.search(text) or (0, 0))[1]) >= AT_S - 0.2, "its time")
                run("send-keys", "Space")
            wait_for(HELD.search, "hold")
            lines = run("capture-pane", "-p", "-e").split("\n")[: view.height]
            run("send-keys", "q")
            time.sleep(0.5)  # xenmon stops its xenbaked
            return lines
        finally:
            subprocess.run(tmux + ["kill-server"], env=environment, capture_output=True, check=False)


@dataclasses.dataclass(frozen=True)
class Looks:
    colour: int = 0  # SGR number; 0: the terminal's own
    bold: bool = False
    dim: bool = False
    reverse: bool = False

    def fill(self):
        if self.colour in COLOURS:
            return COLOURS[self.colour]
        return BOLD if self.bold and not self.reverse else DIM if self.dim else PLAIN


def runs(lines):
    """(row, column, text, looks) for each stretch of cells that look alike. SGR goes on over line ends."""
    looks = Looks()
    for row, line in enumerate(lines):
        column = 0
        at = 0
        for match in list(SGR.finditer(line)) + [None]:
            text = line[at : match.start() if match else len(line)]
            if text:
                yield row, column, text, looks
                column += len(text)
            if match:
                looks = changed(looks, match.group(1))
                at = match.end()


def changed(looks, parameters):
    for code in (int(n or 0) for n in parameters.split(";")):
        if code == 0:
            looks = Looks()
        elif code in (1, 2, 7):
            looks = dataclasses.replace(looks, **{{1: "bold", 2: "dim", 7: "reverse"}[code]: True})
        elif code == 22:
            looks = dataclasses.replace(looks, bold=False, dim=False)
        elif code == 27:
            looks = dataclasses.replace(looks, reverse=False)
        elif code in COLOURS or code == 39:
            looks = dataclasses.replace(looks, colour=code)
    return looks


def number(value):
    return ("%.2f" % value).rstrip("0").rstrip(".")


def box(x, y, width, height, fill):
    return '<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>' % (
        *(number(value) for value in (x, y, width, height)),
        fill,
    )


def draw(lines, title, height):
    full_width = WIDTH * CELL_WIDTH + 2 * MARGIN
    full_height = height * CELL_HEIGHT + 2 * MARGIN
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img">'
        % ((number(full_width), number(full_height)) * 2),
        "<title>xenmon: the view of %s</title>" % title,
        '<rect width="100%%" height="100%%" rx="8" fill="%s"/>' % BACKGROUND,
        '<g font-family="%s" font-size="%d" fill="%s" shape-rendering="crispEdges" xml:space="preserve">'
        % (FONTS, FONT_SIZE, PLAIN),
    ]
    for row, column, text, looks in runs(lines):
        top = MARGIN + row * CELL_HEIGHT
        fill = looks.fill()
        if looks.reverse:
            out.append(box(MARGIN + column * CELL_WIDTH, top, len(text) * CELL_WIDTH, CELL_HEIGHT, fill))
            fill = BACKGROUND
        # Word by word, so that a font of another width cannot move what follows.
        for word in WORD.finditer(text):
            x = MARGIN + (column + word.start()) * CELL_WIDTH
            width = len(word.group()) * CELL_WIDTH
            if word.group(1):
                part = CELL_HEIGHT * (ord(word.group(1)) - 0x2580) / 8
                out.append(box(x, top + CELL_HEIGHT - part, width, part, fill))
                continue
            style = "" if fill == PLAIN else ' fill="%s"' % fill
            if looks.bold:
                style += ' font-weight="bold"'
            out.append(
                '<text x="%s" y="%s" textLength="%s" lengthAdjust="spacingAndGlyphs"%s>%s</text>'
                % (number(x), number(top + BASELINE), number(width), style, escape(word.group()))
            )
    out += ["</g>", "</svg>"]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Draws the views of xenmon's screen as SVG.")
    parser.add_argument("--xenmon", type=pathlib.Path, default=ROOT / "build/release/bin/xenmon")
    parser.add_argument(
        "--recording",
        type=pathlib.Path,
        default=ROOT / "tests/data/recordings/web-credit2-2pcpu.xentrace.xz",
    )
    parser.add_argument("--directory", type=pathlib.Path, default=ROOT / "docs", help="where the pictures go (docs)")
    parser.add_argument("views", metavar="VIEW", nargs="*", help="%s (all)" % ", ".join(VIEWS))
    arguments = parser.parse_args()
    for name in arguments.views:
        if name not in VIEWS:
            fail("there is no view %s; there are %s." % (name, ", ".join(VIEWS)))
    if not arguments.xenmon.exists():
        fail("%s is not there; build it with ./run." % arguments.xenmon)
    for name in arguments.views or VIEWS:
        lines = capture(arguments.xenmon.resolve(), arguments.recording.resolve(), name)
        picture = draw(lines, VIEWS[name].title, VIEWS[name].height)
        (arguments.directory / ("screen-%s.svg" % name)).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
