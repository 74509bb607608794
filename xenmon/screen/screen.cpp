// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/screen.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "model/host_lines.h"
#include "model/view_metrics.h"
#include "screen/views.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::array<const char*, kViews> kViewNames = {"Domains", "vCPUs", "CPUs",
                                                        "Latency", "Host",  "Hosts"};

struct BarKey {
  const char* key;
  const char* label;
};
constexpr std::array kBar = {BarKey{"F1", "Help"},   BarKey{"F2", "View"},   BarKey{"F3", "Search"},
                             BarKey{"F4", "Filter"}, BarKey{"F5", "Share"},  BarKey{"F6", "Sort"},
                             BarKey{"F7", "CPU"},    BarKey{"F8", "Window"}, BarKey{"F9", "Pause"},
                             BarKey{"F10", "Quit"}};
constexpr int kBarLabel = 6;
constexpr std::size_t kLongestHost = 16; // in the title

bool has_bar(int height) {
  return height >= kKeyBarFrom;
}

// Puts parts one after the other, with two blanks between, while they fit.
class TitleRow {
 public:
  explicit TitleRow(Grid& grid) : grid_(grid) {}

  bool fits(std::size_t width) const { return x_ + static_cast<int>(width) <= grid_.width(); }
  // printable()
  void put(const std::string& text, Style style) {
    const std::size_t width = columns_of(text);
    if (!fits(width)) return;
    grid_.put(0, x_, text, style);
    x_ += static_cast<int>(width) + 2;
  }
  void tight() { --x_; }

 private:
  Grid& grid_;
  int x_ = 1;
};

std::string sort_text(const ViewState& state) {
  const Metric metric = sorted_by(state);
  if (state.view == View::kHost) return "";
  const bool upwards = descending(metric) == state.sort().reversed;
  return std::string("by ") + info_of(metric).title + (upwards ? " ^" : " v");
}

// The keys that bring them back.
std::string hidden_rows(const MetricSet& shown) {
  std::string keys;
  for (const Metric metric : kDomainRows)
    if (!shown.contains(metric)) keys += std::string(" ") + info_of(metric).hides;
  return keys;
}

void paint_title(Grid& grid, const Scene& scene) {
  TitleRow row(grid);
  const ScreenModel& model = scene.model;
  const bool of_hosts = scene.state.view == View::kHosts;
  if (!model.host_name.empty()) row.put(shortened(model.host_name, kLongestHost), {kBold, Role::kName});
  if (!of_hosts)
    row.put("CPU = " + (model.pcpu ? std::to_string(*model.pcpu) : std::string("all")), kStandout);
  if (model.paused) row.put("PAUSED", {kBold | kStandout, Role::kNotable});
  std::size_t all = 0;
  const std::size_t views = kViews - (model.several_hosts ? 0 : 1);
  for (std::size_t i = 0; i < views; ++i) all += std::string_view(kViewNames[i]).size() + 3;
  const auto shown = static_cast<std::size_t>(scene.state.view);
  const bool all_fit = row.fits(all);
  for (std::size_t i = 0; i < views; ++i) {
    if (!all_fit && i != shown) continue;
    row.put(std::to_string(i + 1) + " " + kViewNames[i], i == shown ? Style{kBold | kStandout} : Style{});
    row.tight();
  }
  row.put("", {});
  if (!scene.state.shown_filter().empty() && scene.state.view != View::kHost)
    row.put("filter: " + printable(scene.state.shown_filter()), {kBold, Role::kNotable});
  if (scene.state.view == View::kDomains) {
    const std::string hidden = hidden_rows(scene.state.rows);
    if (!hidden.empty()) row.put("hidden:" + hidden, {});
    const bool plain_order = scene.state.sort().key == 0 && !scene.state.sort().reversed;
    if (!plain_order) row.put(sort_text(scene.state), {}); // tables mark the column
  }
  if (!has_bar(grid.height())) row.put("? help", Role::kKey);
}

