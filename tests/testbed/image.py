# SPDX-License-Identifier: GPL-2.0-or-later
"""What a virtual machine boots: the hypervisor, the kernel, and the file systems of Dom0 and its guests.

A release's part of it is made once from the tree of packages and kept; the programs of this project and
the scripts in inside/ are added at every run, as a second archive behind the first, which Linux unpacks
over it. Archives are not compressed: an emulated CPU is slow at unpacking.
"""
import contextlib
import fcntl
import gzip
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass, replace

from packages import (ARCHITECTURES, CACHE, RELEASES, ROOT, Unavailable, cross_tree, inside, machine_release, place,
                      tree)

INSIDE = pathlib.Path(__file__).resolve().parent / "inside"

DOM0_PROGRAMS = ("ab", "apache2", "ethtool", "httperf", "tmux", "python3", "setpriv", "xenalyze", "xenstore-read",
                 "xenstore-write", "xenstore-ls", "xenstore-rm", "xenstore-list")
XEN_PROGRAMS = ("xl", "libxl-save-helper", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0", "xentrace",
                "xentop", "xentrace_setsize", "xenhypfs")
# For a guest that serves pages as the original study's did.
APACHE_MODULES = tuple(f"usr/lib/apache2/modules/{name}.so" for name in ("mod_mpm_prefork", "mod_authz_core"))
DOM0_MODULES = ("xen-privcmd", "xen-evtchn", "xenfs", "xen-gntdev", "xen-gntalloc", "xen-netback")
# How Dom0's ports are connected.
PORT_MODULES = {"amd64": ("virtio_pci", "virtio_console"), "arm64": ("virtio_mmio", "virtio_console")}
GUEST_MODULES = ("xen-privcmd", "xen-evtchn", "xenfs", "xen-netfront")
# Python's library without what nothing here asks for.
PYTHON_LEFT_OUT = ("distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "turtledemo",
                   "unittest", "sqlite3", "wsgiref", "xmlrpc", "venv", "dbm", "curses", "asyncio")

# What the testbed itself runs in its machines.
HELPERS = ("vcpu_times", "trace_state", "small_domains", "seed_random", "small_guest")


@dataclass(frozen=True)
class Image:
    """Files for qemu."""
    hypervisor: pathlib.Path
    kernel: pathlib.Path
    dom0: pathlib.Path
    release: str
    arch: str = "amd64"


def build_programs(release, say, arch="amd64"):
    """xenbaked, xenmon and the testbed's own helpers, compiled in the release's tree: their directory.

    XENMON_TESTBED_PROGRAMS: where xenbaked and xenmon are that were built on this machine, in a release build. They
    are taken as they are for a machine of the same release.
    """
    top = tree(release, say, arch)
    own = arch == "amd64"
    given = os.environ.get("XENMON_TESTBED_PROGRAMS") if own and release == machine_release() else None
    targets = " ".join(HELPERS) if given else ""
    build = place(release, "build", arch)
    build.mkdir(exist_ok=True)
    # /src is read; the build has a directory of its own.
    environment, options = ("", "") if own else (_cross_environment(arch), _cross_options(arch))
    script = (f"{environment} cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF"
              f" -DXENMON_WERROR=ON -DXENMON_EXPORTER=OFF -DXENMON_TESTBED=ON {options} && ninja -C /build {targets}")
    say(f"building XenMon for {release}{'' if own else f' and {arch}'}")
    binds = {"src": ROOT, "build": build} if own else {"src": ROOT, "build": build, "target": top}
    done = inside(top if own else cross_tree(release, arch, say), ["sh", "-c", script], **binds)
    if done.returncode != 0:
        raise Unavailable(f"XenMon does not build for {release}:\n{(done.stdout + done.stderr)[-4000:]}")
    if given:
        for name in ("xenbaked", "xenmon"):
            shutil.copy2(pathlib.Path(given) / name, build / "bin" / name)
    return build / "bin"


def _cross_environment(arch):
    """Libraries are looked for in the other architecture's tree, which is /target, and nowhere else."""
    usr = "/target/usr"
    return (f"PKG_CONFIG_SYSROOT_DIR=/target PKG_CONFIG_LIBDIR={usr}/lib/{ARCHITECTURES[arch]}/pkgconfig:"
            f"{usr}/lib/pkgconfig:{usr}/share/pkgconfig")


