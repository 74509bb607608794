// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/wait_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>

namespace xenmon {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kMs = 1'000'000;

TEST(WaitTimelineTest, AWaitIsInTheMiddleOfASecondOfARecording) {
  const auto command = timeline_command("xenbaked", {.recording = "trace", .cpu_khz = 2'400'000},
                                        {"d1v0", 2000 * kMs, 2010 * kMs});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->file, "wait-d1v0-2.000s.pftrace");
  EXPECT_THAT(command->words, ElementsAre("xenbaked", "--replay", "trace", "--timeline",
                                          "wait-d1v0-2.000s.pftrace", "--from", "1.505000000", "--until",
                                          "2.505000000", "--slow-waits", "1ms", "--cpu-khz", "2400000"));
}

TEST(WaitTimelineTest, ALongerWaitIsThereFromItsBeginningToItsEnd) {
  const auto command = timeline_command("xenbaked", {.recording = "trace"}, {"d1", 100 * kMs, 2100 * kMs});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->words[6], "0.100000000");
  EXPECT_EQ(command->words[8], "2.100000000");
}

TEST(WaitTimelineTest, AWaitAtTheBeginningIsNotBeforeIt) {
  const auto command = timeline_command("xenbaked", {.recording = "trace"}, {"d1", 10 * kMs, 20 * kMs});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->words[6], "0.000000000");
}

TEST(WaitTimelineTest, AFlightRecorderIsAskedByTheTimeOfDay) {
  setenv("TZ", "UTC", 1);
  tzset();
  const KeptRecords records{
      .recording = "/flight", .is_directory = true, .wall_epoch_ns = 1'795'390'000'500 * kMs};
  const auto command = timeline_command("xenbaked", records, {"d1v0", 2000 * kMs, 2010 * kMs});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->words[6], "2026-11-22 23:26:42.005000000");
  EXPECT_EQ(command->words[8], "2026-11-22 23:26:43.005000000");
  EXPECT_EQ(command->file, "wait-d1v0-20261122-232642.pftrace");
}

TEST(WaitTimelineTest, WithoutATimeOfDayAFlightRecorderCannotBeAsked) {
  EXPECT_FALSE(
      timeline_command("xenbaked", {.recording = "/flight", .is_directory = true}, {"d1", kMs, 2 * kMs}));
}

} // namespace
} // namespace xenmon
