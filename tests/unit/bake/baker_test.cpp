// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/baker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "baked.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

TEST(Baker, FollowsOneVcpuThroughItsStates) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(1300, 1, 0, kRunningState, kBlockedState)
      .runstate(1700, 1, 0, kBlockedState, kRunnableState)
      .runstate(1750, 1, 0, kRunnableState, kRunningState)
      .runstate(1850, 1, 0, kRunningState, kRunnableState)
      .runstate(1860, 1, 0, kRunnableState, kRunningState)
      .runstate(1900, 1, 0, kRunningState, kOfflineState)
      .runstate(2000, 1, 0, kOfflineState, kRunnableState);
  const Outcome outcome = bake({&w});
  const VcpuTotals& vcpu = outcome.vcpu(1);
  EXPECT_EQ(outcome.duration, 1000U);
  EXPECT_EQ(vcpu.times[kRunning], 300U + 100 + 40);
  EXPECT_EQ(vcpu.times[kWaitWake], 50U);
  EXPECT_EQ(vcpu.times[kWaitPreempt], 10U);
  EXPECT_EQ(vcpu.times[kBlocked], 400U);
  EXPECT_EQ(vcpu.times[kOffline], 100U);
  EXPECT_EQ(vcpu.times[kUnknown], 0U);
  EXPECT_EQ(vcpu.executions, 3U);
  EXPECT_EQ(vcpu.wait.max, 50U);
  EXPECT_EQ(vcpu.run.max, 300U);
}

TEST(Baker, CountsTheIntervalThatIsOpenAtTheEnd) {
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState).record(0x22202, 900, {1, 2});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 800U);
}

TEST(Baker, TimeBeforeTheFirstRecordIsUnknown) {
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState).runstate(600, 2, 0, kBlockedState, kRunnableState);
  w.record(0x22202, 700, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(2).times[kUnknown], 500U);
  EXPECT_EQ(outcome.vcpu(2).times[kWaitWake], 100U);
}

TEST(Baker, ContinuingIsAnExecutionOfItsOwn) {
  WindowBuilder w;
  w.runstate(0x1000, 1, 0, kRunnableState, kRunningState)
      .record(event::kSwitchInfCont, 0x1064, {1, 0, 100, 30})
      .proceed(0x1064, 1, 0)
      .runstate(0x1096, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&w});
  const VcpuTotals& vcpu = outcome.vcpu(1);
  EXPECT_EQ(vcpu.executions, 2U);
  EXPECT_EQ(vcpu.continues, 1U);
  EXPECT_EQ(vcpu.run.max, 100U);
  EXPECT_EQ(vcpu.times[kRunning], 150U);
  EXPECT_EQ(vcpu.slices.count, 1U);
}

TEST(Baker, AVcpuFirstSeenContinuingHasRunSinceItsPcpusRecordsBegan) {
  WindowBuilder w;
  w.record(0x22202, 1000, {}).proceed(1500, 1, 0).runstate(1600, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 600U);
  EXPECT_EQ(outcome.vcpu(1).executions, 1U);
}

TEST(Baker, CreditsEachPcpuWithWhatRanOnIt) {
  WindowBuilder a(0);
  WindowBuilder b(3);
  a.runstate(100, 1, 0, kRunnableState, kRunningState).runstate(200, 1, 0, kRunningState, kRunnableState);
  b.runstate(250, 1, 0, kRunnableState, kRunningState).runstate(290, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b});
  const auto& by_pcpu = outcome.vcpu(1).running_by_pcpu;
  ASSERT_EQ(by_pcpu.size(), 2U);
  EXPECT_EQ(by_pcpu[0], (std::pair<std::uint32_t, std::uint64_t>{0, 100}));
  EXPECT_EQ(by_pcpu[1], (std::pair<std::uint32_t, std::uint64_t>{3, 40}));
  EXPECT_EQ(outcome.vcpu(1).times[kWaitPreempt], 50U);
}

