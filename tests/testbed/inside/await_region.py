# SPDX-License-Identifier: GPL-2.0-or-later
"""Ends when xenbaked has published what is asked for:

    await_region.py samples COUNT            so many more samples
    await_region.py names DOMID=NAME...      these names, for domains that live
"""
import sys
import time

from region_reader import DEAD, Region, RegionError


def looked_at(look):
    """What a look at the region finds; it is opened afresh, as a larger one may have taken its place."""
    with Region("/run/xenmon/region") as region:
        return look(region)


def newest(region):
    return region.word("newest_sample")


def names(region):
    try:
        return {f"{one['domid']}={one['name']}" for one in region.domains().values() if not one["flags"] & DEAD}
    except RegionError:  # it is being written so much that it cannot be read just now
        return set()


if sys.argv[1] == "samples":
    goal = looked_at(newest) + int(sys.argv[2])
    while looked_at(newest) < goal:
        time.sleep(0.05)
else:
    while not looked_at(names) >= set(sys.argv[2:]):
        time.sleep(0.05)
