# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of a machine: Linux with one of the roles in inside/roles."""
import json
import re
import shlex

from dom0 import Result


# In MB: how much a guest of each kind needs to boot; a PV guest's memory needs no page tables of Xen's.
MEMORY = {"pv": 96, "pvh": 160}


class Guest:
    """A domain that xl made. With a network it is at address, and has said hello when the constructor returns.

    kind: pv or pvh; that of the machine's guests unless it is said. memory: in MB; what the kind needs unless said.
    files: some of Dom0's that the guest is to have too, programs with the libraries that they ask for. They want
    memory of it. words: more of them for the guest's kernel, which a role may look for.
    """

    def __init__(self, dom0, name, role, kind=None, vcpus=1, memory=None, network=True, config="", files=(), words=""):
        self.dom0, self.name = dom0, name
        kind = kind or dom0.guests
        number = next(dom0.networks)
        self.address = f"10.0.{number}.2" if network else None
        own = f"10.0.{number}.1"
        extra = f"console=hvc0 quiet xenmon.role={role} xenmon.name={name}"
        ramdisk = _with_files(dom0, name, files) if files else "/boot/guest.cpio"
        lines = [f'name="{name}"', f'type="{kind}"', 'kernel="/boot/vmlinuz"', f'ramdisk="{ramdisk}"',
                 f"memory={memory or MEMORY[kind]}", f"vcpus={vcpus}", config]
        if network:
            extra += f" xenmon.address={self.address} xenmon.dom0={own}"
            lines.append(f'vif=["ip={own},script=/usr/lib/xenmon-testbed/vif"]')
        lines.append(f'extra="{extra} {words}"')
        path = f"/tmp/{name}.cfg"
        dom0.write(path, "\n".join(lines).encode() + b"\n")
        dom0.run(f"xl create {path}")
        self.domid = int(dom0.run(f"xl domid {name}").out)
        if network:
            dom0.ask("hello", name=name)

    def url(self, path="index.html"):
        return f"http://{self.address}/{path}"

    def run(self, command):
        """A command line for a guest in the role shell, and what came of it."""
        return self.answer(self.dom0.run(self.request(command)).out)

    def request(self, command):
        """The same as a command line for Dom0, which prints what answer() understands."""
        return f"wget -q -O - --post-data {shlex.quote(command)} {self.url('cgi-bin/run')}"

    @staticmethod
    def answer(text):
        first, rest = text.split("\n", 1)
        status, length = map(int, first.split())
        return Result(status, rest[:length], rest[length:])

    def own_times(self):
        """A web server's own view of its vCPUs' times: what vcpu_times --own prints there."""
        return json.loads(self.dom0.run(f"wget -q -O - {self.url('cgi-bin/vcpu_times')}").out)

    def pause(self):
        self.dom0.run(f"xl pause {self.name}")

    def unpause(self):
        self.dom0.run(f"xl unpause {self.name}")

    def destroy(self):
        self.dom0.run(f"xl destroy {self.name}")


def _with_files(dom0, name, files):
    """The guests' archive and behind it another one, of these files and the libraries that they ask for."""
    path = f"/tmp/{name}.cpio"
    dom0.run(f"""
        for file in {" ".join(files)}; do
          echo $file
          directory=$(dirname $file)
          while [ $directory != / ]; do echo $directory; directory=$(dirname $directory); done
          LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux-x86-64.so.2 $file | sed -n 's/.* => \\(.*\\) (0x.*/\\1/p'
        done | while read -r file; do readlink -f $file; [ ! -L $file ] || echo $file; done >/tmp/{name}.files
        (cat /boot/guest.cpio; cd / && sed 's,^/lib,/usr/lib,; s,^/,,' /tmp/{name}.files | sort -u |
          cpio -o -H newc) >{path}""")
    return path


def load(guest, requests, clients=4):
    """Asks a web server for its page so many times with ab; what ab printed. Each request must have succeeded."""
    text = guest.dom0.run(f"ab -q -n {requests} -c {clients} {guest.url()}").out
    failed = re.search(r"Failed requests:\s+(\d+)", text)
    complete = re.search(r"Complete requests:\s+(\d+)", text)
    if not failed or not complete or int(failed[1]) != 0 or int(complete[1]) != requests:
        raise AssertionError(f"the load did not go through:\n{text}")
    return text

