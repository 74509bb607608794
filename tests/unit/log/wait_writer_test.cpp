// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is written of long waits, and when.
#include "log/wait_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

class WaitWriterTest : public testing::Test {
 protected:
  WaitWriterTest() : region(RegionSizes{.waits = 4}), reader(*RegionReader::make(region.bytes(), "R")) {
    region.set_domain(0, 0, 100, "Domain-0");
    region.set_domain(1, 5, 105, "web \"a\"");
    region.set_domain(2, XENMON_DOMID_IDLE, 1, "");
    settings.path = files / "waits";
    settings.slow_ns = 2 * kMs;
  }

  WaitWriter& writer() {
    if (!made) made.emplace(settings, directory);
    return *made;
  }
  void start(WaitFeed::From from = WaitFeed::From::kBeginning) { start(reader, from); }
  void start(const RegionReader& in, WaitFeed::From from = WaitFeed::From::kBeginning) {
    const Status started = writer().start(in, from);
    ASSERT_TRUE(started) << started.error().message;
    feed.start(in, from == WaitFeed::From::kNow ? SampleFeed::From::kNow : SampleFeed::From::kOldest);
  }
  void drain(const RegionReader& in) {
    writer().reading(in);
    feed.drain(in, writer());
  }
  std::string refusal() {
    const Status started =
        writer().start(*RegionReader::make(region.bytes(), "R"), WaitFeed::From::kBeginning);
    return started ? "" : started.error().message;
  }
  std::string written() {
    drain(reader);
    EXPECT_TRUE(writer().status());
    std::stringstream text;
    text << std::ifstream(settings.path).rdbuf();
    return text.str();
  }

  // Domain 5's vCPU 0, preempted on pCPU 1.
  static xenmon_wait wait_of(std::uint64_t end_ns, std::uint64_t length_ns) {
    xenmon_wait wait = make_wait(5, 105, end_ns, length_ns);
    wait.kind = XENMON_WAIT_PREEMPTED;
    wait.pcpu = wait.pcpu_before = 1;
    wait.runners[0] = {100, 0, 3, length_ns / 4 * 3};
    wait.runners[1] = {1, XENMON_DOMID_IDLE, 1, length_ns / 4};
    return wait;
  }

