# SPDX-License-Identifier: GPL-2.0-or-later
"""The scheduler BVT of our own patches: shares, long sleepers, warp, and with all of Xen's assertions under churn.

Weights and warp are set at run time, in hypfs. The experiments have a pCPU of their own, and Dom0 has the other.
"""
import contextlib
import json
import os

from crowd import Crowd
from daemon import region, xenbaked
from guest import Guest
from machine import Boot

ALLOWANCE_US = 1000  # short turns, so that a few seconds are enough for the shares
BOOTS = [Boot(scheduler="bvt", pcpus=2, dom0_vcpus=1, xen=f"dom0_vcpus_pin sched_bvt_ctx_allow_us={ALLOWANCE_US}",
              deterministic=True, patched=True),
         Boot(scheduler="bvt", pcpus=2, hypervisor=("CONFIG_DEBUG=y",))]
ROUNDS = int(os.environ.get("XENMON_BVT_ROUNDS", "6"))  # of churn
DEFAULT_WEIGHT = 10
# Wants all that it can get. Emulated CPUs are slow at what the mode spin does, and not at hypercalls.
HOG = "tick 99999999 1"
SHARE_TOLERANCE = 0.02  # of the share


def run(dom0):
    crowd = Crowd(dom0)
    if dom0.boot.hypervisor:
        churn(dom0, crowd)
        return
    check_default(dom0)
    check_dump(dom0)
    check_shares(dom0, crowd)
    check_sleeper(dom0, crowd)
    check_warp(dom0, crowd)
    check_yield(dom0, crowd)
    check_odd_one(dom0, crowd)


def settings(dom0, text=None):
    """What is set for which domain; text: to be set before."""
    if text:
        dom0.run(f"xenhypfs write /params/bvt {text}")
    return dom0.run("xenhypfs cat /params/bvt").out.strip()


@contextlib.contextmanager
def beside_dom0(crowd, *command_lines):
    """Domains that have the second pCPU for themselves, for the length of a with statement."""
    domains = [crowd.create(line, [f"{line.split()[0]}-{number}"])[0] for number, line in enumerate(command_lines)]
    for domain in domains:
        crowd.dom0.run(f"xl vcpu-pin {domain.domid} 0 1")
    yield domains
    crowd.destroy(domains)


def observed(dom0, domains, seconds):
    """What Xen says of their vCPUs every 20 ms for this long: lists of (system time, time of each), in ns."""
    readings = dom0.start("vcpu_times --every 20")
    dom0.run(f"sleep {seconds}")
    lines = [json.loads(line) for line in readings.stop().out.splitlines()]
    times = [{vcpu["domain"]: vcpu["cpu_ns"] for vcpu in line["vcpus"]} for line in lines]
    return [(line["now_ns"], [time[domain.domid] for domain in domains]) for line, time in zip(lines, times)]


def gains(readings):
    return [last - first for first, last in zip(readings[0][1], readings[-1][1])]


def check_default(dom0):
    assert settings(dom0) == "", settings(dom0)
    assert settings(dom0, "77:20,78:5:1000:2000:3000") == "77:20:0:0:0,78:5:1000:2000:3000"
    for wrong in ("77", "77:0", "77:1001", "77:10:1:2", "77:10:1:2:3:4", "32752:10", "77:4294967296", "77:30,x"):
        assert dom0.run(f"xenhypfs write /params/bvt {wrong}", status=None).status != 0, wrong
    assert settings(dom0) == "77:20:0:0:0,78:5:1000:2000:3000"
    assert settings(dom0, "77:10,78:10") == ""
    # Debian's tools do not know this scheduler, and get on with it.
    for command in ("xl info", "xl list -l", "xl vcpu-list", "xl cpupool-list"):
        dom0.run(command)


def check_dump(dom0):
    """Xen prints its state while a pCPU is in no pool, which it then asks the default scheduler about."""
    dom0.run("xl cpupool-cpu-remove Pool-0 1 && xl debug-keys r && xl cpupool-cpu-add Pool-0 1")
    check_console(dom0)


