// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey/survey.h"

#include <gtest/gtest.h>

#include <deque>

#include "survey/learn_trace.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

Preview preview_of(std::initializer_list<const WindowBuilder*> windows) {
  Preview preview;
  preview.whole = true;
  std::vector<Window>& round = preview.rounds.emplace_back();
  for (const WindowBuilder* window : windows) round.push_back(window->window());
  return preview;
}

// d1v0 runs for 20 ms out of every 40, reported in ns; a cycle is `khz` millionths of a ns.
WindowBuilder turns(double khz, std::uint32_t pcpu = 0) {
  WindowBuilder w(pcpu);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto at = [&](std::uint64_t ms) {
      return 1000 + static_cast<std::uint64_t>(static_cast<double>(ms) * khz);
    };
    w.record(event::kSwitchInfPrev, at(40 * i), {kIdle, pcpu, 20 * kMs})
        .runstate(at(40 * i), kIdle, pcpu, kRunningState, kRunnableState)
        .runstate(at(40 * i), 1, 0, kRunnableState, kRunningState)
        .record(event::kSwitchInfPrev, at(40 * i + 20), {1, 0, 20 * kMs})
        .runstate(at(40 * i + 20), 1, 0, kRunningState, kRunnableState)
        .runstate(at(40 * i + 20), kIdle, pcpu, kRunnableState, kRunningState);
  }
  return w;
}

