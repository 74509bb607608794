// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/sample_feed.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "xenmon_region_fixture.h"

namespace xenmon {
namespace {

class Counter final : public SampleSink {
 public:
  void add(const Sample&) override { ++samples; }
  int samples = 0;
};

TEST(SampleFeed, ClaimedNumbersUpToTheLargestEnd) {
  test::ScriptedRegion region;
  region.set_domain(0, 0, 1, "Domain-0");
  region.publish({test::make_row(0, 0, {50, 0, 50, 1, 0})});
  for (const std::uint64_t claimed : {UINT64_MAX, UINT64_MAX - 1}) {
    region.header().newest_sample = claimed;
    const Result<RegionReader> reader = RegionReader::make(region.bytes(), "test");
    ASSERT_TRUE(reader);
    DomainDirectory directory(1'000'000'000);
    SampleFeed feed(directory);
    Counter counter;
    feed.start(*reader, SampleFeed::From::kOldest);
    feed.drain(*reader, counter);
    feed.drain(*reader, counter);
    EXPECT_EQ(counter.samples, 0);
  }
}

} // namespace
} // namespace xenmon
