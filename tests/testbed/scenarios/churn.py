# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains come and go, forty at once and with numbers used again; vCPUs are unplugged and domains paused.

Each has its own entry under its own name, and its own time, which is what Xen's own accounting says.
"""
from crowd import Crowd
import region_reader
from daemon import await_names, await_samples, region, xenbaked
from guest import Guest
from machine import Boot

# In virtual time: on a busy host the clocks of an emulated machine's CPUs disagree, and Xen's own accounting suffers.
BOOTS = [Boot(scheduler="credit2", pcpus=2, deterministic=True)]
MORE = [Boot(scheduler="credit2", pcpus=2, guests="pvh", turn_us=100, deterministic=True)]
RESIDENTS = 40
MOTH = "moth"
TOLERANCE = 0.002  # of the whole time
OFFLINE = 3


def run(dom0):
    web = Guest(dom0, "web", "web", vcpus=2)
    with xenbaked(dom0, "--history 600"):
        crowd = Crowd(dom0)
        residents = crowd.create("block", [f"resident-{number}" for number in range(RESIDENTS)])
        # The same numbers go from those who run to those who do not, and back.
        domains = crowd.create("spin", ["runner", "walker"])
        await_cpu_time(crowd, domains, 1)
        await_names(dom0, {domain.domid: domain.name for domain in residents + domains})
        for command_line, seconds, names in (("block", 0, ["heir-1", "heir-2"]),
                                             ("tick 5 95", 0.2, ["grandson-1", "grandson-2"])):
            domains = succeed(crowd, domains, command_line, names)
            await_cpu_time(crowd, domains, seconds)
            await_names(dom0, {domain.domid: domain.name for domain in domains})
        for generation in range(5):  # gone before anybody can have asked for their names
            domains = succeed(crowd, domains, "block", [f"{MOTH}-{generation}"])
        crowd.destroy(residents[::2])
        newcomers = crowd.create("block", [f"newcomer-{number}" for number in range(5)])
        await_names(dom0, {domain.domid: domain.name for domain in newcomers})

        paused = pause(dom0, web)
        await_samples(dom0, 2)
        with region(dom0, "paused") as facts:
            check_paused(facts, web, paused)
        unplug(dom0)
        crowd.stop(crowd.living())
        await_samples(dom0, 5)  # they hold the last word that Xen has just said
    with region(dom0) as facts:
        check_counters(facts)
        check_crowd(facts, crowd)
        check_unplugged(facts, web)


def succeed(crowd, domains, command_line, names):
    """Others, with the numbers of these, which are destroyed."""
    crowd.destroy(domains)
    return crowd.create(command_line, names, like=domains)


def await_cpu_time(crowd, domains, seconds):
    """Until Xen says that each of them has run for this long."""
    while True:
        crowd.read_cpu_times(domains)
        if all(domain.cpu_ns >= seconds * 1e9 for domain in domains):
            return


def pause(dom0, web):
    """How long each of its vCPUs was held back, as it says itself from Xen's information.

    Xen calls a paused vCPU blocked until there is something for it to do, and offline from then on: a request that
    comes meanwhile is that. Which vCPU its interrupt goes to is up to the guest.
    """
    before = web.own_times()
    web.pause()
    request = dom0.start(f"wget -q -O /dev/null {web.url()}")
    await_samples(dom0, 15)
    web.unpause()
    assert request.wait().status == 0
    after = web.own_times()
    return {number: vcpu["offline_ns"] - was["offline_ns"]
            for number, (vcpu, was) in enumerate(zip(after["own"], before["own"]))}


def unplug(dom0):
    dom0.run("xl vcpu-set web 1")
    while "--p" not in dom0.run("xl vcpu-list web").out:  # the guest does it when it gets to it
        pass
    await_samples(dom0, 10)


def check_counters(facts):
    counters = facts.counters()
    for name in ("lost_records", "bad_records", "late_records", "state_conflicts", "conservation_violations"):
        assert counters[name] == 0, (name, counters)


def check_crowd(facts, crowd):
    end_ns = max(vcpu["end_ns"] for vcpu in facts.vcpus().values())
    ours = sorted((domain for domain in facts.domains().values() if domain["domid"] in crowd.domids),
                  key=lambda domain: domain["uid"])
    assert len({domain["uid"] for domain in facts.domains().values()}) == len(facts.domains())
    assert [domain["domid"] for domain in ours] == [domain.domid for domain in crowd.domains], (ours, crowd.domains)
    alive = []
    for seen, domain in zip(ours, crowd.domains):
        allowed = {domain.name, ""} if domain.name.startswith(MOTH) else {domain.name}
        assert seen["name"] in allowed, (seen, domain)
        assert seen["flags"] & 4, f"{domain}'s creation was seen"
        assert bool(seen["flags"] & region_reader.DEAD) == domain.dead, (seen, domain)
        assert seen["vcpus"] == 1, seen
        assert seen["unknown_ns"] == 0, seen
        assert abs(seen["running_ns"] - domain.cpu_ns) < TOLERANCE * end_ns, (seen, domain)
        assert seen["io_map"] == seen["io_unmap"] == 0, seen
        # What one domain of a number got is not its successor's.
        assert seen["offline_ns"] >= seen["born_ns"], seen
        alive += [(seen["born_ns"], 1), (seen["died_ns"] if domain.dead else end_ns, -1)]
        if domain.dead:
            assert seen["born_ns"] < seen["died_ns"] <= end_ns, seen
    most = now = 0
    for _, step in sorted(alive):
        now += step
        most = max(most, now)
    assert most >= RESIDENTS, f"only {most} at once"
    times = [domain.cpu_ns for domain in crowd.domains if domain.mode == "spin"]
    assert min(times) > 10 * max(domain.cpu_ns for domain in crowd.domains if domain.mode == "block"), crowd.domains


def check_paused(facts, web, paused):
    histories = histories_of(facts, web)
    assert set(histories) == {0, 1}
    for vcpu, history in histories.items():  # nothing else held them back since xenbaked is there
        told = sum(offline for offline, _ in history)
        assert abs(told - paused[vcpu]) <= 0.01 * paused[vcpu], (vcpu, told, paused)
    assert max(paused.values()) > 1e9, paused


def check_unplugged(facts, web):
    slot = slot_of(facts, web)
    assert facts.domains()[slot]["name"] == "web" and not facts.domains()[slot]["flags"] & region_reader.DEAD
    states = {vcpu["vcpu_id"]: vcpu["state"] for vcpu in facts.vcpus().values() if vcpu["domain_slot"] == slot}
    assert states[0] != OFFLINE and states[1] == OFFLINE, states
    last = histories_of(facts, web)[1][-10:]
    assert all(offline == length for offline, length in last), last


def slot_of(facts, web):
    (slot,) = (slot for slot, domain in facts.domains().items() if domain["domid"] == web.domid)
    return slot


def histories_of(facts, web):
    """By vCPU: how long it was offline and how long the sample is, sample for sample."""
    slot = slot_of(facts, web)
    vcpus = {vcpu["vcpu_id"]: number for number, vcpu in facts.vcpus().items() if vcpu["domain_slot"] == slot}
    histories = {vcpu: [] for vcpu in vcpus}
    for number in sorted(facts.samples()):
        sample = facts.sample(number)
        if sample is None:
            continue
        assert not region_reader.conservation(sample), number
        for vcpu, vcpu_slot in vcpus.items():
            rows = [row for row in sample["rows"] if row["vcpu_slot"] == vcpu_slot]
            if rows:
                offline = sum(row["offline_ns"] for row in rows)
                histories[vcpu].append((offline, sample["end_ns"] - sample["start_ns"]))
    return histories
