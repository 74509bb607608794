// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the accounting does not believe: states that a loss, a late record or missing pCPUs put in doubt.
#include <gtest/gtest.h>

#include "baked.h"

namespace xenmon::test {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(BakerDoubt, LostRecordsWithinASwitchDoNotLetTheVcpuThatLeavesRunForEver) {
  WindowBuilder w;
  w.runstate(100, 0, 1, kRunnableState, kRunningState)
      .lost(200, 300, 5, 0, 1)
      .runstate(300, 0, 0, kRunnableState, kRunningState)
      .proceed(1000, 0, 0);
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(0, 0).times[kRunning], 700U);
  EXPECT_EQ(outcome.vcpu(0, 1).times[kRunning], 100U);
  EXPECT_EQ(outcome.vcpu(0, 1).times[kUnknown], 800U);
}

TEST(BakerDoubt, TheVcpuThatLostRecordsNameHasRunIfItsNextRecordSaysSo) {
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState)
      .lost(200, 300, 5, 2, 0)
      .runstate(500, 2, 0, kRunningState, kBlockedState)
      .record(0x22202, 600, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(2).times[kRunning], 200U);
  EXPECT_EQ(outcome.vcpu(2).times[kUnknown], 200U);
  EXPECT_EQ(outcome.vcpu(2).times[kBlocked], 100U);
}

TEST(BakerDoubt, ALossBehindADomainsCreationIsNotForgotten) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(event::kDomainAdd, 100, {5}).proceed(100, kIdle, 0).proceed(2000, kIdle, 0);
  b.proceed(150, kIdle, 1).lost(200, 900, 400, kIdle, 1).runstate(1500, 5, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.vcpu(5).times[kOffline], 100U);
  EXPECT_EQ(outcome.vcpu(5).times[kUnknown], 1300U);
  EXPECT_EQ(outcome.vcpu(5).times[kBlocked], 500U);
}

TEST(BakerDoubt, ADomainThatWasOnlyGrantingHasAPredecessorsRights) {
  WindowBuilder w;
  w.proceed(100, kIdle, 0)
      .record(event::kGrantMap, 110, {16})
      .record(event::kDomainAdd, 120, {16})
      .record(event::kDomainRemove, 130, {16})
      .runstate(200, 16, 0, kOfflineState, kBlockedState)
      .proceed(500, kIdle, 0);
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(16, 0, 1).times[kBlocked], 300U);
  EXPECT_EQ(outcome.vcpu(16, 0, 1).times[kUnknown], 0U);
}

TEST(BakerDoubt, PageCountsOfTheFirstVersionGoToTheDomainThatHasTheNumberWhereTheyAre) {
  WindowBuilder a(0);
  a.write_first_version();
  WindowBuilder b(1);
  a.changed(100, 5, kBlockedState, kRunnableState)
      .changed(110, 5, kRunnableState, kOfflineState)
      .domain_removed(200, 5)
      .domain_added(300, 5);
  b.record(event::kAcctContinue, 100, {kIdle << 16 | 1})
      .plain(event::kAcctPageCounts, {5, 0, 7})
      .record(event::kAcctContinue, 400, {kIdle << 16 | 1});
  const Outcome outcome = bake({&a, &b});
  std::vector<std::uint64_t> mapped;
  for (const DomainTotals& domain : outcome.totals) {
    if (domain.domid == 5) mapped.push_back(domain.io[kIoMap]);
  }
  EXPECT_EQ(mapped, (std::vector<std::uint64_t>{0, 7}));
}

TEST(BakerDoubt, ALateRecordMakesUnknownWhatItNames) {
  Baker baker(plain_options());
  Merge merge;
  WindowBuilder a(0);
  a.runstate(1000, 1, 0, kRunningState, kBlockedState).record(0x22202, 5000, {});
  WindowBuilder b(1);
  b.runstate(2000, 1, 0, kBlockedState, kRunnableState);
  WindowBuilder c(0);
  c.record(0x22202, 9000, {});
  for (const WindowBuilder* window : {&a, &b, &c}) {
    const Pass pass = pass_of({window});
    merge.append(pass);
    merge.drain(Merge::kNoLimit, baker);
  }
  baker.finish(merge.position());
  const std::vector<DomainTotals> totals = baker.totals();
  ASSERT_EQ(totals.size(), 1U);
  EXPECT_EQ(totals[0].vcpus[0].times[kWaitWake], 0U);
  EXPECT_EQ(totals[0].vcpus[0].times[kBlocked], 0U);
  EXPECT_EQ(totals[0].vcpus[0].times[kUnknown], 8000U);
  EXPECT_EQ(merge.counts().late_records, 1U);
}

