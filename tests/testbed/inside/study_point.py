# SPDX-License-Identifier: GPL-2.0-or-later
"""One point of the study, in Dom0 and without a word from outside, which would come at a time of its own: so it runs
in the same way each time. Called with the point's name, and record if the trace is to be left, which costs the
measured pCPU a little. What there is to be seen of it is in /tmp/point afterwards, and in failed there what went wrong.

Dom0 and the web server share the first pCPU, as in the original. Who asks for pages has a domain and the second pCPU
for itself: that keeps it out of the measured CPU and in the same virtual time. httperf polls and never sleeps, so both
pCPUs are busy all the time that is measured, and the measured one has half of all instructions whatever the load is.
Requests come to Dom0 from a vif as the original's came from a network card, and Dom0 routes them to the web server's.
"""
import pathlib
import sys
import traceback

from agent import Agent
from daemon import await_samples, xenbaked
from dom0 import Dom0
from guest import Guest
from study_points import MEASURED_PCPU, POINTS, SECONDS

WARM_UP = 20  # requests, so that every process of the server has its memory
TIMEOUT = 5  # for an answer, in seconds
APACHE = ("/usr/sbin/apache2", "/usr/lib/apache2/modules/mod_mpm_prefork.so",
          "/usr/lib/apache2/modules/mod_authz_core.so", "/usr/sbin/ethtool")
LEFT = pathlib.Path("/tmp/point")


class ThisDom0(Dom0):
    """The one that this runs in."""

    def __init__(self):
        super().__init__()
        self.agent = Agent(None)

    def ask(self, what, **arguments):
        return getattr(self.agent, f"do_{what}")(**arguments)


def run_point(dom0, point, record):
    configuration = point.configuration
    web = Guest(dom0, "web", "apache", memory=160, files=APACHE, config=f'cpus="{MEASURED_PCPU}"',
                words="" if configuration.offloads else "xenmon.offloads=no")
    client = Guest(dom0, "client", "shell", memory=192, files=("/usr/bin/httperf",), config='cpus="1"')
    dom0.run("echo 1 >/proc/sys/net/ipv4/ip_forward")
    dom0.run(configuration.command(web.domid))
    with xenbaked(dom0, *([f"--record {LEFT}/recording.xentrace"] if record else [])):
        client.run(httperf(web, 10, WARM_UP))
        log = dom0.start(f"xenmon -n -t 0 -i 100 -p {LEFT}/log")
        await_samples(dom0, 5)  # so that there are lines
        dom0.run(f"{snapshot('before')}; {client.request(httperf(web, point.rate, point.rate * SECONDS))} "
                 f">{LEFT}/answer")
        await_samples(dom0, 10)  # so that all that was done is in them
        dom0.run(snapshot("after"))
        log.stop("SIGINT")


def httperf(web, rate, count):
    return (f"httperf --server {web.address} --uri /index.html --rate {rate} --num-conns {count} "
            f"--timeout {TIMEOUT}")


def snapshot(name):
    """Counters as they are, and how far the log has come."""
    return (f"cp /run/xenmon/region {LEFT}/{name}.region; tail -n 1 {LEFT}/log-idle.log >{LEFT}/{name}.line; "
            f"grep . /sys/class/net/vif*/statistics/[rt]x_[bp]* >{LEFT}/{name}.net")


def main():
    name, *words = sys.argv[1:]
    LEFT.mkdir()
    try:
        run_point(ThisDom0(), next(point for point in POINTS if str(point) == name), "record" in words)
    except Exception:  # whatever it is, who looks at this from outside wants to know
        (LEFT / "failed").write_text(traceback.format_exc(), encoding="utf-8")


if __name__ == "__main__":
    main()
