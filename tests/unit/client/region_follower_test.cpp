// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a program that follows a region is told, and when, whatever happens to the file.
#include "client/region_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RegionFollowerTest : public testing::Test, public FollowSink {
 protected:
  RegionFollowerTest() { prepare(region, 77, 1); }

  void prepare(ScriptedRegion& one, std::uint64_t daemon, std::uint64_t generation) const {
    one.header().daemon_start = daemon;
    one.header().generation = generation;
    one.header().heartbeat_ns = now;
    one.set_domain(0, 1, 101, "web");
  }
  static void publish(ScriptedRegion& one, int samples) {
    for (int i = 0; i < samples; ++i) one.publish({make_row(0, 0, {.running_ms = 10})});
  }

  Result<SampleFeed::From> begin(const RegionReader& reader) override {
    events.push_back("daemon " + std::to_string(reader.header().daemon_start));
    if (refuses) return Error{"not this one."};
    return from;
  }
  void reading(const RegionReader& /*reader*/) override { is_read = true; }
  void add(const Sample& sample) override {
    EXPECT_TRUE(is_read);
    events.push_back(std::to_string(sample.end_ns / kSampleNs));
  }
  std::vector<std::string> follow() {
    events.clear();
    is_read = false;
    const auto followed = follower.follow(*this);
    EXPECT_EQ(!followed, refuses);
    if (followed) begun = *followed;
    return events;
  }

  std::uint64_t now = 50'000 * kMs;
  TemporaryDirectory directory;
  std::string path = directory / "region";
  ScriptedRegion region;
  RegionFollower follower{{.path = path, .clock = [this] { return now; }}};
  SampleFeed::From from = SampleFeed::From::kOldest;
  bool refuses = false;
  bool is_read = false;
  bool begun = false;
  std::vector<std::string> events;
};

TEST_F(RegionFollowerTest, HandsOnEachSampleOnceFromTheFirstDaemonOn) {
  EXPECT_THAT(follow(), IsEmpty());
  EXPECT_EQ(follower.reader(), nullptr);
  EXPECT_FALSE(begun || follower.has_begun());
  publish(region, 2);
  region.put(path);
  EXPECT_THAT(follow(), ElementsAre("daemon 77", "1", "2"));
  EXPECT_TRUE(begun && follower.has_begun());
  publish(region, 1);
  region.update(path);
  EXPECT_THAT(follow(), ElementsAre("3"));
  EXPECT_FALSE(begun);
  EXPECT_THAT(follow(), IsEmpty());
}

TEST_F(RegionFollowerTest, TheSinkMayWantOnlyWhatComes) {
  publish(region, 2);
  region.put(path);
  from = SampleFeed::From::kNow;
  EXPECT_THAT(follow(), ElementsAre("daemon 77"));
  publish(region, 1);
  region.update(path);
  EXPECT_THAT(follow(), ElementsAre("3"));
}

TEST_F(RegionFollowerTest, WhatTheOldDaemonLeftComesBeforeTheNewOne) {
  publish(region, 1);
  region.put(path);
  follow();
  publish(region, 1);
  region.update(path);
  ScriptedRegion second;
  prepare(second, 78, 2);
  publish(second, 1);
  second.put(path);
  EXPECT_THAT(follow(), ElementsAre("2", "daemon 78", "1"));
  EXPECT_TRUE(begun);
}

TEST_F(RegionFollowerTest, StartsOverWithAllThatTheRegionHolds) {
  EXPECT_FALSE(*follower.start_over(*this));
  publish(region, 2);
  region.put(path);
  follow();
  events.clear();
  EXPECT_TRUE(*follower.start_over(*this));
  EXPECT_THAT(events, ElementsAre("daemon 77", "1", "2"));
  EXPECT_THAT(follow(), IsEmpty());
}

TEST_F(RegionFollowerTest, RepeatsForASinkThatHasForgotten) {
  follower.repeat(*this); // nothing is there
  publish(region, 2);
  region.put(path);
  follow();
  events.clear();
  follower.repeat(*this);
  EXPECT_THAT(events, ElementsAre("1", "2"));
}

TEST_F(RegionFollowerTest, ADaemonThatIsRefusedIsAnError) {
  publish(region, 1);
  region.put(path);
  refuses = true;
  EXPECT_THAT(follow(), ElementsAre("daemon 77"));
  EXPECT_FALSE(follower.has_begun());
}

TEST_F(RegionFollowerTest, CountsWhatWasDamagedOverAllDaemons) {
  region.publish({make_row(7, 0, {.running_ms = 10})}); // a domain that is not there
  region.put(path);
  follow();
  EXPECT_EQ(follower.damaged(), 1U);
  ScriptedRegion second;
  prepare(second, 78, 2);
  second.publish({make_row(7, 0, {.running_ms = 10})});
  second.put(path);
  follow();
  EXPECT_EQ(follower.damaged(), 2U);
  EXPECT_EQ(follower.feed().damaged(), 1U);
}

} // namespace
} // namespace xenmon::test
