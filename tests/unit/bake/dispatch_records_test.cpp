// SPDX-License-Identifier: GPL-2.0-or-later
//
// The accounting by the dispatch records of XenMon's patches to Xen, in both versions.
#include <gtest/gtest.h>

#include "baked.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

// Domain 1 runs from 1000 on, and this is what then happens to it.
WindowBuilder& story(WindowBuilder& w) {
  return w.switched(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken}, 30)
      .continued(1300, 1, 40)
      .switched(1500, 1, {500, event::kCauseSlice}, 2, {0, event::kCauseNone})
      .switched(1600, 2, {100, event::kCauseBlocked}, 1, {100, event::kCauseSlice}, 50)
      .switched(1700, 1, {100, event::kCauseBlocked}, kIdle, {700, event::kCausePreempted})
      .changed(1800, 1, kBlockedState, kRunnableState)
      .switched(1820, kIdle, {120, event::kCausePreempted}, 1, {20, event::kCauseWoken}, 30)
      .switched(1900, 1, {80, event::kCausePaused}, kIdle, {80, event::kCausePreempted})
      .domain_removed(2000, 1);
}

class DispatchRecords : public testing::TestWithParam<int> {
 protected:
  [[nodiscard]] WindowBuilder window(std::uint32_t pcpu = 0) const {
    WindowBuilder w(pcpu);
    if (GetParam() == 1) w.write_first_version();
    return w;
  }
};
INSTANTIATE_TEST_SUITE_P(Version, DispatchRecords, testing::Values(1, 2));

TEST_P(DispatchRecords, OneRecordReportsBothVcpusOfASwitch) {
  WindowBuilder w = window();
  story(w);
  const Outcome outcome = bake({&w});
  const VcpuTotals& vcpu = outcome.vcpu(1);
  EXPECT_EQ(outcome.duration, 1000U);
  EXPECT_EQ(vcpu.times[kRunning], 500U + 100 + 80);
  EXPECT_EQ(vcpu.times[kWaitPreempt], 100U);
  EXPECT_EQ(vcpu.times[kWaitWake], 20U);
  EXPECT_EQ(vcpu.times[kBlocked], 100U);
  EXPECT_EQ(vcpu.times[kOffline], 100U);
  EXPECT_EQ(vcpu.times[kUnknown], 0U);
  EXPECT_EQ(vcpu.executions, 4U);
  EXPECT_EQ(vcpu.continues, 1U);
  EXPECT_EQ(vcpu.slices.count, 4U);
  EXPECT_EQ(vcpu.slices.min_ns, 30U);
  EXPECT_EQ(vcpu.slices.max_ns, 50U);
  EXPECT_EQ(vcpu.wait.max, 100U);
  EXPECT_EQ(vcpu.wake_wait.max, 20U);
  EXPECT_EQ(vcpu.preempt_wait.max, 100U);
  EXPECT_EQ(outcome.vcpu(2).times[kRunning], 100U);
  EXPECT_EQ(outcome.vcpu(kIdle).times[kRunning], 120U + 100);
  EXPECT_EQ(outcome.counts.bad.total(), 0U);
}

// As credit2 takes a vCPU away that has used up its cap, and gives it back: no record tells of its coming
// back, and the one of the switch to it says that it did not wait.
TEST_P(DispatchRecords, AVcpuThatReturnsWithoutARecordWasOffline) {
  WindowBuilder w = window();
  w.switched(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken}, 30)
      .switched(1300, 1, {300, event::kCausePaused}, kIdle, {300, event::kCausePreempted})
      .switched(2000, kIdle, {700, event::kCausePreempted}, 1, {0, event::kCauseNone}, 30)
      .switched(2100, 1, {100, event::kCauseBlocked}, kIdle, {100, event::kCausePreempted});
  const Outcome outcome = bake({&w});
  const VcpuTotals& vcpu = outcome.vcpu(1);
  EXPECT_EQ(vcpu.times[kRunning], 300U + 100);
  EXPECT_EQ(vcpu.times[kOffline], 700U);
  EXPECT_EQ(vcpu.times[kUnknown], 0U);
  EXPECT_EQ(vcpu.executions, 2U);
  EXPECT_EQ(outcome.counts.state_conflicts, 0U);
}