TEST(Baker, SlicesWithoutLimitAreNotAveragedIn) {
  WindowBuilder w;
  w.record(event::kSwitchInfNext, 100, {1, 0, 5, 500})
      .record(event::kSwitchInfNext, 110, {1, 0, 5, 700})
      .record(event::kSwitchInfNext, 120, {1, 0, 5, 0xffffffff})
      .record(event::kSwitchInfNext, 130, {1, 0, 5, 0})
      .record(event::kSwitchInfNext, 140, {1, 5, 900}); // as before Xen 4.8: no vCPU
  const Outcome outcome = bake({&w});
  const Slices& slices = outcome.vcpu(1).slices;
  EXPECT_EQ(slices.count, 3U);
  EXPECT_EQ(slices.sum_ns, 2100U);
  EXPECT_EQ(slices.min_ns, 500U);
  EXPECT_EQ(slices.max_ns, 900U);
}

TEST(Baker, PageExchangesAreCreditedToTheGuestAndToDom0) {
  WindowBuilder w;
  w.record(event::kGrantMap, 10, {1})
      .record(event::kGrantMap, 11, {2})
      .record(event::kGrantUnmap, 12, {1})
      .record(event::kGrantTransfer, 13, {1})
      .record(event::kGrantMap, 14, {0});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{1, 1, 1, 0}));
  EXPECT_EQ(outcome.domain(2).io, (IoCounts{1, 0, 0, 0}));
  EXPECT_EQ(outcome.domain(0).io, (IoCounts{3, 1, 1, 0}));
}

TEST(Baker, LostRecordsMakeTheGapUnknown) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(100, 1, 0, kRunnableState, kRunningState)
      .runstate(110, 2, 0, kOfflineState, kBlockedState)
      .lost(200, 500, 17, 1, 0)
      .runstate(600, 1, 0, kRunningState, kBlockedState)
      .runstate(800, 2, 0, kBlockedState, kRunnableState)
      .record(0x22202, 1000, {});
  b.runstate(120, 3, 0, kRunnableState, kRunningState).runstate(900, 3, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.merged.lost_records, 17U);
  // Ran before the gap; Xen names it as the one that runs after it.
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 100U + 100);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 300U);
  EXPECT_EQ(outcome.vcpu(1).times[kBlocked], 400U);
  // Blocked before the gap; nothing says that it stayed so until a record reports it again.
  EXPECT_EQ(outcome.vcpu(2).times[kBlocked], 90U);
  EXPECT_EQ(outcome.vcpu(2).times[kUnknown], 10U + 600);
  EXPECT_EQ(outcome.vcpu(2).times[kWaitWake], 200U);
  // Ran on a pCPU that lost nothing.
  EXPECT_EQ(outcome.vcpu(3).times[kRunning], 780U);
}

TEST(Baker, WhoeverStopsRunningWhileAnotherPcpuLosesRecordsIsUnknown) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(100, 1, 0, kRunnableState, kRunningState).lost(200, 500, 3, 1, 0).record(0x22202, 1000, {});
  b.runstate(100, 3, 0, kRunnableState, kRunningState).runstate(300, 3, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.vcpu(3).times[kRunning], 200U);
  EXPECT_EQ(outcome.vcpu(3).times[kBlocked], 0U);
  EXPECT_EQ(outcome.vcpu(3).times[kUnknown], 700U);
}

TEST(Baker, AContradictionMakesTheTimeUnknown) {
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunningState, kBlockedState)
      .runstate(500, 1, 0, kRunnableState, kRunningState) // its wake was not seen
      .record(0x22202, 600, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.counts.state_conflicts, 1U);
  EXPECT_EQ(outcome.vcpu(1).times[kBlocked], 0U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 400U);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 100U);
  EXPECT_EQ(outcome.vcpu(1).wait.max, 0U);
}