  TemporaryDirectory files;
  ScriptedRegion region;
  RegionReader reader;
  DomainDirectory directory{20'000 * kMs};
  SampleFeed feed{directory};
  WaitWriter::Settings settings;
  std::optional<WaitWriter> made;
};

TEST_F(WaitWriterTest, ALineSaysWhoWaitedAndWhoRan) {
  start();
  region.add_wait(wait_of(40 * kMs, 12 * kMs));
  region.publish({});
  EXPECT_EQ(written(),
            "0.040000000 s  web \"a\" d5v0 preempted, waited 12.00 ms for CPU 1; meanwhile on CPU 1: "
            "Domain-0 d0v3 75 %, idle 25 %\n");
}

TEST_F(WaitWriterTest, TheTimeOfDayIsSaidWhereItIsKnown) {
  region.header().wall_epoch_ns = 1'700'000'000'000'000'000;
  reader = *RegionReader::make(region.bytes(), "R");
  start();
  region.add_wait(make_wait(7, 777, 40 * kMs, 12 * kMs)); // of a domain that nobody knows
  region.publish({});
  EXPECT_EQ(written(),
            "2023-11-14T22:13:20.040000Z  d7v0 woken, waited 12.00 ms for CPU 0; meanwhile on CPU 0: not "
            "known 100 %\n");
}

TEST_F(WaitWriterTest, BothPcpusAreNamedWhenItMoved) {
  start();
  xenmon_wait wait = wait_of(40 * kMs, 12 * kMs);
  wait.pcpu_before = 0;
  wait.runners[2] = {105, 5, 9, 1 * kMs};
  wait.others_ns = 1000;
  wait.flags = XENMON_WAIT_FORGOTTEN;
  region.add_wait(wait);
  region.publish({});
  EXPECT_EQ(
      written(),
      "0.040000000 s  web \"a\" d5v0 preempted, waited 12.00 ms for CPU 1 (before on 0); meanwhile on CPUs 0 "
      "and 1: "
      "Domain-0 d0v3 38 %, idle on 1 13 %, web \"a\" d5v9 4 %, others <1 %, no longer remembered 46 %\n");
}

TEST_F(WaitWriterTest, ShorterOnesAndOtherPcpusAreLeftOut) {
  settings.pcpu = 1;
  start();
  region.add_wait(wait_of(40 * kMs, 2 * kMs));
  region.add_wait(wait_of(50 * kMs, 2 * kMs - 1));
  xenmon_wait other = wait_of(60 * kMs, 9 * kMs);
  other.pcpu = 0;
  region.add_wait(other);
  region.publish({});
  const std::string text = written();
  EXPECT_EQ(text.substr(0, 14), "0.040000000 s ");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(WaitWriterTest, WhatMayBeMissingIsSaid) {
  start();
  for (std::uint64_t i = 0; i < 6; ++i)
    region.add_wait(wait_of(10 * kMs, kMs)); // two more than there is room for
  region.publish({}, {}, 17);
  region.publish({});
  EXPECT_EQ(written(),
            "0.100000000 s  waits of 2.00 ms or more may be missing here: Xen lost 17 records; 2 waits of "
            "1.00 ms or "
            "more were overwritten before they were read\n");
  // Once.
  region.add_wait(wait_of(210 * kMs, kMs));
  region.publish({});
  const std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(WaitWriterTest, SamplesThatWereNotSeenMayHideALoss) {
  RegionSizes sizes;
  sizes.samples = 2;
  ScriptedRegion small(sizes);
  const RegionReader its = *RegionReader::make(small.bytes(), "R");
  start(its);
  for (int i = 0; i < 5; ++i) small.publish({});
  drain(its);
  EXPECT_NE(written().find("it is not known whether Xen lost records in 3 samples"), std::string::npos);
}

TEST_F(WaitWriterTest, RecordsHaveTheSame) {
  settings.format = LogFormat::kCsv;
  start();
  region.add_wait(wait_of(40 * kMs, 12 * kMs));
  region.publish({}, {}, 17);
  EXPECT_EQ(written(),
            "start_s,end_s,wall_time,domid,domain,domain_uid,vcpu,cause,wait_ns,pcpu,pcpu_before,"
            "runner1_domid,runner1_domain,runner1_domain_uid,runner1_vcpu,runner1_ns,"
            "runner2_domid,runner2_domain,runner2_domain_uid,runner2_vcpu,runner2_ns,"
            "runner3_domid,runner3_domain,runner3_domain_uid,runner3_vcpu,runner3_ns,"
            "others_ns,not_known_ns,lost_records,missed_waits,missed_samples,restarts\r\n"
            "0.028000000,0.040000000,,5,\"web \"\"a\"\"\",105,0,preempted,12000000,1,1,"
            "0,Domain-0,100,3,9000000,32767,Idle,1,1,3000000,,,,,,0,0,,,,0\r\n"
            ",0.100000000,,,,,,,,,,,,,,,,,,,,,,,,,,,17,0,0,0\r\n");
}

TEST_F(WaitWriterTest, AJsonObjectLeavesOutWhatDoesNotApply) {
  settings.format = LogFormat::kJsonLines;
  start();
  xenmon_wait wait = make_wait(7, 777, 40 * kMs, 12 * kMs);
  wait.pcpu_before = XENMON_NO_PCPU;
  region.add_wait(wait);
  region.publish({});
  EXPECT_EQ(written(),
            "{\"start_s\":0.028000000,\"end_s\":0.040000000,\"domid\":7,\"domain_uid\":777,\"vcpu\":0,"
            "\"cause\":\"woken\",\"wait_ns\":12000000,\"pcpu\":0,\"others_ns\":0,\"not_known_ns\":12000000,"
            "\"restarts\":0}\n");
}

TEST_F(WaitWriterTest, TheTimeOfDayFollowsTheRegions) {
  region.header().wall_epoch_ns = 1'700'000'000'000'000'000;
  start();
  region.add_wait(make_wait(7, 777, 40 * kMs, 12 * kMs));
  region.publish({});
  const std::string first = written();
  region.header().wall_epoch_ns += 60'000 * kMs;
  region.add_wait(make_wait(7, 777, 140 * kMs, 12 * kMs));
  region.publish({});
  const std::string both = written();
  EXPECT_NE(first.find("22:13:20"), std::string::npos) << first;
  EXPECT_NE(both.find("22:14:20"), std::string::npos) << both;
}

TEST_F(WaitWriterTest, VerdictsAreLinesOfTheirOwn) {
  start();
  ASSERT_TRUE(writer().write_verdicts({"CPUs 2 to 7 were not traced."}));
  EXPECT_EQ(written(), "verdict: CPUs 2 to 7 were not traced.\n");
}

TEST_F(WaitWriterTest, EndsAfterItsTimeOnTheTraceClock) {
  settings.duration_ns = 150 * kMs;
  region.publish({});
  start(WaitFeed::From::kNow); // from 100 ms on
  region.add_wait(wait_of(120 * kMs, 3 * kMs));
  region.publish({});
  (void)written();
  EXPECT_FALSE(writer().done());
  region.add_wait(wait_of(250 * kMs, 3 * kMs));
  region.add_wait(wait_of(251 * kMs, 3 * kMs));
  region.publish({});
  const std::string text = written();
  EXPECT_TRUE(writer().done());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  region.publish({}, {}, 5);
  EXPECT_EQ(written(), text);
}

TEST_F(WaitWriterTest, AnotherDaemonsTraceGoesOnWithWhatIsLeftOfTheTime) {
  settings.duration_ns = 250 * kMs;
  start();
  region.publish({});
  region.publish({});
  (void)written();
  ScriptedRegion second;
  const RegionReader its = *RegionReader::make(second.bytes(), "R");
  start(its);
  second.add_wait(wait_of(50 * kMs, 3 * kMs));
  second.add_wait(wait_of(51 * kMs, 3 * kMs));
  second.publish({});
  drain(its);
  EXPECT_TRUE(writer().done());
  const std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(text.find("xenbaked was restarted; "), 0U) << text;
}

TEST_F(WaitWriterTest, ADaemonThatCannotTellIsRefusedWithTheRemedy) {
  settings.slow_ns = kMs;
  EXPECT_EQ(refusal(), "");
  region.header().slow_wait_ns = kMs + 1;
  EXPECT_NE(refusal().find("restart it with --slow-waits 1000000ns."), std::string::npos) << refusal();
  region.header().header_bytes = XENMON_HEADER_BYTES_1_0;
  EXPECT_NE(refusal().find("does not record waits"), std::string::npos) << refusal();
}

TEST_F(WaitWriterTest, AFailureToWriteEndsIt) {
  settings.path = files / "no/such/directory";
  start();
  region.add_wait(wait_of(40 * kMs, 12 * kMs));
  region.publish({});
  drain(reader);
  EXPECT_FALSE(writer().status());
}

} // namespace
} // namespace xenmon::test
