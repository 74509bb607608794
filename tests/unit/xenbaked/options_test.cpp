// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <vector>

#include "options.h"

namespace xenmon {
namespace {

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "xenbaked");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(XenbakedOptions, DefaultsAreTheOriginals) {
  const CommandLine line = parse({});
  ASSERT_TRUE(line.run);
  EXPECT_EQ(line.options.session.sample_ns, 100'000'000U);
  EXPECT_EQ(line.options.session.poll_ns, 250'000'000U);
  EXPECT_EQ(line.options.session.region, "/run/xenmon/region");
  EXPECT_TRUE(line.options.replay.empty());
}

TEST(XenbakedOptions, XensOwnRecordsCanBeAskedForInAnyCase) {
  EXPECT_FALSE(parse({}).options.session.stock_records);
  EXPECT_TRUE(parse({"--stock-records"}).options.session.stock_records);
  EXPECT_TRUE(parse({"--stock-records", "--replay", "file"}).run);
}

TEST(XenbakedOptions, TimeSlicesCanBeLeftOut) {
  EXPECT_FALSE(parse({}).options.event_mask);
  EXPECT_FALSE(parse({}).options.without_slices);
  EXPECT_TRUE(parse({"--noallocated"}).options.without_slices);
  EXPECT_EQ(parse({"--noallocated", "--evt-mask", "0x00129000"}).status, ExitStatus::kUsage);
  EXPECT_EQ(parse({"--noallocated", "--replay", "file"}).status, ExitStatus::kUsage);
}

TEST(XenbakedOptions, TheOriginalsSpellingsStillWork) {
  for (const char* spelling : {"-m250", "--ms_per_sample=250", "--ms-per-sample=250"}) {
    EXPECT_EQ(parse({spelling}).options.session.sample_ns, 250'000'000U) << spelling;
  }
  EXPECT_EQ(parse({"-s", "20"}).options.session.poll_ns, 20'000'000U);
  EXPECT_EQ(parse({"--poll-sleep", "20", "-t", "5"}).options.session.poll_ns, 20'000'000U);
  for (const char* spelling : {"-?", "--help", "-h", "-V", "--version"}) {
    const CommandLine line = parse({spelling});
    EXPECT_FALSE(line.run);
    EXPECT_EQ(line.status, ExitStatus::kOk);
    EXPECT_FALSE(line.text.empty());
  }
}

TEST(XenbakedOptions, ARecordingCanBeHeldAndSteered) {
  EXPECT_FALSE(parse({"--replay", "f"}).options.session.held_at_ns);
  EXPECT_EQ(parse({"--replay", "f"}).options.session.control_fd, -1);
  EXPECT_EQ(parse({"--replay", "f", "--held-at", "1:30"}).options.session.held_at_ns, 90'000'000'000U);
  EXPECT_EQ(parse({"--replay", "f", "--control-fd", "0"}).options.session.control_fd, 0);
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"--held-at", "5"},
                                             {"--control-fd", "0"},
                                             {"--replay", "f", "--held-at", "soon"},
                                             {"--replay", "f", "--control-fd", "-1"},
                                             {"--replay", "f", "--held-at", "5", "--totals", "text"},
                                             {"--replay", "f", "--control-fd", "0", "--record", "g"},
                                             {"--replay", "f", "--held-at", "end", "--loop"}}) {
    EXPECT_EQ(parse(arguments).status, ExitStatus::kUsage) << arguments.back();
  }
  EXPECT_TRUE(parse({"--replay", "f", "--held-at", "5", "--loop"}).run);
}

TEST(XenbakedOptions, ALongWaitIsATimeWithItsUnit) {
  EXPECT_EQ(parse({}).options.session.slow_wait_ns, 1'000'000U);
  EXPECT_EQ(parse({"--slow-waits", "250us"}).options.session.slow_wait_ns, 250'000U);
  const CommandLine line = parse({"--slow-waits", "10"});
  EXPECT_EQ(line.status, ExitStatus::kUsage);
  EXPECT_NE(line.text.find("with its unit"), std::string::npos) << line.text;
}

TEST(XenbakedOptions, SpeedIsAFactorOrMax) {
  EXPECT_EQ(parse({"--replay", "f", "--speed", "2.5"}).options.session.speed, 2.5);
  EXPECT_EQ(parse({"--replay", "f", "--speed", "max"}).options.session.speed, 0);
  for (const char* speed : {"0", "-1", "fast", "1x", "nan", "1e9"}) {
    EXPECT_EQ(parse({"--replay", "f", "--speed", speed}).status, ExitStatus::kUsage) << speed;
  }
}

TEST(XenbakedOptions, NonsenseIsRefusedInOneLine) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"-m", "0"},
                                             {"-m", "5000"},
                                             {"--totals", "json"},
                                             {"--replay", "f", "--totals", "xml"},
                                             {"--replay", "f", "--totals", "json", "--loop"},
                                             {"--loop"},
                                             {"--replay", "-", "--loop"},
                                             {"--cpu-khz", "5"},
                                             {"--evt-mask", "0x10000000"},
                                             {"--replay", "f", "--evt-mask", "1"},
                                             {"surplus"},
                                             {"--no-such-option"}}) {
    const CommandLine line = parse(arguments);
    EXPECT_FALSE(line.run);
    EXPECT_EQ(line.status, ExitStatus::kUsage);
    EXPECT_EQ(line.text.find('\n'), std::string::npos) << line.text;
  }
}

TEST(XenbakedOptions, WhatXlInfoPrintsAndWhatIsMeantForReplay) {
  const auto parse = [](std::vector<const char*> words) {
    words.insert(words.begin(), "xenbaked");
    return parse_command_line(static_cast<int>(words.size()), words.data());
  };
  EXPECT_EQ(parse({"--replay", "f", "--cpu-khz", "2799.998"}).options.cpu_khz, 2'799'998U);
  EXPECT_EQ(parse({"--replay", "f", "--cpu-khz", "62.500"}).options.cpu_khz, 62'500U);
  const CommandLine thousandth = parse({"--replay", "f", "--cpu-khz", "2799"});
  EXPECT_FALSE(thousandth.run);
  EXPECT_NE(thousandth.text.find("2799 kHz would be 2.8 MHz"), std::string::npos);
  const CommandLine word = parse({"web.xentrace"});
  EXPECT_EQ(word.status, ExitStatus::kUsage);
  EXPECT_NE(word.text.find("to play a recording: xenbaked --replay web.xentrace."), std::string::npos)
      << word.text;
}

} // namespace
} // namespace xenmon