TEST(Baker, AnOlderRecordFromAnotherPcpuDoesNotStopARunningVcpu) {
  // The wake on pCPU 1 carries a TSC that is a little ahead.
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(100, 1, 0, kRunningState, kBlockedState)
      .runstate(500, 1, 0, kRunnableState, kRunningState)
      .record(0x22202, 600, {});
  b.runstate(503, 1, 0, kBlockedState, kRunnableState);
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 100U);
  EXPECT_EQ(outcome.counts.state_conflicts, 2U);
}

TEST(Baker, TwoDomainsCannotRunOnOnePcpu) {
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState)
      .runstate(300, 2, 0, kRunnableState, kRunningState)
      .record(0x22202, 400, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 0U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 300U);
  EXPECT_EQ(outcome.vcpu(2).times[kRunning], 100U);
}

TEST(Baker, CoreSchedulingReportsAllVcpusOfAUnitOnOnePcpu) {
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState)
      .runstate(100, 1, 1, kRunnableState, kRunningState)
      .runstate(300, 1, 0, kRunningState, kRunnableState)
      .runstate(300, 1, 1, kRunningState, kRunnableState);
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1, 0).times[kRunning], 200U);
  EXPECT_EQ(outcome.vcpu(1, 1).times[kRunning], 200U);
  EXPECT_EQ(outcome.counts.state_conflicts, 0U);
}

TEST(Baker, AReusedDomidIsANewDomain) {
  WindowBuilder w;
  w.record(0x22202, 0x100, {})
      .record(event::kDomainAdd, 0x200, {5})
      .runstate(0x300, 5, 0, kOfflineState, kRunnableState)
      .runstate(0x310, 5, 0, kRunnableState, kRunningState)
      .runstate(0x400, 5, 0, kRunningState, kOfflineState)
      .record(event::kDomainRemove, 0x500, {5})
      .record(event::kDomainAdd, 0x600, {5})
      .runstate(0x700, 5, 0, kOfflineState, kRunnableState)
      .runstate(0x710, 5, 0, kRunnableState, kRunningState)
      .record(0x22202, 0x900, {});
  const Outcome outcome = bake({&w});
  ASSERT_EQ(outcome.totals.size(), 2U);
  EXPECT_EQ(outcome.vcpu(5, 0, 0).times[kRunning], 0xf0U);
  EXPECT_EQ(outcome.vcpu(5, 0, 0).times[kOffline], 0x200U + 0x500);
  EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kRunning], 0x1f0U);
  EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kOffline], 0x600U);
  EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kUnknown], 0U);
}

TEST(Baker, ThePredecessorsRemovalMayComeBehindTheSuccessorsCreation) {
  WindowBuilder w;
  w.runstate(0x100, 5, 0, kRunningState, kOfflineState)
      .record(event::kDomainAdd, 0x200, {5})
      .record(event::kDomainRemove, 0x250, {5})
      .runstate(0x300, 5, 0, kOfflineState, kRunnableState)
      .runstate(0x310, 5, 0, kRunnableState, kRunningState)
      .record(0x22202, 0x400, {});
  const Outcome outcome = bake({&w});
  ASSERT_EQ(outcome.totals.size(), 2U);
  EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kRunning], 0xf0U);
}

// Domain 5 is followed by another one of its number before its removal has been seen; `middle` lies between
// them. A removal comes after that, and then the second one's vCPU is said to have been blocked all the time.
Outcome two_domains_of_one_number(const WindowBuilder& middle) {
  WindowBuilder before(0);
  before.record(event::kDomainAdd, 0x100, {5})
      .runstate(0x110, 5, 0, kOfflineState, kRunnableState)
      .runstate(0x120, 5, 0, kRunnableState, kRunningState)
      .runstate(0x140, 5, 0, kRunningState, kBlockedState);
  WindowBuilder after(2);
  after.record(event::kDomainAdd, 0x500, {5})
      .runstate(0x600, 5, 0, kOfflineState, kBlockedState)
      .record(event::kDomainRemove, 0x700, {5})
      .runstate(0x800, 5, 0, kBlockedState, kRunnableState)
      .record(0x22202, 0x900, {});
  return bake({&before, &middle, &after});
}

