#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a mirror of a big host costs: bytes on the line, and the CPU time and memory of xenmon serve on that host.

    mirror_cost.py BIN [DOMAINS SAMPLE_MS SECONDS]

BIN has xenmon and big_host_publisher (cmake --build --preset release --target xenmon big_host_publisher). The host is
made up: domains of 4 vCPUs on 256 pCPUs, all of which do something all the time; real ones differ. Without the other
arguments: 1,024 and 50 domains, samples of 1 s and of 100 ms. CPU time is a share of one CPU while samples arrive at
their own pace; memory is without the region's pages, which all readers share. The last figure is how long it takes from
the moment when a second of samples has been published until a mirror, on the same machine, has all of them.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_memory_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 1024


NEWEST_SAMPLE_AT = 480


def newest_sample(path):
    with open(path, "rb") as file:
        file.seek(NEWEST_SAMPLE_AT)
        return struct.unpack("<Q", file.read(8))[0]


def behind_ms(publisher, region, copy, times=10):
    """How long it takes until the copy has what the region has: the longest of some times."""
    longest = 0.0
    for _ in range(times):
        publisher.stdin.write(b"s")
        publisher.stdout.read(1)
        begin = time.monotonic()
        while newest_sample(copy) < newest_sample(region):
            time.sleep(0.002)
        longest = max(longest, time.monotonic() - begin)
        time.sleep(0.2)
    return longest * 1000


def mirror_delay_ms(binaries, publisher, region, directory):
    os.mkdir(directory + "/copy")
    copy = directory + "/copy/region"
    mirror = subprocess.Popen([binaries + "/xenmon", "mirror", "--region", copy, "--connect",
                               f"exec {binaries}/xenmon serve --region {region}"], stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(copy) or newest_sample(copy) < newest_sample(region):
            if time.monotonic() > deadline:
                raise SystemExit("no mirror was made")
            time.sleep(0.05)
        return behind_ms(publisher, region, copy)
    finally:
        mirror.kill()
        mirror.wait()


def drain(fd):
    """How many bytes are there now."""
    total = 0
    while True:
        try:
            got = os.read(fd, 1 << 20)
        except BlockingIOError:
            return total
        if not got:
            raise SystemExit("xenmon serve has ended")
        total += len(got)


def drain_until_quiet(fd):
    """What comes until there are only beats any more. Something always comes: the state of a region that is there."""
    total = 0
    quiet_since = None
    while quiet_since is None or time.monotonic() < quiet_since + 1:
        got = drain(fd)
        total += got
        if got > 1000 or (got > 0 and quiet_since is None):
            quiet_since = time.monotonic()
        time.sleep(0.01)
    return total


def measure(binaries, domains, sample_ms, seconds):
    with tempfile.TemporaryDirectory() as directory:
        region = directory + "/region"
        publisher = subprocess.Popen([binaries + "/big_host_publisher", region, "quiet", str(domains), str(sample_ms)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        publisher.stdout.read(1)
        serve = subprocess.Popen([binaries + "/xenmon", "serve", "--region", region], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, bufsize=0)
        call = {"method": "xenmon.Host.Mirror", "parameters": {"version": 1}, "upgrade": True}
        serve.stdin.write(json.dumps(call).encode() + b"\0")
        fd = serve.stdout.fileno()
        os.set_blocking(fd, False)
        first = drain_until_quiet(fd)
        before = cpu_s(serve.pid)
        begin = time.monotonic()
        sent = 0
        for second in range(seconds):
            publisher.stdin.write(b"s")
            publisher.stdout.read(1)
            while time.monotonic() < begin + second + 1:
                sent += drain(fd)
                time.sleep(0.02)
        sent += drain_until_quiet(fd)
        spent = cpu_s(serve.pid) - before
        memory = own_memory_mib(serve.pid)
        serve.kill()
        serve.wait()
        behind = mirror_delay_ms(binaries, publisher, region, directory)
        publisher.stdin.close()
        publisher.wait()
        print(f"{domains:5} domains, samples of {sample_ms:4} ms: {sent / seconds / 1000:8.1f} kB/s, "
              f"{spent / seconds * 100:5.1f} % of a CPU, {memory:5.1f} MiB; at first {first / 1e6:.2f} MB; "
              f"{behind:.0f} ms behind", flush=True)


def main():
    binaries = sys.argv[1]
    cases = [tuple(map(int, sys.argv[2:5]))] if len(sys.argv) > 2 else [
        (1024, 1000, 20), (1024, 100, 20), (50, 1000, 20), (50, 100, 20)]
    for case in cases:
        measure(binaries, *case)


if __name__ == "__main__":
    main()
