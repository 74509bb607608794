# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen's own xentrace, running in Dom0; and what Xen's tracing is set to."""
import contextlib
import json

PIPE = "/tmp/xentrace"


@contextlib.contextmanager
def xentrace(dom0, *options):
    """From its first record until the end of a with statement. What it records is thrown away."""
    dom0.run(f"rm -f {PIPE}; mkfifo {PIPE}")
    process = dom0.start(" ".join(["xentrace", "-D", *options, PIPE]))
    reader = dom0.start(f"sh -c 'dd bs=1 count=1 >&$READY_FD; exec cat >/dev/null' <{PIPE} 2>/dev/null", ready=True)
    try:
        yield process
    except BaseException:
        process.signal("SIGKILL")
        raise
    ended = process.stop("SIGINT")
    assert ended.status == 0, ended
    reader.wait()


def check_xenalyze(dom0):
    """The distribution's xenalyze reads what its xentrace records when nothing is said about a mask."""
    dom0.run("xentrace -D -T 2 /tmp/plain")
    dom0.run("xenalyze --summary /tmp/plain >/dev/null && rm /tmp/plain")


def trace_state(dom0):
    """{"mask": ..., "pages": ..., "on": ..., "features": ...}; only while nobody reads the buffers: it changes them."""
    return json.loads(dom0.run("trace_state --probe").out)


def trace_mask(dom0):
    """The mask of events at this moment; changes nothing."""
    return json.loads(dom0.run("trace_state").out)["mask"]


def trace_features(dom0):
    """Which records of our patches this Xen has (docs/trace-records.md); changes nothing."""
    return json.loads(dom0.run("trace_state").out)["features"]