TEST(Baker, ARemovalIsWaitedForIfNothingWasLostSinceTheDomainWasHeardOf) {
  WindowBuilder middle(1);
  middle.lost(0x200, 0x300, 7, kIdle, 1).runstate(0x400, 5, 0, kBlockedState, kOfflineState);
  const Outcome outcome = two_domains_of_one_number(middle);
  EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kBlocked], 0x200U);
  EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kUnknown], 0U);
}

// Nobody knows whether it is the second domain's, or the first one's and late.
TEST(Baker, ARemovalInDoubtEndsNobodyAndNothingIsKnownBehindIt) {
  WindowBuilder lost(1);
  lost.lost(0x200, 0x300, 7, kIdle, 1);
  WindowBuilder gap_ends_later(1); // domain 5 was heard of at 0x140
  gap_ends_later.lost(0x120, 0x4f0, 7, kIdle, 1).record(0x22202, 0x4f8, {});
  for (const WindowBuilder* middle : {&lost, &gap_ends_later}) {
    const Outcome outcome = two_domains_of_one_number(*middle);
    EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kBlocked], 0x100U);
    EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kUnknown], 0x100U);
    EXPECT_EQ(outcome.vcpu(5, 0, 1).times[kWaitWake], 0x100U);
    EXPECT_EQ(std::count_if(outcome.totals.begin(), outcome.totals.end(),
                            [](const DomainTotals& domain) { return domain.domid == 5; }),
              2);
  }
}

TEST(Baker, IdleIsListedLastAndTiedToItsPcpu) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.dispatch(0x100, kIdle, kRunnableState, 1, 1000);
  b.runstate(0x100, kIdle, 1, kRunnableState, kRunningState).record(0x22202, 0x200, {});
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.totals.back().domid, kIdle);
  EXPECT_EQ(outcome.vcpu(kIdle, 1).times[kRunning], 0x100U);
  EXPECT_EQ(outcome.vcpu(kIdle, 1).slices.count, 0U);
}

TEST(Baker, ImpossibleNumbersAreCountedAndMakeNothing) {
  WindowBuilder w;
  w.record(event::kGrantMap, 100, {0x12345})
      .runstate(110, 0x7ff4, 0, kRunnableState, kRunningState)
      .runstate(120, 1, 0xffff, kRunnableState, kRunningState)
      .record(event::kSwitchInfNext, 130, {0x10000, 0, 0, 5})
      .record(event::kRunstateChange, 140, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.counts.bad.total(), 5U);
  EXPECT_TRUE(outcome.totals.empty());
}

TEST(Baker, ASilenceThatNoHostKeepsIsUnknown) {
  const std::uint64_t long_after = 100 + 2 * Baker::kMaxSilenceNs;
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState)
      .record(0x22202, long_after, {})
      .runstate(long_after + 50, 1, 0, kRunningState, kBlockedState)
      .record(0x22202, long_after + 80, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 0U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 2 * Baker::kMaxSilenceNs + 50);
  EXPECT_EQ(outcome.vcpu(1).times[kBlocked], 30U);
}

TEST(Baker, TheLargestTscsDoNoHarm) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(100, 1, 0, kRunnableState, kRunningState);
  b.runstate(~std::uint64_t{0} - 10, 2, 0, kRunnableState, kRunningState)
      .record(0x22202, ~std::uint64_t{0}, {});
  for (const std::uint32_t khz : {1'000U, 1'000'000U, 5'000'000U}) {
    Baker::Options options;
    options.cpu_khz = khz;
    bake({&a, &b}, options);
  }
}

// ---- samples

