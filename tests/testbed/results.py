# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a machine of the testbed, as `xen --results` leaves it and `compatibility` reads it."""
import contextlib
import json

# What tells one line of the results from another; a later one takes the place of an earlier one.
KEY = ("xen", "arch", "guests", "scheduler", "settings", "pcpus", "scenario")


@contextlib.contextmanager
def result_in(path, machine, scenario):
    """Appends a line to the file path, if there is one, when the with statement ends: passed is false if that was with
    an exception. Gives a dictionary for what the scenario found, as apart_percent: by how much at most XenMon's figures
    and Xen's own differ."""
    boot = machine.boot
    line = {"xen": machine.run("xl info xen_version").out.strip(), "debian": machine.release, "arch": boot.arch,
            "guests": boot.guests, "scheduler": boot.scheduler, "pcpus": boot.pcpus, "settings": settings_of(boot),
            "scenario": scenario, "passed": False}
    found = {}
    try:
        yield found
        line["passed"] = True
    finally:
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({**line, **found}) + "\n")


def settings_of(boot):
    return ", ".join([*filter(None, [boot.xen]), *boot.hypervisor, *(["patched"] if boot.patched else [])])