def check_shares(dom0, crowd):
    with beside_dom0(crowd, HOG, HOG) as domains:
        for weights in ((20, 10), (10, 10), (5, 10), (1, 10)):
            settings(dom0, ",".join(f"{domain.domid}:{weight}" for domain, weight in zip(domains, weights)))
            # Long enough for the longest turn, which is 20 ms at weight 1, not to matter.
            got = gains(observed(dom0, domains, 4 if 1 in weights else 2))
            for weight, gain in zip(weights, got):
                share, fair = gain / sum(got), 1 / weight / sum(1 / one for one in weights)
                print(f"weights {weights[0]}:{weights[1]}: {weight} gets {100 * share:.2f} %, "
                      f"fair are {100 * fair:.2f} %", flush=True)
                assert abs(share - fair) <= SHARE_TOLERANCE * fair, (weights, got)


def check_sleeper(dom0, crowd):
    """Who wakes after three seconds gets half from then on, and nothing for having slept."""
    with beside_dom0(crowd, HOG, "tick 1000 3000") as domains:
        readings = observed(dom0, domains, 8)
    asleep = woken = None
    for number, (now, times) in enumerate(readings[:-1]):
        if readings[number + 1][1][1] == times[1]:
            asleep = asleep or now
        elif asleep and now - asleep > 2.5e9:
            woken = number
            break
        else:
            asleep = None
    assert woken is not None, "nobody slept for so long"
    after = [one for one in readings[woken:] if one[0] <= readings[woken][0] + 1e9]
    hog, sleeper = gains(after)
    print(f"in the {(after[-1][0] - after[0][0]) / 1e6:.0f} ms after it wakes a long sleeper gets "
          f"{sleeper / 1e6:.1f} ms, the other {hog / 1e6:.1f} ms", flush=True)
    assert abs(hog - sleeper) <= 4 * ALLOWANCE_US * 1e3 + 20e6, (hog, sleeper)
    for earlier, later in zip(after, after[1:]):  # of two readings in a row
        assert earlier[1][0] < later[1][0], f"the other had to wait for {(later[0] - earlier[0]) / 1e6:.1f} ms"


def check_warp(dom0, crowd):
    """How long a domain that runs a millisecond in twenty waits from waking until it runs, beside two others."""
    waits = []
    with beside_dom0(crowd, HOG, HOG, "tick 1 19") as domains:
        for warp in (0, 20000):
            settings(dom0, f"{domains[-1].domid}:{DEFAULT_WEIGHT}:{warp}")
            with xenbaked(dom0):
                dom0.run("sleep 3")
            waits.append(wait_per_wake(region(dom0), domains[-1]))
    print(f"waits for {waits[0] / 1e6:.3f} ms a wake, warped for {waits[1] / 1e6:.3f} ms", flush=True)
    assert waits[0] > 0.5e6 and waits[1] < waits[0] / 10, waits


def wait_per_wake(facts, ours):
    (domain,) = (domain for domain in facts.domains().values() if domain["domid"] == ours.domid)
    wakes = domain["running_ns"] / 1e6  # each of them runs for a millisecond
    assert wakes > 100, domain
    return domain["waited_wake_ns"] / wakes


def check_yield(dom0, crowd):
    """One that yields all the time gives up a turn each time, and the other has nearly all of the pCPU."""
    with beside_dom0(crowd, HOG, "yield") as domains:
        hog, yields = gains(observed(dom0, domains, 3))
    print(f"beside one that yields all the time another gets {100 * hog / (hog + yields):.2f} %", flush=True)
    assert yields < 0.1 * hog, (hog, yields)


def check_odd_one(dom0, crowd):
    """Three that spin on two pCPUs, one of which has Dom0 too, whose turns decide who is alone on a pCPU next: over 15 s
    that leaves them a tenth to a fifth apart, in the long run it does not matter."""
    domains = crowd.create(HOG, ["one", "two", "three"])
    got = gains(observed(dom0, domains, 45))
    crowd.destroy(domains)
    print("three on two pCPUs get " + ", ".join(f"{gain / 1e9:.2f} s" for gain in got), flush=True)
    assert min(got) >= 0.8 * max(got), got


