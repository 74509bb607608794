// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each rule with figures for which it is true, and with figures that differ in one thing and for which it is
// not.
#include "diagnose/diagnose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "diagnose/evidence_builder.h"
#include "diagnose/explain.h"
#include "diagnose/finding_text.h"
#include "diagnose/rules.h"

namespace xenmon {
namespace {

using test::EvidenceBuilder;
using test::of_window;
using test::waits_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// "cause of subject", in their order.
std::vector<std::string> named(const Evidence& evidence) {
  std::vector<std::string> names;
  for (const Finding& finding : diagnose(evidence)) {
    std::string name = finding.name;
    if (finding.subject.kind != SubjectKind::kHost) name += " of " + finding.subject.domain;
    if (finding.subject.kind == SubjectKind::kVcpu) name += "v" + std::to_string(finding.subject.vcpu);
    names.push_back(name);
  }
  return names;
}

Finding first(const Evidence& evidence) {
  std::vector<Finding> findings = diagnose(evidence);
  return findings.empty() ? Finding{} : findings.front();
}

// ---- nothing is wrong

EvidenceBuilder quiet_host() {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 10, .woken = 0.5}});
  builder.domain("web", {{.running = 20, .woken = 1, .pcpu = 1}});
  return builder;
}

TEST(Diagnose, says_that_there_is_no_shortage) {
  const EvidenceBuilder builder = quiet_host();
  EXPECT_THAT(named(builder.evidence), ElementsAre("no_shortage"));
  EXPECT_FALSE(is_trouble(first(builder.evidence)));
  EXPECT_THAT(first(builder.evidence).sentence, HasSubstr("look elsewhere"));
}

TEST(Diagnose, says_nothing_between_shortage_and_none) {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 10}});
  builder.domain("web", {{.running = 40, .woken = 5, .pcpu = 1}});
  EXPECT_THAT(named(builder.evidence), IsEmpty());
}

TEST(Diagnose, does_not_say_that_there_is_no_shortage_where_single_waits_are_long) {
  EvidenceBuilder builder = quiet_host();
  for (DomainEvidence& domain : builder.evidence.domains) domain.wake_wait = waits_of(10, 20, 500);
  EXPECT_THAT(named(builder.evidence), ElementsAre("no_shortage"));
  builder.of("web").wake_wait = waits_of(10, 20, 9000);
  EXPECT_THAT(named(builder.evidence), IsEmpty());
}

TEST(Diagnose, does_not_say_that_there_is_no_shortage_where_a_domain_is_kept_offline) {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 10}});
  builder.domain("web", {{.running = 20, .offline = 30}});
  EXPECT_THAT(named(builder.evidence), IsEmpty());
  EvidenceBuilder paused(2);
  paused.domain("Domain-0", {{.running = 10}});
  paused.domain("paused", {{.offline = 100}});
  EXPECT_THAT(named(paused.evidence), ElementsAre("no_shortage"));
}

TEST(Diagnose, of_an_idle_host_says_that_there_is_no_shortage) {
  const EvidenceBuilder builder(4);
  EXPECT_THAT(named(builder.evidence), ElementsAre("no_shortage"));
}

// ---- data that are not complete

TEST(Incomplete, lost_records_forbid_everything_else) {
  EvidenceBuilder builder(1);
  builder.domain("Domain-0", {{.running = 20, .woken = 60}});
  builder.domain("web", {{.running = 80}});
  ASSERT_THAT(named(builder.evidence), ElementsAre("dom0_waits of Domain-0"));
  builder.evidence.lost_records = 7;
  EXPECT_THAT(named(builder.evidence), ElementsAre("data_incomplete"));
  EXPECT_THAT(first(builder.evidence).sentence, HasSubstr("lost 7 records"));
  EXPECT_TRUE(is_trouble(first(builder.evidence)));
}

TEST(Incomplete, missed_samples_verdicts_and_a_guessed_clock_do_so_too) {
  for (const auto& spoil : std::vector<void (*)(Evidence&)>{
           [](Evidence& evidence) { evidence.missed_samples = 1; },
           [](Evidence& evidence) { evidence.damaged = 1; },
           [](Evidence& evidence) { evidence.verdicts = {"CPU 3 was not traced."}; },
           [](Evidence& evidence) { evidence.khz_assumed = true; },
           [](Evidence& evidence) { evidence.length_ns = 500'000'000; }}) {
    EvidenceBuilder builder = quiet_host();
    spoil(builder.evidence);
    EXPECT_THAT(named(builder.evidence), ElementsAre("data_incomplete"));
  }
}

