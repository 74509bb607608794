# SPDX-License-Identifier: GPL-2.0-or-later
"""The study's points: how the scheduler is set, and how many requests a second the web server is asked for."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Configuration:
    """dom0 and web are weights as the scheduler takes them: BVT's are prices, so that the larger number has the
    smaller share; credit's and credit2's are shares. cap: the most that the web server may have, in percent of a pCPU;
    0 is no limit."""
    name: str
    scheduler: str
    dom0: int
    web: int
    cap: int = 0

    def command(self, domid):
        """For Dom0's shell, the web server being domain domid."""
        if self.scheduler == "bvt":
            return f"xenhypfs write /params/bvt 0:{self.dom0},{domid}:{self.web}"
        tool = f"xl sched-{self.scheduler}"
        return f"{tool} -d 0 -w {self.dom0} && {tool} -d {domid} -w {self.web} -c {self.cap}"


@dataclass(frozen=True)
class Point:
    configuration: Configuration
    rate: int  # requests a second

    def __str__(self):
        return f"{self.configuration.name}/{self.rate}"


# The original's four, under their names there: Dom0's share by the web server's.
ORIGINAL = (Configuration("conf-0.5", "bvt", 20, 10), Configuration("conf-equal", "bvt", 10, 10),
            Configuration("conf-2", "bvt", 5, 10), Configuration("conf-10", "bvt", 1, 10))
# What an administrator has today, in the same ratios, and a cap.
TODAY = tuple(configuration for scheduler in ("credit", "credit2") for configuration in (
    Configuration(f"{scheduler}-0.5", scheduler, 128, 256), Configuration(f"{scheduler}-equal", scheduler, 256, 256),
    Configuration(f"{scheduler}-2", scheduler, 512, 256), Configuration(f"{scheduler}-10", scheduler, 2560, 256),
    Configuration(f"{scheduler}-cap", scheduler, 256, 256, cap=60)))
# From light load to more than can be served.
RATES = (100, 200, 300, 350, 400, 450, 500)
RATES_TODAY = (200, 400, 500)

POINTS = (tuple(Point(configuration, rate) for configuration in ORIGINAL for rate in RATES)
          + tuple(Point(configuration, rate) for configuration in TODAY for rate in RATES_TODAY))
