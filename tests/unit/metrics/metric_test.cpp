// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of metrics: what each sum is made of, and that names are what files rely on.
#include "metric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace xenmon::test {
namespace {

// Every field with a value of its own.
constexpr xenmon_row kRow = {.vcpu_slot = 900,
                             .pcpu = 901,
                             .running_ns = 1,
                             .waited_wake_ns = 20,
                             .waited_preempt_ns = 300,
                             .blocked_ns = 4'000,
                             .offline_ns = 50'000,
                             .unknown_ns = 600'000,
                             .executions = 7,
                             .continues = 8,
                             .slice_count = 9,
                             .slice_min_ns = 902,
                             .slice_sum_ns = 10'000'000'000,
                             .slice_max_ns = 903,
                             .domain_slot = 904,
                             .migrations = 11,
                             .avoidable_wait_ns = 12};
constexpr xenmon_io_row kIoRow = {.domain_slot = 905,
                                  .pcpu = 906,
                                  .map = 1,
                                  .unmap = 20,
                                  .transfer = 300,
                                  .copy = 4'000,
                                  .copy_bytes = 50'000};
constexpr xenmon_domain_row kDomainRow = {.domain_slot = 907,
                                          .full_run_ns = 1,
                                          .partial_run_ns = 20,
                                          .full_contention_ns = 300,
                                          .partial_contention_ns = 4'000,
                                          .concurrency_hazard_ns = 50'000,
                                          .blocked_ns = 600'000,
                                          .unknown_ns = 7'000'000};

MetricSums sums_of_rows() {
  MetricSums sums;
  sums.add(kRow);
  sums.add(kIoRow);
  sums.add(kDomainRow);
  return sums;
}

TEST(MetricSums, EachFieldOfARowGoesIntoOneSum) {
  const MetricSums sums = sums_of_rows();
  const std::array<std::uint64_t, kSums.size()> wanted = {
      1,   20,    300,    4'000, 50'000, 600'000, 7,  8,   9,     10'000'000'000, 1,       20,
      300, 4'000, 50'000, 11,    12,     1,       20, 300, 4'000, 50'000,         600'000, 7'000'000};
  for (std::size_t i = 0; i < kSums.size(); ++i) EXPECT_EQ(sums.*kSums[i].sum, wanted[i]) << kSums[i].name;
}

TEST(MetricSums, WhatIsAddedCanBeTakenOutAgain) {
  MetricSums sums;
  const RowValues values = RowValues::of(kRow);
  values.add_to(sums);
  sums.add(kIoRow);
  sums.add(kDomainRow);
  EXPECT_EQ(sums, sums_of_rows());
  sums.add(sums_of_rows());
  values.subtract_from(sums);
  sums.subtract(kIoRow);
  sums.subtract(kDomainRow);
  EXPECT_EQ(sums, sums_of_rows());
}

TEST(Metrics, AreSumsOrQuotientsOfThem) {
  const MetricSums sums = sums_of_rows();
  EXPECT_EQ(total(Metric::kWaited, sums), 320U);
  EXPECT_EQ(total(Metric::kOther, sums), 650'000U);
  EXPECT_EQ(total(Metric::kIo, sums), 4'321U);
  EXPECT_DOUBLE_EQ(mean(Metric::kWaitedPerExecution, sums), 320.0 / 7);
  EXPECT_DOUBLE_EQ(mean(Metric::kBlockedPerIo, sums), 4'000.0 / 4'321);
  EXPECT_DOUBLE_EQ(mean(Metric::kAllocated, sums), 10e9 / 9);
  EXPECT_DOUBLE_EQ(percent(Metric::kBlocked, sums, 8'000), 50);
  EXPECT_DOUBLE_EQ(per_second(Metric::kExecutions, sums, 2'000'000'000), 3.5);
  EXPECT_DOUBLE_EQ(mean(Metric::kIoPerExecution, MetricSums{}), 0);
}

TEST(Metrics, ATimeIsMadeOfTimesAndOnlyAMeanIsDivided) {
  for (const MetricInfo& info : kMetrics) {
    EXPECT_EQ(info.kind == MetricKind::kMean, info.per[0] != nullptr) << info.name;
    const bool has_sums = info.kind != MetricKind::kLabel && info.kind != MetricKind::kDistribution;
    EXPECT_EQ(has_sums, info.of[0] != nullptr) << info.name;
    for (const auto term : info.of) {
      if (info.kind != MetricKind::kTime || term == nullptr) continue;
      const auto sum =
          std::find_if(kSums.begin(), kSums.end(), [&](const auto& one) { return one.sum == term; });
      EXPECT_TRUE(std::string(sum->name).ends_with("_ns")) << info.name;
    }
  }
}

TEST(Metrics, NamesAreUniqueAndTitlesFit) {
  std::set<std::string> names;
  for (const MetricInfo& info : kMetrics) {
    EXPECT_NE(std::string(info.name), "");
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_LE(std::string(info.title).size(), kMetricWidth) << info.name;
  }
  std::set<std::string> sums;
  for (const SumInfo& info : kSums) EXPECT_TRUE(sums.insert(info.name).second) << info.name;
}

TEST(Metrics, EveryRowOfTheViewOfDomainsHasItsWords) {
  for (const Metric metric : kDomainRows) {
    const MetricInfo& info = info_of(metric);
    EXPECT_NE(std::string(info.row), "") << info.name;
    EXPECT_NE(std::string(info.narrow), "") << info.name;
    EXPECT_EQ(std::string(info.option).empty(), metric == Metric::kGotten) << info.name;
    EXPECT_EQ(std::string(info.hides).empty(), metric == Metric::kGotten) << info.name;
  }
}

TEST(Metrics, TheIdleDomainWaitsForNothing) {
  for (const Metric metric : {Metric::kWaited, Metric::kWaitedWake, Metric::kBlocked})
    EXPECT_FALSE(idle_has(metric));
  for (const Metric metric : {Metric::kGotten, Metric::kOffline, Metric::kExecutions, Metric::kIo})
    EXPECT_TRUE(idle_has(metric));
}

TEST(MetricSet, HoldsSomeOfThem) {
  MetricSet set = {Metric::kGotten, Metric::kRunMax};
  EXPECT_TRUE(set.contains(Metric::kGotten) && set.contains(Metric::kRunMax));
  EXPECT_FALSE(set.contains(Metric::kWaited));
  set.flip(Metric::kWaited);
  set.set(Metric::kRunMax, false);
  EXPECT_EQ(set, (MetricSet{Metric::kGotten, Metric::kWaited}));
}

} // namespace
} // namespace xenmon::test
