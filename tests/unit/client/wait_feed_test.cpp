// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/wait_feed.h"

#include <gtest/gtest.h>

#include <vector>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

class Ends final : public WaitSink {
 public:
  void add(const xenmon_wait& wait) override { ms_.push_back(wait.end_ns / kMs); }
  std::vector<std::uint64_t> take() { return std::exchange(ms_, {}); }

 private:
  std::vector<std::uint64_t> ms_;
};
using Milliseconds = std::vector<std::uint64_t>;

class WaitFeedTest : public testing::Test {
 protected:
  WaitFeedTest() : region(RegionSizes{.waits = 4}), reader(*RegionReader::make(region.bytes(), "R")) {}

  void add(std::uint64_t end_ms) { region.add_wait(make_wait(5, 50, end_ms * kMs, kMs)); }
  Milliseconds drained(std::uint64_t until_ms = UINT64_MAX / kMs) {
    feed.drain(reader, until_ms * kMs, ends);
    return ends.take();
  }

  ScriptedRegion region;
  RegionReader reader;
  WaitFeed feed;
  Ends ends;
};

TEST_F(WaitFeedTest, HandsOnEachOnceAndInOrder) {
  feed.start(reader, WaitFeed::From::kBeginning);
  EXPECT_EQ(drained(), Milliseconds{});
  add(10);
  add(20);
  EXPECT_EQ(drained(), (Milliseconds{10, 20}));
  EXPECT_EQ(drained(), Milliseconds{});
  add(30);
  EXPECT_EQ(drained(), Milliseconds{30});
  EXPECT_EQ(feed.missed(), 0u);
}

TEST_F(WaitFeedTest, KeepsThoseOfLaterSamplesForThem) {
  feed.start(reader, WaitFeed::From::kBeginning);
  add(10);
  add(20);
  add(30);
  EXPECT_EQ(drained(20), (Milliseconds{10, 20}));
  EXPECT_EQ(drained(29), Milliseconds{});
  EXPECT_EQ(drained(30), Milliseconds{30});
}

TEST_F(WaitFeedTest, CountsWhatWasOverwritten) {
  feed.start(reader, WaitFeed::From::kBeginning);
  for (std::uint64_t end = 1; end <= 6; ++end) add(end);
  EXPECT_EQ(drained(), (Milliseconds{3, 4, 5, 6}));
  EXPECT_EQ(feed.missed(), 2u);
  // Being written at this moment, or never written for want of room.
  add(7);
  add(8);
  region.element<xenmon_wait>(region.header().wait, 7 % 4).seq = 0;
  EXPECT_EQ(drained(), Milliseconds{8});
  EXPECT_EQ(feed.missed(), 3u);
}

TEST_F(WaitFeedTest, BeginsWhereItIsTold) {
  for (std::uint64_t end = 1; end <= 6; ++end) add(end);
  feed.start(reader, WaitFeed::From::kOldest);
  EXPECT_EQ(drained(), (Milliseconds{3, 4, 5, 6}));
  EXPECT_EQ(feed.missed(), 0u);
  feed.start(reader, WaitFeed::From::kNow);
  EXPECT_EQ(drained(), Milliseconds{});
  add(7);
  EXPECT_EQ(drained(), Milliseconds{7});
}

TEST_F(WaitFeedTest, SkipsWhatCannotBe) {
  feed.start(reader, WaitFeed::From::kBeginning);
  for (int i = 0; i < 4; ++i) add(10);
  const auto wait = [&](std::uint64_t number) -> xenmon_wait& {
    return region.element<xenmon_wait>(region.header().wait, number % region.header().wait.capacity);
  };
  wait(1).start_ns = wait(1).end_ns + 1;
  wait(2).pcpu = region.header().pcpu.capacity;
  wait(3).pcpu_before = region.header().pcpu.capacity;
  wait(4).pcpu_before = XENMON_NO_PCPU;
  EXPECT_EQ(drained(), Milliseconds{10});
  EXPECT_EQ(feed.damaged(), 3u);
}

TEST_F(WaitFeedTest, ANumberFromNowhereEndsTheLoop) {
  feed.start(reader, WaitFeed::From::kBeginning);
  region.header().newest_wait = UINT64_MAX;
  EXPECT_EQ(drained(), Milliseconds{});
  EXPECT_EQ(feed.missed(), UINT64_MAX);
  EXPECT_EQ(drained(), Milliseconds{});
}

TEST_F(WaitFeedTest, AnOldRegionHasNone) {
  region.header().header_bytes = XENMON_HEADER_BYTES_1_0;
  const RegionReader old = *RegionReader::make(region.bytes(), "R");
  add(1);
  feed.start(old, WaitFeed::From::kBeginning);
  feed.drain(old, UINT64_MAX, ends);
  EXPECT_EQ(ends.take(), Milliseconds{});
}

} // namespace
} // namespace xenmon::test