TEST_P(DispatchRecords, WhatXenSaysOfThePastIsBelieved) {
  WindowBuilder w = window();
  // Nothing was known of either before: the first ran since 1200, the second was woken at 1400.
  w.changed(1000, 9, kBlockedState, kRunnableState)
      .switched(1500, 1, {300, event::kCauseBlocked}, 2, {100, event::kCauseWoken})
      .switched(1600, 2, {100, event::kCauseBlocked}, kIdle, {5'000'000, event::kCausePreempted});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 200U);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 300U);
  EXPECT_EQ(outcome.vcpu(2).times[kUnknown], 400U);
  EXPECT_EQ(outcome.vcpu(2).times[kWaitWake], 100U);
  EXPECT_EQ(outcome.vcpu(2).wait.max, 100U);
  // It waited since before the trace began: for all of what there is of it.
  EXPECT_EQ(outcome.vcpu(kIdle).times[kUnknown], 0U);
  EXPECT_EQ(outcome.vcpu(kIdle).times[kWaitPreempt], 600U);
}

TEST_P(DispatchRecords, AfterLostRecordsTheStateIsKnownAgainAtOnce) {
  WindowBuilder w = window();
  w.switched(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken})
      .lost(1100, 1900, 7, 2, 0)
      .switched(2000, 2, {400, event::kCausePreempted}, 1, {600, event::kCauseSlice});
  const Outcome outcome = bake({&w});
  // 1 ran until 1100 and waited since 1400; no record says what it did in between.
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 100U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 300U);
  EXPECT_EQ(outcome.vcpu(1).times[kWaitPreempt], 600U);
}

TEST_P(DispatchRecords, XensOwnRecordsBesideThemChangeNothing) {
  WindowBuilder w = window();
  WindowBuilder both = window();
  story(w);
  story(both).runstate(2000, 3, 0, kRunningState, kBlockedState).proceed(2000, 1, 0);
  Baker::Options options = plain_options();
  options.has_dispatches = true;
  const Outcome alone = bake({&w}, options);
  const Outcome beside = bake({&both}, options);
  EXPECT_EQ(alone.vcpu(1).times, beside.vcpu(1).times);
  EXPECT_EQ(alone.vcpu(1).executions, beside.vcpu(1).executions);
  EXPECT_EQ(alone.totals.size(), beside.totals.size()); // no record has reported domain 3
}

TEST_P(DispatchRecords, AreIgnoredIfXensOwnRecordsAreAskedFor) {
  WindowBuilder w = window();
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .switched(1200, 1, {300, event::kCauseBlocked}, 2, {100, event::kCauseWoken})
      .plain(event::kAcctPageCounts, {7U << 16 | 1, 4096})
      .plain(event::kDispatchPageCounts, {0, 7U << 16 | 1, 4096})
      .record(event::kAcctPageOp, 1250, {3U << 16 | 1, 4096})
      .record(event::kGrantMap, 1260, {1})
      .runstate(1300, 1, 0, kRunningState, kBlockedState);
  Baker::Options options = plain_options();
  options.stock_records = true;
  options.event_mask = 0x0112f000;
  const Outcome outcome = bake({&w}, options);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 300U);
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{1, 0, 0, 0}));
  EXPECT_EQ(outcome.totals.size(), 2U); // and Dom0, which exchanged the page
}

// Xen's own record of a decision comes first.
TEST_P(DispatchRecords, TheFirstSliceIsNotCountedTwiceWhereTheMaskIsNotKnown) {
  WindowBuilder switching = window();
  switching.record(event::kSwitchInfNext, 1000, {1, 0, 0, 30'000'000})
      .switched(1000, 0, {500, event::kCauseBlocked}, 1, {0, event::kCauseWoken}, 30'000'000)
      .continued(1500, 1, 20'000'000);
  const VcpuTotals switched = bake({&switching}).vcpu(1, 0);
  EXPECT_EQ(switched.slices.count, 2U);
  EXPECT_EQ(switched.slices.sum_ns, 50'000'000U);

  WindowBuilder continuing = window();
  continuing.record(event::kSwitchInfCont, 1000, {1, 0, 500, 30'000'000})
      .continued(1000, 1, 30'000'000)
      .continued(1500, 1, 20'000'000);
  const VcpuTotals continued = bake({&continuing}).vcpu(1, 0);
  EXPECT_EQ(continued.slices.count, 2U);
  EXPECT_EQ(continued.slices.sum_ns, 50'000'000U);
}