TEST(Incomplete, a_domain_with_unknown_time_is_not_judged_and_others_are) {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 20, .woken = 60}});
  builder.domain("web", {{.running = 78}});
  DomainEvidence& late = builder.domain("late", {{.running = 10, .woken = 80, .pcpu = 1}});
  late.vcpus[0].sums.unknown_ns = late.sums.unknown_ns = of_window(5);
  EXPECT_THAT(named(builder.evidence), ElementsAre("data_incomplete of late", "dom0_waits of Domain-0"));
}

TEST(Incomplete, a_domain_with_unknown_time_forbids_that_there_is_no_shortage) {
  EvidenceBuilder builder = quiet_host();
  builder.of("web").sums.unknown_ns = of_window(5);
  EXPECT_THAT(named(builder.evidence), ElementsAre("data_incomplete of web"));
}

// ---- a cap

EvidenceBuilder capped() {
  EvidenceBuilder builder(1);
  builder.domain("Domain-0", {{.running = 33}});
  builder.domain("web", {{.running = 59.9, .woken = 5.8, .offline = 34}});
  builder.of("web").settings.cap_percent = 60;
  return builder;
}

TEST(Cap, is_named_with_the_command_that_removes_it) {
  EXPECT_THAT(named(capped().evidence), ElementsAre("cap_reached of web"));
  EXPECT_EQ(first(capped().evidence).command, "xl sched-credit2 -d web -c 0");
  EXPECT_NEAR(*first(capped().evidence).cost_ns_per_s, 340e6, 1e3);
}

TEST(Cap, is_not_named_without_one_and_not_if_there_is_room_below_it) {
  EvidenceBuilder none = capped();
  none.of("web").settings.cap_percent = 0;
  EXPECT_THAT(named(none.evidence), IsEmpty());
  EvidenceBuilder unknown = capped();
  unknown.of("web").settings.cap_percent.reset();
  EXPECT_THAT(named(unknown.evidence), IsEmpty());
  EvidenceBuilder higher = capped();
  higher.of("web").settings.cap_percent = 90;
  EXPECT_THAT(named(higher.evidence), IsEmpty());
}

TEST(Cap, is_named_without_settings_if_the_hypervisor_reports_it) {
  EvidenceBuilder builder = capped();
  builder.of("web").settings.cap_percent.reset();
  builder.of("web").vcpus[0].capped_ns = of_window(34);
  EXPECT_THAT(named(builder.evidence), ElementsAre("cap_reached of web"));
  builder.of("web").vcpus[0].capped_ns = of_window(1);
  EXPECT_THAT(named(builder.evidence), IsEmpty());
}

TEST(Cap, command_is_the_scheduler_s) {
  EvidenceBuilder builder = capped();
  builder.evidence.scheduler = "credit";
  EXPECT_EQ(first(builder.evidence).command, "xl sched-credit -d web -c 0");
  builder.evidence.scheduler = "rtds";
  EXPECT_THAT(named(builder.evidence), IsEmpty());
}

// ---- affinity

EvidenceBuilder pinned() {
  EvidenceBuilder builder(4);
  builder.domain("Domain-0", {{.running = 10, .pcpu = 3}});
  builder.domain("web", {{.running = 50, .preempted = 45, .pcpu = 1}});
  builder.domain("batch", {{.running = 50, .preempted = 8, .pcpu = 1}});
  builder.of("web").vcpus[0].hard_affinity = {{1}};
  return builder;
}

TEST(Affinity, is_named_where_other_pcpus_are_idle) {
  EXPECT_THAT(named(pinned().evidence), ElementsAre("waits_while_cpus_are_free of webv0"));
  EXPECT_EQ(first(pinned().evidence).command, "xl vcpu-pin web 0 all");
}

