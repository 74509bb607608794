// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/settings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "model/view_metrics.h"
#include "screen/ink.h"
#include "screen/typed_line.h"
#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

constexpr std::uint64_t kSecond = 1'000 * kMs;

std::string path_with(const std::map<std::string, std::string>& variables) {
  return settings_path([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Settings, AreWhereTheBaseDirectorySpecificationHasThem) {
  EXPECT_EQ(path_with({{"XDG_CONFIG_HOME", "/x"}, {"HOME", "/h"}}), "/x/xenmon/settings.json");
  EXPECT_EQ(path_with({{"HOME", "/h"}}), "/h/.config/xenmon/settings.json");
  EXPECT_EQ(path_with({{"XDG_CONFIG_HOME", "x"}, {"HOME", "/h"}}), "/h/.config/xenmon/settings.json");
  EXPECT_EQ(path_with({{"XDG_CONFIG_HOME", ""}}), "");
}

TEST(Settings, ComeBackAsTheyWereKept) {
  const TemporaryDirectory directory;
  const std::string path = directory / "new/xenmon/settings.json";
  Settings kept;
  kept.view.view = View::kLatency;
  kept.view.basis = Basis::kVcpus;
  kept.view.window = WindowId::kShort;
  kept.view.latency_since_start = true;
  kept.view.rows.set(Metric::kBlocked, false);
  kept.view.sorts[static_cast<std::size_t>(View::kVcpus)] = {3, true};
  kept.view.filter = "not kept";
  kept.windows_ns = {5 * kSecond, kSecond};
  kept.refresh_ns = 2 * kSecond;
  ASSERT_TRUE(save_settings(path, kept));
  Settings read;
  ASSERT_TRUE(load_settings(path, read));
  EXPECT_EQ(read.view.view, View::kLatency);
  EXPECT_EQ(read.view.basis, Basis::kVcpus);
  EXPECT_EQ(read.view.window, WindowId::kShort);
  EXPECT_TRUE(read.view.latency_since_start);
  EXPECT_FALSE(read.view.rows.contains(Metric::kBlocked));
  EXPECT_TRUE(read.view.rows.contains(Metric::kWaited));
  EXPECT_EQ(read.view.sorts[1].key, 3U);
  EXPECT_TRUE(read.view.sorts[1].reversed);
  EXPECT_EQ(read.view.filter, "");
  EXPECT_EQ(read.windows_ns, kept.windows_ns);
  EXPECT_EQ(read.refresh_ns, 2 * kSecond);
  const std::filesystem::directory_iterator all(directory / "new/xenmon");
  EXPECT_EQ(std::distance(begin(all), end(all)), 1) << "nothing else is left behind";
}

TEST(Settings, WhatMakesNoSenseIsLeftOut) {
  const TemporaryDirectory directory;
  const std::string path = directory / "settings.json";
  Settings settings;
  EXPECT_TRUE(load_settings(path, settings)); // none yet
  std::ofstream(path) << R"({"view": "moon", "percent_of": 7, "rows": [], "refresh_ms": -4, "sort":
      {"vcpus": {"by": "moon"}, "cpus": {"by": "gotten", "reversed": "yes"}}, "long_window_ms": 100,
      "short_window_ms": 5000, "latency_since_start": "x"})";
  EXPECT_TRUE(load_settings(path, settings));
  EXPECT_EQ(settings.view.view, View::kDomains);
  EXPECT_EQ(settings.refresh_ns, kSecond);
  EXPECT_EQ(settings.windows_ns, kWindowNs); // the short one would be the longer one
  EXPECT_EQ(settings.view.sorts[1].key, 0U);
  EXPECT_EQ(settings.view.sorts[2].key, 1U);
  EXPECT_FALSE(settings.view.sorts[2].reversed);
  for (const char* text : {"", "[1]", "{\"view\": ", "\xff\xfe"}) {
    std::ofstream(path) << text;
    EXPECT_FALSE(load_settings(path, settings)) << text;
  }
}