// However long it was: if all bits are set, it was at least that long.
TEST_P(DispatchRecords, TheLongestTimesDoNotWrap) {
  const std::uint64_t longest = (std::uint64_t{1} << (GetParam() == 1 ? 52 : 44)) - 1;
  WindowBuilder w = window();
  w.switched(1000, 1, {longest, event::kCauseBlocked}, 2, {longest, event::kCausePreempted})
      .switched(1500, 2, {500, event::kCauseBlocked}, 1, {longest, event::kCauseNone});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(2).times[kRunning], 500U);
  EXPECT_EQ(outcome.counts.conservation_violations, 0U);
}

// 36 minutes, which 32 bits of ns do not hold.
TEST_P(DispatchRecords, ALongTimeIsWhole) {
  constexpr std::uint64_t kLong = 2'200'000'000'000;
  WindowBuilder w = window();
  w.switched(kLong + 1000, 1, {kLong, event::kCauseBlocked}, 2, {kLong, event::kCausePreempted});
  Baker::Options options = plain_options();
  Baker baker(options);
  baker.begin(1, 1000);
  Merge merge;
  merge.append(pass_of({&w}));
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  for (const DomainTotals& domain : baker.totals()) {
    for (const VcpuTotals& vcpu : domain.vcpus) {
      EXPECT_EQ(vcpu.times[domain.domid == 1 ? kRunning : kWaitPreempt], kLong) << domain.domid;
    }
  }
}

TEST(SecondVersion, ASliceOfMoreThanTwoSecondsCounts) {
  WindowBuilder w;
  w.switched(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken}, 0xffffffff)
      .continued(1100, 1, 0x80000000);
  EXPECT_EQ(bake({&w}).vcpu(1).slices.count, 2U);
  EXPECT_EQ(bake({&w}).vcpu(1).slices.max_ns, 0xffffffffU);
}

// It is runnable all the time, and why it waited before it ran the first time stays known.
TEST(SecondVersion, AVcpuThatIsMovedWaits) {
  WindowBuilder w;
  w.switched(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken}, 30)
      .switched(1200, 1, {200, event::kCauseMigrated}, kIdle, {200, event::kCausePreempted});
  WindowBuilder other(1);
  other.record(event::kDispatchContinue, 900, {kIdle << 16 | 1})
      .record(event::kDispatchSwitch, 1500, {kIdle << 16 | 1, 1U << 16, 600, 300, 2U << 12 | 8U << 28, 30});
  const Outcome outcome = bake({&w, &other});
  EXPECT_EQ(outcome.vcpu(1).times[kWaitPreempt], 300U);
  EXPECT_EQ(outcome.vcpu(1).times[kOffline], 0U);
  EXPECT_EQ(outcome.vcpu(1).running_by_pcpu.size(), 1U);
  EXPECT_EQ(outcome.counts.state_conflicts, 0U);
}

// Core scheduling: one pCPU decides for both, and writes into its own buffer.
WindowBuilder& for_two_pcpus(WindowBuilder& w) {
  return w
      .record(event::kDispatchSwitch, 1000, {kIdle << 16 | 2, 1U << 16, 500, 100, 2U << 12 | 6U << 28, 30})
      .record(event::kDispatchSwitch, 1001,
              {kIdle << 16 | 3, 1U << 16 | 1, 500, 100, 2U << 12 | 6U << 28, 30, 3})
      .record(event::kDispatchSwitch, 1400, {1U << 16, kIdle << 16 | 2, 400, 400, 1U << 12 | 2U << 28})
      .record(event::kDispatchRunstate | kRunningState << 8 | kBlockedState << 4, 1401, {1U << 16 | 1, 3})
      .record(event::kDispatchRunstate | kRunnableState << 8 | kRunningState << 4, 1401,
              {kIdle << 16 | 3, 3});
}