void paint_bar(Grid& grid) {
  const int y = grid.height() - 1;
  int x = 0;
  // What does not fit is left out from the right, except the way out.
  const int last_width =
      static_cast<int>(std::string_view(kBar.back().key).size() + std::string_view(kBar.back().label).size());
  for (std::size_t i = 0; i < kBar.size(); ++i) {
    const bool last = i + 1 == kBar.size();
    const int width = static_cast<int>(std::string_view(kBar[i].key).size()) + kBarLabel;
    if (!last && x + width + last_width > grid.width()) continue;
    grid.put(y, x, kBar[i].key, Style{kBold, Role::kKey});
    std::string label = kBar[i].label;
    if (!last) label.resize(kBarLabel, ' ');
    grid.put(y, x + width - kBarLabel, label, kStandout);
    x += width;
  }
}

void paint_status(Grid& grid, const Scene& scene) {
  const int y = grid.height() - (has_bar(grid.height()) ? 2 : 1);
  grid.put(y, 0, std::u32string(static_cast<std::size_t>(grid.width()), U' '));
  if (!scene.question.empty()) {
    // The text being typed is at the end.
    const std::u32string text = printable_characters(scene.question) + U"_";
    const auto width = static_cast<std::size_t>(grid.width());
    grid.put(y, 0, last_columns(text, width), kBold);
    return;
  }
  const ScreenModel& model = scene.model;
  if (scene.state.view == View::kHosts) {
    const std::string text = (model.notice.empty() ? "" : model.notice + " | ") + hosts_text(model);
    grid.put(y, 0, shortened(text, static_cast<std::size_t>(grid.width())));
    return;
  }
  const bool trouble = model.lost_records > 0 || model.damaged > 0 || !model.last_words.empty();
  grid.put(y, 0, status_text(model, static_cast<std::size_t>(grid.width())),
           {model.current ? std::uint8_t{kPlain} : std::uint8_t{kBold}, trouble         ? Role::kAlarming
                                                                        : model.current ? Role::kText
                                                                                        : Role::kNotable});
}

void paint_body(Grid& grid, Area area, const Scene& scene) {
  switch (scene.state.view) {
    case View::kDomains:
      return paint_domains_view(grid, area, scene);
    case View::kVcpus:
      return paint_vcpus_view(grid, area, scene);
    case View::kPcpus:
      return paint_pcpus_view(grid, area, scene);
    case View::kLatency:
      return paint_latency_view(grid, area, scene);
    case View::kHost:
      return paint_host_view(grid, area, scene);
    case View::kHosts:
      return paint_hosts_view(grid, area, scene);
  }
}

} // namespace

Scene::Scene(const ScreenModel& what, const ViewState& how, const Trend& before,
             const SelectedModel* of_selected, std::string asked)
    : model(what),
      state(how),
      trend(before),
      selected(of_selected),
      question(std::move(asked)),
      lines(table_lines(what, how)) {
  if (how.view == View::kDomains) domains = domain_order(what, how);
}

Area body_area(int height) {
  return {1, std::max(0, height - (has_bar(height) ? 3 : 2))};
}

ScrollLimits scroll_limits(const Scene& scene, int width, int height) {
  const Area area = body_area(height);
  switch (scene.state.view) {
    case View::kDomains:
      return domains_view_limits(scene, width, area);
    case View::kVcpus:
      return vcpus_view_limits(scene, width, area);
    case View::kPcpus:
      return pcpus_view_limits(scene, width, area);
    case View::kLatency:
      return latency_view_limits(scene, width, area);
    case View::kHost:
      return host_view_limits(scene, width, area);
    case View::kHosts:
      return hosts_view_limits(scene, width, area);
  }
  return {};
}

Grid render(const Scene& scene, int width, int height) {
  Grid grid(width, height);
  paint_title(grid, scene);
  paint_body(grid, body_area(grid.height()), scene);
  paint_status(grid, scene);
  if (has_bar(grid.height())) paint_bar(grid);
  return grid;
}

} // namespace xenmon
