# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal in Dom0 with a shell in it, as the system tests have one on this machine."""
import shlex
import sys

from machine import PATIENCE
from packages import ROOT

sys.path.insert(0, str(ROOT / "tests/system"))

import harness  # pylint: disable=wrong-import-position


class Dom0Terminal(harness.Terminal):
    """With tmux in Dom0. Also a context manager. Its directory is there, and the shell's own."""

    patience = PATIENCE

    def __init__(self, dom0, width=80, height=24):  # pylint: disable=super-init-not-called
        self.dom0 = dom0
        self.socket = f"terminal-{next(self._numbers)}"
        self.directory = f"/tmp/{self.socket}"
        dom0.write(f"{self.directory}/startup", f"PS1='ready> '; cd {self.directory}\n".encode())
        self._open(width, height)

    def tmux(self, *arguments):
        environment = f"TMUX_TMPDIR={self.directory} ENV={self.directory}/startup TERM=screen-256color"
        return self.dom0.run(f"{environment} tmux -L {self.socket} {shlex.join(map(str, arguments))}").out

    def close(self):
        self.tmux("kill-server")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
