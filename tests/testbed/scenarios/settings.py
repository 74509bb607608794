# SPDX-License-Identifier: GPL-2.0-or-later
"""What administrators do to domains: caps, weights, pinning, cpupools; save and restore, migration to the same host,
reboot. Each domain's gotten time stays what Xen's own accounting says, and each new domain under an old name is a new one.

On two pCPUs with turns that are fair and short. Otherwise a pCPU stands still for 10 ms now and then between the moment
from which Xen's account counts a switch and the record of it, while the other one's domain keeps the turn.
"""
import region_reader
from crowd import Crowd
from daemon import await_names, await_samples, region, xenbaked
from guest import Guest, load
from machine import Boot
from recording import Recording

BOOTS = [Boot(scheduler="credit2", pcpus=2, dom0_vcpus=1, xen="dom0_vcpus_pin", turn_us=100, fair=True,
              deterministic=True),
         Boot(scheduler="credit2", pcpus=1, guests="pvh", deterministic=True)]
TOLERANCE = 0.002  # of the time that passed
CAP = 0.20
SAMPLES = 20
# How far shares may be from what the scheduler is asked for: that is Xen's affair. How weights work in two seconds is,
# too, so the heavier domain must only get more.
FAIR = 0.05
# Wants all that it can get. Emulated CPUs are slow at what the mode spin does, and not at hypercalls.
HOG = "tick 99999999 1"


def run(dom0):
    (several_lives if dom0.boot.pcpus == 1 else several_settings)(dom0)


def several_settings(dom0):
    crowd = Crowd(dom0)
    with xenbaked(dom0, "--history 1200 --record /tmp/settings.xentrace"):
        caps_and_weights(dom0, crowd)
        pins_and_pools(dom0, crowd)
        crowd.stop(crowd.living())
        await_samples(dom0, 5)
    print(Recording(dom0, "/tmp/settings.xentrace").compare_with_xenalyze(), flush=True)
    with region(dom0) as facts:
        check_counters(facts)
        check_gotten(facts, crowd)


def several_lives(dom0):
    web = Guest(dom0, "web", "web")
    with xenbaked(dom0, "--history 1200"):
        lives = [web.domid]
        for step in (save_and_restore, migrate, reboot):
            step(dom0, web)
            lives.append(web.domid)
            print(f"{step.__name__}: {web.name} is domain {web.domid} now", flush=True)
            load(web, 20)
        await_samples(dom0, 5)
    with region(dom0) as facts:
        check_counters(facts)
        check_lives(facts, web.name, lives)


def caps_and_weights(dom0, crowd):
    first, second = crowd.create(HOG, ["first", "second"])
    await_names(dom0, {domain.domid: domain.name for domain in (first, second)})
    for domain in (first, second):
        dom0.run(f"xl vcpu-pin {domain.domid} 0 1")
    dom0.run(f"xl sched-credit2 -d {first.domid} -w 512")
    got = gained(dom0, [first, second], "weights")
    assert got[0] > got[1] and abs(sum(got) - 1) < FAIR, got
    dom0.run(f"xl sched-credit2 -d {first.domid} -c {CAP * 100:.0f}")
    got = gained(dom0, [first, second], "cap")
    assert got[0] < CAP + FAIR and got[1] > 1 - CAP - FAIR, got
    dom0.run(f"xl sched-credit2 -d {first.domid} -c 0")


def gained(dom0, domains, what):
    """The shares of a pCPU that they get from now on for a while, by the samples that are published then."""
    await_samples(dom0, SAMPLES + 2)  # the one that has begun, and the newest, which may be replaced
    with region(dom0, what) as facts:
        samples = newest(facts, SAMPLES)
        elapsed = sum(sample["end_ns"] - sample["start_ns"] for sample in samples)
        shares = [sum(row["running_ns"] for sample in samples for row in rows_of(facts, sample, domain)) / elapsed
                  for domain in domains]
    for domain, share in zip(domains, shares):
        print(f"{what}: {domain.name} {100 * share:.2f} %", flush=True)
    return shares


def gotten(facts, domains):
    found = {domain["domid"]: domain["running_ns"] for domain in facts.domains().values()}
    return [found[domain.domid] for domain in domains]