// ---- pCPUs without records

TEST(BakerDoubt, AKnownPcpuWithoutRecordsRunsItsIdleVcpu) {
  Baker::Options options = plain_options();
  options.pcpus = {0, 1, 3};
  WindowBuilder w(1);
  w.proceed(100 * kMs, 7, 0).proceed(900 * kMs, 7, 0);
  const Outcome outcome = bake({&w}, options);
  for (const std::uint32_t pcpu : {0U, 3U}) {
    EXPECT_EQ(outcome.vcpu(kIdle, pcpu).times[kRunning], 800 * kMs);
    EXPECT_EQ(outcome.vcpu(kIdle, pcpu).executions, 0U);
  }
  EXPECT_EQ(outcome.vcpu(kIdle, 1).times[kUnknown], 800 * kMs);
}

TEST(BakerDoubt, APcpuThatWakesUpLateHasIdledUntilThen) {
  Baker::Options options = plain_options();
  options.pcpus = {0, 1};
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.proceed(0, kIdle, 0).proceed(900 * kMs, kIdle, 0);
  b.runstate(500 * kMs, kIdle, 1, kRunningState, kRunnableState)
      .runstate(500 * kMs, 1, 0, kRunnableState, kRunningState);
  const Outcome outcome = bake({&a, &b}, options);
  EXPECT_EQ(outcome.vcpu(kIdle, 1).times[kRunning], 500 * kMs);
  EXPECT_EQ(outcome.vcpu(kIdle, 1).times[kUnknown], 0U);
}

TEST(BakerDoubt, APcpuWhoseFirstRecordSaysOtherwiseHasNotIdled) {
  Baker::Options options = plain_options();
  options.pcpus = {0, 1};
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.proceed(0, kIdle, 0).proceed(900 * kMs, kIdle, 0);
  b.runstate(500 * kMs, 1, 0, kRunningState, kBlockedState)
      .runstate(500 * kMs, kIdle, 1, kRunnableState, kRunningState);
  const Outcome outcome = bake({&a, &b}, options);
  EXPECT_EQ(outcome.vcpu(kIdle, 1).times[kRunning], 400 * kMs);
  EXPECT_EQ(outcome.vcpu(kIdle, 1).times[kUnknown], 500 * kMs);
}

// ---- records that are missing although nothing was reported lost

TEST(BakerDoubt, AWaitThatXenSaysWasShorterIsUnknown) {
  Baker::Options options = plain_options();
  options.check_waits = true;
  WindowBuilder w;
  w.runstate(0, 1, 0, kRunnableState, kRunningState)
      .runstate(1 * kMs, 1, 0, kRunningState, kBlockedState)
      .runstate(2 * kMs, 1, 0, kBlockedState, kRunnableState)
      .record(event::kSwitchInfNext, 980 * kMs, {1, 0, 18 * kMs, 10 * kMs})
      .runstate(980 * kMs, 1, 0, kRunnableState, kRunningState)
      .runstate(990 * kMs, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&w}, options);
  EXPECT_EQ(outcome.vcpu(1).times[kWaitWake], 0U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 978 * kMs);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 11 * kMs);
  EXPECT_EQ(outcome.counts.waits_contradicted, 1U);
  // Without words that can be relied upon nothing contradicts.
  EXPECT_EQ(bake({&w}).vcpu(1).times[kWaitWake], 978 * kMs);
}

