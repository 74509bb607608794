// SPDX-License-Identifier: GPL-2.0-or-later
//
// The accounting by the records of XenMon's patches to Xen.
#include <gtest/gtest.h>

#include "baked.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

// Domain 1 runs from 1000 on, and this is what then happens to it.
WindowBuilder& story(WindowBuilder& w) {
  return w.record(event::kAcctStart, 1000, {0xf000})
      .acct_switch(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken}, 30)
      .record(event::kAcctContinue, 1300, {1U << 16, 40})
      .acct_switch(1500, 1, {500, event::kCauseSlice}, 2, {0, event::kCauseNone})
      .acct_switch(1600, 2, {100, event::kCauseBlocked}, 1, {100, event::kCauseSlice}, 50)
      .acct_switch(1700, 1, {100, event::kCauseBlocked}, kIdle, {700, event::kCausePreempted})
      .acct_runstate(1800, 1, kBlockedState, kRunnableState)
      .acct_switch(1820, kIdle, {120, event::kCausePreempted}, 1, {20, event::kCauseWoken}, 30)
      .acct_switch(1900, 1, {80, event::kCausePaused}, kIdle, {80, event::kCausePreempted})
      .record(event::kAcctDomainRemove, 2000, {1});
}

TEST(BakerAccounting, OneRecordTellsOfBothVcpusOfASwitch) {
  WindowBuilder w;
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
TEST(BakerAccounting, WhoComesBackWithoutAWordWasOffline) {
  WindowBuilder w;
  w.record(event::kAcctStart, 1000, {0xf000})
      .acct_switch(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken}, 30)
      .acct_switch(1300, 1, {300, event::kCausePaused}, kIdle, {300, event::kCausePreempted})
      .acct_switch(2000, kIdle, {700, event::kCausePreempted}, 1, {0, event::kCauseNone}, 30)
      .acct_switch(2100, 1, {100, event::kCauseBlocked}, kIdle, {100, event::kCausePreempted});
  const Outcome outcome = bake({&w});
  const VcpuTotals& vcpu = outcome.vcpu(1);
  EXPECT_EQ(vcpu.times[kRunning], 300U + 100);
  EXPECT_EQ(vcpu.times[kOffline], 700U);
  EXPECT_EQ(vcpu.times[kUnknown], 0U);
  EXPECT_EQ(vcpu.executions, 2U);
  EXPECT_EQ(outcome.counts.state_conflicts, 0U);
}

TEST(BakerAccounting, WhatXenSaysOfThePastIsBelieved) {
  WindowBuilder w;
  // Nothing was known of either before: the first ran since 1200, the second was woken at 1400.
  w.acct_runstate(1000, 9, kBlockedState, kRunnableState)
      .acct_switch(1500, 1, {300, event::kCauseBlocked}, 2, {100, event::kCauseWoken})
      .acct_switch(1600, 2, {100, event::kCauseBlocked}, kIdle, {5'000'000, event::kCausePreempted});
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

TEST(BakerAccounting, AfterLostRecordsItIsKnownAgainAtOnce) {
  WindowBuilder w;
  w.acct_switch(1000, kIdle, {500, event::kCausePreempted}, 1, {100, event::kCauseWoken})
      .lost(1100, 1900, 7, 2, 0)
      .acct_switch(2000, 2, {400, event::kCausePreempted}, 1, {600, event::kCauseSlice});
  const Outcome outcome = bake({&w});
  // 1 ran until 1100 and waited since 1400; no record says what it did in between.
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 100U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 300U);
  EXPECT_EQ(outcome.vcpu(1).times[kWaitPreempt], 600U);
}

TEST(BakerAccounting, XensOwnRecordsBesideThemChangeNothing) {
  WindowBuilder w;
  WindowBuilder both;
  story(w);
  both.record(event::kAcctStart, 1000, {0xf000});
  story(both).runstate(2000, 3, 0, kRunningState, kBlockedState).proceed(2000, 1, 0);
  Baker::Options options = plain_options();
  options.event_mask = 0x0112f000;
  const Outcome alone = bake({&w}, options);
  const Outcome beside = bake({&both}, options);
  EXPECT_EQ(alone.vcpu(1).times, beside.vcpu(1).times);
  EXPECT_EQ(alone.vcpu(1).executions, beside.vcpu(1).executions);
  EXPECT_EQ(alone.totals.size(), beside.totals.size()); // no record has reported domain 3
}

TEST(BakerAccounting, IsLeftAloneIfXensOwnRecordsAreAskedFor) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .acct_switch(1200, 1, {300, event::kCauseBlocked}, 2, {100, event::kCauseWoken})
      .plain(event::kAcctPageCounts, {7U << 16 | 1, 4096})
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

TEST(BakerAccounting, PageCountsBelongToTheExecutionTheyEnd) {
  WindowBuilder w;
  w.acct_switch(1000, kIdle, {500, event::kCausePreempted}, 0, {100, event::kCauseWoken})
      .plain(event::kAcctPageCounts, {5U << 16 | 1, 7000, 3U << 16 | 2, 1})
      .plain(event::kAcctPageCounts, {1U << 16 | 2, 60})
      .acct_switch(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted})
      .plain(event::kAcctPageCounts, {1U << 16 | 2, 1}); // and nobody calls the scheduler any more
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{2, 3, 1, 5}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 7000U);
  EXPECT_EQ(outcome.domain(2).io, (IoCounts{0, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(0).io, (IoCounts{2, 3, 1, 7}));
  EXPECT_EQ(outcome.domain(0).io_copy_bytes, 7061U);
}

TEST(BakerAccounting, PageCountsOfADomainThatEndsAreItsOwn) {
  WindowBuilder w;
  w.acct_runstate(900, 1, kBlockedState, kOfflineState)
      .acct_switch(1000, kIdle, {500, event::kCausePreempted}, 0, {100, event::kCauseWoken})
      .plain(event::kAcctPageCounts, {5U << 16 | 1, 7000})
      .record(event::kAcctDomainRemove, 1100, {1})
      .record(event::kAcctDomainAdd, 1200, {1})
      .plain(event::kAcctPageCounts, {2U << 16 | 1, 60})
      .acct_switch(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted});
  const Outcome outcome = bake({&w});
  std::vector<std::uint64_t> copies;
  for (const DomainTotals& domain : outcome.totals) {
    if (domain.domid == 1) copies.push_back(domain.io[kIoCopy]);
  }
  EXPECT_EQ(copies, (std::vector<std::uint64_t>{5, 2}));
}

