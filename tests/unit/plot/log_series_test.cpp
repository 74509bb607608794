// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/log_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

#include "xenmon_log_fixture.h"

namespace xenmon::test {
namespace {

using testing::ElementsAre;

class LogSeriesTest : public LogTest {
 protected:
  // Adds a file to those that are put together.
  void add(const std::string& name, const std::string& content) {
    LogFile file = read(name, content);
    std::move(file.parts.begin(), file.parts.end(), std::back_inserter(parts));
  }

  std::vector<Series> series() { return assemble(std::move(parts)).series; }

  std::vector<LogPart> parts;
};

std::vector<std::string> labels(const std::vector<Series>& all) {
  std::vector<std::string> found;
  for (const Series& series : all) found.push_back(series.label);
  return found;
}

// "START-END GOTTEN BLOCKED" in s and %; "?" for what is not known.
std::vector<std::string> points(const Series& series) {
  std::vector<std::string> found;
  for (const SeriesPoint& point : series.points) {
    std::ostringstream text;
    text << point.start_s << '-' << point.end_s << ' ' << std::lround(100 * point.rates.running) << ' ';
    if (point.rates.other_time_known) {
      text << std::lround(100 * point.rates.blocked);
    } else {
      text << '?';
    }
    found.push_back(text.str());
  }
  return found;
}

TEST_F(LogSeriesTest, DomainsComeByIdAndIdleLast) {
  add("a.csv", kCsvHeader + csv_line({.domid = 32767, .name = "Idle", .uid = 1}) +
                   csv_line({.domid = 12, .name = "", .uid = 2}) +
                   csv_line({.domid = 2, .name = "web", .uid = 3}));
  EXPECT_THAT(labels(series()), ElementsAre("web (2)", "domain 12", "Idle"));
}

TEST_F(LogSeriesTest, BearersOfADomidAreLinesOfTheirOwn) {
  add("a.csv", kCsvHeader + csv_line({.uid = 3, .gotten = 1}) +
                   csv_line({.passed_s = 2, .uid = 3, .gotten = 2}) +
                   csv_line({.passed_s = 3, .uid = 4, .gotten = 3}));
  const auto all = series();
  EXPECT_THAT(labels(all), ElementsAre("web (1) from 0.0 s", "web (1) from 2.0 s"));
  EXPECT_THAT(points(all[0]), ElementsAre("0-1 1 0", "1-2 2 0"));
  EXPECT_THAT(points(all[1]), ElementsAre("2-3 3 0"));
}

TEST_F(LogSeriesTest, SilenceInAStreamIsZeroUnlessRecordsWereLost) {
  std::string csv = kCsvHeader;
  for (int s = 1; s <= 5; ++s) {
    csv += csv_line(
        {.passed_s = s, .domid = 0, .name = "Domain-0", .uid = 1, .gotten = 9, .lost = s == 4 ? 1 : 0});
    if (s == 2 || s == 5) csv += csv_line({.passed_s = s, .gotten = s, .blocked = 10});
  }
  add("a.csv", csv);
  EXPECT_THAT(points(series()[1]), ElementsAre("1-2 2 10", "2-3 0 0", "4-5 5 10"));
}

TEST_F(LogSeriesTest, SilenceInAFileDoesNotTellWhy) {
  std::string one = kFilesHeader;
  std::string idle = kFilesHeader;
  for (int s = 1; s <= 6; ++s) {
    if (s != 3 && s != 5) one += files_line(1000 * s, 0, 1, s, 10, 0, 1, 0);
    idle += files_line(1000 * s, 0, -1, 50, 0, 0, 1, 0);
    if (s == 5) {
      one += "# in the interval ending at 5000.000: 7 trace records lost\n";
      idle += "# in the interval ending at 5000.000: 7 trace records lost\n";
    }
  }
  for (const bool alone : {false, true}) {
    add("a-dom1.log", one);
    if (!alone) add("a-idle.log", idle);
    EXPECT_THAT(points(series()[0]), ElementsAre("0-1 1 10", "1-2 2 10", "2-3 0 ?", "3-4 4 10", "5-6 6 10"))
        << alone;
  }
}

TEST_F(LogSeriesTest, WhereSamplesWereMissedThereIsNothing) {
  add("a.csv", kCsvHeader + csv_line({.gotten = 1}) + csv_line({.passed_s = 4, .gotten = 2, .missed = 20}));
  EXPECT_THAT(points(series()[0]), ElementsAre("0-1 1 0", "3-4 2 0"));
  parts.clear();
  add("a-dom1.log", kFilesHeader + files_line(1000, 0, 1, 1, 0, 0, 1, 0) +
                        files_line(2000, 0, 1, 2, 0, 0, 1, 0) + files_line(6000, 0, 1, 3, 0, 0, 1, 0) +
                        "# in the interval ending at 6000.000: 30 samples missed\n");
  EXPECT_THAT(points(series()[0]), ElementsAre("0-1 1 0", "1-2 2 0", "5-6 3 0"));
}

TEST_F(LogSeriesTest, IntervalsOfFilesMayVaryAndTheLastIsShorter) {
  std::string text = kFilesHeader;
  for (const int ms : {300, 500, 800, 1000, 1100}) text += files_line(ms, 0, 1, 1, 0, 0, 1, 0);
  add("a-dom1.log", text);
  EXPECT_THAT(points(series()[0]),
              ElementsAre("0-0.3 1 0", "0.3-0.5 1 0", "0.5-0.8 1 0", "0.8-1 1 0", "1-1.1 1 0"));
}

TEST_F(LogSeriesTest, RotatedFilesGoOn) {
  add("a.csv", kCsvHeader + csv_line({.passed_s = 3, .gotten = 3}));
  add("a.csv.1",
      kCsvHeader + csv_line({.passed_s = 1, .gotten = 1}) + csv_line({.passed_s = 2, .gotten = 2}));
  auto all = series();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].label, "web (1)");
  EXPECT_THAT(points(all[0]), ElementsAre("0-1 1 0", "1-2 2 0", "2-3 3 0"));