TEST(SecondVersion, ARecordMayBeAboutAnotherPcpu) {
  WindowBuilder w(2);
  for_two_pcpus(w).record(event::kDispatchContinue, 1500, {kIdle << 16 | 2});
  const Outcome outcome = bake({&w});
  using ByPcpu = std::vector<std::pair<std::uint32_t, std::uint64_t>>;
  EXPECT_EQ(outcome.vcpu(1, 0).running_by_pcpu, (ByPcpu{{2, 400}}));
  EXPECT_EQ(outcome.vcpu(1, 1).running_by_pcpu, (ByPcpu{{3, 400}}));
  EXPECT_EQ(outcome.vcpu(1, 1).times[kBlocked], 99U);
  EXPECT_EQ(outcome.vcpu(kIdle, 3).times[kRunning], 1U + 99);
  EXPECT_EQ(outcome.counts.state_conflicts, 0U);
}

TEST(SecondVersion, WhereBuffersAreSharedALossIsOneOfEveryPcpu) {
  WindowBuilder w(2);
  for_two_pcpus(w);
  w.record(event::kDispatchRunstate | kBlockedState << 8 | kRunnableState << 4, 1450, {1U << 16 | 1})
      .record(event::kDispatchSwitch, 1500,
              {kIdle << 16 | 3, 1U << 16 | 1, 100, 50, 2U << 12 | 6U << 28, 30, 3});
  WindowBuilder other(5);
  other.record(event::kDispatchContinue, 900, {7U << 16}).lost(1600, 1800, 3, 7, 0).continued(1900, 7, 0);
  const Outcome outcome = bake({&w, &other});
  // From 1600 on it may have left pCPU 3.
  EXPECT_EQ(outcome.vcpu(1, 1).times[kRunning], 400U + 100);
  EXPECT_EQ(outcome.vcpu(1, 1).times[kUnknown], 1U + 300);
}

TEST(SecondVersion, APcpuThatCannotExistIsBadContent) {
  WindowBuilder w;
  w.record(event::kDispatchSwitch, 1000, {0, 1U << 16, 500, 100, 2U << 12 | 6U << 28, 30, 0xfffffff0})
      .record(event::kDispatchRunstate | kRunningState << 8 | kBlockedState << 4, 1100, {1U << 16, 16384});
  EXPECT_EQ(bake({&w}).counts.bad.by_cause()[XENMON_BAD_CONTENT], 2U);
}

