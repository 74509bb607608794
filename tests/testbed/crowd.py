# SPDX-License-Identifier: GPL-2.0-or-later
"""Many small guests, with a memory of all that there have been."""
import json
from dataclasses import dataclass


@dataclass
class SmallDomain:
    """One that lives or lived. cpu_ns: Xen's last word on how long it ran; nothing it did later counts."""
    domid: int
    name: str
    mode: str
    cpu_ns: int = 0
    dead: bool = False


class Crowd:
    """domains: in order of their creation."""

    def __init__(self, dom0):
        self.dom0 = dom0
        self.domains = []

    @property
    def domids(self):
        return {domain.domid for domain in self.domains}

    def living(self):
        return [domain for domain in self.domains if not domain.dead]

    def create(self, command_line, names, like=()):
        """Domains with this command line (small_guest.c says which there are), with the domids of those in like."""
        words = [f"{name}={one.domid}" for name, one in zip(names, like)] if like else names
        done = self.dom0.run(f"small_domains create '{command_line}' {' '.join(words)}")
        made = [SmallDomain(int(domid), name, command_line.split()[0]) for domid, name in zip(done.out.split(), names)]
        self.domains += made
        return made

    def read_cpu_times(self, domains):
        """What Xen says of each."""
        vcpus = json.loads(self.dom0.run("vcpu_times").out)["vcpus"]
        found = {vcpu["domain"]: vcpu["cpu_ns"] for vcpu in vcpus}
        for domain in domains:
            domain.cpu_ns = found[domain.domid]

    def stop(self, domains):
        """Pauses them, so that what Xen then says of their time is the last word."""
        self.dom0.run(f"small_domains pause {self._numbers(domains)}")
        self.read_cpu_times(domains)

    def destroy(self, domains):
        self.stop(domains)
        self.dom0.run(f"small_domains destroy {self._numbers(domains)}")
        for domain in domains:
            domain.dead = True

    @staticmethod
    def _numbers(domains):
        return " ".join(str(domain.domid) for domain in domains)
