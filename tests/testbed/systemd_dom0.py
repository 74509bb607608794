# SPDX-License-Identifier: GPL-2.0-or-later
"""A Dom0 as Debian installs it: systemd, Xen's own scripts, and XenMon from its packages.

It is made by mmdebstrap from the archives that apt is configured for, and is kept until the packages change. Everything
of it is in memory, as in the Dom0 of image.py; what only people read is left out.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
from dataclasses import replace

from packages import CACHE, RELEASES, ROOT, Unavailable, machine_release, sources

INSIDE = pathlib.Path(__file__).resolve().parent / "inside"
PACKAGES = ROOT / "build/release/packages"
# What the agent runs on, and what a Xen host has.
INCLUDE = ("systemd", "systemd-sysv", "kmod", "python3-minimal", "libpython3-stdlib", "util-linux", "xen-utils-common",
           "xenstore-utils")
HELPERS = ("agent.py", "await_region.py")


def with_systemd(files, directory, say):
    """The same machine with such a Dom0."""
    if files.release != machine_release():
        raise Unavailable(f"the packages here are for {machine_release()}; a Dom0 with systemd is of that release.")
    made = sorted(PACKAGES.glob("*.deb"))
    if not made or shutil.which("mmdebstrap") is None:
        raise Unavailable("./run --package must have made the packages, and mmdebstrap be installed.")
    kept = CACHE / files.release / "image"
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes() + (INSIDE / "systemd_setup").read_bytes()
                            + b"".join(package.read_bytes() for package in made)).hexdigest()
    archive, mark = kept.parent / "systemd.cpio", kept.parent / "systemd.stamp"
    if not mark.exists() or mark.read_text(encoding="ascii") != digest:
        say("installing a Dom0 with systemd")
        mark.unlink(missing_ok=True)
        _install(files.release, kept, made, archive, pathlib.Path(directory))
        mark.write_text(digest, encoding="ascii")
    return replace(files, dom0=archive)


def _install(release, kept, made, archive, directory):
    stock = directory / "stock"
    (stock / "modules").mkdir(parents=True)
    for path in (*made, *(INSIDE / name for name in HELPERS), INSIDE / "systemd_setup", ROOT / "docs/region_reader.py",
                 kept.parent / "build/bin/trace_state"):
        shutil.copy2(path, stock)
    shutil.copytree(kept / "base/usr/lib/modules", stock / "modules", dirs_exist_ok=True)
    listed = directory / "sources.list"
    listed.write_text(sources(release), encoding="utf-8")
    include = ",".join((*INCLUDE, f"xen-utils-{RELEASES[release]}"))
    pack = f"cd \"$1\" && find . -xdev | sort | cpio --quiet -o -H newc -R 0:0 >{archive}"
    done = subprocess.run(
        ["mmdebstrap", "--variant=minbase", "--quiet", f"--include={include}",
         "--aptopt=APT::Install-Recommends false", "--dpkgopt=force-unsafe-io",
         "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
         "--dpkgopt=path-exclude=/usr/share/man/*",
         f"--customize-hook=copy-in {stock} /", "--customize-hook=chroot \"$1\" sh -eu /stock/systemd_setup",
         f"--customize-hook={pack}", release, "/dev/null", listed],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        raise Unavailable(f"mmdebstrap failed:\n{(done.stdout + done.stderr)[-3000:]}")