TEST(Survey, TheFrequencyIsWhatXensWordsSay) {
  for (const double khz : {1'000'000.0, 2'799'998.0, 62'500.0}) {
    const WindowBuilder w = turns(khz);
    const Survey found = survey(preview_of({&w}), 0);
    EXPECT_NEAR(found.measured_khz, khz, khz / 1000);
    EXPECT_TRUE(found.words_reliable());
    EXPECT_FALSE(found.pcpus_missing());
  }
}

// Xen's word has 32 bits: of a run of 4.4 s it is 0.1 s.
TEST(Survey, AFrequencyOfRunsThatAreLongerThanTheWord) {
  constexpr std::uint64_t kWord = std::uint64_t{1} << 32;
  WindowBuilder w;
  std::uint64_t tsc = 1000;
  for (std::uint32_t i = 0; i < 8; ++i) {
    const std::uint64_t ran = 4'400 * kMs + i * 50 * kMs;
    w.runstate(tsc, 1, 0, kBlockedState, kRunnableState).runstate(tsc, 1, 0, kRunnableState, kRunningState);
    tsc += ran;
    w.record(event::kSwitchInfPrev, tsc, {1, 0, static_cast<std::uint32_t>(ran % kWord)})
        .runstate(tsc, 1, 0, kRunningState, kBlockedState);
    tsc += 10 * kMs;
  }
  const Survey found = survey(preview_of({&w}), 0);
  EXPECT_NEAR(found.measured_khz, 1'000'000, 1'000);
  EXPECT_TRUE(found.unrecorded_after.empty());
}

TEST(Survey, RunsThatFitMoreThanOneFrequencyTellNone) {
  WindowBuilder w;
  for (std::uint32_t i = 0; i < 8; ++i) {
    const std::uint64_t tsc = 1000 + i * 7'000 * kMs;
    w.runstate(tsc, 1, 0, kRunnableState, kRunningState)
        .record(event::kSwitchInfPrev, tsc + 6'000 * kMs, {1, 0, 6'000'000'000U - (std::uint64_t{1} << 32)})
        .runstate(tsc + 6'000 * kMs, 1, 0, kRunningState, kRunnableState);
  }
  EXPECT_EQ(survey(preview_of({&w}), 0).measured_khz, 0U); // 1 GHz, or 3.5 GHz
}

TEST(Survey, WordsThatMeanNothingTellNothing) {
  WindowBuilder w;
  for (std::uint32_t i = 0; i < 40; ++i) {
    w.record(event::kSwitchInfPrev, 1000 + i * 20 * kMs, {1, 0, (i * 7919 + 1) % 1000 * 100'000U})
        .runstate(1000 + i * 20 * kMs, 1, 0, kRunningState, kBlockedState)
        .runstate(1000 + i * 20 * kMs + 5, 1, 0, kBlockedState, kRunnableState)
        .runstate(1000 + i * 20 * kMs + 9, 1, 0, kRunnableState, kRunningState);
  }
  EXPECT_EQ(survey(preview_of({&w}), 0).measured_khz, 0U);
}

TEST(Survey, AWaitThatXenSaysWasMuchShorterMeansThatAPcpuIsMissing) {
  WindowBuilder w = turns(1'000'000);
  w.runstate(2'000 * kMs, 1, 0, kRunnableState, kRunnableState)
      .record(event::kSwitchInfNext, 3'000 * kMs, {1, 0, 18 * kMs, 10 * kMs})
      .runstate(3'000 * kMs, 1, 0, kRunnableState, kRunningState);
  EXPECT_TRUE(survey(preview_of({&w}), 1'000'000).pcpus_missing());
}

// d1v0 runs until 1 s, and again at 11 s after a wake at `woken`; `word`: since it left its pCPU, as Xen
// says.
WindowBuilder woken_late(std::uint64_t woken, std::uint64_t word) {
  WindowBuilder w = turns(1'000'000);
  w.runstate(900 * kMs, 1, 0, kRunnableState, kRunningState)
      .runstate(1'000 * kMs, 1, 0, kRunningState, kBlockedState)
      .runstate(woken, 1, 0, kBlockedState, kRunnableState)
      .record(event::kSwitchInfNext, 11'000 * kMs, {1, 0, static_cast<std::uint32_t>(word), 10 * kMs})
      .runstate(11'000 * kMs, 1, 0, kRunnableState, kRunningState);
  return w;
}

// The word has 32 bits: of 10 s it is 1.41 s.
TEST(Survey, AWordThatHasStartedAgainIsNoShorterWait) {
  const WindowBuilder long_wait = woken_late(9'000 * kMs, 10'000 * kMs);
  EXPECT_FALSE(survey(preview_of({&long_wait}), 1'000'000).pcpus_missing());
  const WindowBuilder very_long_wait = woken_late(2'000 * kMs, 10'000 * kMs);
  EXPECT_FALSE(survey(preview_of({&very_long_wait}), 1'000'000).pcpus_missing());
}

TEST(Survey, AWordThatCountsTheWaitAloneIsNoShorterWait) {
  const WindowBuilder w = woken_late(9'000 * kMs, 2'000 * kMs);
  EXPECT_FALSE(survey(preview_of({&w}), 1'000'000).pcpus_missing());
}

// It ran elsewhere until 8 s, before a wait of any length.
TEST(Survey, AVcpuThatLeftAnotherPcpuSinceMeansThatAPcpuIsMissing) {
  for (const std::uint64_t woken : {10'990 * kMs, 10'000 * kMs, 3'000 * kMs}) {
    const WindowBuilder w = woken_late(woken, 3'000 * kMs);
    EXPECT_TRUE(survey(preview_of({&w}), 1'000'000).pcpus_missing()) << woken;
  }
}

TEST(Survey, AWokenPcpuWithoutRecordsIsNamed) {
  WindowBuilder w = turns(1'000'000);
  w.record(event::kCredit2Tickle, 2'000 * kMs, {0}).record(event::kCredit2Tickle, 2'001 * kMs, {5});
  EXPECT_EQ(survey(preview_of({&w}), 0).named_pcpus, (std::vector<std::uint32_t>{5}));
  // A word that is no pCPU's number: these records are of something else.
  w.record(event::kCredit2Tickle, 2'002 * kMs, {0x12345678});
  EXPECT_TRUE(survey(preview_of({&w}), 0).named_pcpus.empty());
}

TEST(Survey, OldRecordsInFrontAreToldByXensWordForARun) {
  WindowBuilder w;
  w.runstate(1000, 1, 0, kRunnableState, kRunningState).record(0x22202, 7 * kMs, {});
  const std::uint64_t again = 20'000 * kMs;
  w.record(event::kSwitchInfPrev, again, {1, 0, 10 * kMs})
      .runstate(again, 1, 0, kRunningState, kRunnableState);
  WindowBuilder rest;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const std::uint64_t at = again + 1000 + i * 20 * kMs;
    rest.runstate(at, 1, 0, kRunnableState, kRunningState)
        .record(event::kSwitchInfPrev, at + 10 * kMs, {1, 0, 10 * kMs})
        .runstate(at + 10 * kMs, 1, 0, kRunningState, kRunnableState);
  }
  EXPECT_EQ(survey(preview_of({&w, &rest}), 0).unrecorded_after, (std::vector<std::uint64_t>{7 * kMs}));
}

// Before 1 s d1v0 runs, and 20 s later idle leaves the same pCPU: nothing says what happened in between.
TEST(Survey, ASilenceAfterWhichSomethingElseRunsWasNotRecorded) {
  WindowBuilder w;
  w.runstate(1000, kIdle, 0, kRunningState, kRunnableState)
      .runstate(1000, 1, 0, kRunnableState, kRunningState)
      .record(0x22202, 1'000 * kMs, {})
      .runstate(21'000 * kMs, kIdle, 0, kRunningState, kRunnableState)
      .runstate(21'000 * kMs, 2, 0, kRunnableState, kRunningState)
      .runstate(21'001 * kMs, 2, 0, kRunningState, kRunnableState)
      .runstate(21'001 * kMs, 1, 0, kRunnableState, kRunningState);
  const Survey found = survey(preview_of({&w}), 1'000'000);
  EXPECT_EQ(found.contradicted_after, (std::vector<std::uint64_t>{1'000 * kMs}));
  EXPECT_FALSE(found.pcpus_missing());
  // What other pCPUs did meanwhile is no sign of that.
  WindowBuilder masked;
  masked.runstate(1000, 1, 0, kRunningState, kBlockedState)
      .runstate(1000, kIdle, 0, kRunnableState, kRunningState)
      .record(0x22202, 1'000 * kMs, {})
      .runstate(21'000 * kMs, kIdle, 0, kRunningState, kRunnableState)
      .runstate(21'000 * kMs, 1, 0, kRunnableState, kRunningState);
  EXPECT_TRUE(survey(preview_of({&masked}), 1'000'000).contradicted_after.empty());
}

// Two pCPUs that wake each other's vCPUs, 3 us before these run; the second one's clock is ahead.
TEST(Survey, AClockThatDiffersIsMeasured) {
  for (const std::int64_t ahead : {std::int64_t{100'000}, std::int64_t{-100'000}, std::int64_t{0}}) {
    std::deque<WindowBuilder> windows{WindowBuilder(0), WindowBuilder(1), WindowBuilder(2)};
    const auto at = [&](std::uint32_t pcpu, std::uint64_t ns) {
      return ns + (pcpu == 1 ? static_cast<std::uint64_t>(ahead) : 0);
    };
    for (std::uint64_t i = 1; i < 60; ++i) {
      const std::uint64_t now = i * 20 * kMs;
      const auto waker = static_cast<std::uint32_t>(i % 3);
      const auto runner = static_cast<std::uint32_t>((i + 1 + i / 3 % 2) % 3);
      const std::uint32_t domid = 1 + runner;
      windows[waker].runstate(at(waker, now), domid, 0, kBlockedState, kRunnableState);
      windows[runner]
          .runstate(at(runner, now + 3'000), domid, 0, kRunnableState, kRunningState)
          .runstate(at(runner, now + 5 * kMs), domid, 0, kRunningState, kBlockedState);
    }
    const Survey found = survey(preview_of({&windows[0], &windows[1], &windows[2]}), 1'000'000);
    if (ahead == 0) {
      EXPECT_TRUE(found.clock_ahead_ns.empty());
      continue;
    }
    EXPECT_FALSE(found.pcpus_missing()) << ahead;
    ASSERT_EQ(found.clock_ahead_ns.size(), 2U) << ahead;
    EXPECT_NEAR(static_cast<double>(found.clock_ahead_ns[1]), static_cast<double>(ahead), 10'000.0);
    EXPECT_EQ(found.clock_ahead_ns[0], 0);
  }
}

TEST(LearnTrace, NamesCpusInWords) {
  EXPECT_EQ(cpus_text(std::vector<std::uint32_t>{3}), "CPU 3");
  EXPECT_EQ(cpus_text(std::vector<std::uint32_t>{2, 3}), "CPUs 2 and 3");
  EXPECT_EQ(cpus_text(std::vector<std::uint32_t>{2, 3, 4, 5, 6, 7}), "CPUs 2 to 7");
  EXPECT_EQ(cpus_text(std::vector<std::uint32_t>{0, 1, 2, 5, 9, 10}), "CPUs 0 to 2, 5, 9 and 10");
}

} // namespace
} // namespace xenmon::test