TEST(Affinity, is_not_named_where_no_other_pcpu_is_idle_or_nothing_is_pinned) {
  EvidenceBuilder busy = pinned();
  for (PcpuEvidence& pcpu : busy.evidence.pcpus) pcpu.idle_ns = of_window(5);
  for (PcpuEvidence& pcpu : busy.evidence.pcpus) pcpu.busy_ns = of_window(95);
  EXPECT_THAT(named(busy.evidence), Not(testing::Contains("waits_while_cpus_are_free of webv0")));
  EvidenceBuilder free = pinned();
  free.of("web").vcpus[0].hard_affinity.reset();
  EXPECT_THAT(named(free.evidence), Not(testing::Contains("waits_while_cpus_are_free of webv0")));
}

TEST(Affinity, pcpus_of_another_pool_do_not_count) {
  EvidenceBuilder builder = pinned();
  builder.pool().pcpus = {1};
  EXPECT_THAT(named(builder.evidence), Not(testing::Contains("waits_while_cpus_are_free of webv0")));
}

TEST(Affinity, is_decided_by_avoidable_waiting_where_that_is_known) {
  EvidenceBuilder builder = pinned();
  builder.of("web").vcpus[0].avoidable_ns = of_window(2);
  EXPECT_THAT(named(builder.evidence), Not(testing::Contains("waits_while_cpus_are_free of webv0")));
  builder.of("web").vcpus[0].hard_affinity.reset();
  builder.of("web").vcpus[0].avoidable_ns = of_window(40);
  EXPECT_THAT(named(builder.evidence), ElementsAre("waits_while_cpus_are_free of webv0"));
}

// ---- more vCPUs than can run at once

EvidenceBuilder wide_domain() {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 4, .woken = 0.5}});
  builder.domain("wide", {{.running = 48, .preempted = 50, .pcpu = 0},
                          {.running = 48, .preempted = 50, .pcpu = 0},
                          {.running = 48, .preempted = 50, .pcpu = 1},
                          {.running = 48, .preempted = 50, .pcpu = 1}});
  return builder;
}

TEST(TooManyVcpus, is_named_with_as_many_as_can_run) {
  EXPECT_THAT(named(wide_domain().evidence), ElementsAre("too_many_vcpus of wide"));
  EXPECT_EQ(first(wide_domain().evidence).command, "xl vcpu-set wide 2");
}

TEST(TooManyVcpus, is_not_named_with_enough_pcpus_or_if_others_ran) {
  EvidenceBuilder enough = wide_domain();
  enough.evidence.pcpus.push_back({2, 0, test::kWindowLength, {}});
  enough.evidence.pcpus.push_back({3, 0, test::kWindowLength, {}});
  EXPECT_THAT(named(enough.evidence), Not(testing::Contains("too_many_vcpus of wide")));
  EvidenceBuilder others = wide_domain();
  others.domain("batch",
                {{.running = 50, .preempted = 1, .pcpu = 0}, {.running = 50, .preempted = 1, .pcpu = 1}});
  others.evidence.waits_known = true;
  others.of("wide").long_wait_ns = others.of("wide").sums.waited_ns();
  others.of("wide").long_wait_rivals = {{others.of("batch").uid, 900}, {others.of("wide").uid, 100}};
  EXPECT_THAT(named(others.evidence), Not(testing::Contains("too_many_vcpus of wide")));
}

TEST(TooManyVcpus, heeds_the_domain_s_runstates_where_they_are_known) {
  EvidenceBuilder builder = wide_domain();
  builder.of("wide").runstates = DomainRunstates{of_window(1)};
  EXPECT_THAT(named(builder.evidence), Not(testing::Contains("too_many_vcpus of wide")));
  builder.of("wide").runstates = DomainRunstates{of_window(60)};
  EXPECT_THAT(named(builder.evidence), ElementsAre("too_many_vcpus of wide"));
}

// ---- the rate limit

EvidenceBuilder limited() {
  EvidenceBuilder builder(1, "credit");
  builder.domain("Domain-0", {{.running = 14, .woken = 46, .executions_per_s = 640}});
  builder.domain("web", {{.running = 70, .preempted = 5}});
  builder.pool().rate_limit_us = 1000;
  builder.of("Domain-0").wake_wait = waits_of(884, 947, 995);
  return builder;
}

