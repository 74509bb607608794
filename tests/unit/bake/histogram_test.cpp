// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace xenmon {
namespace {

TEST(Histogram, EveryDurationLiesInItsBucket) {
  for (std::uint64_t ns = 0; ns < std::uint64_t{1} << 37; ns += 1 + ns / 9) {
    const std::uint32_t bucket = xenmon_hist_bucket(ns);
    ASSERT_LT(bucket, XENMON_HIST_BUCKETS);
    EXPECT_LE(xenmon_hist_lower(bucket), ns);
    if (bucket + 1 < XENMON_HIST_BUCKETS) {
      EXPECT_LT(ns, xenmon_hist_lower(bucket + 1));
    }
  }
}

TEST(Histogram, BucketsAreNoWiderThanASixteenth) {
  for (std::uint32_t bucket = 16; bucket + 1 < XENMON_HIST_BUCKETS; ++bucket) {
    const std::uint64_t lower = xenmon_hist_lower(bucket);
    EXPECT_LE((xenmon_hist_lower(bucket + 1) - lower) * 16, lower);
  }
}

TEST(Histogram, NothingGivesZeros) {
  const Histogram none;
  const std::array all{&none};
  EXPECT_EQ(percentiles(all).p99, 0U);
  EXPECT_EQ(percentiles(all).max, 0U);
}

TEST(Histogram, PercentilesAreWithinASixteenthOfTheTruth) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> wait(11, 2);
  std::vector<std::uint64_t> truth;
  std::array<Histogram, 2> halves;
  for (int i = 0; i < 20'000; ++i) {
    truth.push_back(static_cast<std::uint64_t>(wait(random)));
    halves[static_cast<std::size_t>(i % 2)].add(truth.back());
  }
  std::sort(truth.begin(), truth.end());
  const std::array both{&std::as_const(halves[0]), &std::as_const(halves[1])};
  const Percentiles p = percentiles(both);
  const auto near = [&](std::uint64_t got, std::size_t percent) {
    const auto exact = static_cast<double>(truth[truth.size() * percent / 100 - 1]);
    EXPECT_NEAR(static_cast<double>(got), exact, exact / 16 + 16) << percent;
  };
  near(p.p50, 50);
  near(p.p95, 95);
  near(p.p99, 99);
  EXPECT_EQ(p.max, truth.back());
}

TEST(Histogram, TheSumIsExact) {
  Histogram histogram;
  EXPECT_EQ(histogram.sum_ns(), 0U);
  for (const std::uint64_t ns : {std::uint64_t{1}, std::uint64_t{250}, std::uint64_t{1} << 40})
    histogram.add(ns);
  EXPECT_EQ(histogram.sum_ns(), 251U + (std::uint64_t{1} << 40));
}

TEST(Histogram, TheLastBucketIsBoundedByTheMaximum) {
  Histogram h;
  h.add(std::uint64_t{200} << 32);
  const std::array all{&std::as_const(h)};
  EXPECT_EQ(percentiles(all).p50, std::uint64_t{200} << 32);
}

TEST(Histogram, RemembersWhichLinesChanged) {
  Histogram h;
  EXPECT_EQ(h.dirty(), 0U);
  h.add(0);
  h.add(std::uint64_t{1} << 40);
  EXPECT_EQ(h.dirty(), 1U | 1U << (Histogram::kLines - 1));
  h.clean();
  EXPECT_EQ(h.dirty(), 0U);
}

} // namespace
} // namespace xenmon
