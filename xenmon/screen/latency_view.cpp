// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <cmath>

#include "base/counted.h"
#include "format.h"
#include "model/arrange.h"
#include "screen/table.h"
#include "screen/views.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::array<const char*, kSpreads> kTitles = {"woken until running", "preempted until running",
                                                       "length of an execution"};
// The axis of the histograms, with decades from 1 us to 1 s; anything outside is in the first or last column.
constexpr double kFirstNs = 1e3;
constexpr int kDecades = 6;
constexpr std::array<const char*, kDecades> kDecadeNames = {"1us", "10us", "100us", "1ms", "10ms", "100ms"};
constexpr int kNarrowestDecade = 4;
constexpr int kWidestDecade = 12;
constexpr int kGap = 2;
constexpr int kPictureRows = 9; // who ran meanwhile, title, figures, five of bars, axis
constexpr int kRoomForTable = 8;
constexpr int kColumn = 7; // short_time_text() and a blank

bool since_start(const Scene& scene) {
  return shows_since_start(scene.model, scene.state);
}

std::string span_text(const Scene& scene) {
  if (since_start(scene))
    return "since start, " + short_time_text(static_cast<double>(scene.model.host.trace_ns));
  return "last " + short_time_text(static_cast<double>(scene.model.latency_length_ns));
}

Table make_table(const Scene& scene) {
  const ViewState& state = scene.state;
  Table table;
  table.label_heading = "domain, vCPU";
  for (int i = static_cast<int>(Metric::kWakeCount); i <= static_cast<int>(Metric::kRunMax); ++i)
    table.columns.push_back(static_cast<Metric>(i));
  table.groups = {{0, "woken, " + span_text(scene)}, {5, "preempted until running"}, {10, "executions"}};
  table.column_width = kColumn;
  mark_sorted(table, state);
  return table;
}

// The table's part of the area; the histograms have the rest.
Area table_area(Area area) {
  return {area.top, area.height >= kRoomForTable + kPictureRows ? area.height - kPictureRows : area.height};
}

std::vector<double> columns_of(const Distribution& distribution, int decade) {
  std::vector<double> columns(static_cast<std::size_t>(kDecades * decade));
  for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
    if (distribution.counts[bucket] == 0) continue;
    const double lower = std::max(static_cast<double>(xenmon_hist_lower(bucket)), 1.0);
    const auto at = static_cast<int>(std::floor(std::log10(lower / kFirstNs) * decade));
    columns[static_cast<std::size_t>(std::clamp(at, 0, kDecades * decade - 1))] +=
        static_cast<double>(distribution.counts[bucket]);
  }
  return columns;
}

void paint_picture(Grid& grid, int x, int y, int decade, const Distribution& distribution, const char* title,
                   bool run, const Scene& scene) {
  const std::uint8_t fade = scene.model.current ? kPlain : kDim;
  grid.put(y, x, title, kBold);
  const Quantiles q = quantiles(distribution);
  const std::string figures = q.count == 0 ? "none"
                                           : std::to_string(q.count) + " of them, p99 " +
                                                 short_time_text(static_cast<double>(q.p99_ns));
  grid.put(y + 1, x, figures, fade);
  const std::vector<double> columns = columns_of(distribution, decade);
  const double highest = *std::max_element(columns.begin(), columns.end());
  constexpr int kBars = kPictureRows - 4;
  for (int row = 0; row < kBars; ++row) {
    std::u32string text;
    for (const double count : columns)
      text += bar_cell(highest == 0 ? 0 : count / highest, row, kBars, scene.state.unicode);
    grid.put(y + 2 + row, x, text, Style{fade, run ? Role::kRunning : Role::kWaiting});
  }
  // Names, if there is room for them.
  const int step = decade >= 6 ? 1 : 2;
  for (int i = 0; i < kDecades; i += step)
    grid.put(y + 2 + kBars, x + i * decade, kDecadeNames[static_cast<std::size_t>(i)], kDim);
}

std::string name_of(const ScreenModel& model, const RivalSums::Contender& contender) {
  for (const DomainModel& domain : model.domains) {
    if (domain.uid == contender.uid) return domain_label(domain);
  }
  return "d" + std::to_string(contender.domid);
}

// "web d1: 33 waits over 1.00ms; who ran: batch d2 61%, Domain-0 d0 39%"
std::string contenders_text(const Scene& scene) {
  const RivalSums& contenders = scene.selected->contenders;
  if (!contenders.known || scene.lines.empty()) return "";
  const TableLine& line = scene.lines[selected_position(scene.lines, scene.state)];
  std::string text = domain_label(scene.model.domains[line.parent]);
  if (line.child) text += "v" + std::to_string(*line.id.child);
  const std::uint64_t count = contenders.woken + contenders.preempted;
  text +=
      ": " + counted(count, "wait") + " over " + short_time_text(static_cast<double>(contenders.at_least_ns));
  if (count == 0) return text;
  if (!contenders.whole_span) text += " in " + short_time_text(static_cast<double>(contenders.span_ns));
  text += "; who ran:";
  const auto share = [&](std::uint64_t ns) {
    return percent_text(100 * quotient(ns, contenders.ran_ns()), 3);
  };
  for (const RivalSums::Contender& contender : contenders.contenders)
    text += " " + name_of(scene.model, contender) + " " + share(contender.ran_ns) + ",";
  if (contenders.others_ns > 0) text += " others " + share(contenders.others_ns) + ",";
  text.pop_back();
  return text;
}

void paint_pictures(Grid& grid, Area area, const Scene& scene) {
  if (scene.selected == nullptr) return;
  grid.put(area.top, 0, contenders_text(scene), {scene.model.current ? kPlain : kDim, Role::kName});
  const int width = grid.width();
  int decade = (width + kGap) / static_cast<int>(kSpreads);
  decade = std::clamp((decade - kGap) / kDecades, kNarrowestDecade, kWidestDecade);
  for (std::size_t spread = 0; spread < kSpreads; ++spread) {
    const int x = static_cast<int>(spread) * (kDecades * decade + kGap);
    if (x + kDecades * decade > width) return;
    paint_picture(grid, x, area.top + 1, decade, scene.selected->spreads[spread], kTitles[spread],
                  spread == static_cast<std::size_t>(Spread::kRun), scene);
  }
}

} // namespace

void paint_latency_view(Grid& grid, Area area, const Scene& scene) {
  const Table table = make_table(scene);
  const Area upper = table_area(area);
  const std::uint8_t fade = scene.model.current ? kPlain : kDim;
  const bool whole = since_start(scene);

  const auto row_of = [&](const TableLine& line, std::size_t) {
    const DomainModel& domain = scene.model.domains[line.parent];
    const LatencyModel& latency = line.child ? domain.vcpus[*line.child].latency : domain.latency;
    TableRow row = domain_row(scene, line);
    for (const Metric metric : table.columns)
      row.cells.push_back({metric_text(metric, latency, whole), {fade, metric_role(metric, latency, whole)}});
    return row;
  };
  paint_table(grid, upper, table, scene, row_of);
  if (upper.height < area.height)
    paint_pictures(grid, {upper.top + upper.height, area.height - upper.height}, scene);
}

ScrollLimits latency_view_limits(const Scene& scene, int width, Area area) {
  return table_limits(make_table(scene), width, table_area(area), scene.lines.size());
}

} // namespace xenmon
