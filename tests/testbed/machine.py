# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine that runs Xen, and the line to the agent in its Dom0."""
import base64
import itertools
import json
import pathlib
import shlex
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass

from packages import Unavailable

QEMU = "qemu-system-x86_64"
# Nothing takes so long but what hangs, on a slow and busy machine too.
PATIENCE = 600


class Failed(Exception):
    """Something inside the machine went wrong: the message says what."""


@dataclass(frozen=True)
class Boot:
    """What is asked of a machine. deterministic: virtual time that depends on nothing outside; two
    instructions are as long for every pCPU, and they take turns.

    turn_us: in deterministic time, how long a pCPU goes on before the next has its turn; 0: until some timer ends,
    which may take milliseconds, during which the other pCPUs stand still without knowing it.
    patched: the hypervisor is built from Debian's source with the patches of hypervisor/.
    hypervisor: settings such as CONFIG_TRACEBUFFER=n that it is built with, patched as well; with neither it
    is Debian's.
    """
    scheduler: str = "credit2"
    pcpus: int = 1
    dom0_vcpus: int | None = None
    xen: str = ""  # more words for the hypervisor's command line
    memory: int = 2048
    dom0_memory: int = 768
    deterministic: bool = False
    turn_us: int = 0
    patched: bool = False
    hypervisor: tuple[str, ...] = ()

    def __str__(self):
        text = f"{self.scheduler}, {self.pcpus} pCPU{'s' if self.pcpus > 1 else ''}"
        if self.xen:
            text += f", {self.xen}"
        text += ", patched" if self.patched else ""
        text += "".join(f", {setting}" for setting in self.hypervisor)
        return text + (", deterministic" if self.deterministic else "")


def qemu_command(boot, image, directory):
    """The command line: the console into a file, the agent's two ports on sockets."""
    xen = (f"console=com1 com1=115200,8n1 dom0_mem={boot.dom0_memory}M sched={boot.scheduler} "
           f"{f'dom0_max_vcpus={boot.dom0_vcpus} ' if boot.dom0_vcpus else ''}{boot.xen}")
    command = [QEMU, "-accel", "tcg", "-cpu", "qemu64", "-smp", str(boot.pcpus), "-m", str(boot.memory),
               "-display", "none", "-monitor", "none", "-no-reboot", "-nodefaults", "-serial", f"file:{directory / 'console.log'}",
               "-kernel", str(image.hypervisor), "-append", xen.strip(),
               # qemu divides the modules at commas.
               "-initrd", f"{image.kernel} console=hvc0 quiet panic=-1,{image.dom0}",
               "-device", "virtio-serial-pci,disable-legacy=on,iommu_platform=on",
               "-chardev", f"socket,id=control,path={directory / 'control'},server=on,wait=off",
               "-device", "virtserialport,chardev=control,name=control",
               "-chardev", f"socket,id=terminal,path={directory / 'terminal'},server=on,wait=off",
               "-device", "virtserialport,chardev=terminal,name=terminal"]
    if boot.deterministic:
        command += ["-icount", "shift=1,sleep=off"]
    if boot.turn_us:
        # The timer of something that holds back the packets of a network on which nobody is.
        command += ["-netdev", "hubport,id=turns,hubid=0",
                    "-object", f"filter-buffer,id=turn,netdev=turns,interval={boot.turn_us}"]
    return command


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


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


class Machine:
    """From power-on until the end of a with statement. Its files are in directory."""

    def __init__(self, boot, image, directory):
        if shutil.which(QEMU) is None:
            raise Unavailable(f"{QEMU} is missing; install the package qemu-system-x86.")
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.boot = boot
        self.release = image.release
        command = qemu_command(boot, image, self.directory)
        (self.directory / "qemu.command").write_text(shlex.join(command) + "\n", encoding="utf-8")
        self.errors = self.directory / "qemu.log"
        with open(self.errors, "wb") as errors:
            self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        self.numbers = itertools.count(1)
        self.networks = itertools.count(1)  # each guest's network has one
        self.waiting = {0: _Answer()}
        self.sending = threading.Lock()
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self):
        path = self.directory / "control"
        self.line = socket.socket(socket.AF_UNIX)
        while True:  # qemu makes the socket before it starts the machine
            try:
                self.line.connect(str(path))
                break
            except OSError:
                if self.qemu.poll() is not None:
                    raise Failed(f"qemu ended: {self.errors.read_text(errors='replace')[-1000:]}") from None
                try:
                    self.qemu.wait(0.05)
                except subprocess.TimeoutExpired:
                    pass
        threading.Thread(target=self._receive, daemon=True).start()
        self._await(0, "Dom0's start")

    def _receive(self):
        try:
            with self.line.makefile("rb") as answers:
                for text in answers:
                    answer = json.loads(text)
                    waiting = self.waiting.get(answer["id"])
                    if waiting:
                        waiting.set(answer)
        except (OSError, ValueError):
            pass
        for waiting in list(self.waiting.values()):  # the machine has gone
            waiting.set(None)

    def _await(self, number, what, patience=PATIENCE):
        answer = self.waiting[number].get(patience)
        if answer is None:
            raise Failed(f"{what}: the machine {'did not answer' if self.qemu.poll() is None else 'has ended'}")
        if "error" in answer:
            raise Failed(f"{what}: {answer['error']}")
        return answer

    def tell(self, what, **arguments):
        """One request to the agent: its number."""
        number = next(self.numbers)
        self.waiting[number] = _Answer()
        request = json.dumps({"id": number, "do": what, "with": arguments}).encode() + b"\n"
        with self.sending:
            self.line.sendall(request)
        return number

    def ask(self, what, patience=PATIENCE, **arguments):
        """One request to the agent, and its answer."""
        return self._await(self.tell(what, **arguments), f"{what} {arguments}", patience)

    def run(self, command, status=0, uid=None):
        """A command line for Dom0's shell, and what came of it. status: what it must end with; None: anything."""
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

    def fetch(self, path, name=None):
        """Brings a file of Dom0's out, next to the console's log: its path."""
        target = self.directory / (name or pathlib.Path(path).name)
        target.write_bytes(self.read(path))
        return target

    def close(self):
        if self.qemu.poll() is None:
            self.qemu.kill()
        self.qemu.wait()
        if hasattr(self, "line"):
            self.line.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Answer:
    """One that is waited for; None when it will not come."""

    def __init__(self):
        self.there = threading.Event()
        self.answer = None

    def set(self, answer):
        self.answer = answer
        self.there.set()

    def get(self, patience):
        self.there.wait(patience)
        return self.answer
