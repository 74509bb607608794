// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which waits are reported individually, and which vCPUs are reported to have run meanwhile.
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

class Waits final : public BakeSink {
 public:
  explicit Waits(Baker::Options options) : baker(options, this) {}

  void on_sample(Baker&, const BakedSample& sample) override {
    for (const xenmon_wait& wait : sample.waits) {
      EXPECT_GE(wait.end_ns, sample.start_ns);
      EXPECT_LE(wait.end_ns, sample.end_ns);
      EXPECT_TRUE(all.empty() || all.back().end_ns <= wait.end_ns);
      all.push_back(wait);
    }
    left_out += sample.waits_left_out;
  }

  Baker baker;
  std::vector<xenmon_wait> all;
  std::uint64_t left_out = 0;
};

// A cycle is a nanosecond.
Baker::Options options_for(std::uint64_t slow_wait_ns) {
  Baker::Options options;
  options.cpu_khz = 1'000'000;
  options.sample_ns = 1'000'000;
  options.linger_ns = 10'000'000;
  options.slow_wait_ns = slow_wait_ns;
  return options;
}

struct Told {
  std::vector<xenmon_wait> all;
  std::uint64_t left_out = 0;
};
Told tell(std::initializer_list<const WindowBuilder*> windows, const Baker::Options& options) {
  Waits waits(options);
  Merge merge;
  merge.append(pass_of(windows));
  merge.drain(Merge::kNoLimit, waits.baker);
  waits.baker.finish(merge.position());
  EXPECT_EQ(waits.baker.counts().conservation_violations, 0U);
  return {waits.all, waits.left_out};
}
Told tell(std::initializer_list<const WindowBuilder*> windows, std::uint64_t slow_wait_ns = 1000) {
  return tell(windows, options_for(slow_wait_ns));
}

// "d1v0:300 d2v0:200 +50 flags 1".
std::string runners(const xenmon_wait& wait) {
  std::string text;
  for (const xenmon_runner& runner : wait.runners) {
    if (runner.ns == 0) break;
    text += "d" + std::to_string(runner.domid) + "v" + std::to_string(runner.vcpu_id) + ":" +
            std::to_string(runner.ns) + " ";
  }
  return text + "+" + std::to_string(wait.others_ns) + " flags " + std::to_string(wait.flags);
}

// Domain 1 runs, is preempted by domain 2, which runs for 3000.
WindowBuilder& preempted(WindowBuilder& w) {
  return w.runstate(1000, 1, 0, kBlockedState, kRunnableState)
      .runstate(1000, kIdle, 0, kRunningState, kRunnableState)
      .runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(1500, 2, 0, kBlockedState, kRunnableState)
      .runstate(2000, 1, 0, kRunningState, kRunnableState)
      .runstate(2000, 2, 0, kRunnableState, kRunningState)
      .runstate(5000, 2, 0, kRunningState, kBlockedState)
      .runstate(5000, 1, 0, kRunnableState, kRunningState);
}

TEST(SlowWaits, OneIsToldWithItsTimesAndWhoRan) {
  WindowBuilder w;
  preempted(w);
  const Told told = tell({&w});
  ASSERT_EQ(told.all.size(), 1U);
  const xenmon_wait& wait = told.all[0];
  EXPECT_EQ(wait.seq, 0U);
  EXPECT_EQ(wait.start_ns, 1000U); // of the trace, which began at 1000
  EXPECT_EQ(wait.end_ns, 4000U);
  EXPECT_EQ(wait.domid, 1U);
  EXPECT_EQ(wait.vcpu_id, 0U);
  EXPECT_NE(wait.domain_uid, 0U);
  EXPECT_EQ(wait.pcpu, 0U);
  EXPECT_EQ(wait.pcpu_before, 0U);
  EXPECT_EQ(wait.kind, XENMON_WAIT_PREEMPTED);
  EXPECT_EQ(runners(wait), "d2v0:3000 +0 flags 0");
  EXPECT_NE(wait.runners[0].domain_uid, wait.domain_uid);
}

