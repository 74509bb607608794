# SPDX-License-Identifier: GPL-2.0-or-later
"""A xenbaked that runs in Dom0, and what it publishes."""
import contextlib
import json

import region_reader

REGION = "/run/xenmon/region"


@contextlib.contextmanager
def xenbaked(dom0, *options):
    """Live, for the length of a with statement; ends well, or the test fails."""
    process = dom0.start(" ".join(["xenbaked --ready-fd $READY_FD", *options]), ready=True)
    try:
        yield process
    except BaseException:
        process.signal("SIGKILL")
        raise
    ended = process.stop()
    assert ended.status == 0 and not ended.err, f"xenbaked ended with {ended.status}: {ended.err}"


def facts(dom0, samples=1):
    """What docs/region_reader.py, running in Dom0, says of the region."""
    return json.loads(dom0.run(f"python3 /usr/lib/xenmon-testbed/region_reader.py --json --samples {samples}").out)


def region(dom0, name="region"):
    """A copy of the region as it is now."""
    return region_reader.Region(str(dom0.fetch(REGION, name)))


def await_samples(dom0, count):
    """Until so many more samples have been published."""
    dom0.run(f"python3 /usr/lib/xenmon-testbed/await_region.py samples {count}")


def await_names(dom0, names):
    """Until the region names living domains so. names: by domid."""
    words = " ".join(f"{domid}={name}" for domid, name in names.items())
    dom0.run(f"python3 /usr/lib/xenmon-testbed/await_region.py names {words}")