TEST(SecondVersion, PageCountsNameTheVcpuThatActed) {
  WindowBuilder w;
  w.switched(1000, kIdle, {500, event::kCausePreempted}, 3, {100, event::kCauseWoken})
      .plain(event::kDispatchPageCounts, {3U << 16 | 1, 5U << 16 | 1, 7000, 3U << 16 | 2, 1})
      .plain(event::kDispatchPageCounts, {0, 1U << 16 | 2, 60})
      .switched(1500, 3, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted})
      .plain(event::kDispatchPageCounts, {0, 1U << 16 | 2, 1}); // and nothing follows
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{2, 3, 1, 5}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 7000U);
  EXPECT_EQ(outcome.domain(2).io, (IoCounts{0, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(0).io, (IoCounts{0, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(3).io, (IoCounts{2, 3, 1, 5}));
}

std::vector<std::uint64_t> unmapped_by(const Outcome& outcome, std::uint32_t domid) {
  std::vector<std::uint64_t> unmapped;
  for (const DomainTotals& domain : outcome.totals) {
    if (domain.domid == domid) unmapped.push_back(domain.io[kIoUnmap]);
  }
  return unmapped;
}

// Xen releases the mappings that a domain still had at its end, and the number may have a new owner by then.
TEST(SecondVersion, PageCountsBelongToTheDomainThatHadTheNumberThen) {
  WindowBuilder w;
  w.changed(900, 4, kBlockedState, kOfflineState)
      .changed(900, 1, kBlockedState, kOfflineState)
      .domain_removed(1100, 4)
      .plain(event::kDispatchPageCounts, {4U << 16 | event::kReleased, 1, 0, 6U << 16});
  WindowBuilder other(1);
  other.changed(1000, 8, kBlockedState, kRunnableState).domain_added(1200, 4).continued(1300, 8, 0);
  w.continued(1400, 9, 0);
  EXPECT_EQ(unmapped_by(bake({&w, &other}), 4), (std::vector<std::uint64_t>{6, 0}));
  EXPECT_EQ(unmapped_by(bake({&w, &other}), 1), (std::vector<std::uint64_t>{6}));
}

// Also if many pCPUs are merged in batches, and if its window ends right after the record before it.
TEST(SecondVersion, PageCountsKnowTheRecordBeforeThemHoweverTheyAreMerged) {
  std::vector<WindowBuilder> others;
  for (std::uint32_t pcpu = 1; pcpu < 12; ++pcpu) {
    others.emplace_back(pcpu);
    for (std::uint64_t tsc = 900; tsc < 2000; tsc += 20) others.back().continued(tsc + pcpu, 20 + pcpu, 0);
  }
  others[3].domain_added(2000, 4);
  for (WindowBuilder& other : others)
    other.continued(2100, 20 + other.pcpu(), 0).continued(2200, 20 + other.pcpu(), 0);
  for (const bool split : {false, true}) {
    WindowBuilder first;
    WindowBuilder second;
    WindowBuilder& rest = split ? second : first;
    first.changed(900, 4, kBlockedState, kOfflineState).domain_removed(1100, 4);
    rest.plain(event::kDispatchPageCounts, {0, 4, 0, 6U << 16}).continued(2050, 9, 0).continued(2150, 9, 0);
    Baker baker(plain_options());
    Merge merge;
    Pass pass = pass_of({&first});
    for (const WindowBuilder& other : others) pass.windows.push_back(other.window());
    pass.last = false;
    merge.append(pass);
    if (split) {
      pass = pass_of({&second});
      merge.append(pass);
    } else {
      merge.append(pass_of({}));
    }
    merge.drain(Merge::kNoLimit, baker);
    baker.finish(merge.position());
    std::vector<std::uint64_t> unmapped;
    for (const DomainTotals& domain : baker.totals()) {
      if (domain.domid == 4) unmapped.push_back(domain.io[kIoUnmap]);
    }
    EXPECT_EQ(unmapped, (std::vector<std::uint64_t>{6, 0})) << split;
  }
}

// The record of a patched Xen, without the others of the patches.
TEST(SecondVersion, ACopyCountsForEachDomainThatGrantedAPage) {
  WindowBuilder w;
  w.record(event::kGrantCopy, 1000, {1, 1500U | event::kCopyFromGrant})
      .record(event::kGrantCopy, 1100, {2U << 16, 60U | event::kCopyToGrant})
      .record(event::kGrantCopy, 1200, {2U << 16 | 1, 100U | event::kCopyFromGrant | event::kCopyToGrant})
      .record(event::kGrantCopy, 1300, {1, 9});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{0, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 1600U);
  EXPECT_EQ(outcome.domain(2).io, (IoCounts{0, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(2).io_copy_bytes, 160U);
}

TEST(SecondVersion, ImpossibleContentsAreCountedAndSkipped) {
  WindowBuilder w;
  w.changed(1000, 1, kBlockedState, kRunnableState)
      .record(event::kDispatchSwitch, 1100, {1, 2, 3, 4})
      .record(event::kDispatchContinue, 1100, {})
      .record(event::kDispatchRunstate, 1100, {})
      .record(event::kGrantCopy, 1100, {1})
      .plain(event::kDispatchPageCounts, {0, 1})
      .plain(event::kDispatchPageCounts, {0, 0x7ff1, 0})
      .plain(event::kDispatchPageCounts, {0x7ff1U << 16, 1, 0})
      .record(0x00024fff, 1200, {1, 2, 3});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.counts.bad.total(), 7U);
  EXPECT_EQ(outcome.duration, 200U);
}

} // namespace
} // namespace xenmon::test