TEST(RateLimit, is_named_where_waits_pile_up_below_it) {
  EXPECT_THAT(named(limited().evidence), ElementsAre("rate_limit_delays of Domain-0"));
  EXPECT_EQ(first(limited().evidence).command, "xl sched-credit -s -r 500");
}

TEST(RateLimit, is_not_named_where_waits_do_not_or_where_it_is_not_known) {
  EvidenceBuilder shorter = limited();
  shorter.of("Domain-0").wake_wait = waits_of(100, 947, 995);
  EXPECT_THAT(named(shorter.evidence), ElementsAre("dom0_waits of Domain-0"));
  EvidenceBuilder longer = limited();
  longer.of("Domain-0").wake_wait = waits_of(884, 5000, 9950);
  EXPECT_THAT(named(longer.evidence), ElementsAre("dom0_waits of Domain-0"));
  EvidenceBuilder unknown = limited();
  unknown.evidence.pools.clear();
  EXPECT_THAT(named(unknown.evidence), ElementsAre("dom0_waits of Domain-0"));
}

TEST(RateLimit, of_another_pool_is_set_there) {
  EvidenceBuilder builder = limited();
  builder.evidence.pools[0].id = 3;
  builder.evidence.pools[0].rate_limit_us = 5000;
  builder.of("Domain-0").wake_wait = waits_of(4000, 4900, 5000);
  for (DomainEvidence& domain : builder.evidence.domains) domain.settings.pool = 3;
  EXPECT_EQ(first(builder.evidence).command, "xl sched-credit -p 3 -s -r 1000");
}

EvidenceBuilder interrupting() {
  EvidenceBuilder builder(1, "credit");
  DomainEvidence& dom0 = builder.domain(
      "Domain-0", {{.running = 40.2, .woken = 20, .preempted = 23.9, .executions_per_s = 2065}});
  dom0.sums.io_copy = 22'000 * 10;
  builder.domain("web", {{.running = 59.8, .woken = 5, .preempted = 21, .executions_per_s = 2106}});
  builder.pool().rate_limit_us = 100;
  return builder;
}

TEST(RateLimit, is_named_where_it_is_too_short) {
  EXPECT_THAT(named(interrupting().evidence), testing::Contains("rate_limit_too_short of Domain-0"));
  EXPECT_EQ(first(interrupting().evidence).command, "xl sched-credit -s -r 1000");
  EvidenceBuilder usual = interrupting();
  usual.evidence.pools[0].rate_limit_us = 1000;
  EXPECT_THAT(named(usual.evidence), Not(testing::Contains("rate_limit_too_short of Domain-0")));
  EvidenceBuilder rarely = interrupting();
  rarely.of("Domain-0").sums.executions = 300 * 10;
  EXPECT_THAT(named(rarely.evidence), Not(testing::Contains("rate_limit_too_short of Domain-0")));
}

// ---- dispatched too often for too little

EvidenceBuilder conf_10() {
  EvidenceBuilder builder(1, "bvt");
  DomainEvidence& dom0 = builder.domain(
      "Domain-0", {{.running = 48.9, .woken = 6, .preempted = 13.4, .executions_per_s = 1844}});
  dom0.sums.io_copy = 27'000 * 10;
  builder.domain("web", {{.running = 51.1, .woken = 5, .preempted = 40.2, .executions_per_s = 1783}});
  return builder;
}

TEST(TooOften, is_named_instead_of_that_the_other_domain_lacks_cpu) {
  EXPECT_THAT(named(conf_10().evidence), ElementsAre("dispatched_too_often of Domain-0"));
  EXPECT_EQ(first(conf_10().evidence).command, ""); // no xl command sets a weight of that scheduler
  EXPECT_THAT(first(conf_10().evidence).sentence, HasSubstr("more weight makes this worse"));
  EvidenceBuilder credit2 = conf_10();
  credit2.evidence.scheduler = "credit2";
  EXPECT_EQ(first(credit2.evidence).command, "xl sched-credit2 -d Domain-0 -w 256");
}

