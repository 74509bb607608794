# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done in Dom0, from outside of the machine (machine.py) and in it (inside/study_point.py)."""
import base64
import itertools
from dataclasses import dataclass


class Failed(Exception):
    """Something inside the machine went wrong: the message says what."""


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


class Process:
    """Something that goes on running in Dom0."""

    def __init__(self, dom0, pid, ready):
        self.dom0, self.pid, self.ready = dom0, pid, ready

    def wait(self):
        """Its Result, once it has ended."""
        answer = self.dom0.ask("wait", pid=self.pid)
        return Result(answer["status"], answer["out"], answer["err"])

    def signal(self, name):
        self.dom0.ask("signal", pid=self.pid, name=name)

    def stop(self, name="SIGTERM"):
        self.signal(name)
        return self.wait()


class Dom0:
    """A base: who derives from it has ask(what, **arguments), which answers as the agent in inside/agent.py does.

    guests: the kind that its guests have unless another is asked for.
    """

    def __init__(self, guests="pv"):
        self.guests = guests
        self.networks = itertools.count(1)  # each guest's network has one

    def ask(self, what, **arguments):
        raise NotImplementedError

    def run(self, command, status=0, uid=None):
        """A command line for its shell, and what came of it. status: what it must end with; None: anything."""
        answer = self.ask("run", command=command, uid=uid)
        result = Result(answer["status"], answer["out"], answer["err"])
        if status is not None and result.status != status:
            raise Failed(f"{command!r} ended with {result.status} instead of {status}: "
                         f"{(result.err or result.out).strip()[-2000:]}")
        return result

    def start(self, command, ready=False):
        """Starts what goes on running. ready: it writes to the descriptor $READY_FD when it is."""
        answer = self.ask("start", command=command, ready=ready)
        process = Process(self, answer["pid"], answer["ready"])
        if not answer["ready"]:
            ended = process.wait()
            raise Failed(f"{command!r} ended with {ended.status}: {ended.err.strip()}")
        return process

    def read(self, path):
        return base64.b64decode(self.ask("read", path=path)["data"])

    def write(self, path, data, mode=0o644):
        self.ask("write", path=path, data=base64.b64encode(data).decode(), mode=mode)
