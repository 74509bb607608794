# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine that runs Xen, and its Dom0 by a line to the agent there."""
import contextlib
import itertools
import json
import os
import pathlib
import shlex
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from dom0 import Dom0, Failed
from emulator import emulator

# The kinds of guests that there are.
GUESTS = ("pv", "pvh")
# Only a program that hangs takes this long, on a slow and busy machine too.
PATIENCE = 600
PATIENCE_WITH_SCRIPT = 3600


@dataclass(frozen=True)
class Boot:
    """What is asked of a machine. deterministic: virtual time that depends on nothing outside, but on when it is told
    what to do; two instructions are as long for every pCPU, and they take turns.

    guests: the kind of its guests, as xl calls it: pv, or pvh, for which the pCPUs have AMD's SVM with nested paging.
    arch: Debian's name of the architecture; on arm64 all guests are what xl calls pvh.
    turn_us: in deterministic time, how long turns take at most; 0: until some timer ends, which may take milliseconds,
    during which the other pCPUs stand still without knowing it. A host takes 20 us for each turn, idle ones as well.
    fair: in each turn all pCPUs go on, so that none stands still for longer; see emulator.py.
    patched: the hypervisor is built from Debian's source with the patches of hypervisor/.
    hypervisor: settings such as CONFIG_TRACEBUFFER=n that it is built with, patched as well; with neither it
    is Debian's.
    script: a program of inside/ and its arguments, run in Dom0 before anything can be asked of it. All that happens
    until its end depends, in deterministic time, on nothing outside: it happens again in each such machine, to the ns.
    """
    scheduler: str = "credit2"
    pcpus: int = 1
    dom0_vcpus: int | None = None
    xen: str = ""  # more words for the hypervisor's command line
    memory: int = 2048
    dom0_memory: int = 768
    guests: str = "pv"
    arch: str = "amd64"
    deterministic: bool = False
    turn_us: int = 0
    fair: bool = False
    patched: bool = False
    hypervisor: tuple[str, ...] = ()
    script: tuple[str, ...] = ()

    def __str__(self):
        text = f"{self.scheduler}, {self.pcpus} pCPU{'s' if self.pcpus > 1 else ''}"
        if self.xen:
            text += f", {self.xen}"
        text += f", {self.guests} guests" if self.guests != "pv" else ""
        text += f", {self.arch}" if self.arch != "amd64" else ""
        text += ", patched" if self.patched else ""
        text += "".join(f", {setting}" for setting in self.hypervisor)
        return text + (", deterministic" if self.deterministic else "")

    def has_fair_turns(self):
        """Asked for, or because the machine would stop without: Arm's Xen spins until another pCPU has answered."""
        return self.deterministic and self.pcpus > 1 and (self.fair or self.arch == "arm64")

    def has_svm(self):
        return self.arch == "amd64" and self.guests != "pv"


def qemu_arguments(boot):
    """For the command line: the console into a file, the agent's two ports on sockets. All files are in the working
    directory, those of the image as well."""
    xen = (f"dom0_mem={boot.dom0_memory}M sched={boot.scheduler} "
           f"{f'dom0_max_vcpus={boot.dom0_vcpus} ' if boot.dom0_vcpus else ''}{boot.xen}").strip()
    linux = "console=hvc0 quiet panic=-1" + (f" xenmon.script={'+'.join(boot.script)}" if boot.script else "")
    command = ["-name", "xen,debug-threads=on", "-accel", "tcg", "-smp", str(boot.pcpus),
               "-m", str(boot.memory), "-display", "none", "-monitor", "none",
               "-no-reboot", "-nodefaults", "-serial", "file:console.log",
               *(arm64_machine(xen, linux) if boot.arch == "arm64" else amd64_machine(boot, xen, linux)),
               # Connected before the machine starts, so that it does not notice.
               "-chardev", "socket,id=control,path=control,server=on,wait=on",
               "-device", "virtserialport,chardev=control,name=control",
               "-chardev", "socket,id=terminal,path=terminal,server=on,wait=off",
               "-device", "virtserialport,chardev=terminal,name=terminal"]
    if boot.deterministic:
        command += ["-icount", "shift=1,sleep=off", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]
    if boot.turn_us:
        # The timer of something that holds back the packets of a network on which nobody is.
        command += ["-netdev", "hubport,id=turns,hubid=0",
                    "-object", f"filter-buffer,id=turn,netdev=turns,interval={boot.turn_us}"]
    return command