TEST(TooOften, is_not_named_with_many_pages_each_or_few_executions_or_if_nobody_waits) {
  EvidenceBuilder many = conf_10();
  many.of("Domain-0").sums.io_copy *= 3;
  EXPECT_THAT(named(many.evidence), Not(testing::Contains("dispatched_too_often of Domain-0")));
  EvidenceBuilder few = conf_10();
  few.of("Domain-0").sums.executions = 560 * 10;
  EXPECT_THAT(named(few.evidence), Not(testing::Contains("dispatched_too_often of Domain-0")));
  EvidenceBuilder alone = conf_10();
  alone.of("web").vcpus[0].sums.waited_preempt_ns = of_window(1);
  EXPECT_THAT(named(alone.evidence), Not(testing::Contains("dispatched_too_often of Domain-0")));
}

TEST(TooOften, needs_a_hypervisor_that_counts_all_pages) {
  EvidenceBuilder builder = conf_10();
  builder.evidence.io_kinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;
  EXPECT_THAT(named(builder.evidence), Not(testing::Contains("dispatched_too_often of Domain-0")));
}

TEST(TooOften, is_named_earlier_where_the_weight_is_known) {
  EvidenceBuilder builder(1, "credit2");
  DomainEvidence& dom0 = builder.domain(
      "Domain-0", {{.running = 37.2, .woken = 15, .preempted = 40.7, .executions_per_s = 612}});
  dom0.sums.io_copy = 24'000 * 10;
  builder.domain("web", {{.running = 62.8, .preempted = 37.2, .executions_per_s = 624}});
  EXPECT_THAT(named(builder.evidence), ElementsAre("dom0_waits of Domain-0", "more_work_than_cpus"));
  builder.pool();
  builder.of("Domain-0").settings.weight = 2560;
  builder.of("web").settings.weight = 256;
  EXPECT_EQ(named(builder.evidence).front(), "dispatched_too_often of Domain-0");
}

// ---- a weight without effect

EvidenceBuilder weighted() {
  EvidenceBuilder builder(1, "credit");
  builder.domain("web", {{.running = 37, .woken = 56}});
  builder.domain("batch", {{.running = 63, .woken = 12}});
  builder.of("web").domid = 5;
  builder.pool();
  builder.of("web").settings.weight = 2560;
  builder.of("batch").settings.weight = 256;
  return builder;
}

TEST(Weight, without_effect_is_named) {
  EXPECT_EQ(named(weighted().evidence).front(), "weight_without_effect of web");
  EXPECT_EQ(first(weighted().evidence).command, "xl sched-credit -d web -w 256");
}

TEST(Weight, with_effect_or_like_the_others_or_not_known_is_not) {
  EvidenceBuilder like = weighted();
  like.of("batch").settings.weight = 2560;
  EXPECT_THAT(named(like.evidence), Not(testing::Contains("weight_without_effect of web")));
  EvidenceBuilder unknown = weighted();
  unknown.of("batch").settings.weight.reset();
  EXPECT_THAT(named(unknown.evidence), Not(testing::Contains("weight_without_effect of web")));
  EvidenceBuilder works(1, "credit");
  works.domain("web", {{.running = 85, .preempted = 8}});
  works.domain("batch", {{.running = 14, .preempted = 86}});
  works.pool();
  works.of("web").settings.weight = 2560;
  works.of("batch").settings.weight = 256;
  EXPECT_THAT(named(works.evidence), Not(testing::Contains("weight_without_effect of web")));
}

// ---- long slices

EvidenceBuilder sliced() {
  EvidenceBuilder builder(1, "credit");
  builder.domain("Domain-0", {{.running = 2}});
  builder.domain("web", {{.running = 10, .woken = 35}});
  DomainEvidence& batch = builder.domain("batch", {{.running = 85, .preempted = 12, .executions_per_s = 60}});
  batch.sums.slice_count = 600;
  batch.sums.slice_sum_ns = 600 * 30'000'000ULL;
  builder.of("web").wake_wait = waits_of(4000, 25000, 30000);
  return builder;
}

TEST(LongSlices, are_named_under_credit) {
  EXPECT_THAT(named(sliced().evidence), ElementsAre("long_slices of web"));
  EXPECT_EQ(first(sliced().evidence).command, "xl sched-credit -s -t 5");
}

