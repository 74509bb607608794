# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen in Dom0, with a web server under load: what it shows, its keys, every way to end it, and that nothing
is left behind then: not a daemon, not a mask, not a changed terminal."""
import contextlib
import re

from daemon import await_samples, xenbaked
from dom0_terminal import Dom0Terminal
from guest import Guest, load
from machine import Boot
from xentrace import trace_state

BOOTS = [Boot(scheduler="credit2", pcpus=2)]
# While xenbaked is stopped these fill its buffers twice.
REQUESTS_THAT_OVERFLOW = 400


def run(dom0):
    web = Guest(dom0, "web", "web")
    with xenbaked(dom0):
        pass  # Xen's buffers are there from now on
    found = trace_state(dom0)
    with under_load(web):
        with Screen(dom0) as screen:
            daemon = screen.own_daemon()
            shows_names_and_figures(screen)
            obeys_keys(screen)
            resizes(screen)
            screen.terminal.keys("q")
            screen.check_ended()
            check_gone(dom0, daemon)
        assert trace_state(dom0) == found
        ends_with_its_terminal(dom0)
        assert trace_state(dom0) == found
        daemon_dies(dom0)
    stays_beside_another(dom0, web)


@contextlib.contextmanager
def under_load(web):
    """Until the end of a with statement."""
    process = web.dom0.start(f"sh -c 'while ab -q -n 1000 -c 4 {web.url()} >/dev/null; do :; done'")
    try:
        yield
    finally:
        web.dom0.run(f"kill -KILL -{process.pid}")  # ab as well: it leads a session
        process.wait()


class Screen:
    """xenmon in a terminal of Dom0's, with figures on it when the with statement begins."""

    def __init__(self, dom0, width=110, height=40):
        self.dom0 = dom0
        self.terminal = Dom0Terminal(dom0, width, height)
        self.terminal.type("stty -a >before; echo written")
        self.terminal.wait_for(lambda lines: "written" in lines, "the shell's answer")
        self.terminal.type("xenmon")
        self.wait_for_figures()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.terminal.close()

    def wait_for_figures(self):
        self.terminal.wait_for(lambda lines: "CPU = all" in lines[0] and status_line(lines).startswith("live")
                               and any("%" in line for line in lines[3:-2]), "live figures")

    def xenmon(self):
        (pid,) = children(self.dom0, self.terminal.shell_pid())
        return pid

    def own_daemon(self):
        (pid,) = children(self.dom0, self.xenmon())
        return pid

    def check_ended(self):
        """The shell has the terminal again, as it was."""
        terminal = self.terminal
        terminal.wait_for(lambda lines: [line for line in lines if line][-1:] == ["ready>"], "the shell's prompt")
        terminal.type("echo status $?; stty -a >after; echo all is well")
        terminal.wait_for(lambda lines: "all is well" in lines, "the shell's answer")
        assert "status 0" in terminal.lines(), terminal.text()
        before, after = (self.dom0.read(f"{terminal.directory}/{name}").decode() for name in ("before", "after"))
        assert before == after and " echo " in after, (before, after)
        facts = {name: terminal.fact(name) for name in ("cursor_flag", "alternate_on", "keypad_flag")}
        assert facts == {"cursor_flag": "1", "alternate_on": "0", "keypad_flag": "0"}, facts


METRICS = ("Gotten", "Allocated", "Blocked", "Waited", "Exec count", "I/O count")


def children(dom0, pid):
    return [int(child) for child in dom0.run(f"cat /proc/{pid}/task/{pid}/children").out.split()]


def status_line(lines):
    """The last line that is not empty, nor the one with the keys."""
    return next((line for line in reversed(lines) if line and not line.startswith("F1")), "")


def alive(pid):
    """For a shell, whether there is such a process. Nobody in this Dom0 takes the zombies of dead parents away."""
    return f"grep -qs '^State:.[^ZX]' /proc/{pid}/status"