TEST(SlowWaits, TheThresholdIsTheShortestThatIsReported) {
  WindowBuilder w;
  preempted(w);
  EXPECT_EQ(tell({&w}, 3000).all.size(), 1U);
  EXPECT_EQ(tell({&w}, 3001).all.size(), 0U);
  EXPECT_EQ(tell({&w}, 500).all.size(), 2U); // domain 2's after its wake as well
  Baker::Options off = options_for(0);
  off.slow_wait_ns = Baker::Options().slow_wait_ns;
  EXPECT_EQ(tell({&w}, off).all.size(), 0U);
}

TEST(SlowWaits, AWakeIsToldFromAPreemption) {
  WindowBuilder w;
  preempted(w);
  const Told told = tell({&w}, 500);
  ASSERT_EQ(told.all.size(), 2U);
  EXPECT_EQ(told.all[0].kind, XENMON_WAIT_WOKEN);
  EXPECT_EQ(told.all[0].domid, 2U);
  EXPECT_EQ(runners(told.all[0]), "d1v0:500 +0 flags 0");
}

// Its own last moments, between its record and that of its successor, are the switch to that one.
TEST(SlowWaits, NobodyRunsWhileItWaitsItself) {
  WindowBuilder w;
  w.runstate(1000, 2, 0, kBlockedState, kRunnableState)
      .runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(2000, 1, 0, kRunningState, kRunnableState)
      .runstate(2040, 2, 0, kRunnableState, kRunningState)
      .runstate(5000, 2, 0, kRunningState, kBlockedState)
      .runstate(5030, 1, 0, kRunnableState, kRunningState);
  const Told told = tell({&w}, 2000);
  ASSERT_EQ(told.all.size(), 1U);
  EXPECT_EQ(runners(told.all[0]), "d2v0:3030 +0 flags 0");
}

TEST(SlowWaits, BothPcpusAreLookedAtWhenItRunsElsewhere) {
  WindowBuilder a(0);
  WindowBuilder b(3);
  b.runstate(1000, kIdle, 3, kRunnableState, kRunningState);
  a.runstate(1000, 2, 0, kBlockedState, kRunnableState)
      .runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(2000, 1, 0, kRunningState, kRunnableState)
      .runstate(2000, 2, 0, kRunnableState, kRunningState)
      .record(0x22202, 9000, {});
  b.runstate(4000, kIdle, 3, kRunningState, kRunnableState)
      .runstate(4000, 1, 0, kRunnableState, kRunningState);
  const Told told = tell({&a, &b}, 2000);
  ASSERT_EQ(told.all.size(), 1U);
  EXPECT_EQ(told.all[0].pcpu, 3U);
  EXPECT_EQ(told.all[0].pcpu_before, 0U);
  EXPECT_EQ(runners(told.all[0]), "d2v0:2000 d32767v3:2000 +0 flags 0");
}

TEST(SlowWaits, ThreeAreNamedAndTheOthersAddedUp) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState);
  for (std::uint32_t dom = 2; dom < 7; ++dom) w.runstate(1900, dom, 0, kBlockedState, kRunnableState);
  std::uint64_t at = 2000;
  std::uint32_t before = 1;
  for (const std::uint32_t dom : {2U, 3U, 4U, 5U, 6U, 1U}) {
    w.runstate(at, before, 0, kRunningState, before == 1 ? kRunnableState : kBlockedState)
        .runstate(at, dom, 0, kRunnableState, kRunningState);
    at += dom * 100;
    before = dom;
  }
  const Told told = tell({&w}, 2000);
  ASSERT_EQ(told.all.size(), 1U);
  EXPECT_EQ(runners(told.all[0]), "d6v0:600 d5v0:500 d4v0:400 +500 flags 0");
}

