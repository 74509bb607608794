#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad line to another host, in place of ssh: passes bytes in both directions, late, torn, and with stalls.

    bad_line.py [--delay S] [--tear] [--cut-after BYTES] [--dead FILE] COMMAND...

Each direction is delayed by S seconds. --tear: in pieces of random lengths, with stalls between. --cut-after: the line
ends after this many bytes towards the user. --dead: nothing passes any more once FILE exists.
"""
import argparse
import os
import random
import selectors
import subprocess
import sys
import time


class Direction:
    def __init__(self, source, sink, options, seed):
        self.source, self.sink, self.options = source, sink, options
        self.random = random.Random(seed)
        self.queue = []  # (time, bytes)
        self.passed = 0
        self.ended = False

    def take(self):
        data = os.read(self.source, 1 << 16)
        if not data:
            self.ended = True
            return
        at = time.monotonic() + self.options.delay
        while data:
            length = self.random.choice((1, 7, 100, 5_000, 1 << 16)) if self.options.tear else len(data)
            if self.options.tear and self.random.random() < 0.05:
                at += self.random.random() * 0.2
            if self.queue:
                at = max(at, self.queue[-1][0])
            self.queue.append((at, data[:length]))
            data = data[length:]

    def pass_on(self):
        while self.queue and self.queue[0][0] <= time.monotonic():
            data = self.queue.pop(0)[1]
            while data:
                written = os.write(self.sink, data)
                self.passed += written
                data = data[written:]

    def due(self):
        return max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else 1.0


def carry(there, back, options):
    """Until one side has ended, and the user has got everything."""
    while not (there.ended or back.ended) or back.queue:
        if options.dead and os.path.exists(options.dead):
            time.sleep(0.05)
            if os.getppid() == 1:
                break
            continue
        with selectors.DefaultSelector() as ready:
            for direction in (there, back):
                if not direction.ended:
                    ready.register(direction.source, selectors.EVENT_READ, direction)
            for key, _ in ready.select(min(there.due(), back.due(), 0.1)):
                key.data.take()
        if there.ended and not back.queue:
            break
        there.pass_on()
        back.pass_on()
        if back.passed >= options.cut_after:
            break


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--tear", action="store_true")
    parser.add_argument("--cut-after", type=int, default=1 << 62)
    parser.add_argument("--dead", default="")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    process = subprocess.Popen(options.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    there = Direction(0, process.stdin.fileno(), options, 1)
    back = Direction(process.stdout.fileno(), 1, options, os.getpid())
    try:
        carry(there, back, options)
    except (BrokenPipeError, ConnectionResetError):
        pass
    process.kill()
    process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