def check_gone(dom0, pid):
    assert dom0.run(alive(pid), status=None).status != 0, f"process {pid} was left behind"


def figures_of(lines, name):
    """The lines of a domain's block: from the one that names it to the one before the next block."""
    start = next((i for i, line in enumerate(lines) if name in line), None)
    return [] if start is None else lines[start:start + 6]


def shows_names_and_figures(screen):
    def shown(lines):
        return all(any("Gotten" in line and "%" in line for line in figures_of(lines, name))
                   for name in ("Domain-0", "web"))
    screen.terminal.wait_for(shown, "Domain-0 and web with what they got")


def obeys_keys(screen):
    terminal = screen.terminal
    for key, title in (("c", "CPU = 0"), ("n", "CPU = 1"), ("c", "CPU = all"), ("p", "CPU = 1"), ("p", "CPU = 0"),
                       ("p", "CPU = all")):
        terminal.keys(key)
        terminal.wait_for(lambda lines, title=title: title in lines[0], f"{title!r} after {key!r}")
    terminal.resize(60, 12)  # rows and columns do not fit
    terminal.wait_for(lambda lines: "Total" in lines[10], "the smaller screen")
    for there, back in (("Down", "Up"), ("NPage", "PPage"), ("End", "Home"), ("Right", "Left")):
        before = labels(terminal.lines())
        terminal.keys(there)
        terminal.wait_for(lambda lines, before=before: labels(lines) != before, f"another view after {there}")
        terminal.keys(back)
        terminal.wait_for(lambda lines, before=before: labels(lines) == before, f"the first view after {back}")


def labels(lines):
    """Of a screen what does not change by itself: which rows and which columns there are, and which of them all."""
    metrics = [next((word for word in METRICS if word in line), None) for line in lines[3:10]]
    columns = [re.findall(r"\d(?:n|u|m)?(s|%)(?= |$)", line) for line in lines[3:10] if "Gotten" in line]
    return lines[2], metrics, columns


def resizes(screen):
    for width, height in ((10, 3), (2, 2)):
        screen.terminal.resize(width, height)
        screen.terminal.wait_for(any, f"something at {width}x{height}")
    screen.terminal.resize(1, 1)  # nothing fits
    screen.terminal.resize(110, 40)
    screen.wait_for_figures()
    shows_names_and_figures(screen)


def ends_with_its_terminal(dom0):
    """SIGHUP, for which nobody waits."""
    with Screen(dom0) as screen:
        xenmon, daemon = screen.xenmon(), screen.own_daemon()
    dom0.run(f"while {alive(xenmon)} || {alive(daemon)}; do usleep 20000; done")


def daemon_dies(dom0):
    """Its own daemon, and xenmon says so."""
    with Screen(dom0) as screen:
        dom0.run(f"kill -KILL {screen.own_daemon()}")
        screen.terminal.wait_for(lambda lines: "xenbaked: " in status_line(lines), "the daemon's end on the screen")
        dom0.run(f"kill -TERM {screen.xenmon()}")
        screen.check_ended()


def stays_beside_another(dom0, web):
    with xenbaked(dom0) as daemon:
        for end in ("q", "TERM", "HUP", "INT"):
            with Screen(dom0) as screen:
                assert not children(dom0, screen.xenmon()), "it has no daemon of its own"
                if end == "q":
                    records_are_lost(screen, daemon, web)
                    screen.terminal.keys("q")
                else:
                    dom0.run(f"kill -{end} {screen.xenmon()}")
                screen.check_ended()
                await_samples(dom0, 2)  # it goes on


def records_are_lost(screen, daemon, web):
    daemon.signal("SIGSTOP")
    load(web, REQUESTS_THAT_OVERFLOW)
    screen.terminal.wait_for(lambda lines: "xenbaked is gone" in status_line(lines), "that nothing comes any more")
    daemon.signal("SIGCONT")
    screen.terminal.wait_for(lambda lines: " lost" in status_line(lines), "the loss on the screen")
