// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/log_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

constexpr char kHeader[] =
    "# passed cpu dom cpu(tot) cpu(%) cpu/ex allocated/ex blocked(tot) blocked(%) blocked/io waited(tot) "
    "waited(%) waited/ex ex/s io(tot) io/ex\n";

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() : reader(*RegionReader::make(region.bytes(), "R")) {
    region.set_domain(0, 0, 100, "Domain-0");
    region.set_domain(1, 5, 105, "web");
    region.set_domain(2, XENMON_DOMID_IDLE, 1, "");
    feed.start(reader, SampleFeed::From::kOldest);
  }

  LogWriter make_writer(std::uint64_t interval_ms, std::uint64_t duration_ms) {
    return LogWriter(files / "log", interval_ms * kMs, duration_ms * kMs, directory);
  }
  void drain(LogWriter& writer) { feed.drain(reader, writer); }
  std::string web() { return contents(files / "log-dom5.log"); }

  TemporaryDirectory files;
  ScriptedRegion region;
  RegionReader reader;
  DomainDirectory directory{20'000 * kMs};
  SampleFeed feed{directory};
};

TEST(LogLine, HasSixteenColumnsInTheOriginalsUnits) {
  MetricSums f;
  f.running_ns = 250 * kMs;
  f.waited_wake_ns = 50 * kMs;
  f.blocked_ns = 700 * kMs;
  f.executions = 200;
  f.slice_count = 100;
  f.slice_sum_ns = 1'000 * kMs;
  f.io_copy = 40;
  EXPECT_EQ(log_line(1000, 1, 5, f, 1'000 * kMs),
            "1000.000 1 5 250000000.000 25.000 1250000.000 10000000.000 700000000.000 70.000 17500000.000 "
            "50000000.000 5.000 250000.000 200.000 40.000 0.200");
  EXPECT_EQ(log_line(0.5, -1, -1, {}, 0),
            "0.500 -1 -1 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000");
}

TEST_F(LogWriterTest, WritesEachIntervalPcpuAndDomain) {
  LogWriter writer = make_writer(1000, 2000);
  for (int i = 0; i < 25; ++i) {
    region.publish({make_row(1, 1, {.running_ms = 20, .executions = 4, .slice_ms = 10}),
                    make_row(1, 0, {.running_ms = 10, .waited_ms = 5, .blocked_ms = 65, .executions = 2}),
                    make_row(0, 0, {}), make_row(2, 0, {.running_ms = 90, .executions = 2})},
                   {make_io_row(1, 0, 3)});
  }
  drain(writer);
  EXPECT_TRUE(writer.done());
  writer.finish();
  ASSERT_TRUE(writer.status());
  const std::string pcpu0 =
      " 0 5 100000000.000 10.000 5000000.000 0.000 650000000.000 65.000 21666666.667 50000000.000 5.000 "
      "2500000.000 20.000 30.000 1.500\n";
  const std::string pcpu1 =
      " 1 5 200000000.000 20.000 5000000.000 10000000.000 0.000 0.000 0.000 0.000 0.000 0.000 40.000 0.000 "
      "0.000\n";
  EXPECT_EQ(web(),
            kHeader + ("1000.000" + pcpu0) + "1000.000" + pcpu1 + "2000.000" + pcpu0 + "2000.000" + pcpu1);
  EXPECT_EQ(
      contents(files / "log-idle.log"),
      kHeader + std::string("1000.000 0 -1 900000000.000 90.000 45000000.000 0.000 0.000 0.000 0.000 0.000 "
                            "0.000 0.000 20.000 0.000 0.000\n2000.000 0 -1 900000000.000 90.000 45000000.000 "
                            "0.000 0.000 0.000 0.000 0.000 0.000 0.000 20.000 0.000 0.000\n"));
  // Nothing happened in Domain-0: no line, no file.
  EXPECT_FALSE(std::filesystem::exists(files / "log-dom0.log"));
}

TEST_F(LogWriterTest, TheIdleDomainsWaitingIsNone) {
  LogWriter writer = make_writer(100, 0);
  region.publish({make_row(2, 0, {.running_ms = 40, .waited_ms = 50, .blocked_ms = 10})});
  drain(writer);
  EXPECT_EQ(contents(files / "log-idle.log"),
            kHeader + std::string(
                          "100.000 0 -1 400000000.000 40.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 "
                          "0.000 0.000 0.000\n"));
}

TEST_F(LogWriterTest, AnIntervalIsWholeSamples) {
  LogWriter writer = make_writer(250, 0);
  for (int i = 0; i < 10; ++i) region.publish({make_row(1, 0, {.running_ms = 10})});
  drain(writer);
  writer.finish();
  std::istringstream log(web());
  std::vector<std::string> passed;
  for (std::string line; std::getline(log, line);) passed.push_back(line.substr(0, line.find(' ')));
  EXPECT_EQ(passed, (std::vector<std::string>{"#", "300.000", "500.000", "800.000", "1000.000"}));
}

TEST_F(LogWriterTest, EndsWithAShorterIntervalAtTheRecordingsEnd) {
  LogWriter writer = make_writer(1000, 10'000);
  for (int i = 0; i < 13; ++i) region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  writer.finish();
  writer.finish();
  const std::string log = web();
  EXPECT_NE(log.find("\n1300.000 0 5 500000000.000 50.000 "), std::string::npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3);
}

TEST_F(LogWriterTest, SaysWhatWasLostAndMissed) {
  LogWriter writer = make_writer(1000, 0);
  for (int i = 0; i < 5; ++i) region.publish({make_row(1, 0, {.running_ms = 50})}, {}, i == 2 ? 7 : 0);
  region.sample(4).seq = 0;
  for (int i = 0; i < 5; ++i) region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  const std::string log = web();
  // Half of the time that was seen, whatever was not.
  EXPECT_NE(log.find("1000.000 0 5 500000000.000 50.000 "), std::string::npos) << log;
  EXPECT_NE(log.find("# in the interval ending at 1000.000: 7 trace records lost, 1 sample missed\n"),
            std::string::npos)
      << log;
}

TEST_F(LogWriterTest, VerdictsAreComments) {
  LogWriter writer = make_writer(100, 0);
  region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  const std::string before = web();
  ASSERT_TRUE(writer.write_verdicts({"CPUs 2 to 7 were not traced."}));
  EXPECT_EQ(web(), before + "# verdict: CPUs 2 to 7 were not traced.\n");
}

TEST_F(LogWriterTest, AGapEndsTheIntervalWhereItShouldHaveEnded) {
  LogWriter writer = make_writer(1000, 0);
  region.publish({make_row(1, 0, {.running_ms = 50})});
  region.clock_ns = 3'500 * kMs;
  for (int i = 0; i < 5; ++i) region.publish({make_row(1, 0, {.running_ms = 10})});
  drain(writer);
  const std::string log = web();
  EXPECT_NE(log.find("\n1000.000 0 5 500000000.000"), std::string::npos) << log;
  EXPECT_NE(log.find("\n4000.000 0 5 100000000.000"), std::string::npos) << log;
  EXPECT_EQ(log.find("\n2000.000"), std::string::npos) << log;
}

TEST_F(LogWriterTest, AReusedDomidIsSaidToBeNew) {
  LogWriter writer = make_writer(100, 0);
  region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  region.set_domain(3, 5, 205, "other\nname");
  region.publish({make_row(3, 0, {.running_ms = 10})});
  drain(writer);
  const std::string log = web();
  const auto comment =
      log.find("# a new domain 5 (other?name); the lines above are from another domain\n200.000 0 5 ");
  EXPECT_NE(comment, std::string::npos) << log;
}

TEST_F(LogWriterTest, GoesOnAfterADaemonsRestart) {
  LogWriter writer = make_writer(200, 0);
  for (int i = 0; i < 3; ++i) region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  writer.restart();
  ScriptedRegion second;
  second.header().daemon_start = 78;
  second.set_domain(1, 5, 3, "web");
  for (int i = 0; i < 2; ++i) second.publish({make_row(1, 0, {.running_ms = 50})});
  const auto next = RegionReader::make(second.bytes(), "R");
  feed.start(*next, SampleFeed::From::kOldest);
  feed.drain(*next, writer);
  const std::string log = web();
  EXPECT_NE(log.find("\n300.000 0 5"), std::string::npos) << log;
  EXPECT_NE(log.find("# xenbaked restarted"), std::string::npos) << log;
  EXPECT_NE(log.find("\n500.000 0 5"), std::string::npos) << log;
}

TEST_F(LogWriterTest, FailsInOneSentence) {
  LogWriter writer("/nonexistent/log", 100 * kMs, 0, directory);
  region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  ASSERT_FALSE(writer.status());
  EXPECT_EQ(writer.status().error().message,
            "cannot write the log file /nonexistent/log-dom5.log: No such file or directory.");
  EXPECT_EQ(writer.status().error().status, ExitStatus::kFailed);
}

TEST_F(LogWriterTest, FollowsNoSymbolicLink) {
  std::filesystem::create_symlink(files / "victim", files / "log-dom5.log");
  LogWriter writer = make_writer(100, 0);
  region.publish({make_row(1, 0, {.running_ms = 50})});
  drain(writer);
  ASSERT_FALSE(writer.status());
  EXPECT_NE(writer.status().error().message.find("symbolic link"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(files / "victim"));
}

} // namespace
} // namespace xenmon::test
