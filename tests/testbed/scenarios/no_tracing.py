# SPDX-License-Identifier: GPL-2.0-or-later
"""Where there is nothing to trace, or it is not allowed, both programs say so in one sentence and with an exit
status of its own: a hypervisor without trace buffers, a guest instead of Dom0, an ordinary user."""
import re
from functools import partial

from daemon import facts, xenbaked
from guest import Guest
from machine import Boot

WITHOUT_TRACING = "CONFIG_TRACEBUFFER=n"
BOOTS = [Boot(), Boot(hypervisor=(WITHOUT_TRACING,))]

NOT_XEN, NOT_PERMITTED, NO_TRACING = 3, 4, 5
PERSON = 1000  # an ordinary user
PERSON_IN_GROUP = "/usr/bin/setpriv --reuid 1000 --regid 1000 --groups 900"  # the same one, in the group xenmon
XENMON = "xenmon -n -t 1 -p /tmp/log"


def run(dom0):
    if WITHOUT_TRACING in dom0.boot.hypervisor:
        a_hypervisor_without_trace_buffers(dom0)
    else:
        an_ordinary_user(dom0)
        an_ordinary_user_beside_a_daemon(dom0)
        a_guest(dom0)


def a_hypervisor_without_trace_buffers(dom0):
    both_refuse(dom0.run, NO_TRACING, "This hypervisor has no trace buffers")
    # A user who gets this message first gets the one about his own rights.
    both_refuse(partial(dom0.run, uid=PERSON), NOT_PERMITTED, "Only root may read")


def an_ordinary_user(dom0):
    before = dom0.run("trace_state --probe").out
    both_refuse(partial(dom0.run, uid=PERSON), NOT_PERMITTED, "Only root may read")
    assert dom0.run("trace_state --probe").out == before
    dom0.run("[ ! -e /run/xenmon/region ]")


def an_ordinary_user_beside_a_daemon(dom0):
    with xenbaked(dom0):
        assert dom0.run("stat -c '%a %U %G' /run/xenmon/region").out == "640 root xenmon\n"
        refused = dom0.run(XENMON, status=NOT_PERMITTED, uid=PERSON)
        one_sentence("xenmon", refused, "may not read the region")
        refused = dom0.run("xenbaked", status=NOT_PERMITTED, uid=PERSON)
        one_sentence("xenbaked", refused, "Only root may read")

        dom0.run("mkdir -m 777 /tmp/logs")
        shown = dom0.run(f"{PERSON_IN_GROUP} xenmon -n -t 1 -p /tmp/logs/log")
        assert not shown.err, shown
        dom0.run("grep -q -v '^#' /tmp/logs/log-dom0.log")
        after = facts(dom0)
        assert after["alive"] and after["state"] == "running", after
    with xenbaked(dom0, "--world-readable"):
        assert not dom0.run("cd /tmp/logs && xenmon -n -t 1 -p all", uid=PERSON).err


def a_guest(dom0):
    guest = Guest(dom0, "guest", "shell", memory=384, files=("/usr/bin/xenbaked", "/usr/bin/xenmon"))

    def in_guest(command, status):
        result = guest.run(command)
        assert result.status == status, result
        return result

    both_refuse(in_guest, NOT_XEN, "This is a guest")
    in_guest("umount /proc/xen", status=0)  # then /sys says it
    both_refuse(in_guest, NOT_XEN, "This is a guest")
    guest.destroy()


def both_refuse(run_in, status, words):
    one_sentence("xenbaked", run_in("xenbaked", status=status), words)
    one_sentence("xenmon", run_in(XENMON, status=status), words)
    run_in("ls /tmp/log-*", status=1)


def one_sentence(program, result, words):
    assert not result.out, result
    assert result.err.count("\n") == 1 and re.fullmatch(rf"{program}: [A-Za-z].*\.\n", result.err), result
    assert words in result.err, result