def _cross_options(arch):
    triplet = ARCHITECTURES[arch]
    options = {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": triplet.split("-", 1)[0],
               "CMAKE_C_COMPILER": f"{triplet}-gcc", "CMAKE_CXX_COMPILER": f"{triplet}-g++",
               "CMAKE_SYSROOT": "/target", "CMAKE_FIND_ROOT_PATH": "/target", "CMAKE_LIBRARY_ARCHITECTURE": triplet,
               "CMAKE_FIND_ROOT_PATH_MODE_PROGRAM": "NEVER", "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY": "ONLY",
               "CMAKE_FIND_ROOT_PATH_MODE_INCLUDE": "ONLY", "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE": "ONLY"}
    return " ".join(f"-D{name}={value}" for name, value in options.items())


def image(release, directory, say, hypervisor=None, arch="amd64"):
    """Everything up to date, for one release, in directory; hypervisor: another xen or xen.gz than Debian's.

    Several may be made at once: what they share is made by one of them at a time.
    """
    if arch != "amd64":  # recordings are examined on this machine, whatever made them
        with _alone(release, "amd64"):
            build_programs(release, say)
    with _alone(release, arch):
        top = tree(release, say, arch)
        programs = build_programs(release, say, arch)
        kept = place(release, "image", arch)
        dom0 = pathlib.Path(directory) / "dom0.cpio"
        with open(dom0, "wb") as out:
            for part in (_base(release, arch, kept, say), _own(kept, programs, INSIDE)):
                with open(part, "rb") as archive:
                    shutil.copyfileobj(archive, out)
    packed = pathlib.Path(hypervisor) if hypervisor else _hypervisor(top, release, arch)
    xen = _gunzipped(packed, pathlib.Path(directory) / "xen")
    return Image(xen, kept / "vmlinuz", dom0, release, arch)