TEST(Settings, SaysWhyTheyCannotBeKept) {
  EXPECT_FALSE(save_settings("", {}));
  const Status status = save_settings("/dev/null/xenmon/settings.json", {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("/dev/null/xenmon"), std::string::npos);
}

TEST(Ink, ColoursAddAndTakeNothingAway) {
  for (int role = 0; role <= static_cast<int>(Role::kKey); ++role) {
    const Style style{kStandout, static_cast<Role>(role)};
    EXPECT_EQ(ink_for(style, Palette::kMonochrome).colour, Ink::kTerminalsOwn);
    EXPECT_EQ(ink_for(style, Palette::kMonochrome).attributes, ink_for(style, Palette::kColours).attributes);
  }
  EXPECT_EQ(ink_for(Role::kAlarming, Palette::kColours).colour, 1);
  EXPECT_EQ(ink_for(Role::kAlarming, Palette::kMonochrome).attributes, kBold);
  EXPECT_EQ(ink_for({kDim, Role::kRunning}, Palette::kColours).colour, Ink::kTerminalsOwn);
}

TEST(Ink, NoColorIsHeeded) {
  EXPECT_EQ(wanted_palette(false, nullptr), Palette::kColours);
  EXPECT_EQ(wanted_palette(false, ""), Palette::kColours);
  EXPECT_EQ(wanted_palette(false, "1"), Palette::kMonochrome);
  EXPECT_EQ(wanted_palette(true, nullptr), Palette::kMonochrome);
}

TEST(TypedLine, TakesTextAndTakesItBack) {
  TypedLine line("Name: ");
  for (const unsigned char byte : std::string("w\xc3\xa9")) line.take({Key::kOther, byte});
  EXPECT_EQ(line.text(), "w\xc3\xa9");
  EXPECT_EQ(line.take({Key::kErase}), TypedLine::Outcome::kGoesOn);
  EXPECT_EQ(line.text(), "w");
  EXPECT_EQ(line.take({Key::kQuit, U'q'}), TypedLine::Outcome::kGoesOn); // a letter like others
  EXPECT_EQ(line.shown(), "Name: wq");
  for (int i = 0; i < 5; ++i) line.take({Key::kErase});
  EXPECT_EQ(line.text(), "");
  for (int i = 0; i < 1000; ++i) line.take({Key::kOther, U'x'});
  EXPECT_LE(line.text().size(), 64U);
  EXPECT_EQ(line.take({Key::kFold}), TypedLine::Outcome::kDone);
  EXPECT_EQ(line.take({Key::kClear}), TypedLine::Outcome::kGivenUp);
}

TEST(Metric, ThresholdsAreOfTheVcpusTime) {
  MetricSums f;
  f.running_ns = 960;
  f.waited_wake_ns = 40;
  EXPECT_EQ(metric_role(Metric::kWaited, f), Role::kText);
  f.waited_preempt_ns = 20;
  EXPECT_EQ(metric_role(Metric::kWaited, f), Role::kNotable);
  f.waited_preempt_ns = 260;
  EXPECT_EQ(metric_role(Metric::kWaited, f), Role::kAlarming);
  LatencyModel latency;
  latency.recent[0] = {10, 1, 2, 12'000'000, 60'000'000};
  EXPECT_EQ(metric_role(Metric::kWakeP99, latency, false), Role::kNotable);
  EXPECT_EQ(metric_role(Metric::kWakeMax, latency, false), Role::kAlarming);
  EXPECT_EQ(metric_role(Metric::kWakeMax, latency, true), Role::kText);
  EXPECT_EQ(metric_text(Metric::kWakeP99, latency, false), "12.0ms");
  EXPECT_EQ(metric_text(Metric::kPreemptP50, latency, false), "-");
}

} // namespace
} // namespace xenmon::test
