// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/view_keys.h"

#include <gtest/gtest.h>

#include "model/arrange.h"
#include "model/view_metrics.h"
#include "screen/sort_menu.h"
#include "xenmon_screen_models.h"

namespace xenmon::test {
namespace {

std::vector<std::uint32_t> shown_domids(const ScreenModel& model, const ViewState& state) {
  std::vector<std::uint32_t> ids;
  for (const std::size_t position : domain_order(model, state)) ids.push_back(model.domains[position].domid);
  return ids;
}

// "1000", "1000/1": uids and children.
std::vector<std::string> shown_lines(const ScreenModel& model, const ViewState& state) {
  std::vector<std::string> texts;
  for (const TableLine& line : table_lines(model, state)) {
    texts.push_back(std::to_string(line.id.parent) +
                    (line.id.child ? "/" + std::to_string(*line.id.child) : ""));
  }
  return texts;
}

// Presses the key until the view is sorted by the metric.
void sort_by(Metric metric, ViewState& state, const ScreenModel& model) {
  const auto metrics = metrics_of(state.view);
  for (std::size_t i = 0; i < metrics.size() && metrics[state.sort().key] != metric; ++i)
    handle_view_key(Key::kSortNext, state, model, 10);
  ASSERT_EQ(metrics[state.sort().key], metric);
}

class ViewKeysTest : public testing::Test {
 protected:
  void press(Key key, int times = 1) {
    for (int i = 0; i < times; ++i) EXPECT_TRUE(handle_view_key(key, state, model, page));
  }