def end_of(facts):
    return max(vcpu["end_ns"] for vcpu in facts.vcpus().values())


def pins_and_pools(dom0, crowd):
    """The two take turns on both pCPUs, then one of them in a pool of its own, under another scheduler."""
    first, second = crowd.living()
    for cpu in ("0", "1"):
        for domain in (first, second):
            dom0.run(f"xl vcpu-pin {domain.domid} 0 {cpu}")
        await_samples(dom0, 8)
        with region(dom0, f"pinned-{cpu}") as facts:
            for domain in (first, second):
                where = {int(row["pcpu"]) for sample in newest(facts, 4) for row in rows_of(facts, sample, domain)
                         if row["running_ns"]}
                assert where == {int(cpu)}, (domain, where)
    dom0.run(f"xl vcpu-pin {first.domid} 0 all; xl vcpu-pin {second.domid} 0 all")
    dom0.run("xl cpupool-cpu-remove Pool-0 1")
    dom0.write("/tmp/side.cfg", b'name="side"\nsched="credit"\ncpus=["1"]\n')
    dom0.run(f"xl cpupool-create /tmp/side.cfg; xl cpupool-migrate {second.domid} side")
    await_samples(dom0, 3)
    got = gained(dom0, [second], "alone in its pool")
    assert got[0] > 0.98, got
    dom0.run(f"xl cpupool-migrate {second.domid} Pool-0")
    dom0.run("xl cpupool-cpu-remove side 1; xl cpupool-destroy side; xl cpupool-cpu-add Pool-0 1")
    await_samples(dom0, 3)


def newest(facts, count):
    numbers = sorted(facts.samples())[-count:]
    return [sample for sample in map(facts.sample, numbers) if sample is not None]


def rows_of(facts, sample, domain):
    vcpus = facts.vcpus()
    slots = {slot for slot, one in facts.domains().items() if one["domid"] == domain.domid}
    return [row for row in sample["rows"] if vcpus[row["vcpu_slot"]]["domain_slot"] in slots]


def save_and_restore(dom0, web):
    dom0.run(f"xl save {web.name} /tmp/{web.name}.saved && xl restore /tmp/{web.name}.saved")
    moved_on(dom0, web)


def migrate(dom0, web):
    """The words that would run ssh run the receiving end here."""
    dom0.run(f"xl migrate -s '' {web.name} 'xl migrate-receive'")
    moved_on(dom0, web)


def reboot(dom0, web):
    dom0.run(f"xl reboot {web.name}")
    dom0.ask("hello", name=web.name)  # it says so again
    moved_on(dom0, web)


def moved_on(dom0, web):
    """Its domid is another one now, and xenbaked knows that."""
    old = web.domid
    web.domid = int(dom0.run(f"xl domid {web.name}").out)
    assert web.domid != old
    await_names(dom0, {web.domid: web.name})


def check_counters(facts):
    counters = facts.counters()
    for name in ("lost_records", "bad_records", "late_records", "state_conflicts", "conservation_violations"):
        assert counters[name] == 0, (name, counters)


def check_gotten(facts, crowd):
    apart = []
    for domain, ours in zip(crowd.domains, gotten(facts, crowd.domains)):
        print(f"{domain.name}: {ours / 1e9:.4f} s, Xen {domain.cpu_ns / 1e9:.4f} s", flush=True)
        apart.append(abs(ours - domain.cpu_ns))
    assert max(apart) < TOLERANCE * end_of(facts), apart


def check_lives(facts, name, domids):
    """One domain after another under this name, all but the last dead. The last names that two of them had were
    other ones: xl renames a domain that it has migrated away."""
    seen = {one["domid"]: one for one in facts.domains().values()}
    for domid in domids:
        assert domid in seen and seen[domid]["name"].startswith(name), (domid, seen)
        assert bool(seen[domid]["flags"] & region_reader.DEAD) == (domid != domids[-1]), seen[domid]
        assert seen[domid]["running_ns"] > 0, seen[domid]
    assert seen[domids[-1]]["name"] == name, seen[domids[-1]]