TEST(SlowWaits, AnIdleVcpusWaitingMeansNothing) {
  WindowBuilder w;
  preempted(w)
      .runstate(9000, 1, 0, kRunningState, kBlockedState)
      .runstate(9000, kIdle, 0, kRunnableState, kRunningState);
  EXPECT_EQ(tell({&w}).all.size(), 1U);
}

TEST(SlowWaits, OneThatBeganUnseenHasNoKnownLength) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunningState, kBlockedState).runstate(9000, 2, 0, kRunnableState, kRunningState);
  EXPECT_EQ(tell({&w}).all.size(), 0U);
}

TEST(SlowWaits, OneInWhichRecordsWereLostIsNotTold) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(2000, 1, 0, kRunningState, kRunnableState)
      .runstate(2000, 2, 0, kRunnableState, kRunningState)
      .lost(3000, 3500, 5, 2, 0)
      .runstate(5000, 2, 0, kRunningState, kBlockedState)
      .runstate(5000, 1, 0, kRunnableState, kRunningState);
  EXPECT_EQ(tell({&w}).all.size(), 0U);
  // On another pCPU it may have been picked up just as well.
  WindowBuilder a(0);
  WindowBuilder b(1);
  preempted(a);
  b.record(0x22202, 1000, {}).lost(2500, 2600, 5, kIdle, 1);
  EXPECT_EQ(tell({&a, &b}).all.size(), 0U);
}

TEST(SlowWaits, WhoRanBeforeTheRecordsBeganIsNotKnown) {
  // XenMon's own record says how long the wait was.
  WindowBuilder w;
  w.record(0x22202, 1000, {})
      .switched(6000, 2, {2000, event::kCauseBlocked}, 1, {4000, event::kCauseWoken})
      .switched(7000, 1, {1000, event::kCauseBlocked}, kIdle, {1000, event::kCausePreempted});
  const Told told = tell({&w}, 2000);
  ASSERT_EQ(told.all.size(), 1U);
  EXPECT_EQ(told.all[0].end_ns - told.all[0].start_ns, 4000U);
  EXPECT_EQ(runners(told.all[0]), "d2v0:2000 +0 flags " + std::to_string(XENMON_WAIT_UNKNOWN));
}

TEST(SlowWaits, MoreThanIsRememberedIsSaid) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(1000, 2, 0, kBlockedState, kRunnableState)
      .runstate(1000, 3, 0, kBlockedState, kRunnableState)
      .runstate(2000, 1, 0, kRunningState, kRunnableState)
      .runstate(2000, 2, 0, kRunnableState, kRunningState);
  std::uint64_t at = 2000;
  const std::uint64_t switches = RecentExecutions::kRemembered + 100;
  std::uint32_t now = 2;
  for (std::uint64_t i = 0; i < switches; ++i) {
    at += 10;
    w.runstate(at, now, 0, kRunningState, kRunnableState);
    now = 5 - now;
    w.runstate(at, now, 0, kRunnableState, kRunningState);
  }
  at += 10;
  w.runstate(at, now, 0, kRunningState, kBlockedState).runstate(at, 1, 0, kRunnableState, kRunningState);
  const Told told = tell({&w}, 5000);
  ASSERT_EQ(told.all.size(), 1U);
  EXPECT_EQ(told.all[0].end_ns - told.all[0].start_ns, at - 2000);
  const std::uint64_t each = RecentExecutions::kRemembered / 2 * 10;
  EXPECT_EQ(told.all[0].runners[0].ns, each);
  EXPECT_EQ(told.all[0].runners[1].ns, each);
  EXPECT_EQ(told.all[0].flags, XENMON_WAIT_FORGOTTEN);
}

