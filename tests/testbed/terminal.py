# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives a person's terminal to xenmon in Dom0, through a serial port of its own."""
import os
import select
import shutil
import signal
import socket
import sys
import termios
import threading
import tty

from guest import Guest
from machine import Machine
from packages import Unavailable


def show_xenmon(boot, files, directory, say):
    """xenmon live, a web server under load beside it, until the person quits it: the exit status."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Unavailable("--interactive needs a terminal.")
    say(f"starting {boot}; about half a minute")
    with Machine(boot, files, directory) as dom0:
        web = Guest(dom0, "web", "web")
        Guest(dom0, "burn", "burn", network=False)
        say("Dom0, a web server and a busy domain are up; q ends it")
        load = dom0.start(f"sh -c 'while ab -q -n 1000 -c 4 {web.url()} >/dev/null; do :; done'")
        try:
            return _attach(dom0, f"TERM={_known_terminal()} xenmon")
        finally:
            load.signal("SIGKILL")


def _known_terminal():
    """A name that ncurses-base describes."""
    name = os.environ.get("TERM", "")
    return name if name in ("xterm", "xterm-256color", "screen", "screen-256color", "tmux", "tmux-256color", "linux",
                            "vt100", "vt220", "rxvt") else "xterm"


def _attach(dom0, command):
    port = socket.socket(socket.AF_UNIX)
    port.connect(str(dom0.directory / "terminal"))
    ended = []
    size = shutil.get_terminal_size()

    def show():
        ended.append(dom0.ask("show", patience=None, command=command, columns=size.columns, rows=size.lines)["status"])
        port.shutdown(socket.SHUT_RDWR)

    def resize(*_):
        now = shutil.get_terminal_size()
        dom0.tell("resize", columns=now.columns, rows=now.lines)

    before = termios.tcgetattr(sys.stdin)
    waiting = threading.Thread(target=show, daemon=True)
    usual = signal.signal(signal.SIGWINCH, resize)
    tty.setraw(sys.stdin)
    try:
        waiting.start()
        while True:
            ready, _, _ = select.select([sys.stdin, port], [], [])
            if port in ready:
                data = port.recv(65536)
                if not data:
                    break
                os.write(sys.stdout.fileno(), data)
            if sys.stdin in ready:
                port.sendall(os.read(sys.stdin.fileno(), 4096))
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, usual)
        port.close()
    waiting.join(10)
    return ended[0] if ended else 1