  ScreenModel model = host_model();
  ViewState state;
  std::size_t page = 5;
};

TEST_F(ViewKeysTest, DomainsAreSortedByAnyColumnAndIdleIsLast) {
  using Ids = std::vector<std::uint32_t>;
  EXPECT_EQ(shown_domids(model, state), (Ids{0, 1, 12, 4711, 32767}));
  press(Key::kReverse);
  EXPECT_EQ(shown_domids(model, state), (Ids{4711, 12, 1, 0, 32767}));
  sort_by(Metric::kName, state, model);
  EXPECT_EQ(shown_domids(model, state), (Ids{0, 4711, 12, 1, 32767}));
  sort_by(Metric::kGotten, state, model);
  EXPECT_EQ(shown_domids(model, state), (Ids{12, 1, 0, 4711, 32767}));
  sort_by(Metric::kBlocked, state, model);
  EXPECT_EQ(shown_domids(model, state), (Ids{0, 4711, 1, 12, 32767}));
  sort_by(Metric::kIo, state, model);
  EXPECT_EQ(shown_domids(model, state), (Ids{0, 1, 12, 4711, 32767}));
  press(Key::kReverse);
  EXPECT_EQ(shown_domids(model, state), (Ids{12, 4711, 1, 0, 32767}));
  // Of the vCPUs' time: a domain with many of them is no longer ahead because of that.
  sort_by(Metric::kBlocked, state, model);
  press(Key::kBasis);
  EXPECT_EQ(shown_domids(model, state), (Ids{4711, 0, 1, 12, 32767}));
  const std::size_t key = state.sort().key;
  press(Key::kSortNext);
  press(Key::kSortPrevious);
  EXPECT_EQ(state.sort().key, key);
}

TEST_F(ViewKeysTest, EachViewHasASortOfItsOwn) {
  press(Key::kSortNext, 2);
  state.view = View::kVcpus;
  EXPECT_EQ(state.sort().key, 0U);
  state.view = View::kDomains;
  EXPECT_EQ(state.sort().key, 2U);
}

TEST_F(ViewKeysTest, AFilterLetsNamesAndIdsThrough) {
  using Ids = std::vector<std::uint32_t>;
  const auto filtered = [this](const std::string& filter) {
    state.filter = filter;
    return shown_domids(model, state);
  };
  EXPECT_EQ(filtered("WEB"), (Ids{1}));
  EXPECT_EQ(filtered("a"), (Ids{0, 12, 4711}));
  EXPECT_EQ(filtered("12"), (Ids{12}));
  EXPECT_EQ(filtered("d12"), (Ids{12}));
  EXPECT_EQ(filtered("1"), (Ids{1})); // an id, and not a part of one
  EXPECT_EQ(filtered("idle"), (Ids{32767}));
  EXPECT_EQ(filtered("32767"), (Ids{}));
  EXPECT_EQ(filtered("nobody"), (Ids{}));
  EXPECT_EQ(filtered("0"), (Ids{0})); // and Domain-0 has it in its name
  press(Key::kClear);
  EXPECT_EQ(shown_domids(model, state).size(), 5U);
}

TEST_F(ViewKeysTest, VcpusAreSortedWithinTheirDomains) {
  state.view = View::kVcpus;
  using Lines = std::vector<std::string>;
  EXPECT_EQ(shown_lines(model, state),
            (Lines{"1000", "1000/0", "1000/1", "1001", "1001/0", "1012", "1012/0", "1012/1", "1012/2", "5711",
                   "5711/0", "33767", "33767/0", "33767/1"}));
  sort_by(Metric::kWaited, state, model);
  EXPECT_EQ(shown_lines(model, state),
            (Lines{"1012", "1012/2", "1012/1", "1012/0", "1001", "1001/0", "1000", "1000/0", "1000/1", "5711",
                   "5711/0", "33767", "33767/0", "33767/1"}));
}

TEST_F(ViewKeysTest, FoldingKeepsTheSelectionInReach) {
  state.view = View::kVcpus;
  using Lines = std::vector<std::string>;
  press(Key::kDown, 7); // 1012/1
  EXPECT_EQ(state.selected_domain, (LineId{1012, 1}));
  press(Key::kFold);
  EXPECT_EQ(state.selected_domain, (LineId{1012, {}}));
  EXPECT_EQ(shown_lines(model, state), (Lines{"1000", "1000/0", "1000/1", "1001", "1001/0", "1012", "5711",
                                              "5711/0", "33767", "33767/0", "33767/1"}));
  press(Key::kFold);
  EXPECT_EQ(shown_lines(model, state).size(), 14U);
  press(Key::kFoldAll);
  EXPECT_EQ(shown_lines(model, state), (Lines{"1000", "1001", "1012", "5711", "33767"}));
  // What is folded away counts as where it has gone.
  state.selected_domain = LineId{1012, 2};
  EXPECT_EQ(selected_position(table_lines(model, state), state), 2U);
  press(Key::kFoldAll);
  EXPECT_EQ(shown_lines(model, state).size(), 14U);
  // A line that no longer exists leaves the selection at the top.
  state.selected_domain = LineId{99, {}};
  EXPECT_EQ(selected_position(table_lines(model, state), state), 0U);
}

TEST_F(ViewKeysTest, TheSelectionStaysInSight) {
  state.view = View::kVcpus;
  const auto show = [this] { keep_visible(state, Scene(model, state, Trend()), {9, 3, 5}); };
  press(Key::kEnd);
  show();
  EXPECT_EQ(state.position().row, 9U);
  EXPECT_EQ(state.selected_domain, (LineId{33767, 1}));
  press(Key::kUp, 4);
  show();
  EXPECT_EQ(state.position().row, 9U);
  press(Key::kUp);
  show();
  EXPECT_EQ(state.position().row, 8U);
  press(Key::kPageUp);
  show();
  EXPECT_EQ(state.position().row, 3U);
  press(Key::kHome);
  show();
  EXPECT_EQ(state.position().row, 0U);
  press(Key::kPageDown);
  EXPECT_EQ(state.selected_domain, (LineId{1012, {}}));
  press(Key::kRight, 9);
  show();
  EXPECT_EQ(state.position().column, 3U);
  press(Key::kLeft);
  EXPECT_EQ(state.position().column, 2U);
  // The domains' view has no selection, and scrolls by whole domains if they fit.
  state.view = View::kDomains;
  press(Key::kDown, 3);
  EXPECT_EQ(state.position().row, 3U);
  press(Key::kUp, 3);
  page = 6;
  press(Key::kDown, 3);
  EXPECT_EQ(state.position().row, 18U);
  state.position().row = 15; // where the last page begins
  press(Key::kUp);
  EXPECT_EQ(state.position().row, 12U);
  press(Key::kUp, 3);
  EXPECT_EQ(state.position().row, 0U);
  press(Key::kEnd);
  keep_visible(state, Scene(model, state, Trend()), {20, 0, 5});
  EXPECT_EQ(state.position().row, 20U);
}

TEST_F(ViewKeysTest, PcpusHaveTheDomainsBelowThem) {
  state.view = View::kPcpus;
  using Lines = std::vector<std::string>;
  EXPECT_EQ(shown_lines(model, state), (Lines{"0", "0/1000", "0/1001", "0/1012", "0/5711", "0/33767", "1",
                                              "1/1000", "1/1001", "1/1012", "1/33767"}));
  sort_by(Metric::kGotten, state, model);
  EXPECT_EQ(shown_lines(model, state), (Lines{"0", "0/1001", "0/1012", "0/1000", "0/5711", "0/33767", "1",
                                              "1/1012", "1/1000", "1/1001", "1/33767"}));
  press(Key::kFold);
  EXPECT_EQ(shown_lines(model, state), (Lines{"0", "1", "1/1012", "1/1000", "1/1001", "1/33767"}));
  state.filter = "web";
  press(Key::kFold);
  EXPECT_EQ(shown_lines(model, state), (Lines{"0", "0/1001", "1", "1/1001"}));
}

TEST_F(ViewKeysTest, LatencyIsSortedByTheLongestWaitsAndLeavesIdleOut) {
  state.view = View::kLatency;
  const auto lines = shown_lines(model, state);
  EXPECT_EQ(lines.front(), "1000");
  EXPECT_EQ(lines[1], "1000/0");
  for (const std::string& line : lines) EXPECT_NE(line.substr(0, 5), "33767");
  // With nothing recent, what is since the start is what it is sorted by.
  model.latency_length_ns = 0;
  for (DomainModel& domain : model.domains) domain.latency.recent = {};
  EXPECT_EQ(shown_lines(model, state).front(), "1000");
  EXPECT_TRUE(shows_since_start(model, state));
  press(Key::kSpan);
  EXPECT_TRUE(state.latency_since_start);
}

TEST_F(ViewKeysTest, TheSortMenuSortsAsItMoves) {
  state.view = View::kVcpus;
  state.sort() = {2, true};
  SortMenu menu(state);
  EXPECT_TRUE(menu.take(Key::kDown, state));
  EXPECT_EQ(state.sort().key, 3U);
  EXPECT_FALSE(state.sort().reversed);
  EXPECT_TRUE(menu.take(Key::kReverse, state));
  EXPECT_TRUE(state.sort().reversed);
  EXPECT_TRUE(menu.take(Key::kHome, state));
  EXPECT_TRUE(menu.take(Key::kUp, state));
  EXPECT_EQ(sorted_by(state), Metric::kId);
  EXPECT_TRUE(menu.take(Key::kEnd, state));
  EXPECT_TRUE(menu.take(Key::kDown, state));
  EXPECT_EQ(sorted_by(state), Metric::kPartialRun);
  EXPECT_FALSE(menu.take(Key::kClear, state));
  EXPECT_EQ(state.sort().key, 2U);
  EXPECT_TRUE(state.sort().reversed);
  EXPECT_TRUE(menu.take(Key::kDown, state));
  EXPECT_FALSE(menu.take(Key::kFold, state));
  EXPECT_EQ(sorted_by(state), Metric::kPartialRun);
}

TEST_F(ViewKeysTest, TheSortMenuShowsWhatIsChosenAtEverySize) {
  state.view = View::kLatency;
  state.sort().key = metrics_of(state.view).size() - 1;
  const SortMenu menu(state);
  for (const auto& [width, height] : {std::pair{80, 24}, std::pair{40, 10}, std::pair{20, 5}}) {
    Grid grid(width, height);
    menu.paint(grid);
    EXPECT_EQ(grid.line(1), "   Sort by") << height;
    int chosen = -1;
    for (int row = 0; row < height; ++row)
      if (grid.at(row, 3).style.attributes == kStandout) chosen = row;
    ASSERT_GE(chosen, 0) << height;
    EXPECT_NE(grid.line(chosen).find("run max"), std::string::npos);
  }
  Grid tiny(1, 1);
  menu.paint(tiny);
}

TEST_F(ViewKeysTest, LatencyIsSortedByCountsToo) {
  state.view = View::kLatency;
  while (sorted_by(state) != Metric::kWakeCount) press(Key::kSortNext);
  const auto counts = [this] {
    std::vector<std::uint64_t> result;
    for (const TableLine& line : table_lines(model, state)) {
      if (line.child) continue;
      const LatencyModel& latency = model.domains[line.parent].latency;
      result.push_back(latency.recent[static_cast<std::size_t>(Spread::kWakeWait)].count);
    }
    return result;
  };
  const std::vector<std::uint64_t> down = counts();
  ASSERT_GE(down.size(), 3U);
  EXPECT_GT(down.front(), down.back());
  EXPECT_TRUE(std::is_sorted(down.rbegin(), down.rend()));
  press(Key::kReverse);
  const std::vector<std::uint64_t> up = counts();
  EXPECT_TRUE(std::is_sorted(up.begin(), up.end()));
}

TEST_F(ViewKeysTest, TogglesWhatItSays) {
  press(Key::kWaited);
  EXPECT_FALSE(state.rows.contains(Metric::kWaited));
  press(Key::kWaited);
  EXPECT_TRUE(state.rows.contains(Metric::kWaited));
  for (const Key key : {Key::kAllocated, Key::kBlocked, Key::kExecutions, Key::kIo}) press(key);
  EXPECT_EQ(state.rows, (MetricSet{Metric::kGotten, Metric::kWaited}));
  press(Key::kSpan);
  EXPECT_EQ(state.window, WindowId::kShort);
  press(Key::kBasis);
  EXPECT_EQ(state.basis, Basis::kVcpus);
  EXPECT_FALSE(handle_view_key(Key::kOther, state, model, 5));
  EXPECT_FALSE(handle_view_key(Key::kQuit, state, model, 5));
}

TEST_F(ViewKeysTest, SearchGoesOnFromWhereItIs) {
  EXPECT_TRUE(go_to_domain("batch", false, state, model));
  EXPECT_EQ(state.position().row, 12U); // after two domains of six rows
  EXPECT_TRUE(go_to_domain("a", true, state, model));
  EXPECT_EQ(state.position().row, 18U);
  EXPECT_TRUE(go_to_domain("a", true, state, model)); // round
  EXPECT_EQ(state.position().row, 0U);
  EXPECT_FALSE(go_to_domain("nobody", false, state, model));
  state.view = View::kVcpus;
  EXPECT_TRUE(go_to_domain("12", false, state, model));
  EXPECT_EQ(state.selected_domain, (LineId{1012, {}}));
  state.view = View::kPcpus;
  EXPECT_TRUE(go_to_domain("web", false, state, model));
  EXPECT_EQ(state.selected_pcpu, (LineId{0, 1001}));
  EXPECT_TRUE(go_to_domain("web", true, state, model));
  EXPECT_EQ(state.selected_pcpu, (LineId{1, 1001}));
  state.view = View::kHost;
  EXPECT_TRUE(go_to_domain("web", false, state, model));
  EXPECT_EQ(state.view, View::kDomains);
}

TEST_F(ViewKeysTest, HostsAreSelectedSortedFoundAndFiltered) {
  model = hosts_model();
  state.view = View::kHosts;
  using Lines = std::vector<std::string>;
  EXPECT_EQ(shown_lines(model, state), (Lines{"1", "0", "4", "2", "3"})); // by p99
  press(Key::kDown);
  EXPECT_EQ(state.selected_host, (LineId{0, {}}));
  press(Key::kSortNext); // by name: the selection stays with its host
  EXPECT_EQ(shown_lines(model, state), (Lines{"4", "0", "1", "2", "3"}));
  EXPECT_EQ(selected_position(table_lines(model, state), state), 1U);
  press(Key::kEnd);
  EXPECT_EQ(state.selected_host, (LineId{3, {}}));
  EXPECT_TRUE(go_to_domain("XEN", false, state, model));
  EXPECT_EQ(state.selected_host, (LineId{3, {}}));
  EXPECT_TRUE(go_to_domain("xen", true, state, model)); // round
  EXPECT_EQ(state.selected_host, (LineId{0, {}}));
  EXPECT_FALSE(go_to_domain("web", true, state, model)); // a domain
  press(Key::kFold);                                     // nothing to fold
  press(Key::kFoldAll);
  EXPECT_EQ(shown_lines(model, state).size(), 5U);
  state.filter = "web";
  state.host_filter = "xen2";
  EXPECT_EQ(shown_lines(model, state), (Lines{"1"}));
  press(Key::kClear);
  EXPECT_EQ(shown_lines(model, state).size(), 5U);
  EXPECT_EQ(state.filter, "web"); // that of domains stays
}

TEST_F(ViewKeysTest, NothingToShowIsNoProblem) {
  model = {};
  for (std::size_t view = 0; view < kViews; ++view) {
    state.view = static_cast<View>(view);
    for (auto key = static_cast<int>(kFirstKey); key <= static_cast<int>(kLastKey); ++key)
      handle_view_key(static_cast<Key>(key), state, model, 1);
    EXPECT_FALSE(go_to_domain("x", false, state, model));
    state.view = static_cast<View>(view);
    keep_visible(state, Scene(model, state, Trend()), {0, 0, 1});
    EXPECT_EQ(state.position().row, 0U);
  }
}

} // namespace
} // namespace xenmon::test