TEST(BakerAccounting, GrantRecordsBesidePageCountsAreNotCountedAgain) {
  WindowBuilder w;
  w.record(event::kGrantMap, 1100, {1})
      .record(event::kAcctPageOp, 1100, {1, 0})
      .plain(event::kAcctPageCounts, {1, 0, 1})
      .acct_switch(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted});
  Baker::Options options = plain_options();
  options.event_mask = 0x0112f000;
  EXPECT_EQ(bake({&w}, options).domain(1).io, (IoCounts{1, 0, 0, 0}));
}

// A recording need not say which records are in it, and the single ones come first.
TEST(BakerAccounting, NothingIsCountedTwiceWhereTheMaskIsNotKnown) {
  WindowBuilder w;
  w.record(event::kGrantMap, 1100, {1})
      .record(event::kAcctPageOp, 1100, {0U << 16 | 1, 0})
      .record(event::kAcctPageOp, 1150, {3U << 16 | 1, 74})
      .plain(event::kAcctPageCounts, {1U << 16 | 1, 74, 1})
      .acct_switch(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted});
  WindowBuilder other(1);
  other.record(event::kAcctPageOp, 1120, {3U << 16 | 1, 100})
      .plain(event::kAcctPageCounts, {1U << 16 | 1, 100})
      .acct_switch(1600, 2, {500, event::kCauseBlocked}, 3, {500, event::kCausePreempted});
  const Outcome outcome = bake({&w, &other});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{1, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 174U);
}

// Xen's own record of a decision comes first.
TEST(BakerAccounting, TheFirstSliceIsNotCountedTwiceWhereTheMaskIsNotKnown) {
  WindowBuilder switching;
  switching.record(event::kSwitchInfNext, 1000, {1, 0, 0, 30'000'000})
      .record(event::kAcctSwitch, 1000, {0, 1U << 16, 500, 1U << 20, 0, 6U << 20, 30'000'000})
      .record(event::kAcctContinue, 1500, {1U << 16, 20'000'000});
  const VcpuTotals switched = bake({&switching}).vcpu(1, 0);
  EXPECT_EQ(switched.slices.count, 2U);
  EXPECT_EQ(switched.slices.sum_ns, 50'000'000U);

  WindowBuilder continuing;
  continuing.record(event::kSwitchInfCont, 1000, {1, 0, 500, 30'000'000})
      .record(event::kAcctContinue, 1000, {1U << 16, 30'000'000})
      .record(event::kAcctContinue, 1500, {1U << 16, 20'000'000});
  const VcpuTotals continued = bake({&continuing}).vcpu(1, 0);
  EXPECT_EQ(continued.slices.count, 2U);
  EXPECT_EQ(continued.slices.sum_ns, 50'000'000U);
}

// As when only Xen's own scheduler records are selected beside them.
TEST(BakerAccounting, PageCountsCountWithoutRecordsOfDispatches) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .plain(event::kAcctPageCounts, {3U << 16 | 1, 90})
      .runstate(1100, 1, 0, kRunningState, kBlockedState);
  EXPECT_EQ(bake({&w}).domain(1).io, (IoCounts{0, 0, 0, 3}));
}

TEST(BakerAccounting, SingleOperationsCountWhereNobodyAddsThemUp) {
  WindowBuilder w;
  w.record(event::kAcctPageOp, 1100, {0U << 16 | 1, 0})
      .record(event::kAcctPageOp, 1100, {3U << 16 | 1, 1500})
      .record(event::kAcctPageOp, 1200, {4U << 16 | 1, 100});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{1, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 1600U);
}

TEST(BakerAccounting, ImpossibleContentsAreCountedAndSkipped) {
  WindowBuilder w;
  w.acct_runstate(1000, 1, kBlockedState, kRunnableState)
      .record(event::kAcctSwitch, 1100, {1, 2, 3, 4, 5})
      .record(event::kAcctContinue, 1100, {})
      .record(event::kAcctPageOp, 1100, {5U << 16 | 1, 0})
      .record(event::kAcctPageOp, 1100, {0x7ff1, 0})
      .plain(event::kAcctPageCounts, {1})
      .plain(event::kAcctPageCounts, {0x7ff1, 0})
      .record(0x01000fff, 1200, {1, 2, 3});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.counts.bad.total(), 6U);
  EXPECT_EQ(outcome.duration, 200U);
}

// However long it was: 52 bits of ns, all set, mean "at least this long".
TEST(BakerAccounting, TheLongestTimesDoNotWrap) {
  const std::uint64_t longest = (std::uint64_t{1} << 52) - 1;
  WindowBuilder w;
  w.acct_switch(1000, 1, {longest, event::kCauseBlocked}, 2, {longest, event::kCausePreempted})
      .acct_switch(1500, 2, {500, event::kCauseBlocked}, 1, {longest, event::kCauseNone});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(2).times[kRunning], 500U);
  EXPECT_EQ(outcome.counts.conservation_violations, 0U);
}

} // namespace
} // namespace xenmon::test
