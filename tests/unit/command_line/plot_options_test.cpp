// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/plot_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xenmon::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PlotOptions parsed(const std::vector<std::string>& words) {
  const auto result = parse_plot_options(words);
  if (!result || !std::holds_alternative<PlotOptions>(*result)) {
    ADD_FAILURE() << (result ? "information" : result.error().message);
    return {};
  }
  return std::get<PlotOptions>(*result);
}

std::string refused(const std::vector<std::string>& words) {
  const auto result = parse_plot_options(words);
  if (result) return "accepted";
  EXPECT_EQ(result.error().status, ExitStatus::kUsage);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  EXPECT_EQ(result.error().message.back(), '.');
  return result.error().message;
}

TEST(PlotOptions, Defaults) {
  const PlotOptions options = parsed({"a.csv", "-o", "a.svg"});
  EXPECT_THAT(options.logs, ElementsAre("a.csv"));
  EXPECT_EQ(options.output, "a.svg");
  EXPECT_TRUE(options.domains.empty());
  EXPECT_FALSE(options.idle || options.script);
  EXPECT_EQ(options.settings.metrics.size(), kPlotMetrics.size());
  EXPECT_EQ(options.settings.terminal, PlotTerminal::kSvg);
}

TEST(PlotOptions, TakesEachInAnyOrder) {
  const PlotOptions options = parsed({"a-dom0.log", "--figure", "waited", "a-dom1.log", "--domain", "web",
                                      "--figure=io", "--domain", "0", "a-dom0.log", "-o", "a.png", "--idle",
                                      "--title", "it's", "--figure", "waited", "-o", "b.pdf"});
  EXPECT_THAT(options.logs, ElementsAre("a-dom0.log", "a-dom1.log"));
  EXPECT_THAT(options.settings.metrics, ElementsAre(Metric::kWaited, Metric::kIo));
  EXPECT_THAT(options.domains, ElementsAre("web", "0"));
  EXPECT_EQ(options.output, "b.pdf");
  EXPECT_EQ(options.settings.terminal, PlotTerminal::kPdf);
  EXPECT_EQ(options.settings.title, "it's");
  EXPECT_TRUE(options.idle);
}

TEST(PlotOptions, RunsAndSpans) {
  const PlotOptions whole = parsed({"a", "-o", "-"});
  EXPECT_TRUE(whole.settings.against.empty());
  EXPECT_FALSE(whole.span.from_s || whole.span.until_s);
  const PlotOptions options =
      parsed({"--against", "requests/s", "10", "20", "--from", "1.5", "--until=9", "-o", "-"});
  EXPECT_THAT(options.logs, ElementsAre("10", "20"));
  EXPECT_EQ(options.settings.against, "requests/s");
  EXPECT_EQ(options.span.from_s, 1.5);
  EXPECT_EQ(options.span.until_s, 9);
  EXPECT_THAT(refused({"10", "-o", "-", "--against", ""}), HasSubstr("--against"));
  EXPECT_THAT(refused({"10", "-o", "-", "--from", "2", "--until", "2"}), HasSubstr("--from"));
  EXPECT_THAT(refused({"10", "-o", "-", "--from", "soon"}), HasSubstr("--from"));
}

TEST(PlotOptions, ATimeIsANumberOfSeconds) {
  for (const std::string option : {"--from", "--until"}) {
    for (const std::string value :
         {"1e300", "-1", "nan", "inf", "0x10", " 5", "5 ", "18446744073709551616", ""}) {
      EXPECT_EQ(refused({"a", "-o", "-", option, value}),
                "option " + option +
                    " takes seconds from 0 to 1000000000, such as 2.5, "
                    "not \"" +
                    value + "\".");
    }
    EXPECT_EQ(refused({"-o", "-", option + "=", "a"}), "option " + option + " has nothing after its \"=\".");
    EXPECT_EQ(refused({"a", "-o", "-", option}), "option " + option + " takes a value.");
  }
}

TEST(PlotOptions, EveryFigureHasItsName) {
  for (const Metric metric : kPlotMetrics) {
    EXPECT_THAT(parsed({"a", "-o", "-", "--figure", info_of(metric).plot}).settings.metrics,
                ElementsAre(metric));
  }
}

TEST(PlotOptions, AScriptNeedsNoFile) {
  EXPECT_EQ(parsed({"--script", "-"}).output, "");
  EXPECT_EQ(parsed({"--script", "-", "-o", "x.png"}).settings.terminal, PlotTerminal::kPng);
}

TEST(PlotOptions, NonsenseIsRefusedInASentence) {
  EXPECT_THAT(refused({}), HasSubstr("name the logs"));
  EXPECT_THAT(refused({"-o", "a.svg"}), HasSubstr("name the logs"));
  EXPECT_THAT(refused({"a.csv"}), HasSubstr("--output"));
  EXPECT_THAT(refused({"a.csv", "-o", ""}), HasSubstr("--output"));
  EXPECT_THAT(refused({"a.csv", "-o", "a.jpeg"}), HasSubstr(".svg, .png or .pdf"));
  EXPECT_THAT(refused({"a.csv", "-o", "a.svg", "--figure", "speed"}),
              HasSubstr("time-per-execution, not \"speed\""));
  EXPECT_THAT(refused({"a.csv", "-o", "a.svg", "--live"}), HasSubstr("--live"));
  EXPECT_THAT(refused({"a.csv", "-o"}), HasSubstr("--output"));
}

TEST(PlotOptions, HelpAndVersion) {
  for (const char* word : {"--help", "-h", "-?", "--version", "-V"}) {
    const auto result = parse_plot_options({word});
    ASSERT_TRUE(result) << word;
    EXPECT_TRUE(std::holds_alternative<Information>(*result)) << word;
  }
}

} // namespace
} // namespace xenmon::test
