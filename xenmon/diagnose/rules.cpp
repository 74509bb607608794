// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/rules.h"

namespace xenmon {
namespace {

constexpr Condition at_least(Measure measure, double threshold) {
  return {measure, true, threshold, false};
}
constexpr Condition at_most(Measure measure, double threshold) {
  return {measure, false, threshold, false};
}
// Where the figure is missing the rule applies all the same.
constexpr Condition if_known(Condition condition) {
  condition.may_be_unknown = true;
  return condition;
}

using M = Measure;

// Waiting for a tenth of its time is what an administrator notices; half of that only together with a
// definite cause.
constexpr double kNoticed = 10;
constexpr double kSlight = 5;

constexpr std::array kRules = {
    // The settings say that there is a cap, and the domain uses all of it. Xen keeps a capped vCPU from
    // running
    // until it may run again, which counts as offline.
    Rule{.cause = Cause::kCap,
         .name = "cap_reached",
         .subject = SubjectKind::kDomain,
         .schedulers = kCredit | kCredit2,
         .must = {at_least(M::kCap, 1), at_least(M::kCapUsed, 90), at_least(M::kOffline, kSlight)},
         .cost = Cost::kOffline,
         .harm = "It may then take CPU time that others use now.",
         .proof = "Its offline time goes to 0, and it gets more than the cap.",
         .source =
             "docs/case-study.md: a web server capped at 60 % got 59.9 % and was offline for 34 to 39 %"},
    // A hypervisor that reports it says so itself.
    Rule{.cause = Cause::kCap,
         .name = "cap_reached",
         .subject = SubjectKind::kDomain,
         .must = {at_least(M::kCapped, kSlight)},
         .unless = {Cause::kCap},
         .cost = Cost::kOffline,
         .harm = "It may then take CPU time that others use now.",
         .proof = "The time in which the cap keeps it from running goes to 0.",
         .source = "docs/case-study.md"},
    // Some pCPU of its pool was idle during most of its waiting.
    Rule{.cause = Cause::kAffinity,
         .name = "waits_while_cpus_are_free",
         .subject = SubjectKind::kVcpu,
         .must = {at_least(M::kVcpuWaited, kNoticed), at_least(M::kVcpuAvoidable, 50)},
         .unless = {Cause::kCap},
         .cost = Cost::kWaiting,
         .harm = "Its caches and its memory may be nearer to where it runs now.",
         .proof = "It waits less, and no longer while pCPUs are idle.",
         .source = "xl(1), vcpu-pin: a vCPU runs only where its hard affinity lets it"},
    // The same from its affinity, where no such figure is there.
    Rule{.cause = Cause::kAffinity,
         .name = "waits_while_cpus_are_free",
         .subject = SubjectKind::kVcpu,
         .must = {at_least(M::kVcpuWaited, kNoticed), at_least(M::kVcpuIdleElsewhere, 0.5)},
         .must_not = {at_most(M::kVcpuAvoidable, 50)},
         .unless = {Cause::kCap, Cause::kAffinity},
         .cost = Cost::kWaiting,
         .harm = "Its caches and its memory may be nearer to where it runs now.",
         .proof = "It waits less, and pCPUs are idle for less of the time.",
         .source = "xl(1), vcpu-pin"},
    Rule{
        .cause = Cause::kTooManyVcpus,
        .name = "too_many_vcpus",
        .subject = SubjectKind::kDomain,
        .must = {at_least(M::kSurplusVcpus, 1), at_least(M::kWaited, kNoticed), at_least(M::kOwnShare, 50),
                 if_known(at_least(M::kHazard, kNoticed))},
        .unless = {Cause::kCap, Cause::kAffinity},
        .cost = Cost::kWaiting,
        .harm = "Work that can really run on several vCPUs at once has fewer of them.",
        .proof = "Its vCPUs wait for less of their time, and it gets as much CPU as before.",
        .source = "xenalyze(1), domain runstates: concurrency hazard is when some vCPUs run and others wait"},
    // A woken vCPU has to wait until the limit of the one that runs has passed: its waits pile up just below
    // it.
    Rule{
        .cause = Cause::kRateLimit,
        .name = "rate_limit_delays",
        .subject = SubjectKind::kDomain,
        .schedulers = kCredit | kCredit2,
        .must = {at_least(M::kRateLimit, 500), at_least(M::kWaitedWoken, kNoticed),
                 at_least(M::kWakeP50OfLimit, 50), at_most(M::kWakeP95OfLimit, 110)},
        .unless = {Cause::kCap, Cause::kAffinity},
        .cost = Cost::kWaiting,
        .harm = "Under full load a lower limit may have it dispatched more often for less: with 100 us "
                "instead of "
                "1 ms a web server served 14 % less.",
        .proof =
            "Half of its waits after a wake are below the new limit, and what it serves does not get less.",
        .source =
            "docs/examples.md: with credit's limit of 1 ms half of Dom0's waits took 0.88 ms or more, and 99 "
            "of 100 took 1 ms or less"},
    // The other way round: a limit below Xen's default of 1 ms lets a woken vCPU interrupt whenever it wakes.
    Rule{.cause = Cause::kRateLimit,
         .name = "rate_limit_too_short",
         .subject = SubjectKind::kDomain,
         .schedulers = kCredit,
         .must = {at_most(M::kRateLimit, 500), at_least(M::kExecutions, 1000),
                  at_most(M::kExecutionLength, 300), at_least(M::kPages, 1000), at_least(M::kLocalBusy, 80),
                  at_least(M::kOthersWait, 2 * kNoticed)},
         .unless = {Cause::kCap, Cause::kAffinity},
         .cost = Cost::kNone,
         .harm = "A woken vCPU may wait up to the limit before it runs.",
         .proof = "It is dispatched less often, with more pages each time, and more is served.",
         .source = "docs/case-study.md: with 100 us under credit Dom0 was dispatched 2065 times a second, "
                   "195 us at a "
                   "time, with 11 pages, and 14 % of the throughput was lost"},
    // It is served at once, and so finds little to do each time; the domains that it serves wait meanwhile.
    Rule{.cause = Cause::kTooOften,
         .name = "dispatched_too_often",
         .subject = SubjectKind::kDomain,
         .must = {at_least(M::kExecutions, 1000), at_most(M::kPagesPerExecution, 20),
                  at_least(M::kPages, 5000), at_most(M::kExecutionLength, 400),
                  at_least(M::kCopiesCounted, 1), at_least(M::kLocalBusy, 80),
                  at_least(M::kOthersWait, 2 * kNoticed), at_least(M::kBlocked, kSlight)},
         .must_not = {at_least(M::kDelayed, 50)},
         .unless = {Cause::kCap, Cause::kRateLimit},
         .cost = Cost::kNone,
         .harm = "It waits longer before it serves a request; below full load that is all that changes.",
         .proof = "It is dispatched less often, with more pages each time, and the others wait for less of "
                  "the time.",
         .source =
             "docs/case-study.md, Conf_10 at 500 requests/s: 1844 executions a second with 15 pages each; "
             "Conf_0.5: 560 with 47"},
    // The same with the weight known: it need not be as often.
    Rule{
        .cause = Cause::kTooOften,
        .name = "dispatched_too_often",
        .subject = SubjectKind::kDomain,
        .must = {at_least(M::kWeightRatio, 4), at_least(M::kExecutions, 500),
                 at_most(M::kPagesPerExecution, 50), at_least(M::kPages, 5000),
                 at_least(M::kCopiesCounted, 1), at_least(M::kLocalBusy, 80),
                 at_least(M::kOthersWait, 2 * kNoticed)},
        .unless = {Cause::kCap, Cause::kRateLimit, Cause::kTooOften},
        .cost = Cost::kNone,
        .harm = "It waits longer before it serves a request; below full load that is all that changes.",
        .proof = "It is dispatched less often, with more pages each time, and more is served.",
        .source =
            "docs/case-study.md, credit2 with ten times the weight for Dom0: 615 executions a second with 39 "
            "pages instead of 94 with 285, and 13 % less throughput"},
    // It has a larger weight than the others, and still gets less than its part while it waits.
    Rule{.cause = Cause::kWeight,
         .name = "weight_without_effect",
         .subject = SubjectKind::kDomain,
         .schedulers = kCredit | kCredit2,
         .must = {at_least(M::kWeightRatio, 1.5), at_least(M::kWaited, 2 * kNoticed),
                  at_most(M::kOfEntitlement, 80), at_least(M::kLocalBusy, 90)},
         .unless = {Cause::kCap, Cause::kAffinity, Cause::kTooManyVcpus, Cause::kRateLimit, Cause::kTooOften},
         .cost = Cost::kWaiting,
         .harm = "None beyond chance, if the weight has no effect.",
         .proof = "Nothing gets worse: it waits as long and gets as much as before.",
         .source =
             "docs/case-study.md: under credit ten times the weight changed nothing beyond chance, because a "
             "vCPU that wakes is preferred whatever its weight is"},
    // What wakes has to wait for the end of another vCPU's long slice.
    Rule{.cause = Cause::kLongSlices,
         .name = "long_slices",
         .subject = SubjectKind::kDomain,
         .schedulers = kCredit,
         .must = {at_least(M::kWaitedWoken, kSlight), at_least(M::kWakeP95, 5000),
                  at_least(M::kSliceGranted, 10000), at_least(M::kNeighbourRun, 3000),
                  at_least(M::kNeighbourShare, 50)},
         .unless = {Cause::kCap, Cause::kAffinity, Cause::kTooManyVcpus, Cause::kRateLimit},
         .cost = Cost::kWaiting,
         .harm = "More switches, each of which costs some microseconds and cold caches.",
         .proof = "95 of 100 of its waits after a wake are shorter than the new slice.",
         .source = "xl(1), sched-credit: the time slice is 30 ms by default, and a shorter one gives better "
                   "latency"},
    // It wants to run, and for much of that time does not; it is the one that waits most.
    Rule{.cause = Cause::kDom0Waits,
         .name = "dom0_waits",
         .subject = SubjectKind::kDomain,
         .must = {at_most(M::kDomid, 0), at_least(M::kWaited, kNoticed), at_least(M::kDelayed, 40),
                  at_least(M::kLocalBusy, 60)},
         .unless = {Cause::kCap, Cause::kAffinity, Cause::kTooManyVcpus, Cause::kRateLimit,
                    Cause::kLongSlices, Cause::kWeight},
         .cost = Cost::kWaiting,
         .harm = "The other domains have fewer pCPUs.",
         .proof = "Dom0 waits less, and its waits after a wake become shorter.",
         .source = "docs/examples.md: a Dom0 of half the share waited for 64 % of the time, twice as long as "
                   "it ran; "
                   "docs/case-study.md, Conf_0.5"},
    // More vCPUs always want to run than there are pCPUs, and not because one domain has too many.
    Rule{
        .cause = Cause::kOverload,
        .name = "more_work_than_cpus",
        .subject = SubjectKind::kHost,
        .must = {at_least(M::kHostBusy, 95), at_least(M::kHungryVcpus, 1.01),
                 at_least(M::kHostWaiting, 0.25)},
        .cost = Cost::kWaiting,
        .harm = "None here; the work is elsewhere.",
        .proof = "The pCPUs have idle time, and fewer vCPUs wait.",
        .source =
            "arithmetic: what is always runnable and has no pCPU waits; 0.25 a pCPU is where the view of the "
            "host begins to point at waiting"},
    Rule{.cause = Cause::kNeighbour,
         .name = "neighbour_takes_cpu",
         .subject = SubjectKind::kDomain,
         .must = {at_least(M::kWaited, kNoticed), at_least(M::kNeighbourShare, 60),
                  at_least(M::kLocalBusy, 60), at_least(M::kNeighbourGotten, 30),
                  at_most(M::kNeighbourDelayed, 60)},
         .unless = {Cause::kCap, Cause::kAffinity, Cause::kTooManyVcpus, Cause::kRateLimit, Cause::kOverload,
                    Cause::kDom0Waits, Cause::kTooOften, Cause::kLongSlices},
         .unless_neighbour = {Cause::kTooOften, Cause::kDom0Waits, Cause::kRateLimit},
         .cost = Cost::kWaiting,
         .harm = "The other domain gets less, and what the cap leaves may stay idle: a capped web server "
                 "served 13 % "
                 "less while 7 % of the CPU were idle.",
         .proof = "It waits less, and the other domain gets no more than its cap.",
         .source = "docs/examples.md; 10 % of its time is where waiting is noticed"},
    Rule{.cause = Cause::kNuma,
         .name = "spread_over_numa_nodes",
         .subject = SubjectKind::kDomain,
         .must = {at_least(M::kOtherNodes, 20), at_least(M::kFitsNode, 1), at_least(M::kGotten, 20)},
         .unless = {Cause::kOverload},
         .cost = Cost::kNone,
         .harm = "If that node is full it waits longer than on the whole host.",
         .proof = "It runs on one node for nearly all of its time, and its work takes less CPU time.",
         .source =
             "xl(1), vcpu-pin, and xl-numa-placement(7): memory of another node is slower; the domain's work "
             "shows by how much"},
    Rule{.cause = Cause::kSiblings,
         .name = "siblings_share_a_core",
         .subject = SubjectKind::kHost,
         .must = {at_least(M::kCoreShared, 80)},
         .unless = {Cause::kOverload},
         .cost = Cost::kNone,
         .harm = "A core more is awake.",
         .proof = "The same work takes less CPU time.",
         .source = "xl(1), info -n, and xen-command-line, credit2_runqueue: siblings share a core's units"},
    // Nobody waits for it, so it harms nobody now; but nothing that waits for work behaves like this.
    Rule{.cause = Cause::kNeverBlocks,
         .name = "never_blocks",
         .subject = SubjectKind::kVcpu,
         .must = {at_least(M::kVcpuRunning, 99), at_most(M::kVcpuBlocked, 0.1)},
         .must_not = {at_least(M::kVcpuWaited, 1)},
         .unless = {Cause::kOverload, Cause::kTooManyVcpus, Cause::kCap},
         .cost = Cost::kNone,
         .harm = "None: this only looks.",
         .proof = "The guest's own tools show what runs; once it sleeps again its vCPU is blocked at times.",
         .source = "arithmetic: a guest that waits for anything blocks its vCPU"},
    Rule{.cause = Cause::kNoShortage,
         .name = "no_shortage",
         .subject = SubjectKind::kHost,
         .must = {at_most(M::kWorstWait, 2), at_most(M::kWorstOffline, 2),
                  if_known(at_most(M::kWorstWakeP99, 2000))},
         .cost = Cost::kNone,
         .harm = "",
         .proof = "",
         .source = "docs/case-study.md: below saturation responses did not depend on any setting"},
};

} // namespace

std::span<const Rule> rules() {
  return kRules;
}

} // namespace xenmon
