# SPDX-License-Identifier: GPL-2.0-or-later
"""Ends when xenbaked has published so many more samples: await_samples.py COUNT"""
import sys
import time

from region_reader import Region


def newest():
    with Region("/run/xenmon/region") as region:  # opened afresh, as a larger one may have taken its place
        return region.word("newest_sample")


goal = newest() + int(sys.argv[1])
while newest() < goal:
    time.sleep(0.05)
