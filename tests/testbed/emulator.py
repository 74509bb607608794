# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulator of a machine: this machine's qemu, or another one that is fetched and not installed."""
import re
import shutil
import subprocess

from packages import Unavailable, qemu_tree

# By the architecture of the emulated machine: the program and Debian's package of it.
QEMU = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}
QEMU_PACKAGE = {"amd64": "qemu-system-x86", "arm64": "qemu-system-arm"}

# From this version on a turn of virtual time is divided among the pCPUs. Before, one that is busy keeps all of it, and
# one that another waits for, or that an interrupt has woken, may not run for milliseconds or, if both spin, ever.
FAIR = (8, 1)


# The other way round: under qemu 10.0's SVM a PVH guest does not get as far as its kernel's first message.
SVM_UNTIL = (8, 0)


def emulator(arch, fair, svm, say=print):
    """The words that start qemu. fair: one that has FAIR's turns. svm: one whose SVM is good for guests. If this
    machine's is not, that of another release of Debian."""
    program = QEMU[arch]
    if shutil.which(program) is None:
        raise Unavailable(f"{program} is missing; install the package {QEMU_PACKAGE[arch]}.")
    version = _version(program)
    if fair and version < FAIR:
        return _of_release("trixie", arch, say)
    if svm and version > SVM_UNTIL:
        return _of_release("bookworm", arch, say)
    return [program]


def _of_release(release, arch, say):
    """With its own loader and libraries: they need not fit this machine's."""
    usr = qemu_tree(release, arch, QEMU_PACKAGE[arch], say) / "usr"
    libraries = usr / "lib/x86_64-linux-gnu"
    return [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", f"{libraries}:{usr}/lib",
            str(usr / "bin" / QEMU[arch]), "-L", str(usr / "share/qemu"), "-L", str(usr / "share/seabios")]


def _version(program):
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
