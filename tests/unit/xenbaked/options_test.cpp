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

TEST(XenbakedOptions, EveryNumberIsRefusedWithWhatIsTaken) {
  struct Case {
    const char* option;
    const char* rule;
  };
  for (const Case& one :
       {Case{"--ms_per_sample", "--ms_per_sample takes a whole number from 1 to 4000, not \""},
        Case{"--poll-sleep", "--poll-sleep takes a whole number from 1 to 10000, not \""},
        Case{"--log-thresh", "--log-thresh takes a whole number from 0 to 4294967295, not \""},
        Case{"--history", "--history takes seconds from 1 to 3600, not \""},
        Case{"--speed", "--speed takes a factor from 0.001 to 1000000, or max, not \""},
        Case{"--held-at",
             "--held-at takes seconds such as 12.5, or minutes and seconds such as 1:30, or end, not \""},
        Case{"--control-fd", "--control-fd takes a whole number from 0 to 1000000, not \""},
        Case{"--ready-fd", "--ready-fd takes a whole number from 0 to 1000000, not \""},
        Case{"--evt-mask", "--evt-mask takes a number from 1 to 0x0fffffff, not \""},
        Case{"--slow-waits", "--slow-waits takes a time from 1ns to 3600s with its unit"},
        Case{"--cpu-khz", "--cpu-khz: takes kHz from 10000 to 100000000"},
        Case{"--totals", "--totals takes text or json, not \""}}) {
    for (const char* value :
         {"1e300", "-1", "nan", "inf", "1e-300", "18446744073709551616", "", "5 ", "five"}) {
      const CommandLine line = parse({"--replay", "f", one.option, value});
      EXPECT_EQ(line.status, ExitStatus::kUsage) << one.option << " " << value;
      EXPECT_TRUE(line.text.starts_with(one.rule)) << line.text;
    }
    const CommandLine nothing = parse({"--replay", "f", (std::string(one.option) + "=").c_str(), "1"});
    EXPECT_TRUE(
        nothing.text.starts_with("option " + std::string(one.option) + " has nothing after its \"=\"."))
        << nothing.text;
    const CommandLine last = parse({"--replay", "f", one.option});
    EXPECT_TRUE(last.text.starts_with("option " + std::string(one.option) + " takes a value.")) << last.text;
  }
  EXPECT_EQ(parse({"--ready-fd", "7"}).options.session.ready_fd, 7);
  EXPECT_EQ(parse({"--history", "1.5"}).options.session.history_ns, 1'500'000'000U);
  EXPECT_EQ(parse({"--evt-mask", "0x129000"}).options.event_mask, 0x129000U);
  EXPECT_EQ(parse({"--evt-mask", "4096"}).options.event_mask, 4096U);
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

TEST(XenbakedOptions, TheFlightRecorderKeepsWhatIsPlayedOnce) {
  EXPECT_FALSE(parse({}).options.flight);
  const CommandLine line = parse({"--flight", "5m,1G", "--flight-dir", "d", "--flight-on-wait", "20ms,7"});
  ASSERT_TRUE(line.run);
  EXPECT_EQ(line.options.flight->bounds.span_ns, 300'000'000'000U);
  EXPECT_EQ(line.options.flight->bounds.most_bytes, 1U << 30);
  EXPECT_EQ(line.options.flight->directory, "d");
  EXPECT_EQ(line.options.flight->keep_wait_ns, 20'000'000U);
  EXPECT_EQ(line.options.flight->keeps_an_hour, 7U);
  EXPECT_EQ(parse({"--flight", "10m"}).options.flight->directory, "/var/lib/xenmon");
  EXPECT_TRUE(parse({"--flight", "10m", "--record", "f", "--replay", "g"}).run);
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"--flight", "10"},
                                             {"--flight-dir", "d"},
                                             {"--flight-on-wait", "50ms"},
                                             {"--flight", "30s", "--flight-on-wait", "50ms"},
                                             {"--flight", "10m", "--flight-on-wait", "100us"},
                                             {"--flight", "10m", "--replay", "f", "--totals", "text"},
                                             {"--flight", "10m", "--replay", "f", "--loop"},
                                             {"--flight", "10m", "--replay", "f", "--held-at", "1"},
                                             {"--flight", "10m", "--restore"}}) {
    EXPECT_EQ(parse(arguments).status, ExitStatus::kUsage) << arguments.back();
  }
}

TEST(XenbakedOptions, ACaptureIsForItself) {
  const CommandLine line = parse({"--capture", "f", "--since", "3:05", "--until", "03:12:30"});
  ASSERT_TRUE(line.run);
  EXPECT_EQ(line.options.capture->file, "f");
  EXPECT_EQ(line.options.capture->directory, "/var/lib/xenmon");
  EXPECT_EQ(line.options.capture->since->minute, 5);
  EXPECT_EQ(line.options.capture->until->second, 30);
  EXPECT_EQ(parse({"--capture", "f", "--last", "2m"}).options.capture->last_ns, 120'000'000'000U);
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"--since", "3:05"},
                                             {"--capture", ""},
                                             {"--capture", "f", "--since", "noon"},
                                             {"--capture", "f", "--last", "2"},
                                             {"--capture", "f", "--last", "2m", "--until", "3:05"},
                                             {"--capture", "f", "--replay", "g"},
                                             {"--capture", "f", "--flight", "10m"}}) {
    EXPECT_EQ(parse(arguments).status, ExitStatus::kUsage) << arguments.back();
  }
}

TEST(XenbakedOptions, ATimeOfDayCanBeHeldAt) {
  const CommandLine line = parse({"--replay", "d", "--held-at", "2026-11-27 03:10:30"});
  ASSERT_TRUE(line.run);
  ASSERT_TRUE(line.options.held_at_day);
  EXPECT_EQ(line.options.held_at_day->date->day, 27);
  EXPECT_EQ(line.options.held_at_day->hour, 3);
}

} // namespace
} // namespace xenmon