TEST(SlowWaits, ASampleHasRoomForSoManyAndTheRestIsCounted) {
  Baker::Options options = options_for(1000);
  options.waits_per_sample = 2;
  WindowBuilder w;
  for (std::uint64_t at = 10'000; at < 60'000; at += 10'000) {
    w.runstate(at, 1, 0, kBlockedState, kRunnableState)
        .runstate(at + 5000, 1, 0, kRunnableState, kRunningState)
        .runstate(at + 6000, 1, 0, kRunningState, kBlockedState);
  }
  // In the next sample there is room again.
  w.runstate(1'500'000, 1, 0, kBlockedState, kRunnableState)
      .runstate(1'505'000, 1, 0, kRunnableState, kRunningState);
  const Told told = tell({&w}, options);
  ASSERT_EQ(told.all.size(), 3U);
  EXPECT_EQ(told.left_out, 3U);
  EXPECT_EQ(told.all[2].start_ns, 1'490'000U);
}

TEST(SlowWaits, AFreedSlotIsNotTakenForItsNextOwner) {
  Baker::Options options = options_for(2000);
  options.linger_ns = 0; // slots are free with the sample in which the domain ended
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState)
      .runstate(1000, 2, 0, kBlockedState, kRunnableState)
      .runstate(2000, 1, 0, kRunningState, kRunnableState)
      .runstate(2000, 2, 0, kRunnableState, kRunningState)
      .runstate(4000, 2, 0, kRunningState, kOfflineState)
      .runstate(4000, kIdle, 0, kRunnableState, kRunningState)
      .record(event::kDomainRemove, 5000, {2})
      .runstate(1'500'000, 3, 0, kOfflineState, kRunnableState) // has domain 2's slot
      .runstate(1'501'000, kIdle, 0, kRunningState, kRunnableState)
      .runstate(1'501'000, 1, 0, kRunnableState, kRunningState);
  const Told told = tell({&w}, options);
  ASSERT_EQ(told.all.size(), 1U);
  EXPECT_EQ(runners(told.all[0]), "d32767v0:1497000 +0 flags " + std::to_string(XENMON_WAIT_UNKNOWN));
}

TEST(SlowWaits, BothKindsOfRecordsTellTheSame) {
  const auto written = [](bool accounting) {
    WindowBuilder w;
    const auto change = [&](std::uint64_t tsc, std::uint32_t from_dom, std::uint32_t to_dom, bool blocks) {
      if (accounting) {
        w.switched(tsc, from_dom, {1, blocks ? event::kCauseBlocked : event::kCausePreempted}, to_dom,
                   {1, event::kCauseWoken});
      } else {
        w.runstate(tsc, from_dom, 0, kRunningState, blocks ? kBlockedState : kRunnableState)
            .runstate(tsc, to_dom, 0, kRunnableState, kRunningState);
      }
    };
    const auto wake = [&](std::uint64_t tsc, std::uint32_t dom) {
      if (accounting) {
        w.changed(tsc, dom, kBlockedState, kRunnableState);
      } else {
        w.runstate(tsc, dom, 0, kBlockedState, kRunnableState);
      }
    };
    change(1000, kIdle, 1, false);
    wake(1200, 2);
    change(2000, 1, 2, false);
    wake(3000, 3);
    change(5000, 2, 3, true);
    change(9000, 3, 1, true);
    change(9500, 1, kIdle, true);
    return tell({&w}, 500).all;
  };
  const std::vector<xenmon_wait> stock = written(false);
  const std::vector<xenmon_wait> accounting = written(true);
  ASSERT_EQ(stock.size(), 3U);
  ASSERT_EQ(accounting.size(), 3U);
  for (std::size_t i = 0; i < stock.size(); ++i) {
    EXPECT_EQ(stock[i].start_ns, accounting[i].start_ns);
    EXPECT_EQ(stock[i].end_ns, accounting[i].end_ns);
    EXPECT_EQ(stock[i].domid, accounting[i].domid);
    EXPECT_EQ(stock[i].kind, accounting[i].kind);
    EXPECT_EQ(runners(stock[i]), runners(accounting[i]));
  }
}

} // namespace
} // namespace xenmon::test