TEST(LongSlices, are_not_named_under_credit2_or_where_slices_or_waits_are_short) {
  EvidenceBuilder credit2 = sliced();
  credit2.evidence.scheduler = "credit2";
  EXPECT_THAT(named(credit2.evidence), ElementsAre("neighbour_takes_cpu of web"));
  EvidenceBuilder slices = sliced();
  slices.of("batch").sums.slice_sum_ns = 600 * 5'000'000ULL;
  EXPECT_THAT(named(slices.evidence), ElementsAre("neighbour_takes_cpu of web"));
  EvidenceBuilder waits = sliced();
  waits.of("web").wake_wait = waits_of(400, 1000, 3000);
  EXPECT_THAT(named(waits.evidence), ElementsAre("neighbour_takes_cpu of web"));
}

// ---- Dom0

EvidenceBuilder conf_half() {
  EvidenceBuilder builder(2, "bvt");
  DomainEvidence& dom0 = builder.domain(
      "Domain-0", {{.running = 33.4, .woken = 30, .preempted = 33.7, .executions_per_s = 560}});
  dom0.sums.io_copy = 26'300 * 10;
  builder.domain("web", {{.running = 66.6, .woken = 10, .preempted = 20.3, .executions_per_s = 560}});
  builder.domain("client", {{.running = 100, .pcpu = 1, .executions_per_s = 10}});
  return builder;
}

TEST(Dom0, is_kept_waiting_and_the_host_has_more_work_than_pcpus) {
  EXPECT_THAT(named(conf_half().evidence), ElementsAre("dom0_waits of Domain-0", "more_work_than_cpus"));
  EXPECT_EQ(first(conf_half().evidence).command, "xl vcpu-pin web all 1");
}

TEST(Dom0, has_no_command_on_a_single_pcpu_unless_its_weight_is_low) {
  EvidenceBuilder builder(1);
  builder.domain("Domain-0", {{.running = 20, .woken = 60}});
  builder.domain("web", {{.running = 80}});
  EXPECT_EQ(first(builder.evidence).command, "");
  builder.pool();
  builder.of("Domain-0").settings.weight = 128;
  builder.of("web").settings.weight = 256;
  EXPECT_EQ(first(builder.evidence).command, "xl sched-credit2 -d Domain-0 -w 256");
}

TEST(Dom0, is_kept_waiting_also_if_other_vcpus_of_it_sleep) {
  EvidenceBuilder builder(4);
  builder.domain("Domain-0",
                 {{.running = 10, .woken = 20}, {.running = 1, .pcpu = 1}, {.pcpu = 2}, {.pcpu = 3}});
  builder.domain("batch", {{.running = 88, .preempted = 5}});
  EXPECT_THAT(named(builder.evidence), ElementsAre("dom0_waits of Domain-0"));
}

TEST(Dom0, is_not_kept_waiting_if_it_mostly_runs_when_it_wants_to) {
  EvidenceBuilder builder(1);
  builder.domain("Domain-0", {{.running = 50, .woken = 12}});
  builder.domain("web", {{.running = 48, .preempted = 3}});
  EXPECT_THAT(named(builder.evidence), Not(testing::Contains("dom0_waits of Domain-0")));
}

// ---- the host

EvidenceBuilder overloaded() {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 3, .woken = 0.2}});
  for (const char* name : {"a", "b", "c", "d"}) {
    const std::uint32_t pcpu = builder.evidence.domains.size() % 2;
    builder.domain(name, {{.running = 49, .preempted = 50, .pcpu = pcpu}});
  }
  return builder;
}

TEST(Overload, is_the_only_finding_where_all_lack_cpu) {
  EXPECT_THAT(named(overloaded().evidence), ElementsAre("more_work_than_cpus"));
  EXPECT_NEAR(*first(overloaded().evidence).cost_ns_per_s, 2e9, 1e7);
}

TEST(Overload, is_not_named_if_one_domain_has_the_vcpus_or_the_pcpus_suffice) {
  EXPECT_THAT(named(wide_domain().evidence), Not(testing::Contains("more_work_than_cpus")));
  EvidenceBuilder enough = overloaded();
  enough.evidence.pcpus.push_back({2, 0, test::kWindowLength, {}});
  EXPECT_THAT(named(enough.evidence), Not(testing::Contains("more_work_than_cpus")));
}

