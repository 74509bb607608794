# SPDX-License-Identifier: GPL-2.0-or-later
"""A Varlink client and a reader of interface descriptions, as much as the tests need of both."""
import json
import os
import re
import select
import socket
import subprocess
import time

from harness import PATIENCE, XENMON


class Failed(Exception):
    """A reply that is an error."""

    def __init__(self, name, parameters):
        super().__init__(name, parameters)
        self.name = name
        self.parameters = parameters


class Client:
    """Speaks to a descriptor, or to two of them."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.pending = b""

    def send(self, method, more=False, upgrade=False, **parameters):
        message = {"method": method, "parameters": parameters}
        if more:
            message["more"] = True
        if upgrade:
            message["upgrade"] = True
        self.send_bytes(json.dumps(message).encode() + b"\0")

    def send_bytes(self, data):
        while data:
            data = data[os.write(self.sink, data):]

    def receive(self):
        """The next reply's parameters; None if the other side has ended."""
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self.pending:
            if not select.select([self.source], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError("no answer")
            try:
                got = os.read(self.source, 1 << 20)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self.pending += got
        text, self.pending = self.pending.split(b"\0", 1)
        reply = json.loads(text)
        if "error" in reply:
            raise Failed(reply["error"], reply["parameters"])
        return reply["parameters"]

    def call(self, method, **parameters):
        self.send(method, **parameters)
        return self.receive()


class Served(Client):
    """An xenmon serve on pipes; ends with the test."""

    def __init__(self, test, region):
        self.process = subprocess.Popen([XENMON, "serve", "--region", str(region)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        super().__init__(self.process.stdout.fileno(), self.process.stdin.fileno())
        test.addCleanup(self.close)

    def end(self):
        """Its exit status after its input has ended."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


class Listening:
    """An xenmon serve on a socket that was handed over as systemd does it; ends with the test."""

    def __init__(self, test, region, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(16)
        script = 'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --region "$1"' % self.socket.fileno()
        self.process = subprocess.Popen(["/bin/sh", "-c", script, XENMON, str(region)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, pass_fds=[self.socket.fileno()])
        test.addCleanup(self.close)

    def connect(self, test):
        connection = socket.socket(socket.AF_UNIX)
        test.addCleanup(connection.close)
        connection.connect(self.path)
        client = Client(connection.fileno(), connection.fileno())
        client.socket = connection
        return client

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.socket.close()


def parse(description):
    """{what: text without spaces} of an interface's description: "type Host.state" and "method GetHost(result).host"
    to their types, "error NoData.reason", and "member" for each type, method and error."""
    text = re.sub(r"#.*", "", description)
    text = re.sub(r"\s+", " ", text).strip()
    found = {}
    position = re.match(r"interface (\S+)", text).end()
    word = re.compile(r"\s*(type|method|error)\s+([A-Z][A-Za-z0-9]*)\s*")
    while position < len(text):
        match = word.match(text, position)
        if match is None:
            raise AssertionError("not understood: " + text[position:position + 60])
        kind, name = match.groups()
        body, position = _group(text, match.end())
        member = f"{kind} {name}"
        found[member] = ""
        _fields(found, member, body)
        if kind == "method":
            position = re.compile(r"\s*->\s*").match(text, position).end()
            body, position = _group(text, position)
            _fields(found, member + "(result)", body)
    return found


def _group(text, start):
    """What is between the parentheses that open there, and where they end."""
    if text[start] != "(":
        raise AssertionError("not understood: " + text[start:start + 60])
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return text[start + 1:position], position + 1
    raise AssertionError("a parenthesis is not closed")


def _fields(found, member, body):
    depth = 0
    field = ""
    for letter in body + ",":
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter != "," or depth > 0:
            field += letter
            continue
        name, _, what = field.replace(" ", "").partition(":")
        if name:
            found[f"{member}.{name}"] = what
        field = ""
