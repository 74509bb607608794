// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/domain_runstates.h"

#include <gtest/gtest.h>

#include <numeric>
#include <utility>
#include <vector>

namespace xenmon {
namespace {

// What a domain does whose vCPUs are in these states.
DomainState state_with(const std::vector<Bucket>& buckets) {
  DomainRunstates runstates(100);
  for (const Bucket bucket : buckets) runstates.add(bucket, 100);
  const DomainTimes times = runstates.take(107);
  for (std::size_t state = 0; state < kDomainStates; ++state) {
    if (times[state] == 7) return static_cast<DomainState>(state);
  }
  ADD_FAILURE() << "the time is in no state, or in several";
  return kStateUnknown;
}

TEST(DomainRunstates, StatesAreThoseOfXenalyze) {
  EXPECT_EQ(state_with({kRunning, kRunning}), kFullRun);
  EXPECT_EQ(state_with({kRunning, kBlocked}), kPartialRun);
  EXPECT_EQ(state_with({kRunning, kOffline}), kPartialRun);
  EXPECT_EQ(state_with({kRunning, kWaitWake}), kConcurrencyHazard);
  EXPECT_EQ(state_with({kRunning, kWaitPreempt, kBlocked}), kConcurrencyHazard);
  EXPECT_EQ(state_with({kWaitWake, kWaitPreempt}), kFullContention);
  EXPECT_EQ(state_with({kWaitWake, kBlocked}), kPartialContention);
  EXPECT_EQ(state_with({kWaitPreempt, kOffline}), kPartialContention);
  EXPECT_EQ(state_with({kBlocked, kOffline}), kAllBlocked);
  EXPECT_EQ(state_with({kOffline}), kAllBlocked);
  EXPECT_EQ(state_with({kRunning, kUnknown}), kStateUnknown);
  EXPECT_EQ(state_with({kBlocked, kUnknown, kWaitWake}), kStateUnknown);
  EXPECT_EQ(state_with({}), kStateUnknown);
}

TEST(DomainRunstates, ManyVcpusAreCounted) {
  DomainRunstates runstates(0);
  for (int i = 0; i < 16384; ++i) runstates.add(kRunning, 0);
  for (int i = 0; i < 16383; ++i) runstates.changed(kRunning, kBlocked, 10);
  runstates.changed(kRunning, kWaitPreempt, 30);
  const DomainTimes times = runstates.take(70);
  EXPECT_EQ(times[kFullRun], 10U);
  EXPECT_EQ(times[kPartialRun], 20U);
  EXPECT_EQ(times[kPartialContention], 40U);
}

TEST(DomainRunstates, TimesAddUpAcrossTakes) {
  DomainRunstates runstates(1'000);
  runstates.add(kRunning, 1'000);
  runstates.add(kBlocked, 1'003);
  runstates.changed(kBlocked, kWaitWake, 1'010);
  DomainTimes times = runstates.take(1'015);
  EXPECT_EQ(times, (DomainTimes{3, 7, 0, 0, 5, 0, 0}));
  EXPECT_EQ(runstates.take(1'015), DomainTimes{});
  runstates.changed(kRunning, kOffline, 1'020);
  times = runstates.take(1'050);
  EXPECT_EQ(times, (DomainTimes{0, 0, 0, 30, 5, 0, 0}));
}

TEST(DomainRunstates, DoubtReachesBackToTheLastTake) {
  DomainRunstates runstates(0);
  runstates.add(kRunning, 0);
  runstates.add(kBlocked, 0);
  EXPECT_EQ(runstates.take(10)[kPartialRun], 10U);
  runstates.doubt(25);
  runstates.changed(kRunning, kUnknown, 25);
  runstates.changed(kUnknown, kBlocked, 30);
  EXPECT_EQ(runstates.take(50), (DomainTimes{0, 0, 0, 0, 0, 20, 20}));
}

TEST(DomainRunstates, WithOneVcpuItsTimesSayAll) {
  EXPECT_EQ(domain_times_of({1, 2, 4, 8, 16, 32}), (DomainTimes{1, 0, 6, 0, 0, 24, 32}));
}

} // namespace
} // namespace xenmon
