// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/latency.h"

#include <gtest/gtest.h>

#include "model/trend.h"
#include "xenmon_region_fixture.h"
#include "xenmon_screen_models.h"

namespace xenmon::test {
namespace {

constexpr auto kWake = static_cast<std::size_t>(Spread::kWakeWait);
constexpr auto kRun = static_cast<std::size_t>(Spread::kRun);

class LatencyTest : public testing::Test {
 protected:
  LatencyTest() : reader(*RegionReader::make(region.bytes(), "R")) {
    region.set_domain(0, 5, 105, "web");
    region.set_vcpu(0, 0, 0);
    history.set_window(10'000 * kMs);
  }

  void wait(std::uint32_t slot, std::uint64_t ns, std::uint32_t times = 1) {
    hist(slot).wake_wait[xenmon_hist_bucket(ns)] += times;
    auto& vcpu = region.element<xenmon_vcpu>(region.header().vcpu, slot);
    vcpu.wake_wait_max_ns = std::max(vcpu.wake_wait_max_ns, ns);
  }
  xenmon_histograms& hist(std::uint32_t slot) {
    return region.element<xenmon_histograms>(region.header().hist, slot);
  }
  void look(std::uint64_t now_ms) {
    TablesCopy tables;
    ASSERT_TRUE(reader.read_tables(tables, true));
    history.look(reader, tables, now_ms * kMs);
  }
  Quantiles recent(std::uint32_t slot = 0, std::size_t spread = kWake) {
    Distribution sum;
    history.add_recent(slot, static_cast<Spread>(spread), sum);
    return quantiles(sum);
  }
  Quantiles since_start(std::uint32_t slot = 0) {
    Distribution sum;
    history.add_since_start(slot, Spread::kWakeWait, sum);
    return quantiles(sum);
  }

  ScriptedRegion region;
  RegionReader reader;
  LatencyHistory history;
};

TEST_F(LatencyTest, TheFirstLookKnowsOnlyWhatIsSinceTheStart) {
  wait(0, 1 * kMs, 100);
  look(1000);
  EXPECT_EQ(since_start().count, 100U);
  EXPECT_EQ(since_start().max_ns, 1 * kMs);
  EXPECT_EQ(recent().count, 0U);
  EXPECT_EQ(history.recent_ns(), 0U);
}

TEST_F(LatencyTest, RecentIsWhatHasComeWithinTheWindow) {
  wait(0, 50 * kMs, 1000);
  look(1000);
  wait(0, 1 * kMs, 10);
  look(2000);
  EXPECT_EQ(recent().count, 10U);
  EXPECT_EQ(history.recent_ns(), 1'000 * kMs);
  EXPECT_LE(recent().max_ns, 1 * kMs * 17 / 16);
  EXPECT_GE(recent().p50_ns, 1 * kMs * 15 / 16);
  EXPECT_EQ(since_start().count, 1010U);
  EXPECT_EQ(since_start().max_ns, 50 * kMs);
  for (std::uint64_t second = 3; second <= 20; ++second) {
    wait(0, 2 * kMs);
    look(second * 1000);
  }
  EXPECT_EQ(history.recent_ns(), 10'000 * kMs);
  EXPECT_EQ(recent().count, 10U); // one each second; the ten of the beginning have left
  EXPECT_GE(recent().p50_ns, 2 * kMs * 15 / 16);
  EXPECT_EQ(since_start().count, 1028U);
}

TEST_F(LatencyTest, CountsMayWrap) {
  hist(0).wake_wait[xenmon_hist_bucket(kMs)] = UINT32_MAX - 1;
  look(1000);
  wait(0, kMs, 5);
  look(2000);
  EXPECT_EQ(recent().count, 5U);
}

TEST_F(LatencyTest, ANewOwnerOfASlotBeginsAnew) {
  wait(0, kMs, 10);
  look(1000);
  wait(0, kMs, 10);
  look(2000);
  region.set_domain(1, 6, 106, "next");
  region.set_vcpu(0, 1, 0);
  hist(0) = {};
  wait(0, 4 * kMs, 3);
  look(3000);
  EXPECT_EQ(recent().count, 3U);
  EXPECT_EQ(since_start().count, 3U);
  // Even if the table does not say so yet.
  hist(0) = {};
  wait(0, 4 * kMs, 2);
  look(4000);
  EXPECT_EQ(recent().count, 0U);
  EXPECT_EQ(since_start().count, 2U);
  wait(0, 4 * kMs, 1);
  look(5000);
  EXPECT_EQ(recent().count, 1U);
}

TEST_F(LatencyTest, AVcpuThatComesLaterIsRecentAsAWhole) {
  look(1000);
  region.set_vcpu(1, 0, 1);
  wait(1, 3 * kMs, 7);
  hist(1).run[xenmon_hist_bucket(9 * kMs)] = 4;
  look(2000);
  EXPECT_EQ(recent(1).count, 7U);
  EXPECT_EQ(recent(1, kRun).count, 4U);
  EXPECT_EQ(recent(2).count, 0U);
  EXPECT_EQ(since_start(99).count, 0U);
}

TEST_F(LatencyTest, AClockThatGoesBackBeginsAnew) {
  look(1000);
  wait(0, kMs);
  look(2000);
  look(2000); // nothing new
  EXPECT_EQ(recent().count, 1U);
  look(500);
  EXPECT_EQ(recent().count, 0U);
  EXPECT_EQ(since_start().count, 1U);
}

TEST_F(LatencyTest, OnlyLinesInUseAreRead) {
  auto& vcpu = region.element<xenmon_vcpu>(region.header().vcpu, 0);
  wait(0, kMs, 3);
  wait(0, 100, 5);
  vcpu.hist_lines[0] = 1U << (xenmon_hist_bucket(kMs) / XENMON_HIST_LINE_BUCKETS);
  look(1000);
  EXPECT_EQ(since_start().count, 3U);
  vcpu.hist_lines[0] |= 1; // that of 100 ns
  look(2000);
  EXPECT_EQ(since_start().count, 8U);
  EXPECT_EQ(recent().count, 5U);
}

TEST(Quantiles, AreThoseOfTheWholeHistogram) {
  Distribution distribution;
  for (std::uint64_t ns = 1'000; ns <= 100'000; ns += 1'000) distribution.add(xenmon_hist_bucket(ns), 1);
  distribution.max_ns = 100'000;
  const Quantiles q = quantiles(distribution);
  EXPECT_EQ(q.count, 100U);
  EXPECT_NEAR(static_cast<double>(q.p50_ns), 50e3, 50e3 / 16);
  EXPECT_NEAR(static_cast<double>(q.p95_ns), 95e3, 95e3 / 16);
  EXPECT_NEAR(static_cast<double>(q.p99_ns), 99e3, 99e3 / 16);
  EXPECT_EQ(q.max_ns, 100'000U);
  distribution.clear();
  EXPECT_EQ(quantiles(distribution).count, 0U);
}

TEST(Trend, HasAPointForEachSecondAndForgetsWhoHasGone) {
  std::vector<Trend::Lately> domains = lately(host_model());
  Trend trend;
  trend.add(domains, 2'000'000'000);
  trend.add(domains, 2'000'000'000);
  ASSERT_EQ(trend.host().size(), 2U);
  EXPECT_NEAR(trend.host()[0].running, 1.851 * 1.1 / 2, 0.001);
  ASSERT_EQ(trend.domain(1001).size(), 2U);
  EXPECT_NEAR(trend.domain(1001)[0].running, 0.42, 0.001);
  EXPECT_NEAR(trend.domain(1001)[0].waiting, 0.33, 0.001);
  domains.erase(domains.begin() + 1);
  trend.add(domains, 2'000'000'000);
  EXPECT_TRUE(trend.domain(1001).empty());
  for (int i = 0; i < 400; ++i) trend.add(domains, 2'000'000'000);
  EXPECT_EQ(trend.host().size(), Trend::kPoints);
  trend.clear();
  EXPECT_TRUE(trend.host().empty());
}

TEST(Trend, DrawsInUnicodeAndInAscii) {
  const std::vector<TrendPoint> points = {{0, 1}, {0.5, 0.5}, {1, 0}};
  EXPECT_EQ(trend_row(points, TrendPart::kRunning, 4, 0, 1, true), U"  \u2584\u2588");
  EXPECT_EQ(trend_row(points, TrendPart::kRunning, 2, 0, 1, true), U"\u2584\u2588");
  EXPECT_EQ(trend_row(points, TrendPart::kWaiting, 3, 0, 1, false), U"#= ");
  // In two rows the upper one is for what is above a half.
  EXPECT_EQ(trend_row(points, TrendPart::kRunning, 3, 0, 2, true), U"  \u2588");
  EXPECT_EQ(trend_row(points, TrendPart::kRunning, 3, 1, 2, true), U" \u2588\u2588");
  EXPECT_EQ(bar_cell(0.0001, 0, 1, true), U'\u2581'); // little is not nothing
  EXPECT_EQ(bar_cell(7, 0, 1, true), U'\u2588');
  EXPECT_EQ(bar_cell(std::nan(""), 0, 1, true), U' ');
}

} // namespace
} // namespace xenmon::test
