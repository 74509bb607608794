// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "daemon/daemon_process.h"

namespace xenmon::test {
namespace {

Result<std::variant<Options, Information>> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv = {"xenmon"};
  argv.insert(argv.end(), words);
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

Options parsed(std::initializer_list<const char*> words) {
  const auto result = parse(words);
  if (!result || !std::holds_alternative<Options>(*result)) {
    ADD_FAILURE() << (result ? "information" : result.error().message);
    return {};
  }
  return std::get<Options>(*result);
}

std::string refused(std::initializer_list<const char*> words) {
  const auto result = parse(words);
  if (result) return "accepted";
  EXPECT_EQ(result.error().status, ExitStatus::kUsage);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  return result.error().message;
}

TEST(Options, Defaults) {
  const Options options = parsed({});
  EXPECT_TRUE(options.live);
  EXPECT_EQ(options.prefix, "log");
  EXPECT_EQ(options.duration_s, 10u);
  EXPECT_EQ(options.interval_ms, 1000u);
  EXPECT_EQ(options.ms_per_sample, 100u);
  EXPECT_FALSE(options.pcpu);
  EXPECT_EQ(options.rows, all_domain_rows());
  EXPECT_EQ(options.rows_given, MetricSet{});
  EXPECT_EQ(options.region, XENMON_DEFAULT_REGION);
}

TEST(Options, TakesThoseOfTheOriginal) {
  const Options options =
      parsed({"-n", "-p", "out", "-t", "0", "-i", "500", "--ms_per_sample=50", "--cpu", "3", "--noallocated",
              "--noblocked", "--waited", "--noexcount", "--noiocount"});
  EXPECT_FALSE(options.live);
  EXPECT_EQ(options.prefix, "out");
  EXPECT_EQ(options.duration_s, 0u);
  EXPECT_EQ(options.interval_ms, 500u);
  EXPECT_EQ(options.ms_per_sample, 50u);
  EXPECT_EQ(options.pcpu, 3u);
  EXPECT_EQ(options.rows, (MetricSet{Metric::kGotten, Metric::kWaited}));
  EXPECT_TRUE(options.rows_given.contains(Metric::kWaited));
  EXPECT_FALSE(parsed({"--notlive", "--time=5", "--prefix=x", "--interval=10"}).live);
  // As there, the last of several counts.
  EXPECT_TRUE(parsed({"-n", "-l"}).live);
  EXPECT_FALSE(parsed({"--live", "--notlive"}).live);
  EXPECT_TRUE(parsed({"--noblocked", "--blocked"}).rows.contains(Metric::kBlocked));
}

TEST(Options, TakesTheNewOnes) {
  const Options options = parsed({"--replay", "f.xz", "--cpu-khz", "2596128", "--speed", "max", "--loop",
                                  "--ms-per-sample", "20", "--xenbaked", "/x/xenbaked"});
  EXPECT_EQ(options.replay, "f.xz");
  EXPECT_EQ(options.cpu_khz, 2596128u);
  EXPECT_EQ(options.speed, "max");
  EXPECT_TRUE(options.loop);
  EXPECT_EQ(daemon_command(publisher_settings(options), "/r"),
            (std::vector<std::string>{"/x/xenbaked", "--region", "/r", "--ms-per-sample", "20", "--replay",
                                      "f.xz", "--cpu-khz", "2596128", "--speed", "max", "--loop"}));
  EXPECT_EQ(parsed({"--region", "/tmp/r"}).region, "/tmp/r");
}

TEST(Options, ARecordingThatGrowsCanBeFollowed) {
  EXPECT_EQ(
      daemon_command(publisher_settings(parsed({"--xenbaked", "x", "--replay", "f", "--follow"})), "/r"),
      (std::vector<std::string>{"x", "--region", "/r", "--ms-per-sample", "100", "--replay", "f",
                                "--follow"}));
  EXPECT_EQ(refused({"--follow"}), "option --follow is for a recording; name one with --replay FILE.");
  EXPECT_EQ(refused({"--replay", "f", "--follow", "--loop"}),
            "options --follow and --loop exclude each other: a growing recording has no end.");
  EXPECT_EQ(refused({"--replay", "f", "--follow", "--once"}),
            "option --once excludes --follow: the table covers the end of a recording.");
  EXPECT_EQ(refused({"--replay", "-", "--follow", "-n"}),
            "option --follow is not for standard input, which is read as it arrives.");
}

TEST(Options, ARecordingCanBeHeld) {
  EXPECT_EQ(parsed({"--replay", "f", "--at", "1:30.5"}).at, "1:30.5");
  EXPECT_EQ(
      daemon_command(
          publisher_settings(parsed({"--xenbaked", "x", "--replay", "f", "--once", "--at", "end"})), "/r"),
      (std::vector<std::string>{"x", "--region", "/r", "--ms-per-sample", "100", "--replay", "f", "--speed",
                                "max", "--held-at", "end"}));
  EXPECT_EQ(refused({"--at", "5"}), "option --at is for a recording; name one with --replay FILE.");
  EXPECT_EQ(refused({"--replay", "f", "--at", "soon"}),
            "option --at takes seconds such as 12.5, a time such as 1:30.5, or \"end\", not \"soon\".");
  EXPECT_EQ(refused({"--replay", "f", "--at", ""}),
            "option --at takes seconds such as 12.5, a time such as 1:30.5, or \"end\", not \"\".");
  const std::string log = "option --at is for the screen and --once: a log covers the whole recording.";
  EXPECT_EQ(refused({"--replay", "f", "--at", "5", "-n"}), log);
  EXPECT_EQ(refused({"--replay", "f", "--at", "5", "--format", "csv"}), log);
  EXPECT_EQ(refused({"--replay", "f", "--at", "end", "--loop"}),
            "option --at end excludes --loop: a loop has no end.");
  EXPECT_TRUE(parse({"--replay", "f", "--at", "5", "--loop"}));
}

TEST(Options, SlowWaitsAreALogWithoutIntervals) {
  const Options options = parsed({"--slow-waits", "10ms"});
  EXPECT_FALSE(options.live);
  EXPECT_EQ(options.slow_wait_ns, 10 * 1'000'000u);
  EXPECT_EQ(options.duration_s, 0u);
  EXPECT_EQ(parsed({"--slow-waits", "1s", "-t", "7"}).duration_s, 7u);
  EXPECT_EQ(parsed({"--slow-waits", "1s", "-o", "file", "--format", "csv"}).output, "file");
  EXPECT_EQ(parsed({"--slow-waits", "1s", "-o", "file"}).output, "file");
  EXPECT_EQ(parsed({"--slow-waits", "1s", "--replay", "f"}).speed, "max");
  EXPECT_EQ(parsed({"--slow-waits", "1s", "--replay", "f", "--speed", "2"}).speed, "2");
  EXPECT_FALSE(parsed({}).slow_wait_ns);
  EXPECT_NE(refused({"--slow-waits", "10"}).find("with its unit"), std::string::npos);
  EXPECT_NE(refused({"--slow-waits", ""}).find("with its unit"), std::string::npos);
  for (const char* other : {"--once", "--vcpus", "--prefix=x", "--interval=5"})
    EXPECT_NE(refused({"--slow-waits", "1ms", other}).find("exclude each other"), std::string::npos) << other;
}

TEST(Options, ADaemonOfOurOwnRecordsTheWaitsThatAreAskedFor) {
  const auto has = [](const std::vector<std::string>& command, const std::string& option,
                      const std::string& value) {
    const auto at = std::find(command.begin(), command.end(), option);
    return at != command.end() && at + 1 != command.end() && at[1] == value;
  };
  EXPECT_TRUE(has(daemon_command(publisher_settings(parsed({"--slow-waits", "20us"})), "R"), "--slow-waits",
                  "20000ns"));
  EXPECT_TRUE(has(daemon_command(publisher_settings(parsed({"--slow-waits", "20us", "--replay", "f"})), "R"),
                  "--speed", "max"));
  const std::vector<std::string> other = daemon_command(publisher_settings(parsed({})), "R");
  EXPECT_EQ(std::find(other.begin(), other.end(), "--slow-waits"), other.end());
}

TEST(Options, TimeSlicesThatNobodyLooksAtAreNotTraced) {
  EXPECT_EQ(daemon_command(publisher_settings(parsed({"--xenbaked", "x", "--noallocated"})), "/r"),
            (std::vector<std::string>{"x", "--region", "/r", "--ms-per-sample", "100", "--noallocated"}));
  EXPECT_EQ(
      daemon_command(publisher_settings(parsed({"--xenbaked", "x", "--noallocated", "--replay", "f"})), "/r"),
      (std::vector<std::string>{"x", "--region", "/r", "--ms-per-sample", "100", "--replay", "f"}));
}

TEST(Options, RefusesNonsenseInOneSentence) {
  EXPECT_EQ(refused({"-t", "-3"}), "option --time takes a whole number from 0 to 1000000000, not \"-3\".");
  EXPECT_NE(refused({"-t", "1.5"}).find("--time"), std::string::npos);
  EXPECT_NE(refused({"-i", "0"}).find("--interval"), std::string::npos);
  EXPECT_NE(refused({"-i", ""}).find("--interval"), std::string::npos);
  EXPECT_NE(refused({"--cpu", "x"}).find("--cpu "), std::string::npos);
  EXPECT_NE(refused({"--cpu", "-1"}).find("--cpu "), std::string::npos);
  EXPECT_NE(refused({"--ms_per_sample", "0"}).find("--ms_per_sample"), std::string::npos);
  EXPECT_NE(refused({"--ms_per_sample", "5000"}).find("to 4000"), std::string::npos);
  EXPECT_NE(refused({"--ms_per_sample", "-1"}).find("--ms_per_sample"), std::string::npos);
  EXPECT_NE(refused({"web.xentrace"}).find("to show a recording: xenmon --replay web.xentrace."),
            std::string::npos);
  EXPECT_NE(refused({"--replay", "f", "--cpu-khz", "2799"}).find("2799 kHz would be 2.8 MHz"),
            std::string::npos);
  EXPECT_EQ(parsed({"--replay", "f", "--cpu-khz", "2799.998"}).cpu_khz, 2799998u);
  EXPECT_NE(refused({"--replay", "-"}).find("standard input"), std::string::npos);
  EXPECT_NE(refused({"--replay", "-", "--once", "--loop"}).find("excludes --loop"), std::string::npos);
  EXPECT_NE(refused({"--replay", "-", "-n", "--loop"}).find("cannot be played again"), std::string::npos);
  EXPECT_NE(refused({"--csv-safe"}).find("--format csv"), std::string::npos);
  EXPECT_NE(refused({"--csv-safe", "--format", "jsonl"}).find("--format csv"), std::string::npos);
  EXPECT_NE(refused({"--cpu-khz", "2000000"}).find("--replay"), std::string::npos);
  EXPECT_NE(refused({"--replay", "f", "--cpu-khz", "0"}).find("--cpu-khz"), std::string::npos);
  EXPECT_NE(refused({"--replay", "f", "--speed", "0"}).find("--speed"), std::string::npos);
  EXPECT_NE(refused({"--replay", "f", "--speed", "inf"}).find("--speed"), std::string::npos);
  EXPECT_NE(refused({"--replay", ""}).find("--replay"), std::string::npos);
  EXPECT_NE(refused({"--replay", "f", "--region", "r"}).find("exclude"), std::string::npos);
  EXPECT_NE(refused({"--region", ""}).find("--region"), std::string::npos);
  EXPECT_NE(refused({"--bogus"}).find("--bogus"), std::string::npos);
  EXPECT_NE(refused({"stray"}).find("stray"), std::string::npos);
  EXPECT_NE(refused({"-p"}), "accepted");
}

TEST(Options, EveryNumberIsRefusedWithWhatIsTaken) {
  const std::string speed = "option --speed takes a factor from 0.001 to 1000000, or max, not \"";
  for (const char* value : {"1e300", "-1", "nan", "1e-300", "0", "0x10", "18446744073709551616", ""})
    EXPECT_EQ(refused({"--replay", "f", "--speed", value}), speed + value + "\".");
  const std::string sample = "option --ms_per_sample takes a whole number from 1 to 4000, not \"";
  for (const char* value : {"1e300", "0", "18446744073709551616", "4294967296", "5000", ""})
    EXPECT_EQ(refused({"--ms-per-sample", value}), sample + value + "\".");
  for (const char* option :
       {"--time", "--interval", "--ms_per_sample", "--cpu", "--cpu-khz", "--speed", "--at", "--slow-waits"}) {
    // The word after it is not its value.
    EXPECT_EQ(refused({"--replay", "f", (std::string(option) + "=").c_str(), "-n"}),
              "option " + std::string(option) + " has nothing after its \"=\".");
    EXPECT_EQ(refused({"--replay", "f", option}), "option " + std::string(option) + " takes a value.");
  }
}

TEST(Options, ASampleMustFitIntoTheLog) {
  EXPECT_EQ(
      refused({"-n", "-t", "2", "--ms_per_sample", "3000"}),
      "option --ms_per_sample: 3000 ms is longer than the whole log of 2000 ms; make it shorter, or --time "
      "longer.");
  EXPECT_EQ(parsed({"-n", "-t", "0", "--ms_per_sample", "3000"}).ms_per_sample, 3000u);
  EXPECT_EQ(parsed({"-t", "2", "--ms_per_sample", "3000"}).ms_per_sample, 3000u);
}

TEST(Options, HelpNamesEveryOption) {
  for (const char* flag : {"-h", "--help"}) {
    const auto result = parse({flag});
    ASSERT_TRUE(result);
    const std::string text = std::get<Information>(*result).text;
    for (const char* name : {"-l, --live",
                             "-n, --notlive",
                             "-p, --prefix",
                             "-t, --time",
                             "-i, --interval",
                             "--ms_per_sample",
                             "--ms-per-sample",
                             "--cpu N",
                             "--[no]allocated",
                             "--[no]blocked",
                             "--[no]waited",
                             "--[no]excount",
                             "--[no]iocount",
                             "--region",
                             "--replay",
                             "--cpu-khz",
                             "--speed",
                             "--loop",
                             "--at",
                             "--xenbaked",
                             "-V, --version",
                             "-h, --help"}) {
      EXPECT_NE(text.find(name), std::string::npos) << name;
    }
  }
  const auto version = parse({"-V"});
  ASSERT_TRUE(version);
  EXPECT_TRUE(std::get<Information>(*version).text.starts_with("xenmon "));
}

// Hosts may be several, of both kinds, in the order in which they were given; everything else is repeated in
// vain.
TEST(Options, TakesSeveralHosts) {
  EXPECT_TRUE(parsed({}).hosts.empty());
  EXPECT_EQ(parsed({"--host", "root@a"}).hosts, (std::vector<OtherHost>{{"root@a", ""}}));
  const std::vector<OtherHost> mixed = {{"a", ""}, {"", "ssh b xenmon serve"}, {"c", ""}};
  EXPECT_EQ(parsed({"--host", "a", "--no-color", "--connect", "ssh b xenmon serve", "--host=c"}).hosts,
            mixed);
  EXPECT_EQ(publisher_settings(parsed({"--connect", "x"})).other, (OtherHost{"", "x"}));
  EXPECT_FALSE(publisher_settings(parsed({})).other);
  EXPECT_EQ(refused({"--host", "a", "--connect", "a", "--host", "a"}),
            "a is given twice; name each host once.");
  for (const char* option : {"-n", "--format=csv", "--slow-waits=1ms"}) {
    EXPECT_EQ(
        refused({"--host", "a", "--host", "b", option}),
        "several hosts are for the screen and --once; give one --host or --connect at a time for a log.");
  }
  EXPECT_TRUE(parsed({"--host", "a", "--host", "b", "--once"}).once);
  EXPECT_EQ(refused({"--host", "a", "--host", "b", "--cpu", "1"}),
            "option --cpu is for one host; choose the CPU with c when a host is shown.");
}

} // namespace
} // namespace xenmon::test