@contextlib.contextmanager
def _alone(release, arch):
    """Nobody else changes what is kept of this release until the end of a with statement."""
    (CACHE / release).mkdir(parents=True, exist_ok=True)
    with open(place(release, "lock", arch), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hypervisor(top, release, arch):
    """Debian's own, which is packed for amd64 only."""
    return top / f"boot/xen-{RELEASES[release]}-{arch}{'.gz' if arch == 'amd64' else ''}"


def with_hypervisor_of(boot, files, directory, say):
    """The same image with the hypervisor that the boot asks for, which is built if need be."""
    if not boot.hypervisor and not boot.patched:
        return files
    if files.arch != "amd64":
        raise Unavailable(f"hypervisor/build makes no Xen for {files.arch}.")
    packed = pathlib.Path(directory) / "own-xen.gz"
    packed.parent.mkdir(parents=True, exist_ok=True)
    command = [ROOT / "hypervisor/build", "--release", files.release, "--output", packed]
    for setting in boot.hypervisor:
        command += ["--config", setting]
    say(f"a patched hypervisor{' with ' if boot.hypervisor else ''}{', '.join(boot.hypervisor)}")
    _must(subprocess.run(command, capture_output=True, text=True, check=False), "hypervisor/build")
    return replace(files, hypervisor=_gunzipped(packed, packed.with_suffix("")))


def _gunzipped(packed, raw):
    """A hypervisor as qemu wants it."""
    try:
        data = packed.read_bytes()
    except OSError as error:
        raise Unavailable(f"{packed}: {error.strerror}.") from error
    raw.write_bytes(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    return raw


def _base(release, arch, kept, say):
    """The archive of what comes from Debian: made again when the tree or this file has changed."""
    top, tools = tree(release, say, arch), tree(release, say)
    stamp = place(release, "tree", arch).with_suffix(".stamp")
    digest = hashlib.sha256(stamp.read_bytes() + pathlib.Path(__file__).read_bytes())
    mark, archive = kept / "base.stamp", kept / "base.cpio"
    if mark.exists() and mark.read_text(encoding="ascii") == digest.hexdigest():
        return archive
    say("assembling Dom0")
    shutil.rmtree(kept, ignore_errors=True)
    root = kept / "base"
    for name in ("dev", "proc", "sys", "run", "tmp", "etc/xen", "var/lib/xen", "var/log/xen", "root"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/run").symlink_to("/run")

    kernel = next((top / "boot").glob("vmlinuz-*"))
    version = kernel.name.removeprefix("vmlinuz-")
    shutil.copy2(kernel, kept / "vmlinuz")
    (kept / "guest-kernel").write_bytes(_unpacked_kernel(kernel) if arch == "amd64" else kernel.read_bytes())
    _copy(top, root, "usr/bin/busybox")
    xen_bin = f"usr/lib/xen-{RELEASES[release]}/bin"
    programs = [_find(top, name, "usr/bin", "usr/sbin") for name in DOM0_PROGRAMS]
    programs += [_find(top, name, xen_bin, "usr/sbin", "usr/bin") for name in XEN_PROGRAMS]
    python = _find(top, "python3", "usr/bin")
    library = f"usr/lib/{pathlib.Path(os.readlink(top / python)).name}"
    # The same bytes each time: of sources without a time, by one process, as what it has seen before is in them.
    compile_all = ["env", "PYTHONHASHSEED=0", "python3", "-B", "-m", "compileall", "-q", "-f", "--invalidation-mode",
                   "unchecked-hash", "-s", "/target", "-p", "/", f"/target/{library}"]
    _must(inside(tools, compile_all, target=top), "compiling Python's library")
    shutil.copytree(top / library, root / library, ignore=shutil.ignore_patterns(*PYTHON_LEFT_OUT, "config-*"),
                    symlinks=True)
    extensions = [str(path.relative_to(root)) for path in (root / library / "lib-dynload").glob("*.so")
                  if re.match(r"_(sqlite3|tkinter|dbm|gdbm|curses)", path.name) is None]
    build = place(release, "build", arch) / "bin"
    own_programs = [build / name for name in ("xenbaked", "xenmon", "vcpu_times", "small_domains")]
    own_libraries = closure(top, [*(top / path for path in programs + extensions), *own_programs])
    for path in [*programs, *own_libraries, *APACHE_MODULES]:
        _copy(top, root, path)
    for path in ("usr/share/terminfo", "usr/lib/terminfo", "usr/lib/locale"):
        if (top / path).exists():
            shutil.copytree(top / path, root / path, symlinks=True)

    _must(inside(tools, ["depmod", "-b", "/target", version], target=top), "depmod")
    for role, modules in (("dom0", DOM0_MODULES + PORT_MODULES[arch]), ("guest", GUEST_MODULES)):
        order = _module_order(top, version, modules)
        for path in order:
            _copy(top, root, path)
        (root / f"etc/modules.{role}").write_text("".join(f"/{path}\n" for path in order), encoding="ascii")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nperson:x:1000:1000::/:/bin/sh\n",
                                     encoding="ascii")
    (root / "etc/group").write_text("root:x:0:\nxenmon:x:900:\nperson:x:1000:\n", encoding="ascii")
    (root / "etc/xen/xl.conf").write_text("", encoding="ascii")
    (root / "etc/xen-bin").write_text(f"/{xen_bin}\n", encoding="ascii")

    guest = kept / "guest"
    guest.mkdir()
    for name in ("dev", "proc", "sys", "run", "tmp", "etc"):
        (guest / name).mkdir()
    (guest / "usr").mkdir()
    for name in ("bin", "sbin", "lib", "lib64"):
        (guest / "usr" / name).mkdir()
        (guest / name).symlink_to(f"usr/{name}")
    _copy(top, guest, "usr/bin/busybox")
    shutil.copy2(root / "etc/modules.guest", guest / "etc/modules")
    for path in (root / "etc/modules.guest").read_text(encoding="ascii").split():
        _copy(top, guest, path[1:])
    for path in closure(top, [build / "vcpu_times"]):
        _copy(top, guest, path)

    write_archive(root, archive)
    mark.write_text(digest.hexdigest(), encoding="ascii")
    return archive


def _unpacked_kernel(kernel):
    """What a bzImage unpacks into memory, so that xl need not, on an emulated CPU, for each guest. It is xz in Debian;
    packed in another way it stays as it is."""
    packed = kernel.read_bytes()
    at = packed.find(b"\xfd7zXZ\0")
    return packed if at < 0 else lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed[at:])


def _own(kept, programs, scripts):
    """The archive of what comes from this project, the guests' file system among it."""
    guest, own = kept / "guest-now", kept / "own"
    for path in (guest, own):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(kept / "guest", guest, symlinks=True)
    shutil.copy2(scripts / "guest_init", guest / "init")
    shutil.copytree(scripts / "roles", guest / "roles")
    for name in ("vcpu_times", "seed_random"):
        shutil.copy2(programs / name, guest / "usr/bin")

    (own / "usr/bin").mkdir(parents=True)
    (own / "etc/xen").mkdir(parents=True)
    (own / "boot").mkdir()
    (own / "usr/lib/xenmon-testbed").mkdir(parents=True)
    write_archive(guest, own / "boot/guest.cpio")
    shutil.copy2(kept / "guest-kernel", own / "boot/vmlinuz")
    shutil.copy2(scripts / "dom0_init", own / "init")
    for path in (*(scripts / name for name in ("agent.py", "await_region.py", "study_point.py", "vif")),
                 *(scripts.parent / name for name in ("daemon.py", "dom0.py", "guest.py", "study_points.py")),
                 ROOT / "docs/region_reader.py"):
        shutil.copy2(path, own / "usr/lib/xenmon-testbed")
    for name in ("xenbaked", "xenmon", "vcpu_times", "trace_state", "small_domains"):
        shutil.copy2(programs / name, own / "usr/bin" / name)
    if (programs / "small_guest").exists():
        shutil.copy2(programs / "small_guest", own / "boot/small_guest")
    archive = kept / "own.cpio"
    write_archive(own, archive)
    return archive


def _must(done, what):
    if done.returncode != 0:
        raise Unavailable(f"{what} failed: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done


def _find(top, name, *directories):
    for directory in directories:
        if os.path.lexists(top / directory / name):
            return f"{directory}/{name}"
    raise Unavailable(f"no package holds {name}.")


def _copy(top, root, path):
    """A file, and what it points at if it is a link."""
    source, target = top / path, root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        return
    if source.is_symlink():
        link = os.readlink(source)
        target.symlink_to(link)
        goal = os.path.normpath(os.path.join("/", os.path.dirname(path), link))[1:]
        _copy(top, root, goal)
    else:
        shutil.copy2(source, target)


def closure(top, programs):
    """The shared libraries and the loader that these files ask for, and theirs in turn, as paths in the tree, without
    the files themselves. What the tree is for cannot always run here, so they are looked up as the loader would."""
    found, seen, left = set(), set(), [str(program) for program in programs]
    while left:
        listing = _must(subprocess.run(["readelf", "-W", "-d", "-l", *left], capture_output=True, text=True,
                                       check=False), "listing shared libraries").stdout
        wanted = set(re.findall(r"\(NEEDED\)\s+Shared library: \[(.+)\]|interpreter: (.+)\]", listing)) - seen
        seen |= wanted
        paths = {_library(top, name or interpreter) for name, interpreter in wanted} - found
        found |= paths
        left = [str(top / path) for path in sorted(paths)]
    return found


def _library(top, name):
    """Where a library or the loader is in the tree. The links of the merged /usr are in each root already."""
    places = [os.path.dirname(name)[1:]] if name.startswith("/") else []
    for directory in places + [f"usr/lib/{triplet}" for triplet in ARCHITECTURES.values()] + ["usr/lib"]:
        path = f"{directory}/{os.path.basename(name)}"
        if (top / path).exists():
            return re.sub(r"^(lib|lib64)/", r"usr/\1/", path)
    raise Unavailable(f"no package holds {name}.")


def _module_order(top, version, modules):
    """The modules' files, each after what it needs."""
    base = f"usr/lib/modules/{version}"
    needs = {}
    for line in (top / base / "modules.dep").read_text(encoding="ascii").splitlines():
        path, after = line.split(":", 1)
        needs[path] = after.split()
    by_name = {pathlib.Path(path).name.split(".ko")[0].replace("-", "_"): path for path in needs}
    order = []
    for module in modules:
        path = by_name.get(module.replace("-", "_"))
        if path is None:
            continue  # built in: the kernel that lacks it altogether fails at its first use
        for wanted in [*reversed(needs[path]), path]:
            if wanted not in order:
                order.append(wanted)
    return [f"{base}/{path}" for path in order]


def write_archive(root, archive):
    """A directory as a cpio archive, owned by root; the same bytes for the same content, whenever the files were made
    and with whatever umask."""
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (0, 0), follow_symlinks=False)
    with open(archive, "wb") as out:
        names = b"\0".join(sorted(str(path.relative_to(root)).encode() for path in root.rglob("*")))
        done = subprocess.run(["cpio", "--quiet", "--reproducible", "-0", "-o", "-H", "newc", "-R", "0:0"], cwd=root,
                              input=names, stdout=out, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Unavailable(f"cpio failed: {done.stderr.decode()[-2000:]}")
