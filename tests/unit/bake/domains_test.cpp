// SPDX-License-Identifier: GPL-2.0-or-later
//
// What domains do as a whole, by their vCPUs' records.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "baked.h"

namespace xenmon::test {
namespace {

TEST(BakerDomains, OneVcpuSaysAll) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(1300, 1, 0, kRunningState, kBlockedState)
      .runstate(1700, 1, 0, kBlockedState, kRunnableState)
      .runstate(1750, 1, 0, kRunnableState, kRunningState)
      .runstate(1900, 1, 0, kRunningState, kOfflineState)
      .record(0x22202, 2000, {});
  const DomainTimes times = bake({&w}).domain(1).times;
  EXPECT_EQ(times[kFullRun], 450U);
  EXPECT_EQ(times[kFullContention], 50U);
  EXPECT_EQ(times[kAllBlocked], 500U);
  EXPECT_EQ(times[kStateUnknown], 0U);
}

// Where it has two, each counts from its first record on.
TEST(BakerDomains, WhatSeveralVcpusDoAtTheSameTime) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(1500, 1, 0, kRunningState, kRunnableState)
      .runstate(1900, 1, 0, kRunnableState, kRunningState)
      .record(0x22202, 2000, {});
  b.runstate(1100, 1, 1, kBlockedState, kRunnableState)
      .runstate(1150, 1, 1, kRunnableState, kRunningState)
      .runstate(1400, 1, 1, kRunningState, kBlockedState)
      .runstate(1700, 1, 1, kBlockedState, kRunnableState)
      .runstate(1950, 1, 1, kRunnableState, kOfflineState);
  const DomainTimes times = bake({&a, &b}).domain(1).times;
  EXPECT_EQ(times[kFullRun], 100U + 250);
  EXPECT_EQ(times[kConcurrencyHazard], 50U + 50);
  EXPECT_EQ(times[kPartialRun], 100U + 50);
  EXPECT_EQ(times[kPartialContention], 200U);
  EXPECT_EQ(times[kFullContention], 200U);
  EXPECT_EQ(times[kStateUnknown], 0U);
}

TEST(BakerDomains, ALifeBeginsWithTheCreationAndEndsWithTheEnd) {
  WindowBuilder w;
  w.record(0x22202, 1000, {})
      .record(event::kDomainAdd, 1200, {5})
      .runstate(1300, 5, 0, kOfflineState, kRunnableState)
      .runstate(1310, 5, 0, kRunnableState, kRunningState)
      .runstate(1400, 5, 1, kOfflineState, kBlockedState)
      .runstate(1500, 5, 0, kRunningState, kBlockedState)
      .record(event::kDomainRemove, 1600, {5})
      .record(0x22202, 2000, {});
  const DomainTimes times = bake({&w}).domain(5).times;
  EXPECT_EQ(times[kAllBlocked], 100U + 100);
  EXPECT_EQ(times[kFullContention], 10U);
  EXPECT_EQ(times[kFullRun], 90U);
  EXPECT_EQ(times[kPartialRun], 100U);
  EXPECT_EQ(std::accumulate(times.begin(), times.end(), std::uint64_t{0}), 400U);
}

// v1 was said to be blocked, and then that it has been running: what the domain did meanwhile is unknown.
TEST(BakerDomains, AContradictionMakesTheTimeUnknown) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(1000, 1, 0, kRunnableState, kRunningState).record(0x22202, 2000, {});
  b.runstate(1000, 1, 1, kRunningState, kBlockedState).runstate(1600, 1, 1, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.counts.state_conflicts, 1U);
  const DomainTimes times = outcome.domain(1).times;
  EXPECT_EQ(times[kStateUnknown], 600U);
  EXPECT_EQ(times[kPartialRun], 400U);
}

TEST(BakerDomains, WhileRecordsAreLostNobodyKnows) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(1000, 1, 0, kRunnableState, kRunningState).record(0x22202, 2000, {});
  b.runstate(1000, 1, 1, kRunnableState, kRunningState)
      .lost(1200, 1500, 3, 1, 1)
      .runstate(1600, 1, 1, kRunningState, kBlockedState);
  const DomainTimes times = bake({&a, &b}).domain(1).times;
  EXPECT_EQ(times[kFullRun], 200U);
  EXPECT_EQ(times[kStateUnknown], 400U);
  EXPECT_EQ(times[kPartialRun], 400U);
}

class Rows final : public BakeSink {
 public:
  void on_sample(Baker& /*baker*/, const BakedSample& sample) override {
    rows.insert(rows.end(), sample.domain_rows.begin(), sample.domain_rows.end());
  }
  std::vector<xenmon_domain_row> rows;
};

TEST(BakerDomains, EverySampleHasARowOfEachDomainThatLived) {
  Baker::Options options = plain_options();
  options.sample_ns = 1000;
  Rows sink;
  Baker baker(options, &sink);
  Merge merge;
  WindowBuilder w;
  w.runstate(10'000, 1, 0, kRunnableState, kRunningState)
      .runstate(10'400, 1, 1, kRunnableState, kBlockedState)
      .record(0x22202, 11'500, {})
      .record(event::kDomainRemove, 12'100, {1})
      .record(0x22202, 14'000, {});
  merge.append(pass_of({&w}));
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  ASSERT_EQ(sink.rows.size(), 3U);
  EXPECT_EQ(sink.rows[0].full_run_ns, 400U);
  EXPECT_EQ(sink.rows[0].partial_run_ns, 600U);
  EXPECT_EQ(sink.rows[1].partial_run_ns, 1000U);
  EXPECT_EQ(sink.rows[2].partial_run_ns, 100U);
  EXPECT_EQ(baker.counts().conservation_violations, 0U);
}

} // namespace
} // namespace xenmon::test
