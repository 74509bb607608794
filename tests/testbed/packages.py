# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree of a Debian release's packages, unpacked and never installed.

The tree is both the place where XenMon is built for that release and the stock that the images take
their files from. Nothing of it touches the machine's own packages: apt works with lists, a cache and
an (empty) dpkg status of its own, and asks the archives that the machine's apt is configured for.
"""
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XENMON_TESTBED_CACHE", ROOT / "build/testbed"))

# Debian's release and the Xen in it.
RELEASES = {"bookworm": "4.17", "trixie": "4.20"}

# Debian's architectures of the machines, and what the GNU tools call each.
ARCHITECTURES = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

# For Dom0, its guests and the load.
SYSTEM = ("busybox-static", "xen-utils-common", "xenstore-utils", "apache2-bin", "apache2-utils",
          "ethtool", "httperf", "python3", "tmux", "ncurses-base", "libc-bin", "util-linux", "kmod", "binutils")
# To build XenMon: the programs' own needs, and the tools.
LIBRARIES = ("libxen-dev", "libcli11-dev", "libarchive-dev", "liblzma-dev", "zlib1g-dev", "libncurses-dev",
             "libutf8proc-dev", "nlohmann-json3-dev", "libseccomp-dev", "libzstd-dev", "libprotozero-dev")
TOOLS = ("cmake", "ninja-build", "pkg-config")
SHELL = ("dash", "coreutils")
BUILD = ("g++", *TOOLS, *LIBRARIES, *SHELL)
# To build a hypervisor, in a tree of its own.
HYPERVISOR_BUILD = ("gcc", "libc6-dev", "make", "flex", "bison", "python3", "patch", "xz-utils", "tar", "gzip",
                    "dash", "bash", "mawk", "coreutils", "diffutils", "findutils", "grep", "sed")


class Unavailable(Exception):
    """Something from outside cannot be had: the message says what, and what would help."""


def place(release, name, arch="amd64"):
    """Where something of a release is kept."""
    return CACHE / release / (name if arch == "amd64" else f"{name}-{arch}")


def machine_release():
    """The release of the machine's own Debian, which apt's sources name."""
    for line in pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip('"')
    raise Unavailable("/etc/os-release names no release; the testbed needs Debian.")


def sources(release, kind="deb"):
    """The machine's own archives, for another release of Debian: lines of a sources.list."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)",
                           "Created-By: Packages"], capture_output=True, text=True, check=False)
    own = machine_release()
    if done.returncode != 0 or not done.stdout.strip():
        raise Unavailable("apt has no package lists here; run apt-get update.")
    lines = []
    for site, suite, component in (line.split() for line in sorted(set(done.stdout.splitlines()))):
        if re.fullmatch(rf"{own}(-updates|-security)?", suite) and component == "main":
            lines.append(f"{kind} {site} {suite.replace(own, release)} {component}\n")
    if not lines:
        raise Unavailable(f"apt's sources hold no release called {own}; the testbed needs Debian's.")
    return "".join(lines)