// The word has 32 bits, and counts from when the vCPU left its pCPU: of 4319 ms it is 24 ms.
TEST(BakerDoubt, AWordThatHasStartedAgainContradictsNothing) {
  Baker::Options options = plain_options();
  options.check_waits = true;
  for (const bool seen_to_leave : {true, false}) {
    WindowBuilder w;
    if (seen_to_leave) {
      w.runstate(0, 1, 0, kRunnableState, kRunningState)
          .runstate(1 * kMs, 1, 0, kRunningState, kBlockedState);
    } else {
      w.record(0x22202, 0, {});
    }
    w.runstate(4'270 * kMs, 1, 0, kBlockedState, kRunnableState)
        .record(event::kSwitchInfNext, 4'320 * kMs, {1, 0, 24 * kMs, 10 * kMs})
        .runstate(4'320 * kMs, 1, 0, kRunnableState, kRunningState)
        .runstate(4'330 * kMs, 1, 0, kRunningState, kBlockedState);
    const Outcome outcome = bake({&w}, options);
    EXPECT_EQ(outcome.vcpu(1).times[kWaitWake], 50 * kMs);
    EXPECT_EQ(outcome.counts.waits_contradicted, 0U);
  }
}

TEST(BakerDoubt, WherePcpusAreMissingOnlyWhatRunsIsKnown) {
  Baker::Options options = plain_options();
  options.pcpus_missing = true;
  WindowBuilder w;
  w.runstate(100, 1, 0, kRunnableState, kRunningState)
      .runstate(200, 1, 0, kRunningState, kBlockedState)
      .runstate(300, 1, 0, kBlockedState, kRunnableState)
      .runstate(400, 1, 0, kRunnableState, kRunningState)
      .proceed(450, 1, 0);
  const Outcome outcome = bake({&w}, options);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 150U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 200U);
}

TEST(BakerDoubt, NothingIsKnownBehindWhatWasNotRecorded) {
  Baker::Options options = plain_options();
  options.unrecorded_after = {7 * kMs};
  WindowBuilder w;
  w.runstate(0, 1, 0, kRunnableState, kRunningState)
      .record(0x22202, 7 * kMs, {})
      .runstate(5000 * kMs, 1, 0, kRunningState, kBlockedState)
      .record(0x22202, 5100 * kMs, {});
  const Outcome outcome = bake({&w}, options);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 7 * kMs);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 4993 * kMs);
  EXPECT_EQ(outcome.vcpu(1).times[kBlocked], 100 * kMs);
}

TEST(BakerDoubt, NobodyWaitsThroughASilenceThatNoSchedulerKeeps) {
  const std::uint64_t silence = Baker::kMaxSilentWaitNs + 1;
  WindowBuilder w;
  w.runstate(0, 1, 0, kRunnableState, kRunningState)
      .runstate(10, 2, 0, kBlockedState, kRunnableState)
      .runstate(10 + silence, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(2).times[kWaitWake], 0U);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 10U);
}

TEST(BakerDoubt, RecordsThatChangeNoStateEndASilence) {
  const std::uint64_t second = 1'000'000'000;
  const std::uint64_t waited = 2 * Baker::kMaxSilentWaitNs;
  WindowBuilder w;
  w.runstate(10, 1, 0, kBlockedState, kRunnableState);
  for (std::uint64_t ns = second; ns < waited; ns += second) w.record(event::kGrantMap, ns, {2});
  w.runstate(10 + waited, 1, 0, kRunnableState, kRunningState)
      .runstate(20 + waited, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1).times[kWaitWake], waited);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 0U);
}

TEST(BakerDoubt, BetweenClocksThatDifferAsMuchAsTheyMayDifferByIsUnknown) {
  Baker::Options options = plain_options();
  options.clock_ahead_ns = {0, 100'000};
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(0, 1, 0, kBlockedState, kRunnableState).record(0x22202, 5 * kMs, {});
  b.runstate(1 * kMs, 1, 0, kRunnableState, kRunningState)
      .runstate(2 * kMs, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b}, options);
  EXPECT_EQ(outcome.vcpu(1).times[kWaitWake], 800'000U);
  EXPECT_EQ(outcome.vcpu(1).times[kUnknown], 200'000U);
  EXPECT_EQ(outcome.vcpu(1).times[kRunning], 1 * kMs);
}

// The first one's end was not seen: a pCPU runs one vCPU at a time.
TEST(BakerDoubt, TwoVcpusOfADomainDoNotRunOnOnePcpu) {
  WindowBuilder w;
  w.runstate(0, 1, 0, kRunnableState, kRunningState)
      .runstate(5 * kMs, 1, 1, kRunnableState, kRunningState)
      .runstate(6 * kMs, 1, 1, kRunningState, kBlockedState)
      .record(0x22202, 9 * kMs, {});
  const Outcome outcome = bake({&w});
  EXPECT_EQ(outcome.vcpu(1, 0).times[kRunning], 0U);
  EXPECT_EQ(outcome.vcpu(1, 1).times[kRunning], 1 * kMs);
}

} // namespace
} // namespace xenmon::test
