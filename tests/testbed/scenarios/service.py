# SPDX-License-Identifier: GPL-2.0-or-later
"""XenMon as an administrator installs it: the package's service on a Dom0 with systemd. It captures live inside its
sandbox, a member of the group watches as an ordinary user, and after a stop and after kill -9 Xen's tracing is as it
was found."""
import json

from machine import Boot
from systemd_dom0 import with_systemd
from xentrace import trace_mask, trace_state

BOOTS = [Boot(pcpus=2, memory=3072, dom0_memory=1536)]

FOUND = 0x0FFFF000
OWN = 0x00129000
MEMBER, STRANGER = "person", "stranger"
AS_USER = "setpriv --reuid={0} --regid={0} --init-groups"


def own_image(files, directory, say):
    return with_systemd(files, directory, say)


def run(dom0):
    starts(dom0)
    is_confined(dom0)
    users(dom0)
    stops(dom0)
    is_killed(dom0)
    nothing_was_refused(dom0)


def show(dom0, name):
    return dom0.run(f"systemctl show -P {name} xenbaked").out.strip()


def starts(dom0):
    """Nobody has enabled it; started, it is there when systemctl is back."""
    assert trace_mask(dom0) == FOUND
    assert show(dom0, "ActiveState") == "inactive" and show(dom0, "UnitFileState") == "disabled"
    dom0.run("systemctl start xenbaked || { journalctl -u xenbaked >&2; exit 1; }")
    assert dom0.run("stat -c '%U:%G %a' /run/xenmon/region").out.strip() == "root:xenmon 640"
    assert trace_mask(dom0) == OWN


def is_confined(dom0):
    pid = show(dom0, "MainPID")
    lines = dom0.run(f"cat /proc/{pid}/status").out.splitlines()
    status = {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}
    assert [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 4, status
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status


def users(dom0):
    table = dom0.run(f"{AS_USER.format(MEMBER)} xenmon --once").out
    assert "Domain-0" in table, table
    refused = dom0.run(f"{AS_USER.format(STRANGER)} xenmon --once", status=4)
    assert "group xenmon" in refused.err, refused.err
    # It goes on, with names from xenstored, through the sandbox.
    facts = json.loads(dom0.run("python3 /usr/lib/xenmon-testbed/region_reader.py --json --samples 1").out)
    assert facts["header"]["source_kind"] == 1, facts["header"]


def stops(dom0):
    dom0.run("systemctl stop xenbaked")
    assert show(dom0, "Result") == "success"
    assert trace_state(dom0) == {"mask": FOUND, "pages": 64, "on": False}, trace_state(dom0)


def is_killed(dom0):
    """The unit restores Xen's tracing, and starts another one."""
    dom0.run("systemctl start xenbaked")
    first = show(dom0, "MainPID")
    dom0.run("systemctl kill --signal=SIGKILL --kill-whom=main xenbaked")
    dom0.run(f"timeout 300 sh -c 'until journalctl -u xenbaked | grep -q \"is again as it was\"; do sleep 1; done'")
    dom0.run(f"timeout 300 sh -c 'until systemctl is-active --quiet xenbaked && "
             f"[ $(systemctl show -P MainPID xenbaked) != {first} ]; do sleep 1; done'")
    assert trace_mask(dom0) == OWN
    dom0.run("systemctl stop xenbaked")
    assert trace_state(dom0)["mask"] == FOUND


def nothing_was_refused(dom0):
    said = dom0.run("journalctl -u xenbaked -p warning -o cat _COMM=xenbaked").out
    assert not said.strip() or said.strip() == "-- No entries --", said