// ---- a neighbour

EvidenceBuilder beside_a_batch() {
  EvidenceBuilder builder(1);
  builder.domain("Domain-0", {{.running = 8, .woken = 2}});
  builder.domain("web", {{.running = 22, .woken = 30}});
  builder.domain("batch", {{.running = 70, .preempted = 30}});
  return builder;
}

TEST(Neighbour, is_named_with_a_cap_that_leaves_room) {
  EXPECT_THAT(named(beside_a_batch().evidence), ElementsAre("neighbour_takes_cpu of web"));
  const Finding finding = first(beside_a_batch().evidence);
  EXPECT_THAT(finding.sentence, HasSubstr("batch takes the CPU from web"));
  EXPECT_EQ(finding.command, "xl sched-credit2 -d batch -c 40");
}

TEST(Neighbour, is_who_ran_during_the_long_waits_where_they_are_known) {
  EvidenceBuilder builder = beside_a_batch();
  builder.evidence.waits_known = true;
  DomainEvidence& web = builder.of("web");
  web.long_wait_ns = web.sums.waited_ns();
  web.long_wait_rivals = {{builder.of("Domain-0").uid, 500}, {builder.of("batch").uid, 500}};
  EXPECT_THAT(named(builder.evidence), IsEmpty()); // none of them had most
  web.long_wait_rivals = {{builder.of("batch").uid, 900}, {builder.of("Domain-0").uid, 100}};
  EXPECT_THAT(named(builder.evidence), ElementsAre("neighbour_takes_cpu of web"));
}

TEST(Neighbour, is_not_named_for_little_waiting_or_if_it_suffers_itself) {
  EvidenceBuilder little(1);
  little.domain("Domain-0", {{.running = 8}});
  little.domain("web", {{.running = 22, .woken = 6}});
  little.domain("batch", {{.running = 70, .preempted = 30}});
  EXPECT_THAT(named(little.evidence), IsEmpty());
  EvidenceBuilder suffers(1);
  suffers.domain("Domain-0", {{.running = 14, .woken = 46}});
  suffers.domain("web", {{.running = 70, .preempted = 12}});
  EXPECT_THAT(named(suffers.evidence), ElementsAre("dom0_waits of Domain-0"));
}

// ---- the topology

EvidenceBuilder two_nodes() {
  EvidenceBuilder builder(4);
  for (PcpuEvidence& pcpu : builder.evidence.pcpus)
    pcpu.place = PcpuPlace{pcpu.pcpu / 2, pcpu.pcpu, pcpu.pcpu / 2};
  builder.domain("Domain-0", {{.running = 5}});
  DomainEvidence& web = builder.domain("web", {{.running = 60, .pcpu = 1}});
  web.vcpus[0].on_pcpus = {{1, of_window(40), 0}, {2, of_window(20), 0}};
  return builder;
}

TEST(Numa, is_named_where_a_domain_runs_on_two_nodes_and_fits_one) {
  EXPECT_THAT(named(two_nodes().evidence), ElementsAre("spread_over_numa_nodes of web"));
  EXPECT_EQ(first(two_nodes().evidence).command, "xl vcpu-pin web all - 0-1");
}

TEST(Numa, is_not_named_on_one_node_or_without_a_topology) {
  EvidenceBuilder one = two_nodes();
  one.of("web").vcpus[0].on_pcpus = {{0, of_window(20), 0}, {1, of_window(40), 0}};
  EXPECT_THAT(named(one.evidence), ElementsAre("no_shortage"));
  EvidenceBuilder unknown = two_nodes();
  unknown.evidence.pcpus[2].place.reset();
  EXPECT_THAT(named(unknown.evidence), ElementsAre("no_shortage"));
}

EvidenceBuilder two_cores(std::uint32_t second) {
  EvidenceBuilder builder(4);
  for (PcpuEvidence& pcpu : builder.evidence.pcpus) pcpu.place = PcpuPlace{0, pcpu.pcpu / 2, 0};
  builder.domain("Domain-0", {{.running = 2}});
  builder.domain("a", {{.running = 90, .pcpu = 0}});
  builder.domain("b", {{.running = 90, .pcpu = second}});
  return builder;
}

