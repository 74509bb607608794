// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/once_table.h"

#include <gtest/gtest.h>

#include <sstream>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

constexpr std::size_t kLong = static_cast<std::size_t>(WindowId::kLong);

DomainModel domain(std::uint32_t domid, const std::string& name, std::uint64_t running_ms) {
  DomainModel model;
  model.domid = domid;
  model.name = name;
  model.halves[kLong].sums.running_ns = running_ms * kMs;
  return model;
}

ScreenModel two_domains() {
  ScreenModel model;
  model.pcpu_count = 2;
  model.length_ns = {10'000 * kMs, 1'000 * kMs};
  model.health = "live";
  model.current = true;
  model.domains = {domain(0, "Domain-0", 2'500), domain(7, "web", 5'000),
                   domain(XENMON_DOMID_IDLE, "", 12'500)};
  MetricSums& web = model.domains[1].halves[kLong].sums;
  web.waited_wake_ns = 1'000 * kMs;
  web.blocked_ns = 4'000 * kMs;
  web.executions = 2'000;
  web.slice_count = 2'000;
  web.slice_sum_ns = 20'000 * kMs;
  web.io_copy = 500;
  model.domains[2].halves[kLong].sums.waited_wake_ns = 7'500 * kMs;
  return model;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(OnceTable, HasALineForEachDomainThenIdleAndTheSum) {
  const std::vector<std::string> lines = lines_of(once_table(two_domains()));
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_EQ(lines[0], "live");
  EXPECT_EQ(lines[1], "all CPUs (2), the last 10.0 s, in percent of one CPU");
  EXPECT_EQ(lines[3],
            "    id     gotten     waited    blocked    offline executions  gotten/ex  waited/ex  allocated"
            "        I/O     I/O/ex  avoidable     migr/s  full cont  part cont     hazard  name");
  EXPECT_EQ(lines[4],
            "     0     25.00%      0.00%      0.00%      0.00%        0/s          -          -          -"
            "        0/s          -      0.00%        0/s          -          -          -  Domain-0");
  EXPECT_EQ(lines[5],
            "     7     50.00%     10.00%     40.00%      0.00%      200/s     2.50ms   500.00us    10.00ms"
            "       50/s    0.25/ex      0.00%        0/s          -          -          -  web");
  EXPECT_EQ(lines[6].substr(0, 50), "  idle    125.00%          -          -          -");
  EXPECT_EQ(lines[7].substr(0, 50), " total     75.00%     10.00%          -          -");
}

TEST(OnceTable, SaysWhatIsWrongWithTheFigures) {
  ScreenModel model = two_domains();
  model.lost_records = 12;
  model.pcpu = 3;
  const std::vector<std::string> lines = lines_of(once_table(model));
  EXPECT_EQ(lines[0], "live | 12 records lost in the last 10 s");
  EXPECT_EQ(lines[1], "CPU 3, the last 10.0 s, in percent of one CPU");
}

TEST(OnceTable, UnknownTimeHasAColumnOfItsOwnIfThereIsAny) {
  EXPECT_EQ(once_table(two_domains()).find("unknown"), std::string::npos);
  ScreenModel model = two_domains();
  MetricSums& web = model.domains[1].halves[kLong].sums;
  web.unknown_ns = 500 * kMs;
  web.offline_ns = 1'500 * kMs;
  const std::vector<std::string> lines = lines_of(once_table(model));
  EXPECT_NE(lines[3].find("     hazard    unknown  name"), std::string::npos) << lines[3];
  EXPECT_NE(lines[4].find("          -      0.00%  Domain-0"), std::string::npos) << lines[4];
  EXPECT_NE(lines[5].find("     40.00%     15.00% "), std::string::npos) << lines[5];
  EXPECT_NE(lines[5].find("          -      5.00%  web"), std::string::npos) << lines[5];
  EXPECT_NE(lines[7].find("          -      5.00%  without idle"), std::string::npos) << lines[7];
}

TEST(OnceTable, AllVerdictsStandBelowIt) {
  ScreenModel model = two_domains();
  model.verdicts = {"CPUs 2 to 7 were not traced.", "CPU 3's clock is 100 us ahead of CPU 0's."};
  const std::vector<std::string> lines = lines_of(once_table(model));
  EXPECT_EQ(lines[0], "live");
  ASSERT_GE(lines.size(), 3U);
  EXPECT_EQ(lines[lines.size() - 3], "");
  EXPECT_EQ(lines[lines.size() - 2], model.verdicts[0]);
  EXPECT_EQ(lines[lines.size() - 1], model.verdicts[1]);
}

TEST(OnceTable, NoFigureIsCutHoweverLargeItIs) {
  ScreenModel model = two_domains();
  MetricSums& web = model.domains[1].halves[kLong].sums;
  web.running_ns = 9'999'999'999 * kMs;
  web.executions = UINT64_MAX / 2;
  const std::string line = lines_of(once_table(model))[5];
  EXPECT_NE(line.find(" 100000000%"), std::string::npos) << line;
  EXPECT_EQ(line.substr(line.size() - 5), "  web");
}

} // namespace
} // namespace xenmon::test
