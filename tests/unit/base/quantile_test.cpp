// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/quantile.h"

#include <gtest/gtest.h>

namespace xenmon {
namespace {

TEST(Quantile, TheRankCoversThatShare) {
  EXPECT_EQ(quantile_rank(100, 50), 50U);
  EXPECT_EQ(quantile_rank(100, 99), 99U);
  EXPECT_EQ(quantile_rank(3, 50), 2U); // 1 of 3 would be a third
  EXPECT_EQ(quantile_rank(1, 1), 1U);
  EXPECT_EQ(quantile_rank(10, 100), 10U);
  EXPECT_EQ(quantile_rank(0, 50), 1U);
}

TEST(Quantile, LiesWithinItsBucketAndNeverAboveTheLongest) {
  const std::uint32_t bucket = XENMON_HIST_BUCKETS / 2;
  const std::uint64_t lower = xenmon_hist_lower(bucket);
  const std::uint64_t upper = xenmon_hist_lower(bucket + 1);
  EXPECT_EQ(quantile_in_bucket(bucket, 4, 4, upper), upper);
  EXPECT_EQ(quantile_in_bucket(bucket, 2, 4, upper), lower + (upper - lower) / 2);
  EXPECT_EQ(quantile_in_bucket(bucket, 4, 4, lower + 1), lower + 1);
}

TEST(Quantile, TheLastBucketEndsWithTheLongest) {
  const std::uint32_t last = XENMON_HIST_BUCKETS - 1;
  const std::uint64_t lower = xenmon_hist_lower(last);
  EXPECT_EQ(quantile_in_bucket(last, 1, 1, lower + 1000), lower + 1000);
  EXPECT_EQ(quantile_in_bucket(last, 1, 2, lower + 1000), lower + 500);
}

} // namespace
} // namespace xenmon