TEST(Siblings, are_named_while_a_core_is_free) {
  EXPECT_THAT(named(two_cores(1).evidence), ElementsAre("siblings_share_a_core"));
  EXPECT_THAT(named(two_cores(2).evidence), ElementsAre("no_shortage"));
}

// ---- a vCPU that never blocks

TEST(NeverBlocks, is_named_where_nobody_waits_for_it) {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 5}});
  builder.domain("spin", {{.running = 100, .pcpu = 1}});
  EXPECT_THAT(named(builder.evidence), ElementsAre("never_blocks of spinv0"));
  EvidenceBuilder blocks(2);
  blocks.domain("Domain-0", {{.running = 5}});
  blocks.domain("busy", {{.running = 98, .pcpu = 1}});
  EXPECT_THAT(named(blocks.evidence), ElementsAre("no_shortage"));
}

// ---- since when, and what is said

TEST(Finding, says_since_when) {
  EvidenceBuilder builder(1);
  builder.domain("Domain-0", {{.running = 20, .woken = 30}});
  builder.domain("web", {{.running = 80}});
  std::vector<Moment>& moments = builder.of("Domain-0").moments;
  moments.clear();
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::uint64_t start = builder.evidence.start_ns + i * 100'000'000;
    moments.push_back({start, start + 100'000'000, i < 50 ? 0U : 60'000'000U, 0});
  }
  const Finding later = first(builder.evidence);
  EXPECT_EQ(later.since_ns, builder.evidence.start_ns + 5'000'000'000);
  EXPECT_FALSE(later.since_or_earlier);
  for (Moment& moment : moments) moment.waited_ns = 30'000'000;
  const Finding always = first(builder.evidence);
  EXPECT_EQ(always.since_ns, builder.evidence.start_ns);
  EXPECT_TRUE(always.since_or_earlier);
}

TEST(Finding, has_all_that_the_text_shows) {
  const EvidenceBuilder builder = capped();
  const std::vector<Finding> findings = diagnose(builder.evidence);
  const std::string text = findings_text(findings, builder.evidence.start_ns, builder.evidence.end_ns, 100);
  EXPECT_THAT(text, HasSubstr("1. web has reached its cap of 60 % of a pCPU"));
  EXPECT_THAT(text, HasSubstr("of the cap used 99.8 % (at least 90)"));
  EXPECT_THAT(text, HasSubstr("costs 340ms of every second"));
  EXPECT_THAT(text, HasSubstr("xl sched-credit2 -d web -c 0\n"));
  EXPECT_THAT(text, HasSubstr("may harm"));
  EXPECT_THAT(text, HasSubstr("it helped"));
}

TEST(Finding, never_has_a_name_in_a_command_that_a_shell_could_mistake) {
  DomainEvidence domain;
  domain.domid = 7;
  for (const char* name : {"", "a b", "a;reboot", "$(reboot)", "-d", "12", "a\nb", "\xc3\xa4"}) {
    domain.name = name;
    EXPECT_EQ(as_argument(domain), "7") << name;
  }
  domain.name = "web-2.example_1";
  EXPECT_EQ(as_argument(domain), "web-2.example_1");
}

TEST(Finding, names_pcpus_as_xl_takes_them) {
  EXPECT_EQ(pcpu_argument(std::vector<std::uint32_t>{0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  EXPECT_EQ(pcpu_argument(std::vector<std::uint32_t>{}), "");
}

// ---- the table

TEST(Rules, each_has_a_condition_and_a_source) {
  for (const Rule& rule : rules()) {
    EXPECT_TRUE(rule.must[0].used()) << rule.name;
    EXPECT_STRNE(rule.source, "") << rule.name;
    EXPECT_STRNE(rule.name, "") << rule.name;
    for (const auto& conditions : {rule.must, rule.must_not}) {
      for (const Condition& condition : conditions) {
        if (!condition.used()) continue;
        EXPECT_STRNE(info_of(condition.measure).name, "none") << rule.name;
      }
    }
    if (rule.cause == Cause::kNoShortage) continue;
    EXPECT_STRNE(rule.harm, "") << rule.name;
    EXPECT_STRNE(rule.proof, "") << rule.name;
  }
}

} // namespace
} // namespace xenmon