  parts.clear();
  add("a-dom1.log", kFilesHeader + files_line(3000, 0, 1, 3, 0, 0, 1, 0) +
                        "# a new domain 1 (new); the lines above are from another domain\n" +
                        files_line(4000, 0, 1, 4, 0, 0, 1, 0));
  add("a-dom1.log.1",
      kFilesHeader + files_line(1000, 0, 1, 1, 0, 0, 1, 0) + files_line(2000, 0, 1, 2, 0, 0, 1, 0));
  all = series();
  EXPECT_THAT(labels(all), ElementsAre("domain 1", "new (1)"));
  EXPECT_THAT(points(all[0]), ElementsAre("0-1 1 0", "1-2 2 0", "2-3 3 0"));
  EXPECT_THAT(points(all[1]), ElementsAre("3-4 4 0"));
}

TEST_F(LogSeriesTest, WhatIsLeftOfARotatedLogBeginsWhereItDoes) {
  add("a-dom1.log", kFilesHeader + files_line(90'000, 0, 1, 1, 0, 0, 1, 0) +
                        files_line(91'000, 0, 1, 2, 0, 0, 1, 0) + files_line(92'000, 0, 1, 3, 0, 0, 1, 0));
  EXPECT_THAT(points(series()[0]), ElementsAre("89-90 1 0", "90-91 2 0", "91-92 3 0"));
}

TEST_F(LogSeriesTest, AShortLogsLastIntervalDoesNotTellHowLongTheyAre) {
  std::string text = kFilesHeader + files_line(300, 0, 1, 1, 0, 0, 1, 0);
  add("a-dom1.log", text + files_line(340, 0, 1, 2, 0, 0, 1, 0));
  EXPECT_THAT(points(series()[0]), ElementsAre("0-0.3 1 0", "0.3-0.34 2 0"));
  parts.clear();
  text += files_line(600, 0, 1, 2, 0, 0, 1, 0);
  add("a-dom1.log", text + files_line(640, 0, 1, 3, 0, 0, 1, 0));
  EXPECT_THAT(points(series()[0]), ElementsAre("0-0.3 1 0", "0.3-0.6 2 0", "0.6-0.64 3 0"));
}

TEST_F(LogSeriesTest, DifferentLogsAreNotAddedUp) {
  const std::string csv = kCsvHeader + csv_line({.gotten = 1});
  add("a.csv", csv);
  add("b.csv", csv);
  add("a.csv.1", csv); // of an earlier run: it overlaps
  add("a-dom1.log", kFilesHeader + files_line(1000, 0, 1, 1, 0, 0, 1, 0));
  const auto all = series();
  EXPECT_THAT(labels(all), testing::UnorderedElementsAre(
                               "web (1) in b.csv", "web (1) in " + (files / "a.csv") + " from 0.0 s, line 1",
                               "web (1) in " + (files / "a.csv") + " from 0.0 s, line 3", "domain 1 in a"));
  for (const Series& one : all) EXPECT_THAT(points(one), ElementsAre("0-1 1 0"));
}

TEST_F(LogSeriesTest, CountsIntervalsWithLosses) {
  add("a.csv", kCsvHeader + csv_line({.gotten = 1, .lost = 5}) +
                   csv_line({.pcpu = 1, .gotten = 1, .lost = 5}) + csv_line({.passed_s = 2, .gotten = 1}));
  const LogSeries all = assemble(std::move(parts));
  EXPECT_EQ(all.intervals, 2U);
  EXPECT_EQ(all.intervals_with_losses, 1U);
}

TEST_F(LogSeriesTest, ManyIntervalsArePutTogetherButNotOverGaps) {
  std::string csv = kCsvHeader;
  for (int s = 1; s <= 12; ++s) {
    if (s != 7)
      csv += csv_line({.passed_s = s, .gotten = s % 2 == 0 ? 10 : 30, .executions = s % 2 == 0 ? 1 : 3});
  }
  add("a.csv", csv);
  auto all = series();
  all[0].points[2].rates.other_time_known = false;
  condense(all, 12);
  EXPECT_EQ(all[0].points.size(), 11U);
  condense(all, 3);
  EXPECT_THAT(points(all[0]), ElementsAre("0-4 20 ?", "4-6 20 0", "7-8 10 0", "8-12 20 0"));
  EXPECT_DOUBLE_EQ(all[0].points[0].rates.executions, 2);
}

TEST_F(LogSeriesTest, LongNamesAreShortenedInLabelsOnly) {
  const std::string name(200, 'n');
  add("a.csv", kCsvHeader + csv_line({.name = name, .gotten = 1}));
  const auto all = series();
  EXPECT_EQ(all[0].name, name);
  EXPECT_EQ(all[0].label, std::string(37, 'n') + "... (1)");
}

} // namespace
} // namespace xenmon::test
