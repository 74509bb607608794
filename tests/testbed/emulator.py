# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulator of a machine: this machine's qemu, or a newer one that is fetched and not installed."""
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


def emulator(arch, fair, say=print):
    """The words that start qemu. fair: one that has FAIR's turns; Debian 13's if this machine's has not."""
    program = QEMU[arch]
    if shutil.which(program) is None:
        raise Unavailable(f"{program} is missing; install the package {QEMU_PACKAGE[arch]}.")
    if not fair or _version(program) >= FAIR:
        return [program]
    # Its own loader and libraries: they need not fit this machine's.
    usr = qemu_tree(arch, QEMU_PACKAGE[arch], say) / "usr"
    return [str(usr / "lib64/ld-linux-x86-64.so.2"), "--library-path", f"{usr}/lib/x86_64-linux-gnu:{usr}/lib",
            str(usr / "bin" / program), "-L", str(usr / "share/qemu"), "-L", str(usr / "share/seabios")]


def _version(program):
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
