# SPDX-License-Identifier: GPL-2.0-or-later
"""Dom0's side of the testbed: does what the machine outside asks for, over a virtio serial port.

A request is one line of JSON with "id" and "do"; the answer is one line with the same id and either what
was asked for or "error". Requests overlap: each has a thread of its own, and an answer comes when there is
one, so that whoever asks can wait for an event instead of for a time.
"""
import base64
import fcntl
import json
import os
import pathlib
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading

HELLO_PORT = 7000


class Hellos:
    """The guests that have said, over the network, that they are at work."""

    def __init__(self):
        self.said = set()
        self.changed = threading.Condition()
        listener = socket.create_server(("0.0.0.0", HELLO_PORT), backlog=64)
        threading.Thread(target=self._listen, args=(listener,), daemon=True).start()

    def _listen(self, listener):
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("r") as text:
                name = text.readline().strip()
            with self.changed:
                self.said.add(name)
                self.changed.notify_all()

    def wait(self, name):
        with self.changed:
            self.changed.wait_for(lambda: name in self.said)
            self.said.remove(name)


class Agent:
    def __init__(self, port):
        self.port = port
        self.answering = threading.Lock()
        self.hellos = Hellos()
        self.processes = {}

    def serve(self):
        with os.fdopen(os.dup(self.port), "rb") as requests:
            for line in requests:
                threading.Thread(target=self.answer, args=(json.loads(line),), daemon=True).start()

    def answer(self, request):
        try:
            answer = getattr(self, "do_" + request["do"])(**request.get("with", {}))
        except Exception as error:  # whatever it is, the one who asked wants to know
            answer = {"error": f"{type(error).__name__}: {error}"}
        self.send({**(answer or {}), "id": request["id"]})

    def send(self, message):
        data = json.dumps(message).encode() + b"\n"
        with self.answering:
            while data:
                data = data[os.write(self.port, data):]

    def do_run(self, command, uid=None):
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, user=uid, group=uid,
                              extra_groups=None if uid is None else [], check=False)
        return {"status": done.returncode, "out": done.stdout.decode(errors="replace"),
                "err": done.stderr.decode(errors="replace")}

    def do_start(self, command, ready):
        """Goes on running; with ready, answers when a byte has come through the descriptor $READY_FD, or none will."""
        read_end, write_end = os.pipe()
        out, err = (f"/tmp/{len(self.processes)}.{name}" for name in ("out", "err"))
        with open(out, "wb") as to_out, open(err, "wb") as to_err:
            process = subprocess.Popen(f"exec {command}", shell=True, stdin=subprocess.DEVNULL, stdout=to_out,
                                       stderr=to_err, pass_fds=[write_end] if ready else [], start_new_session=True,
                                       env=dict(os.environ, READY_FD=str(write_end)))
        os.close(write_end)
        is_ready = bool(os.read(read_end, 1)) if ready else True
        os.close(read_end)
        self.processes[process.pid] = process
        process.outputs = (out, err)
        return {"pid": process.pid, "ready": is_ready}

    def do_wait(self, pid):
        process = self.processes[pid]
        status = process.wait()
        out, err = (pathlib.Path(path).read_text(errors="replace") for path in process.outputs)
        return {"status": status, "out": out, "err": err}

    def do_signal(self, pid, name):
        os.kill(pid, getattr(signal, name))

    def do_read(self, path):
        return {"data": base64.b64encode(pathlib.Path(path).read_bytes()).decode()}

    def do_write(self, path, data, mode):
        target = pathlib.Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(data))
        target.chmod(mode)

    def do_show(self, command, columns, rows):
        """A program in a terminal of its own that is the port called terminal; answers when it has ended."""
        master, slave = pty.openpty()
        self.terminal = master
        self.do_resize(columns, rows)
        process = subprocess.Popen(command, shell=True, stdin=slave, stdout=slave, stderr=slave,
                                   start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        port = os.open(port_called("terminal"), os.O_RDWR)
        threading.Thread(target=pump, args=(port, master), daemon=True).start()
        pump(master, port)
        return {"status": process.wait()}

    def do_resize(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def do_hello(self, name):
        self.hellos.wait(name)


def pump(source, target):
    """Everything from one descriptor to another, until one of them has ended."""
    try:
        while data := os.read(source, 65536):
            while data:
                data = data[os.write(target, data):]
    except OSError:
        pass  # how a terminal says that nobody holds its other end


def port_called(name):
    for entry in pathlib.Path("/sys/class/virtio-ports").glob("*/name"):
        if entry.read_text().strip() == name:
            return f"/dev/{entry.parent.name}"
    raise FileNotFoundError(f"no port is called {name}")


def main():
    agent = Agent(os.open(port_called("control"), os.O_RDWR))
    agent.send({"id": 0})
    agent.serve()


if __name__ == "__main__":
    main()
