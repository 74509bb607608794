# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the recordings in tests/data/recordings, whose README.md says how they get there: a saturated web server; a
host on which domains compete, come, go and pause; one whose buffers are too small for what happens; and a web server
on a patched hypervisor, by all the records that there are.

In virtual time, in which a second has the same work in it wherever it is made, with turns that are short enough for
hardly any vCPU to wait beside an idle pCPU.
"""
import contextlib
import json

from crowd import Crowd
from daemon import xenbaked
from guest import Guest, load
from idle_waits import idle_waits
from machine import Boot
from recording import Recording

TURN_US = 100
BOOTS = [Boot(scheduler="credit", pcpus=1, deterministic=True),
         Boot(scheduler="credit2", pcpus=2, turn_us=TURN_US, fair=True, deterministic=True),
         Boot(scheduler="credit2", pcpus=2, xen="tbuf_size=1", turn_us=TURN_US, fair=True, deterministic=True),
         Boot(scheduler="credit2", pcpus=2, turn_us=TURN_US, fair=True, patched=True, deterministic=True)]
REQUESTS = 1200
REQUESTS_THAT_OVERFLOW = 40
REQUESTS_IN_EVERY_WAY = 100
# The classes scheduler, memory and accounting, with all their subclasses.
EVERYTHING = 0x0112F000
# Of the waits above a millisecond. With a thread for each pCPU, on an idle machine, it is 2 %.
MOST_BESIDE_IDLE = 0.02
SECOND = 1_000_000_000
IDLE = 32767


def run(dom0):
    if dom0.boot.patched:
        every_record(dom0)
    elif dom0.boot.xen:
        too_small_buffers(dom0)
    elif dom0.boot.pcpus > 1:
        competing_domains(dom0)
    else:
        saturated_web_server(dom0)


def saturated_web_server(dom0):
    web = Guest(dom0, "web", "web")
    with recording(dom0):
        pass_time(dom0, 0.5)
        load(web, REQUESTS)
        pass_time(dom0, 0.5)
    domains = keep(dom0, "web-credit-1pcpu")
    assert set(domains) == {"Domain-0", "web", IDLE}, domains
    assert domains["web"]["io"]["total"] > REQUESTS, domains["web"]


def competing_domains(dom0):
    web = Guest(dom0, "web", "web")
    batch = Guest(dom0, "batch", "burn", vcpus=2)
    crowd = Crowd(dom0)
    batch.pause()  # quiet at both ends, so that it joins without much contradiction when it is played repeatedly
    with recording(dom0):
        pass_time(dom0, 0.3)
        batch.unpause()
        with under_load(web):
            pass_time(dom0, 1.5)
            batch.pause()
            pass_time(dom0, 1.5)
            batch.unpause()
            pass_time(dom0, 2)
            visitor = crowd.create("spin", ["visitor"])
            pass_time(dom0, 2)
            crowd.destroy(visitor)
            pass_time(dom0, 2)
        batch.pause()
        pass_time(dom0, 0.3)
    domains = keep(dom0, "web-credit2-2pcpu")
    assert set(domains) == {"Domain-0", "web", "batch", "visitor", IDLE}, domains
    assert all(vcpu["offline_ns"] > SECOND for vcpu in domains["batch"]["vcpus"]), domains["batch"]
    (visitor_vcpu,) = domains["visitor"]["vcpus"]
    assert visitor_vcpu["unknown_ns"] == 0 and visitor_vcpu["gotten_ns"] > SECOND / 2, visitor_vcpu


def too_small_buffers(dom0):
    web = Guest(dom0, "web", "web")
    with recording(dom0) as daemon:
        load(web, REQUESTS_THAT_OVERFLOW)
        daemon.signal("SIGSTOP")
        load(web, REQUESTS_THAT_OVERFLOW)
        daemon.signal("SIGCONT")
        # The hypervisor reports the loss with the next record that it has room for.
        load(web, REQUESTS_THAT_OVERFLOW)
    domains = keep(dom0, "web-credit2-lossy", lossy=True)
    assert set(domains) == {"Domain-0", "web", IDLE}, domains


def every_record(dom0):
    web = Guest(dom0, "web", "web")
    with recording(dom0, f"--evt-mask {EVERYTHING}"):
        pass_time(dom0, 0.5)
        load(web, REQUESTS_IN_EVERY_WAY)
        pass_time(dom0, 0.5)
    domains = keep(dom0, "web-credit2-patched")
    assert set(domains) == {"Domain-0", "web", IDLE} and domains["web"]["io"]["copy"] > 0, domains


def recording(dom0, *options):
    return xenbaked(dom0, "--record /tmp/recording", *options)


def pass_time(dom0, seconds):
    """How long a part of the experiment is, not a wait for something."""
    dom0.run(f"sleep {seconds}")


@contextlib.contextmanager
def under_load(web):
    """Until the end of a with statement."""
    process = web.dom0.start(f"ab -q -n 1000000 -c 4 {web.url()}")
    yield
    process.stop("SIGKILL")


def keep(dom0, name, lossy=False):
    """Leaves the recording as NAME.xentrace in the directory of --keep: its totals by domain's name."""
    made = Recording(dom0, "/tmp/recording")
    totals = made.totals()
    assert totals["bad_records"] == 0 and (totals["lost_records"] > 0) == lossy, totals
    metadata = json.loads((dom0.directory / "recording.json").read_text(encoding="utf-8"))
    assert metadata["scheduler"] == dom0.boot.scheduler, metadata
    if not lossy:
        waits = idle_waits(made.records(), 1e6 / metadata["cpu_khz"])
        print(f"{name}: {waits}", flush=True)
        assert waits.beside <= MOST_BESIDE_IDLE * waits.long, waits
    made.keep_as(dom0.directory.parent, name)
    return {domain["name"] or domain["domid"]: domain for domain in totals["domains"]}
