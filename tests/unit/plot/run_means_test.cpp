// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/run_means.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace xenmon::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Series make_series(std::uint32_t domid, std::vector<SeriesPoint> points) {
  Series series;
  series.domid = domid;
  series.label = "domain " + std::to_string(domid);
  series.points = std::move(points);
  return series;
}

TEST(RunMeans, MeansAreByTime) {
  RunMeans means;
  const MetricRates busy = {.running = 1, .waited = 0.4, .blocked = 0, .executions = 300, .io = 60};
  const MetricRates silent = {.other_time_known = false};
  means.add(200, {make_series(1, {{0, 1, busy}, {1, 4, silent}}), make_series(0, {{0, 4, busy}})});
  means.add(-3.5, {make_series(1, {{0, 2, silent}})});
  const std::vector<Series> all = means.take();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].domid, 0U);
  ASSERT_EQ(all[1].points.size(), 2U);
  EXPECT_EQ(all[1].points[0].start_s, -3.5);
  EXPECT_FALSE(all[1].points[0].rates.other_time_known);
  const SeriesPoint& mean = all[1].points[1];
  EXPECT_EQ(mean.start_s, 200);
  EXPECT_EQ(mean.end_s, 200);
  EXPECT_DOUBLE_EQ(mean.rates.running, 0.25);
  EXPECT_DOUBLE_EQ(mean.rates.executions, 75);
  EXPECT_DOUBLE_EQ(mean.rates.io, 15);
  EXPECT_TRUE(mean.rates.other_time_known);
  EXPECT_DOUBLE_EQ(mean.rates.waited, 0.4); // of the time in which it is known
  EXPECT_TRUE(means.take().empty());
}

TEST(KeepSpan, OnlyWholeIntervals) {
  std::vector<Series> series = {make_series(0, {{0, 1, {}}, {1, 2, {}}, {2, 3, {}}}),
                                make_series(1, {{0, 1, {}}})};
  keep_span(series, {});
  EXPECT_EQ(series.size(), 2U);
  keep_span(series, {0.5, 2.5});
  ASSERT_EQ(series.size(), 1U);
  ASSERT_EQ(series[0].points.size(), 1U);
  EXPECT_EQ(series[0].points[0].start_s, 1);
}

class FindRunTest : public testing::Test {
 protected:
  FindRunTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-runs-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~FindRunTest() override { std::filesystem::remove_all(directory_); }

  std::string make(const std::string& name, const std::vector<std::string>& files) {
    const std::filesystem::path path = directory_ / name;
    std::filesystem::create_directory(path);
    for (const std::string& file : files) std::ofstream(path / file) << "x";
    return path.string();
  }

  std::filesystem::path directory_;
};

TEST_F(FindRunTest, IsCalledByItsNumber) {
  const std::string path = make("12.5", {"b.log", "a.csv", "c.jsonl", "console.txt"});
  for (const std::string& name : {path, path + "/"}) {
    const auto run = find_run(name);
    ASSERT_TRUE(run);
    EXPECT_EQ(run->number, 12.5);
    EXPECT_EQ(run->setting, directory_.string());
    EXPECT_THAT(run->logs, ElementsAre(path + "/a.csv", path + "/b.log", path + "/c.jsonl"));
  }
}

TEST_F(FindRunTest, SaysWhatIsMissing) {
  EXPECT_THAT(find_run(make("conf", {"a.log"})).error().message, HasSubstr("whose names are numbers"));
  EXPECT_THAT(find_run(make("7s", {"a.log"})).error().message, HasSubstr("whose names are numbers"));
  EXPECT_THAT(find_run(make("inf", {"a.log"})).error().message, HasSubstr("whose names are numbers"));
  EXPECT_THAT(find_run("").error().message, HasSubstr("whose names are numbers"));
  EXPECT_THAT(find_run(make("8", {"a.txt"})).error().message, HasSubstr("no log in"));
  EXPECT_THAT(find_run((directory_ / "9").string()).error().message, HasSubstr("cannot read"));
}

} // namespace
} // namespace xenmon::test