class Apt:
    """apt-get with a state of its own, for one release and architecture."""

    def __init__(self, release, arch="amd64"):
        self.arch = arch
        self.directory = place(release, "apt", arch)
        for name in ("lists/partial", "archives/partial"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        (self.directory / "status").touch()
        (self.directory / "sources.list").write_text(
            sources(release) + sources(release, "deb-src"), encoding="utf-8")

    def __call__(self, *arguments, **options):
        base = self.directory
        command = ["apt-get", "-q", "-y"]
        for name, value in {"Dir::Etc::sourcelist": base / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
                            "Dir::State::status": base / "status", "Dir::State::lists": base / "lists",
                            "Dir::Cache": base, "Dir::Cache::archives": base / "archives",
                            "APT::Install-Recommends": "false", "APT::Sandbox::User": "",
                            "APT::Architecture": self.arch, "APT::Architectures": self.arch}.items():
            command += ["-o", f"{name}={value}"]
        done = subprocess.run(command + [str(word) for word in arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False, **options)
        if done.returncode != 0:
            raise Unavailable(f"apt-get {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout


def tree(release, say=print, arch="amd64"):
    """The release's packages, fetched and unpacked unless they are there: the path of the tree.

    The same list of packages is fetched once; removing the directory fetches them again. A tree of another architecture
    than amd64 has no tools: its programs cannot run here.
    """
    xen = RELEASES[release]
    build = BUILD if arch == "amd64" else ("g++", *LIBRARIES)
    wanted = [f"linux-image-{arch}", *SYSTEM, *build, f"xen-hypervisor-{xen}-{arch}", f"xen-utils-{xen}"]
    return _tree_of(release, place(release, "tree", arch).name, wanted, say, arch)


def cross_tree(release, arch, say=print):
    """Another such tree, of what it takes to build XenMon for another architecture, whose own tree is its sysroot."""
    compiler = f"g++-{ARCHITECTURES[arch].replace('_', '-')}"
    return _tree_of(release, place(release, "cross", arch).name, [*TOOLS, *SHELL, compiler], say)


def hypervisor_tree(release, say=print):
    """Another such tree, of what it takes to build that release's hypervisor."""
    return _tree_of(release, "hypervisor-tree", HYPERVISOR_BUILD, say)


def qemu_tree(release, arch, package, say=print):
    """Another such tree, of that release's qemu, which emulates this architecture."""
    return _tree_of(release, place(release, "qemu", arch).name, [package], say)


def varlinkctl(release, say=print):
    """That release's varlinkctl, with its own loader and libraries: the beginning of a command line."""
    libraries = _tree_of(release, "varlinkctl", ["systemd"], say) / "usr/lib/x86_64-linux-gnu"
    return [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", f"{libraries}:{libraries}/systemd",
            str(libraries.parents[1] / "bin/varlinkctl")]


def _tree_of(release, name, wanted, say, arch="amd64"):
    stamp = hashlib.sha256(" ".join(wanted).encode()).hexdigest()
    top = CACHE / release / name
    mark = CACHE / release / f"{name}.stamp"
    if mark.exists() and mark.read_text(encoding="ascii") == stamp:
        return top
    say(f"fetching {release}'s packages{'' if arch == 'amd64' else f' for {arch}'}")
    apt = Apt(release, arch)
    apt("update")
    shutil.rmtree(apt.directory / "archives")
    (apt.directory / "archives/partial").mkdir(parents=True)
    apt("--download-only", "install", *wanted)
    say("unpacking them")
    unpack(sorted((apt.directory / "archives").glob("*.deb")), top)
    shutil.rmtree(apt.directory / "archives")
    mark.write_text(stamp, encoding="ascii")
    return top


def unpack(packages, top):
    """What dpkg would unpack, without the maintainers' scripts."""
    if top.exists():
        shutil.rmtree(top)
    for name in ("bin", "sbin", "lib", "lib64"):  # the merged /usr
        (top / "usr" / name).mkdir(parents=True)
        (top / name).symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "sys", "tmp", "run", "src", "build"):
        (top / name).mkdir()
    names = "\0".join(str(package) for package in packages)
    # dpkg-deb -x would put directories in the place of the links of the merged /usr.
    each = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$0" --keep-directory-symlink --no-same-owner'
    done = subprocess.run(["xargs", "-0", "-P2", "-n1", "sh", "-ec", each, str(top)], input=names, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"the packages could not be unpacked: {done.stderr.strip()[-2000:]}")
    # Made by maintainers' scripts; sh only before Debian 13.
    for name, program in (("sh", "dash"), ("awk", "mawk")):
        path = top / "usr/bin" / name
        if not path.exists() and (top / "usr/bin" / program).exists():
            path.symlink_to(program)


def inside(top, command, **binds):
    """Runs a command with the tree as its root, as root of a namespace of its own; binds: name=path."""
    lines = ["set -e", f"cd {shlex.quote(str(top))}", "mount --rbind /dev dev", "mount --rbind /proc proc"]
    lines += [f"mkdir -p {name}; mount --rbind {shlex.quote(str(path))} {name}" for name, path in binds.items()]
    lines += ['exec chroot . /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/tmp LC_ALL=C.UTF-8 "$@"']
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    return subprocess.run([*unshare, "sh", "-c", "\n".join(lines), "sh", *map(str, command)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, check=False)
