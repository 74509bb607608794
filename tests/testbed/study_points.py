# SPDX-License-Identifier: GPL-2.0-or-later
"""The study's points: how the scheduler is set, and how many requests a second the web server is asked for."""
from dataclasses import dataclass


MEASURED_PCPU = 0
SECONDS = 10  # of requests


@dataclass(frozen=True)
class Configuration:
    """dom0 and web are weights as the scheduler takes them: BVT's are prices, so that the larger number has the
    smaller share; credit's and credit2's are shares. cap: the most that the web server may have, in percent of a pCPU;
    0 is no limit. offloads: the web server's link carries packets of up to 64 KB. xen: words for the hypervisor's
    command line. warp: how far BVT lets Dom0 ahead of its turn, in us."""
    name: str
    scheduler: str
    dom0: int
    web: int
    cap: int = 0
    offloads: bool = True
    xen: str = ""
    warp: int = 0

    def command(self, domid):
        """For Dom0's shell, the web server being domain domid."""
        if self.scheduler == "bvt":
            warp = f":{self.warp}" if self.warp else ""
            return f"xenhypfs write /params/bvt 0:{self.dom0}{warp},{domid}:{self.web}"
        tool = f"xl sched-{self.scheduler}"
        return f"{tool} -d 0 -w {self.dom0} && {tool} -d {domid} -w {self.web} -c {self.cap}"


@dataclass(frozen=True)
class Point:
    configuration: Configuration
    rate: int  # requests a second

    def __str__(self):
        return f"{self.configuration.name}/{self.rate}"


# As BVT was in the Xen of 2005: who wakes with the least virtual time runs at once, and 100 us is the least charged.
BVT_OF_2005 = "sched_bvt_mcu_us=100 sched_bvt_wake_allow_us=0"


def original(name, dom0, xen=BVT_OF_2005, **more):
    return Configuration(name, "bvt", dom0, 10, xen=xen, **more)


# The original's four, under their names there: Dom0's share by the web server's.
ORIGINAL = (original("conf-0.5", 20), original("conf-equal", 10), original("conf-2", 5), original("conf-10", 1))
# What the effect of weights depends on: an allowance of 5 ms for those who wake, too; packets of one page; Dom0 first
# whatever it has had already.
VARIED = (original("conf-0.5-allowance", 20, xen=""), original("conf-10-allowance", 1, xen=""),
          original("conf-0.5-pages", 20, offloads=False), original("conf-10-pages", 1, offloads=False),
          original("conf-10-warp", 1, warp=1000000))
# What an administrator has today, in the same ratios, a cap, and a shorter time before a switch.
TODAY = tuple(configuration for scheduler in ("credit", "credit2") for configuration in (
    Configuration(f"{scheduler}-0.5", scheduler, 128, 256), Configuration(f"{scheduler}-equal", scheduler, 256, 256),
    Configuration(f"{scheduler}-2", scheduler, 512, 256), Configuration(f"{scheduler}-10", scheduler, 2560, 256),
    Configuration(f"{scheduler}-cap", scheduler, 256, 256, cap=60),
    Configuration(f"{scheduler}-ratelimit", scheduler, 256, 256, xen="sched_ratelimit_us=100")))
# From light load to more than can be served; the most telling first.
RATES = (500, 300, 400, 100, 600, 200)
RATES_TODAY = (500, 300)

POINTS = (tuple(Point(configuration, rate) for rate in RATES for configuration in ORIGINAL)
          + tuple(Point(configuration, RATES[0]) for configuration in VARIED)
          + tuple(Point(configuration, rate) for rate in RATES_TODAY for configuration in TODAY))