def amd64_machine(boot, xen, linux):
    cpu = "qemu64,+svm,+npt,+nrip-save" if boot.has_svm() else "qemu64"
    return ["-cpu", cpu, "-kernel", "xen", "-append", f"console=com1 com1=115200,8n1 {xen}",
            "-initrd", f"vmlinuz {linux},dom0.cpio",  # modules, divided at commas
            "-device", "virtio-serial-pci,disable-legacy=on,iommu_platform=on"]


def arm64_machine(xen, linux):
    """Without a boot loader: Xen finds Dom0's parts where qemu's description of the machine says. Scrubbing all memory
    takes an emulated pCPU long. What is at the two addresses must not overlap."""
    return ["-machine", "virt,virtualization=on,gic-version=2", "-cpu", "cortex-a57",
            "-kernel", "xen", "-append", f"console=dtuart bootscrub=0 {xen}",
            "-device", f"guest-loader,addr=0x49000000,kernel=vmlinuz,bootargs={linux}",
            "-device", "guest-loader,addr=0x50000000,initrd=dom0.cpio",
            "-global", "virtio-mmio.force-legacy=false", "-device", "virtio-serial-device"]


class Machine(Dom0):
    """From power-on until the end of a with statement. Its files are in directory."""

    def __init__(self, boot, image, directory, host_cpu=None):
        """host_cpu: the only one of this machine's that it is to use."""
        super().__init__(boot.guests)
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.boot = boot
        self.release = image.release
        self.links = {"xen": image.hypervisor, "vmlinuz": image.kernel, "dom0.cpio": image.dom0}
        self._link()
        command = emulator(boot.arch, boot.has_fair_turns(), boot.has_svm()) + qemu_arguments(boot)
        (self.directory / "qemu.command").write_text(shlex.join(command) + "\n", encoding="utf-8")
        self.errors = self.directory / "qemu.log"
        with open(self.errors, "wb") as errors:
            self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                         cwd=self.directory)
        self.numbers = itertools.count(1)
        self.waiting = {0: _Answer()}
        self.sending = threading.Lock()
        try:
            if host_cpu is not None:
                os.sched_setaffinity(self.qemu.pid, {host_cpu})
            self._connect()
            if boot.script:
                self._let_pcpus_go_first()
            self._await(0, "Dom0's start", PATIENCE_WITH_SCRIPT if boot.script else PATIENCE)
        except BaseException:
            self.close()
            raise

    def _link(self):
        """The image's files by short names, in the directory: qemu tells the machine what they are called, and in
        deterministic time it must not notice where they lie."""
        for name, file in self.links.items():
            link = self.directory / name
            link.unlink(missing_ok=True)
            link.symlink_to(pathlib.Path(file).resolve())

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

    def _let_pcpus_go_first(self):
        """A timer of the machine's may end in qemu's main thread or in that of the pCPUs, and the main thread ends the
        running pCPU's turn. Which it is would be chance; so the main thread, which has the process' id, runs only when
        the other has nothing to do, on the same CPU."""
        threads = pathlib.Path(f"/proc/{self.qemu.pid}/task")
        while self.qemu.poll() is None:
            with contextlib.suppress(FileNotFoundError):  # one that has just ended
                if any(path.read_text(encoding="ascii").endswith("/TCG\n") for path in threads.glob("*/comm")):
                    break
            time.sleep(0.001)
        with contextlib.suppress(ProcessLookupError):  # qemu has; who waits for its answer is told
            os.sched_setscheduler(self.qemu.pid, os.SCHED_IDLE, os.sched_param(0))

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

    def fetch(self, path, name=None):
        """Brings a file of Dom0's out, next to the console's log unless another name is given: its path."""
        target = self.directory / (name or pathlib.Path(path).name)
        target.write_bytes(self.read(path))
        return target

    def close(self):
        if self.qemu.poll() is None:
            self.qemu.kill()
        self.qemu.wait()
        if hasattr(self, "line"):
            self.line.close()
        for name in (*self.links, "control", "terminal"):
            (self.directory / name).unlink(missing_ok=True)

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