def churn(dom0, crowd):
    settings(dom0, "0:5")  # so that it does not take too long
    guest = Guest(dom0, "shell", "shell", vcpus=2)
    spinners = crowd.create("spin", ["spin-0", "spin-1", "spin-2"])
    crowd.create("tick 2 5", ["tick-0", "tick-1"])
    crowd.create("block", ["block-0"])
    for number in range(ROUNDS):
        weights = [5 + (7 * number + 3 * index) % 16 for index in range(len(spinners))]
        settings(dom0, ",".join(f"{one.domid}:{weight}:{1000 * weight}:2000:{500 * (number % 3)}"
                                for one, weight in zip(spinners, weights)))
        spinners = reborn(crowd, spinners, number)
        await_progress(crowd)
        hotplug(dom0, guest, crowd)
        work(guest)
        pin_to_and_fro(dom0, crowd, guest)
        pause_and_unpause(dom0, crowd, guest)
        work(guest)
        another_pool(dom0, crowd, guest)
        work(guest)
        dom0.run("xl debug-keys r")
        check_console(dom0)
        print(f"round {number + 1} of {ROUNDS}", flush=True)
    crowd.destroy(crowd.living())
    guest.destroy()
    check_console(dom0)


def check_console(dom0):
    text = (dom0.directory / "console.log").read_text(encoding="utf-8", errors="replace")
    for wrong in ("Assertion", "Xen BUG", "Xen WARN", "FATAL", "call trace"):
        assert wrong not in text, text[text.index(wrong) - 200:][:2000]


def await_progress(crowd):
    """Until each that spins has run for another 50 ms: nobody is forgotten while the others run for minutes."""
    spinners = [domain for domain in crowd.living() if domain.mode == "spin"]
    crowd.read_cpu_times(spinners)
    before = [domain.cpu_ns for domain in spinners]
    while True:
        crowd.read_cpu_times(spinners)
        ran = [domain.cpu_ns - was for domain, was in zip(spinners, before)]
        if min(ran) >= 50e6:
            return
        assert sum(ran) < 60e9, f"starved: {ran}"


def reborn(crowd, spinners, number):
    """The same numbers, some of them."""
    crowd.destroy(spinners[:2])
    return crowd.create("spin", [f"spin-{number}-0", f"spin-{number}-1"], like=spinners[:2]) + spinners[2:]


def work(guest):
    assert guest.run("head -c 1000000 /dev/zero | wc -c").out.strip() == "1000000"


def hotplug(dom0, guest, crowd):
    dom0.run(f"xl vcpu-set {guest.domid} 1")
    while "--p" not in dom0.run(f"xl vcpu-list {guest.domid}").out:  # the guest does it
        pass
    await_progress(crowd)
    dom0.run(f"xl vcpu-set {guest.domid} 2")
    guest.run("until echo 1 >/sys/devices/system/cpu/cpu1/online; do :; done")
    assert "--p" not in dom0.run(f"xl vcpu-list {guest.domid}").out
    await_progress(crowd)


def pin_to_and_fro(dom0, crowd, guest):
    everyone = [domain.domid for domain in crowd.living()] + [guest.domid]
    for cpus in ("0", "1", "all"):
        for domid in everyone:
            dom0.run(f"xl vcpu-pin {domid} all {cpus}")
        await_progress(crowd)
    for soft in ("0", "1", "all"):
        for domid in everyone:
            dom0.run(f"xl vcpu-pin {domid} all - {soft}")
        await_progress(crowd)


def pause_and_unpause(dom0, crowd, guest):
    for domid in [guest.domid] + [domain.domid for domain in crowd.living()]:
        dom0.run(f"xl pause {domid}; xl unpause {domid}")
    await_progress(crowd)


def another_pool(dom0, crowd, guest):
    """A pCPU leaves for a pool of another scheduler, domains follow it, and all come back."""
    movers = [guest.domid] + [domain.domid for domain in crowd.living()[::2]]
    dom0.run("xl cpupool-cpu-remove Pool-0 1")
    await_progress(crowd)
    dom0.run("xl debug-keys r")  # also for a pCPU that is in no pool
    dom0.write("/tmp/side.cfg", b'name="side"\nsched="credit"\ncpus=["1"]\n')
    dom0.run("xl cpupool-create /tmp/side.cfg")
    for pool in ("side", "Pool-0"):
        for domid in movers:
            dom0.run(f"xl cpupool-migrate {domid} {pool}")
        await_progress(crowd)
    dom0.run("xl cpupool-cpu-remove side 1 && xl cpupool-destroy side && xl cpupool-cpu-add Pool-0 1")
    await_progress(crowd)
