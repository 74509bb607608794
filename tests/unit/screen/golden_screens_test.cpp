// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every view at four sizes, cell by cell, as kept in tests/data/screens: the characters, how they look
// without colours and how with them. After a change that is meant, XENMON_RENEW_SCREENS=1 in the environment
// writes the files again; then check what changed in the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "screen/ink.h"
#include "screen/screen.h"
#include "text.h"
#include "xenmon_screen_models.h"

namespace xenmon::test {
namespace {

struct Case {
  View view;
  const char* name;
  int width;
  int height;
};

std::string file_name(const Case& one) {
  return std::string(one.name) + "-" + std::to_string(one.width) + "x" + std::to_string(one.height);
}

std::string without_trailing_blanks(std::string line) {
  line.resize(line.find_last_not_of(' ') + 1);
  return line;
}

// A line for each row: what `letter_of` makes of its cells.
template <class LetterOf>
std::string map_of(const Grid& grid, const char* title, const LetterOf& letter_of) {
  std::string text = std::string("--- ") + title + "\n";
  for (int row = 0; row < grid.height(); ++row) {
    std::string line;
    for (int column = 0; column < grid.width(); ++column) {
      // A blank has no colour, and no looks but its background.
      const Cell& cell = grid.at(row, column);
      const char letter = letter_of(cell);
      line += cell.character == U' ' && (cell.style.attributes & kStandout) == 0 ? ' ' : letter;
    }
    text += without_trailing_blanks(line) + "\n";
  }
  return text;
}

// '.': plain; b: bold, s: standout, d: dim; capital letters: bold as well.
char attribute_letter(const Cell& cell) {
  const Ink ink = ink_for(cell.style, Palette::kMonochrome);
  EXPECT_EQ(ink.colour, Ink::kTerminalsOwn);
  const bool bold = (ink.attributes & kBold) != 0;
  if ((ink.attributes & kStandout) != 0) return bold ? 'S' : 's';
  if ((ink.attributes & kDim) != 0) return bold ? 'D' : 'd';
  return bold ? 'b' : '.';
}

char colour_letter(const Cell& cell) {
  const Ink ink = ink_for(cell.style, Palette::kColours);
  return ink.colour == Ink::kTerminalsOwn ? '.' : "krgybmcw"[ink.colour];
}

class GoldenScreenTest : public testing::TestWithParam<Case> {};

TEST_P(GoldenScreenTest, IsAsItIsKept) {
  const Case& one = GetParam();
  const ScreenModel model = one.view == View::kHosts ? hosts_model() : host_model();
  const Trend trend = host_trend(model);
  ViewState state;
  state.view = one.view;
  SelectedModel selected{distributions_of(host_loads()[0]), {}};
  selected.contenders = {true,       1'000'000, 3,   40, {{1012, 12, 700'000'000}, {1001, 1, 250'000'000}},
                         50'000'000, 0,         true};
  const Grid grid = render({model, state, trend, &selected, ""}, one.width, one.height);

  std::string text;
  for (int row = 0; row < grid.height(); ++row) text += grid.line(row) + "\n";
  text += map_of(grid, "without colours", attribute_letter) + map_of(grid, "colours", colour_letter);

  const std::string path = std::string(XENMON_SCREENS) + "/" + file_name(one) + ".txt";
  if (std::getenv("XENMON_RENEW_SCREENS") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::stringstream kept;
  kept << file.rdbuf();
  EXPECT_EQ(text, kept.str());
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& [view, name] :
       std::initializer_list<std::pair<View, const char*>>{{View::kDomains, "domains"},
                                                           {View::kVcpus, "vcpus"},
                                                           {View::kPcpus, "cpus"},
                                                           {View::kLatency, "latency"},
                                                           {View::kHost, "host"},
                                                           {View::kHosts, "hosts"}}) {
    for (const auto& [width, height] :
         std::initializer_list<std::pair<int, int>>{{40, 10}, {80, 24}, {132, 43}, {250, 70}})
      all.push_back({view, name, width, height});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Screens, GoldenScreenTest, testing::ValuesIn(cases()), [](const auto& instance) {
  return std::string(instance.param.name) + "_" + std::to_string(instance.param.width) + "x" +
         std::to_string(instance.param.height);
});

// Whatever the figures are, a column is where it was, and no figure runs into another.
TEST(Screens, ColumnsStayWhereTheyAre) {
  const ScreenModel model = host_model();
  ScreenModel huge = model;
  for (DomainModel& domain : huge.domains) {
    for (HalfModel& half : domain.halves) {
      half.sums.running_ns *= 1000;
      half.sums.executions *= 1'000'000;
      half.sums.io_copy *= 1'000'000;
    }
    for (VcpuModel& vcpu : domain.vcpus) {
      for (HalfModel& half : vcpu.halves) half.sums.executions *= 1'000'000;
    }
  }
  const Trend trend;
  for (const View view : {View::kDomains, View::kVcpus, View::kPcpus, View::kLatency, View::kHost}) {
    for (const int width : {40, 80, 132}) {
      ViewState state;
      state.view = view;
      const Grid few = render({model, state, trend, nullptr, ""}, width, 24);
      const Grid many = render({huge, state, trend, nullptr, ""}, width, 24);
      // The headings show where the columns are.
      EXPECT_EQ(few.line(1), many.line(1));
      EXPECT_EQ(few.line(2), many.line(2));
    }
  }
}

// Of several hosts: which one is shown, and that there is a view of all.
TEST(Screens, OneOfSeveralHostsHasItsNameInTheTitle) {
  ScreenModel model = host_model();
  model.several_hosts = true;
  model.host_name = "root@xen1";
  const ViewState state;
  const Trend trend;
  const Grid grid = render({model, state, trend, nullptr, ""}, 80, 24);
  EXPECT_EQ(grid.line(0), " root@xen1  CPU = all  1 Domains 2 vCPUs 3 CPUs 4 Latency 5 Host 6 Hosts");
}

TEST(Screens, EveryViewFitsEverySize) {
  ScreenModel everything = host_model();
  everything.hosts = hosts_model().hosts;
  const ScreenModel& model = everything;
  const ScreenModel empty;
  const Trend trend = host_trend(model);
  for (std::size_t view = 0; view < kViews; ++view) {
    ViewState state;
    state.view = static_cast<View>(view);
    for (const ScreenModel* shown : {&model, &empty}) {
      for (int width = 1; width < 140; width += 3) {
        for (int height = 1; height < 50; height += 4) {
          state.position() = {static_cast<std::size_t>(width), static_cast<std::size_t>(height)};
          const SelectedModel none;
          const Scene scene{*shown, state, trend, &none, ""};
          const Grid grid = render(scene, width, height);
          EXPECT_EQ(grid.width(), width);
          EXPECT_EQ(grid.height(), height);
          EXPECT_GE(scroll_limits(scene, width, height).page, 1U);
        }
      }
    }
  }
}

} // namespace
} // namespace xenmon::test
