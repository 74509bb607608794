// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/plot_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

namespace xenmon::test {
namespace {

using testing::HasSubstr;

Series make_series(const std::string& label, std::vector<SeriesPoint> points) {
  Series series;
  series.domid = 1;
  series.name = series.label = label;
  series.points = std::move(points);
  return series;
}

const MetricRates kRates = {.running = 0.25, .waited = 0.5, .blocked = 0.125, .executions = 200, .io = 30};

std::string script_of(const std::vector<Series>& series, std::vector<Metric> metrics = {Metric::kGotten}) {
  PlotSettings settings;
  settings.metrics = std::move(metrics);
  return plot_script({{"", series}}, settings);
}

// What stands between a data block's first and last line.
std::string data_of(const std::string& script, int place) {
  const std::string begin = "$domain_" + std::to_string(place) + " << END\n";
  const std::size_t at = script.find(begin) + begin.size();
  return script.substr(at, script.find("END\n", at) - at);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(PlotScript, FiguresHaveTheirUnits) {
  EXPECT_DOUBLE_EQ(value_of(Metric::kGotten, kRates), 25);
  EXPECT_DOUBLE_EQ(value_of(Metric::kBlocked, kRates), 12.5);
  EXPECT_DOUBLE_EQ(value_of(Metric::kWaited, kRates), 50);
  EXPECT_DOUBLE_EQ(value_of(Metric::kIo, kRates), 30);
  EXPECT_DOUBLE_EQ(value_of(Metric::kIoPerExecution, kRates), 0.15);
  EXPECT_DOUBLE_EQ(value_of(Metric::kExecutions, kRates), 200);
  EXPECT_DOUBLE_EQ(value_of(Metric::kGottenPerExecution, kRates), 1250);
}

TEST(PlotScript, WhatIsNotKnownIsNotZero) {
  const MetricRates silent = {.other_time_known = false};
  for (const Metric metric : {Metric::kGotten, Metric::kIo, Metric::kExecutions})
    EXPECT_EQ(value_of(metric, silent), 0);
  for (const Metric metric :
       {Metric::kBlocked, Metric::kWaited, Metric::kIoPerExecution, Metric::kGottenPerExecution}) {
    EXPECT_TRUE(std::isnan(value_of(metric, silent)));
  }
}

TEST(PlotScript, RunsArePointsAtTheirNumbers) {
  PlotSettings settings;
  settings.metrics = {Metric::kGotten, Metric::kWaited};
  settings.against = "requests/s";
  MetricRates unknown = kRates;
  unknown.other_time_known = false;
  const std::string script =
      plot_script({{"", {make_series("web", {{100, 100, kRates}, {250, 250, unknown}})}}}, settings);
  EXPECT_EQ(data_of(script, 1), "100 25 50\n250 25 NaN\n");
  EXPECT_THAT(script, HasSubstr("set xrange [100:250]"));
  EXPECT_THAT(script, HasSubstr("set label 3 \"requests/s\""));
  EXPECT_THAT(script, testing::Not(HasSubstr("Time since")));
  EXPECT_THAT(script, testing::Not(HasSubstr(" every ")));
}

TEST(PlotScript, ColumnsHaveOneScaleAndOneLegend) {
  PlotSettings settings;
  settings.metrics = {Metric::kGotten, Metric::kWaited};
  settings.against = "requests/s";
  MetricRates more = kRates;
  more.running = 0.95;
  const Series dom0 = [&] {
    Series series = make_series("Domain-0 (0)", {{50, 50, kRates}});
    series.domid = 0;
    return series;
  }();
  const std::string script = plot_script({{"conf-1", {make_series("web (1)", {{100, 100, kRates}})}},
                                          {"conf-2", {dom0, make_series("web (1)", {{100, 100, more}})}}},
                                         settings);
  EXPECT_EQ(data_of(script, 1), "100 25 50\n");
  EXPECT_THAT(script, HasSubstr("$column_2_domain_2 << END\n100 95 50\nEND\n"));
  EXPECT_THAT(script, HasSubstr("set xrange [50:100]"));
  EXPECT_EQ(count(script, "\nplot "), 5U); // the legend has one of its own
  for (const char* range : {"set yrange [0:100]", "set yrange [0:60]"}) EXPECT_EQ(count(script, range), 1U);
  EXPECT_EQ(count(script, "title \"Domain-0 (0)\""), 1U);
  EXPECT_EQ(count(script, "title \"web (1)\""), 1U);
  // A domain has its style in all columns, also where it comes first.
  EXPECT_EQ(count(script, "$domain_1 using 1:2 with linespoints linestyle 2"), 1U);
  EXPECT_EQ(count(script, "$column_2_domain_1 using 1:2 with linespoints linestyle 1"), 1U);
  for (const char* title : {"set label 4 \"conf-1\"", "set label 4 \"conf-2\""})
    EXPECT_EQ(count(script, title), 1U);
}

TEST(PlotScript, NarrowColumnsHaveTicsToReadThemBy) {
  PlotSettings settings;
  settings.metrics = {Metric::kGotten};
  settings.against = "requests/s";
  const std::vector<Series> runs = {make_series("web (1)", {{100, 100, kRates}, {600, 600, kRates}})};
  const std::string script = plot_script({{"a", runs}, {"b", runs}, {"c", runs}, {"d", runs}}, settings);
  EXPECT_THAT(script, HasSubstr("set xrange [100:600]"));
  EXPECT_THAT(script, HasSubstr("set xtics 200\n")); // 200, 400, 600: with 500 there would be but one
}

TEST(PlotScript, StepsBreakAtGapsAndWhereNothingIsKnown) {
  const MetricRates none = {};
  const std::string script =
      script_of({make_series("web (1)", {{0, 1, kRates}, {1, 2, none}, {3, 4, kRates}})},
                {Metric::kGotten, Metric::kGottenPerExecution});
  EXPECT_EQ(data_of(script, 1), "0 25 1250\n1 25 1250\n1 0 NaN\n2 0 NaN\n\n3 25 1250\n4 25 1250\n");
}

TEST(PlotScript, TimeKeepsItsMicrosecondsForMonths) {
  const std::string script =
      script_of({make_series("web (1)", {{9'999'999.123456, 10'000'000.123456, kRates}})});
  EXPECT_EQ(data_of(script, 1), "9999999.123456 25\n10000000.12346 25\n");
}

TEST(PlotScript, EachFigureIsAPanelAndTheLegendIsThereOnce) {
  const std::vector<Series> series = {make_series("web (1)", {{0, 1, kRates}}),
                                      make_series("batch (2)", {{0, 1, kRates}})};
  const std::string script = script_of(series, {Metric::kGotten, Metric::kIo, Metric::kWaited});
  EXPECT_EQ(count(script, "\nplot "), 3U);
  EXPECT_EQ(count(script, " with lines "), 6U);
  EXPECT_EQ(count(script, "title \"web (1)\""), 1U);
  EXPECT_EQ(count(script, "'Time since the log began (s)'"), 1U);
}

TEST(PlotScript, LinesDifferInMoreThanColour) {
  std::vector<Series> series;
  for (int i = 0; i < 300; ++i) series.push_back(make_series(std::to_string(i), {{0, 1, kRates}}));
  const std::string script = script_of(series);
  std::set<std::string> styles;
  for (int i = 1; i <= 300; ++i) {
    const std::string begin = "set style line " + std::to_string(i) + " ";
    const std::size_t at = script.find(begin);
    ASSERT_NE(at, std::string::npos);
    styles.insert(script.substr(at + begin.size(), script.find('\n', at) - at - begin.size()));
  }
  EXPECT_EQ(styles.size(), 300U);
}

TEST(PlotScript, TextCannotLeaveItsQuotes) {
  EXPECT_EQ(quoted("web-2 (1)"), "\"web-2 (1)\"");
  EXPECT_EQ(quoted("it's"), "\"it\\047s\"");
  EXPECT_EQ(quoted("\"`\\"), "\"\\042\\140\\134\"");
  EXPECT_EQ(quoted("\x01"
                   "7"),
            "\"\\0777\""); // a '?', as printable() has it
  EXPECT_EQ(quoted("\xc3\xa9\xff"), "\"\xc3\xa9\\077\"");

  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  PlotSettings settings;
  settings.metrics = {Metric::kGotten};
  settings.title = all;
  const std::string script = plot_script({{all, {make_series(all, {{0, 1, kRates}})}}}, settings);
  for (const char* begin : {" title \"", "set label 2 \"", "set label 4 \""}) {
    const std::size_t at = script.find(begin);
    ASSERT_NE(at, std::string::npos);
    const std::string text = script.substr(at + std::string(begin).size());
    for (const char c : text.substr(0, text.find('"')))
      EXPECT_FALSE(std::strchr("'`$@#{}!;|&<>*~^[]\n\r", c)) << c;
  }
  EXPECT_THAT(script, HasSubstr(" noenhanced "));
}

TEST(PlotScript, TerminalsFollowTheSettings) {
  PlotSettings settings;
  settings.metrics = {Metric::kGotten};
  for (const auto& [terminal, name] :
       {std::pair(PlotTerminal::kSvg, "svg"), std::pair(PlotTerminal::kPng, "pngcairo"),
        std::pair(PlotTerminal::kPdf, "pdfcairo")}) {
    settings.terminal = terminal;
    EXPECT_EQ(terminal_name(terminal), name);
    EXPECT_EQ(plot_script({{"", {make_series("a", {{0, 1, kRates}})}}}, settings)
                  .find(std::string("set terminal ") + name),
              0U);
  }
}

} // namespace
} // namespace xenmon::test