class Collector final : public BakeSink {
 public:
  void on_sample(Baker&, const BakedSample& sample) override {
    lengths.push_back(sample.end_ns - sample.start_ns);
    std::map<std::uint32_t, std::uint64_t> told;
    for (const xenmon_row& row : sample.rows) {
      told[row.vcpu_slot] += std::uint64_t{row.running_ns} + row.waited_wake_ns + row.waited_preempt_ns +
                             row.blocked_ns + row.offline_ns + row.unknown_ns;
      running += row.running_ns;
      executions += row.executions;
      EXPECT_LE(row.running_ns, lengths.back());
    }
    for (const auto& [slot, ns] : told) EXPECT_EQ(ns, lengths.back()) << "slot " << slot;
    rows.push_back(sample.rows.size());
    lost += sample.lost_records;
    for (const xenmon_io_row& row : sample.io_rows) maps += row.map;
  }
  std::vector<std::uint64_t> lengths;
  std::vector<std::size_t> rows;
  std::uint64_t running = 0;
  std::uint64_t executions = 0;
  std::uint64_t lost = 0;
  std::uint64_t maps = 0;
};

TEST(BakerSamples, OpenIntervalsAreSplitAtTheEdges) {
  Collector collector;
  Baker::Options options = plain_options();
  options.sample_ns = 100;
  Baker baker(options, &collector);
  Merge merge;
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .record(event::kGrantMap, 1120, {1})
      .runstate(1350, 1, 0, kRunningState, kBlockedState)
      .record(0x22202, 1475, {});
  const Pass pass = pass_of({&w});
  merge.append(pass);
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  EXPECT_EQ(collector.lengths, (std::vector<std::uint64_t>{100, 100, 100, 100, 75}));
  EXPECT_EQ(collector.running, 350U);
  EXPECT_EQ(collector.executions, 1U);
  EXPECT_EQ(collector.maps, 2U); // the guest's and Dom0's
  EXPECT_EQ(baker.counts().conservation_violations, 0U);
}

TEST(BakerSamples, AnEndedDomainIsForgottenAfterTheHistory) {
  Collector collector;
  Baker::Options options = plain_options();
  options.sample_ns = 100;
  options.linger_ns = 200;
  Baker baker(options, &collector);
  Merge merge;
  const auto feed = [&](const WindowBuilder& w) {
    const Pass pass = pass_of({&w});
    merge.append(pass);
    merge.drain(Merge::kNoLimit, baker);
  };
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::uint64_t t = 1000 + i * std::uint64_t{1000};
    WindowBuilder w;
    w.record(event::kDomainAdd, t, {i % 30000 + 1})
        .runstate(t + 10, i % 30000 + 1, 0, kOfflineState, kRunnableState)
        .runstate(t + 20, i % 30000 + 1, 0, kRunnableState, kRunningState)
        .runstate(t + 30, i % 30000 + 1, 0, kRunningState, kOfflineState)
        .record(event::kDomainRemove, t + 40, {i % 30000 + 1});
    feed(w);
  }
  baker.finish(merge.position());
  EXPECT_LE(baker.domains().size(), 2U);
  EXPECT_LE(baker.vcpus().size(), 2U);
  EXPECT_EQ(collector.running, 10'000U);
  EXPECT_EQ(baker.counts().conservation_violations, 0U);
}

