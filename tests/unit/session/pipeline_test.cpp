// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/pipeline.h"

#include <signal.h>

#include "session/run_totals.h"
#include "session_fixture.h"

namespace xenmon::test {
namespace {

Baker::Options one_sample() {
  Baker::Options options;
  options.cpu_khz = 1'000'000;
  return options;
}

// Trace time up to which records have been accounted for. (Where all is one sample, Baker::now_ns() waits for
// its end.)
std::uint64_t position_ns(const Pipeline& pipeline) {
  return pipeline.ns_at(pipeline.merge().position());
}

// Domain 1 runs from 1 ms on; a pass later something is missing; then it blocks.
std::vector<ScriptedSource::Step> with_gap() {
  WindowBuilder begin;
  begin.runstate(1 * kMs, 1, 0, kRunnableState, kRunningState).record(0x22202, 5 * kMs, {});
  WindowBuilder end;
  end.runstate(12 * kMs, 1, 0, kRunningState, kBlockedState).record(0x22202, 20 * kMs, {});
  return {{begin}, {tick(10), {}, true}, {end}};
}

TEST(PipelineTest, WhatComesBeforeAGapIsAccountedForByReadingIt) {
  ScriptedSource source(XENMON_SOURCE_LIVE, with_gap());
  Pipeline pipeline(source, {}, one_sample(), nullptr, nullptr);
  ASSERT_TRUE(pipeline.read());
  pipeline.drain();
  EXPECT_FALSE(pipeline.baker().started()) << "the order is not certain yet";
  ASSERT_TRUE(pipeline.read());
  EXPECT_TRUE(pipeline.gap());
  EXPECT_EQ(position_ns(pipeline), 4 * kMs);
  ASSERT_TRUE(pipeline.read());
  EXPECT_FALSE(pipeline.gap());
  EXPECT_TRUE(pipeline.last());
  pipeline.drain_rest();
  EXPECT_EQ(pipeline.passes(), 3U);
  EXPECT_EQ(position_ns(pipeline), 19 * kMs);
}

TEST(PipelineTest, TotalsHaveGapsToo) {
  ScriptedSource source(XENMON_SOURCE_RECORDING, with_gap());
  StopFlag stop;
  const Result<TraceTotals> totals = run_totals(source, false, nullptr, stop);
  ASSERT_TRUE(totals);
  ASSERT_EQ(totals->domains.size(), 1U);
  const Times& times = totals->domains[0].vcpus.at(0).times;
  EXPECT_LE(times[kRunning], 4 * kMs);
  EXPECT_EQ(times[kRunning] + times[kUnknown], 11 * kMs);
  EXPECT_EQ(times[kBlocked], 8 * kMs);
}

TEST(PipelineTest, AStopSignalIsNoticedWithinALongPass) {
  WindowBuilder window;
  for (std::uint64_t second = 1; second <= 100; ++second) window.record(0x22202, second * 1000 * kMs, {});
  ScriptedSource source(XENMON_SOURCE_RECORDING, {{window}});
  Pipeline pipeline(source, {}, one_sample(), nullptr, nullptr);
  ASSERT_TRUE(pipeline.read());
  StopFlag stop;
  pipeline.drain_to(pipeline.next_tsc(), stop);
  EXPECT_EQ(position_ns(pipeline), 0U);
  raise(SIGTERM);
  pipeline.drain_to(Pipeline::kNoLimit, stop);
  EXPECT_EQ(position_ns(pipeline), 0U);
  pipeline.drain_step(Pipeline::kNoLimit);
  EXPECT_GE(position_ns(pipeline), 1000 * kMs);
  EXPECT_LE(position_ns(pipeline), 2000 * kMs);
}

TEST(PipelineTest, ARoundIsShiftedBehindTheOneBefore) {
  ScriptedSource source(XENMON_SOURCE_RECORDING, {{tick(3)}, {tick(5)}});
  Pipeline pipeline(source, {}, one_sample(), nullptr, nullptr);
  for (std::uint64_t round = 0; round < 3; ++round) {
    while (!pipeline.last()) ASSERT_TRUE(pipeline.read());
    pipeline.drain_rest();
    EXPECT_EQ(position_ns(pipeline), 2 * kMs + round * 3 * kMs);
    ASSERT_TRUE(pipeline.begin_round(1 * kMs));
    EXPECT_FALSE(pipeline.last());
  }
}

TEST(PipelineTest, AFailedPassIsReportedAndNotCounted) {
  ScriptedSource source(XENMON_SOURCE_LIVE,
                        {{tick(1), {}, false, nullptr, Error{"It is gone.", ExitStatus::kFailed}}});
  Pipeline pipeline(source, {}, one_sample(), nullptr, nullptr);
  EXPECT_FALSE(pipeline.read());
  EXPECT_EQ(pipeline.passes(), 0U);
  EXPECT_FALSE(pipeline.has_read());
}

TEST(PipelineTest, ATimeBeyondAllTscsHasNoLimit) {
  ScriptedSource source(XENMON_SOURCE_LIVE, {{tick(1)}});
  Pipeline pipeline(source, {}, one_sample(), nullptr, nullptr);
  ASSERT_TRUE(pipeline.read());
  pipeline.drain_rest();
  EXPECT_EQ(pipeline.tsc_at(5), 1 * kMs + 5);
  EXPECT_EQ(pipeline.tsc_at(~std::uint64_t{0}), Pipeline::kNoLimit);
}

} // namespace
} // namespace xenmon::test
