// SPDX-License-Identifier: GPL-2.0-or-later
//
// Page exchanges by the records of the first version of XenMon's patches to Xen, which recordings contain.
#include <gtest/gtest.h>

#include "baked.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

TEST(FirstVersion, PageCountsBelongToTheExecutionTheyEnd) {
  WindowBuilder w;
  w.write_first_version();
  w.switched(1000, kIdle, {500, event::kCausePreempted}, 0, {100, event::kCauseWoken})
      .plain(event::kAcctPageCounts, {5U << 16 | 1, 7000, 3U << 16 | 2, 1})
      .plain(event::kAcctPageCounts, {1U << 16 | 2, 60})
      .switched(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted})
      .plain(event::kAcctPageCounts, {1U << 16 | 2, 1}); // and nobody calls the scheduler any more
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{2, 3, 1, 5}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 7000U);
  EXPECT_EQ(outcome.domain(2).io, (IoCounts{0, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(0).io, (IoCounts{2, 3, 1, 7}));
  EXPECT_EQ(outcome.domain(0).io_copy_bytes, 7061U);
}

TEST(FirstVersion, PageCountsOfADomainThatEndsAreItsOwn) {
  WindowBuilder w;
  w.write_first_version();
  w.changed(900, 1, kBlockedState, kOfflineState)
      .switched(1000, kIdle, {500, event::kCausePreempted}, 0, {100, event::kCauseWoken})
      .plain(event::kAcctPageCounts, {5U << 16 | 1, 7000})
      .domain_removed(1100, 1)
      .domain_added(1200, 1)
      .plain(event::kAcctPageCounts, {2U << 16 | 1, 60})
      .switched(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted});
  const Outcome outcome = bake({&w});
  std::vector<std::uint64_t> copies;
  for (const DomainTotals& domain : outcome.totals) {
    if (domain.domid == 1) copies.push_back(domain.io[kIoCopy]);
  }
  EXPECT_EQ(copies, (std::vector<std::uint64_t>{5, 2}));
}

TEST(FirstVersion, GrantRecordsBesidePageCountsAreNotCountedAgain) {
  WindowBuilder w;
  w.write_first_version();
  w.record(event::kGrantMap, 1100, {1})
      .record(event::kAcctPageOp, 1100, {1, 0})
      .plain(event::kAcctPageCounts, {1, 0, 1})
      .switched(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted});
  Baker::Options options = plain_options();
  options.event_mask = 0x0112f000;
  EXPECT_EQ(bake({&w}, options).domain(1).io, (IoCounts{1, 0, 0, 0}));
}

// A recording need not say which records are in it, and the single ones come first.
TEST(FirstVersion, NothingIsCountedTwiceWhereTheMaskIsNotKnown) {
  WindowBuilder w;
  w.write_first_version();
  w.record(event::kGrantMap, 1100, {1})
      .record(event::kAcctPageOp, 1100, {0U << 16 | 1, 0})
      .record(event::kAcctPageOp, 1150, {3U << 16 | 1, 74})
      .plain(event::kAcctPageCounts, {1U << 16 | 1, 74, 1})
      .switched(1500, 0, {500, event::kCauseBlocked}, kIdle, {500, event::kCausePreempted});
  WindowBuilder other(1);
  other.write_first_version();
  other.record(event::kAcctPageOp, 1120, {3U << 16 | 1, 100})
      .plain(event::kAcctPageCounts, {1U << 16 | 1, 100})
      .switched(1600, 2, {500, event::kCauseBlocked}, 3, {500, event::kCausePreempted});
  const Outcome outcome = bake({&w, &other});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{1, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 174U);
}

// As when only Xen's own scheduler records are selected beside them.
TEST(FirstVersion, PageCountsCountWithoutRecordsOfDispatches) {
  WindowBuilder w;
  w.write_first_version();
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .plain(event::kAcctPageCounts, {3U << 16 | 1, 90})
      .runstate(1100, 1, 0, kRunningState, kBlockedState);
  EXPECT_EQ(bake({&w}).domain(1).io, (IoCounts{0, 0, 0, 3}));
}

TEST(FirstVersion, SingleOperationsCountWhereNobodyAddsThemUp) {
  WindowBuilder w;
  w.write_first_version();
  w.record(event::kAcctPageOp, 1100, {0U << 16 | 1, 0})
      .record(event::kAcctPageOp, 1100, {3U << 16 | 1, 1500})
      .record(event::kAcctPageOp, 1200, {4U << 16 | 1, 100});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.domain(1).io, (IoCounts{1, 0, 0, 2}));
  EXPECT_EQ(outcome.domain(1).io_copy_bytes, 1600U);
}

TEST(FirstVersion, ImpossibleContentsAreCountedAndSkipped) {
  WindowBuilder w;
  w.write_first_version();
  w.changed(1000, 1, kBlockedState, kRunnableState)
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

} // namespace
} // namespace xenmon::test