TEST(BakerSamples, AVeryLongSilenceIsLeaptOver) {
  Collector collector;
  Baker::Options options = plain_options();
  options.sample_ns = 100;
  Baker baker(options, &collector);
  Merge merge;
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(1000, 1, 0, kRunnableState, kRunningState).record(0x22202, 3'000'000'000, {});
  b.record(0x22202, std::uint64_t{1} << 63, {}).record(0x22202, ~std::uint64_t{0}, {});
  Pass pass;
  pass.windows.push_back(a.window());
  pass.windows.push_back(b.window());
  pass.last = true;
  merge.append(pass);
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  EXPECT_LT(collector.lengths.size(), 10U);
  EXPECT_EQ(baker.counts().conservation_violations, 0U);
  EXPECT_GE(baker.vcpu(0)->times[kRunning], 2'999'999'000U);
  const Times& times = baker.vcpu(0)->times;
  EXPECT_EQ(std::accumulate(times.begin(), times.end(), std::uint64_t{0}), baker.now_ns());
}

// Held at every edge, in the middle of silences too, a recording comes out as if it had been played at once.
TEST(BakerSamples, HoldingChangesNothing) {
  constexpr std::uint64_t kSample = 200'000'000'000; // silences are long, and samples many
  WindowBuilder w;                                   // the idle records confirm what comes after a silence
  w.runstate(1000, 1, 0, kRunnableState, kRunningState).record(event::kGrantMap, 1120, {1});
  w.runstate(3 * kSample, 1, 0, kRunningState, kBlockedState).record(0x22202, 3 * kSample + 1, {});
  w.runstate(5 * kSample, 1, 0, kBlockedState, kRunnableState).record(0x22202, 5 * kSample + 1, {});
  // No pCPU is silent for this long.
  w.runstate(10 * kSample, 1, 0, kRunnableState, kRunningState).record(0x22202, 10 * kSample + 1, {});
  w.runstate(11 * kSample, 1, 0, kRunningState, kBlockedState).record(0x22202, 11 * kSample + 500, {});
  struct Result {
    std::vector<std::uint64_t> lengths;
    std::uint64_t running, maps;
    Times times;
    bool operator==(const Result&) const = default;
  };
  const auto played = [&](bool held) {
    Collector collector;
    Baker::Options options = plain_options();
    options.sample_ns = Baker::kMaxSampleNs;
    Baker baker(options, &collector);
    Merge merge;
    const Pass pass = pass_of({&w});
    merge.append(pass);
    merge.drain(held ? 0 : Merge::kNoLimit, baker);
    if (held) {
      merge.drain(merge.next_tsc(), baker);
      for (std::uint64_t edge = Baker::kMaxSampleNs;; edge += Baker::kMaxSampleNs) {
        merge.drain(baker.base_tsc() + baker.clock().to_cycles(edge) - 1, baker);
        if (merge.next_tsc() == Merge::kNoLimit) break;
        baker.reach(edge, merge.next_tsc());
        EXPECT_EQ(baker.now_ns(), edge);
      }
    }
    baker.finish(merge.position());
    EXPECT_EQ(baker.counts().conservation_violations, 0U);
    return Result{collector.lengths, collector.running, collector.maps, baker.vcpu(0)->times};
  };
  const Result at_once = played(false);
  EXPECT_EQ(played(true), at_once);
  EXPECT_EQ(at_once.times[kUnknown], 5 * kSample);
  EXPECT_EQ(at_once.times[kRunning], 4 * kSample - 1000);
  EXPECT_EQ(at_once.maps, 2U);
}

TEST(BakerSamples, AHoldInAVeryLongSilenceIsReachedInALeap) {
  Collector collector;
  Baker::Options options = plain_options();
  options.sample_ns = 100;
  Baker baker(options, &collector);
  Merge merge;
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState).record(0x22202, 1001, {});
  const Pass pass = pass_of({&w});
  merge.append(pass);
  merge.drain(Merge::kNoLimit, baker);
  baker.reach(100'000'000'000, 200'000'001'000);
  EXPECT_EQ(baker.now_ns(), 100'000'000'000U);
  EXPECT_LE(collector.lengths.size(), Baker::kMaxEmptySamples + 2);
  EXPECT_EQ(baker.vcpu(0)->times[kRunning], 100'000'000'000U);
  EXPECT_EQ(baker.counts().conservation_violations, 0U);
}

TEST(BakerSamples, ARestartLeavesNothingKnown) {
  Collector collector;
  Baker::Options options = plain_options();
  options.sample_ns = 100;
  Baker baker(options, &collector);
  Merge merge;
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState).record(0x22202, 1100, {});
  const Pass pass = pass_of({&w});
  merge.append(pass);
  merge.drain(Merge::kNoLimit, baker);
  baker.discontinuity();
  merge.begin_round();
  merge.append(pass, 300);
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  EXPECT_EQ(baker.vcpu(0)->times[kRunning], 200U);
  EXPECT_EQ(baker.vcpu(0)->times[kUnknown], 200U);
}

} // namespace
} // namespace xenmon::test
