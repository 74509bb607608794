// SPDX-License-Identifier: GPL-2.0-or-later
//
// What xenmon serve needs of the client library beyond the screen: a window that begins at a time, and a
// stream that takes a few samples at a time.
#include <gtest/gtest.h>

#include <vector>

#include "client/region_follower.h"
#include "client/sample_feed.h"
#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

class Ends final : public FollowSink {
 public:
  Result<SampleFeed::From> begin(const RegionReader&) override { return SampleFeed::From::kOldest; }
  void add(const Sample& sample) override { ends.push_back(sample.end_ns / kSampleNs); }
  std::vector<std::uint64_t> ends;
};

class PartialReadingTest : public testing::Test {
 protected:
  PartialReadingTest() {
    region_.set_domain(0, 0, 1, "Domain-0");
    region_.set_vcpu(0, 0, 0);
    for (int i = 0; i < 10; ++i) region_.publish({make_row(0, 0, {.running_ms = 100})});
  }

  TemporaryDirectory directory_;
  ScriptedRegion region_;
  Ends ends_;
};

TEST_F(PartialReadingTest, AWindowBeginsWithTheFirstSampleOfATime) {
  const Result<RegionReader> reader = RegionReader::make(region_.bytes(), "test");
  ASSERT_TRUE(reader);
  DomainDirectory directory(0);
  SampleFeed feed(directory);
  feed.start(*reader, SampleFeed::From::kNow);
  feed.rewind(*reader, 6 * kSampleNs + 1);
  feed.drain(*reader, ends_);
  EXPECT_EQ(ends_.ends, (std::vector<std::uint64_t>{8, 9, 10}));
  EXPECT_EQ(feed.missed_samples(), 0U);
}

TEST_F(PartialReadingTest, AWindowBeforeEverythingHasEverything) {
  const Result<RegionReader> reader = RegionReader::make(region_.bytes(), "test");
  ASSERT_TRUE(reader);
  DomainDirectory directory(0);
  SampleFeed feed(directory);
  feed.start(*reader, SampleFeed::From::kNow);
  feed.rewind(*reader, 0);
  feed.drain(*reader, ends_);
  EXPECT_EQ(ends_.ends.size(), 10U);
}

TEST_F(PartialReadingTest, AFollowerTakesNoMoreThanItWasTold) {
  const std::string path = directory_ / "region";
  region_.put(path);
  RegionFollower follower({.path = path});
  ASSERT_TRUE(follower.follow(ends_, 3));
  EXPECT_EQ(ends_.ends, (std::vector<std::uint64_t>{1, 2, 3}));
  ASSERT_TRUE(follower.follow(ends_, 3));
  EXPECT_EQ(ends_.ends.size(), 6U);
  // The file is gone: what it had comes first.
  std::filesystem::remove(path);
  ASSERT_TRUE(follower.follow(ends_, 4));
  ASSERT_TRUE(follower.follow(ends_, 4));
  EXPECT_EQ(ends_.ends.size(), 10U);
  EXPECT_EQ(follower.feed().missed_samples(), 0U);
}

} // namespace
} // namespace xenmon::test
