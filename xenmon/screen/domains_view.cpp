// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>

#include "base/counted.h"
#include "format.h"
#include "model/arrange.h"
#include "model/view_metrics.h"
#include "screen/layout.h"
#include "screen/views.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kHeaderRows = 2;
constexpr int kTotalRows = 1;

std::vector<Metric> shown_rows(const MetricSet& shown) {
  std::vector<Metric> rows;
  for (const Metric metric : kDomainRows)
    if (shown.contains(metric)) rows.push_back(metric);
  return rows;
}

// Breaks text at blanks into lines of at most `width` columns, which are two at least; longer words are
// broken anywhere.
std::vector<std::u32string> wrap(std::u32string_view text, std::size_t width) {
  std::vector<std::u32string> lines(1);
  while (!text.empty() && width > 1) {
    std::u32string_view word = text.substr(0, std::min(text.find(U' '), text.size()));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t blank = lines.back().empty() ? 0 : 1;
    if (columns_of(lines.back()) + blank + columns_of(word) > width && blank == 1) {
      lines.emplace_back();
    } else if (blank == 1) {
      lines.back() += U' ';
    }
    for (; columns_of(lines.back()) + columns_of(word) > width; lines.emplace_back()) {
      const std::u32string_view part = first_columns(word, width - columns_of(lines.back()));
      lines.back() += part;
      word.remove_prefix(part.size());
    }
    lines.back() += word;
  }
  return lines;
}

std::string heading(std::uint64_t nominal_ns) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (nominal_ns % kSecond != 0) return "Last " + window_text(nominal_ns);
  const std::uint64_t seconds = nominal_ns / kSecond;
  return "Last " + counted(seconds, "second");
}

// The label, wrapped; if that takes too many rows the name is cut and the id follows it.
std::vector<std::u32string> label_lines(const std::u32string& label, const std::u32string& id,
                                        std::size_t width, std::size_t rows) {
  std::vector<std::u32string> lines = wrap(label, width);
  if (lines.size() <= rows) return lines;
  const std::size_t tail = id.empty() ? 1 : id.size() + 2; // "~ d12"
  if (rows == 1) {
    const std::size_t kept = width > tail ? width - tail : 0;
    std::u32string line = std::u32string(first_columns(label, kept)) + U"~";
    if (!id.empty()) line += U" " + id;
    if (kept == 0) line = id.substr(0, width);
    return {line};
  }
  lines.resize(rows);
  lines.back() = id.empty() ? U"~" : U"~ " + id;
  return lines;
}

class Painter {
 public:
  Painter(Grid& grid, Area area, const Scene& scene)
      : grid_(grid),
        area_(area),
        model_(scene.model),
        state_(scene.state),
        trend_(scene.trend),
        rows_(shown_rows(state_.rows)),
        layout_(make_layout(grid.width(), state_.position().column)),
        order_(scene.domains) {}

  void paint() {
    paint_headings();
    paint_rule();
    paint_domains();
    paint_total();
  }

 private:
  int body_rows() const { return std::max(0, area_.height - kHeaderRows - kTotalRows); }
  int first_body_row() const { return area_.top + kHeaderRows; }
  std::size_t total_rows() const { return order_.size() * rows_.size(); }
  std::size_t first_row() const {
    const auto page = static_cast<std::size_t>(body_rows());
    return std::min(state_.position().row, total_rows() > page ? total_rows() - page : 0);
  }
  Style figure_style(Role role = Role::kText) const { return {model_.current ? kPlain : kDim, role}; }

  void paint_headings() {
    for (std::size_t half = 0; half < kWindows; ++half) {
      const std::size_t from = std::max(layout_.first, half * kFieldsPerHalf);
      const std::size_t to = std::min(layout_.end, (half + 1) * kFieldsPerHalf);
      if (from >= to) continue;
      const int room = layout_.figures[to - 1].end() - layout_.figures[from].x;
      std::string full = heading(model_.nominal_ns[half]);
      if (model_.length_ns[half] > 0 && model_.length_ns[half] < model_.nominal_ns[half] / 100 * 85)
        full = "Last " + short_time_text(static_cast<double>(model_.length_ns[half])) + " so far";
      const bool roomy = static_cast<int>(full.size()) <= room;
      const std::string text = roomy ? full : window_text(model_.nominal_ns[half]);
      // Centred over its columns.
      grid_.put(area_.top, layout_.screen_x(from) + (room - static_cast<int>(text.size())) / 2, text, kBold);
    }
  }

  void paint_rule() {
    const auto width = static_cast<std::size_t>(grid_.width());
    const int y = area_.top + 1;
    grid_.put(y, 0, std::u32string(width, U'='));
    const bool of_pcpu = state_.basis == Basis::kPcpu;
    const std::string_view units =
        width < 70 ? (of_pcpu ? " time per s, % of one pCPU " : " time per s, % of vCPUs ")
                   : (of_pcpu ? " time per second, percent of one pCPU's time "
                              : " time per second, percent of the domain's vCPUs' time ");
    grid_.put(y, 2, units);
    const auto page = static_cast<std::size_t>(body_rows());
    if (total_rows() <= page) return;
    const std::size_t first = first_row();
    const std::string rows = " " + std::to_string(first + 1) + "-" + std::to_string(first + page) + "/" +
                             std::to_string(total_rows()) + " ";
    if (2 + units.size() + rows.size() + 2 <= width) {
      grid_.put(y, static_cast<int>(width - rows.size()) - 1, rows);
    }
  }

  void paint_domains() {
    if (order_.empty()) {
      if (body_rows() > 0) grid_.put(first_body_row(), 1, nothing_to_show());
      return;
    }
    const std::size_t first = first_row();
    const std::size_t end = std::min(total_rows(), first + static_cast<std::size_t>(body_rows()));
    for (std::size_t row = first; row < end; ++row) {
      const DomainModel& domain = model_.domains[order_[row / rows_.size()]];
      const Metric metric = rows_[row % rows_.size()];
      const int y = first_body_row() + static_cast<int>(row - first);
      // The label starts on the domain's first visible row, so that it is never scrolled away.
      const std::size_t block_first = row - row % rows_.size();
      const std::size_t block_end = block_first + rows_.size();
      if (row == std::max(first, block_first)) paint_label(domain, y, std::min(end, block_end) - row);
      grid_.put(y, layout_.metric.x, layout_.wide ? info_of(metric).row : info_of(metric).narrow,
                figure_style());
      for (std::size_t half = 0; half < kWindows; ++half) paint_half(domain, metric, half, y);
    }
  }

  std::string nothing_to_show() const {
    // The verdict says why a recording that is over has no figures.
    if (model_.length_ns[kLongWindow] == 0)
      return model_.current || model_.verdicts.empty() ? "No data yet." : model_.verdicts.front();
    return model_.domains.empty() ? "No domain has used this CPU in this time."
                                  : "No domain matches the filter.";
  }

  // The name, and the id in any case; below it, where there is room, the graphs.
  void paint_label(const DomainModel& domain, int y, std::size_t rows) {
    const auto width = static_cast<std::size_t>(layout_.domain.width);
    const Style style = figure_style(Role::kName);
    std::vector<std::u32string> lines = label_lines(
        printable_characters(domain_label(domain) + (domain.ended ? " (ended)" : "")),
        printable_characters(domain.idle() ? "" : "d" + std::to_string(domain.domid)), width, rows);
    for (std::size_t i = 0; i < lines.size(); ++i)
      grid_.put(y + static_cast<int>(i), layout_.domain.x, lines[i], style.with(i == 0 ? kBold : kPlain));
    if (domain.idle() || width < 8) return;
    const auto points = trend_.domain(domain.uid);
    if (points.empty()) return;
    int at = y + static_cast<int>(lines.size());
    for (const TrendPart part : {TrendPart::kRunning, TrendPart::kWaiting}) {
      if (at >= y + static_cast<int>(rows)) return;
      const bool running = part == TrendPart::kRunning;
      grid_.put(at, layout_.domain.x, running ? "g" : "w", figure_style().with(kDim));
      grid_.put(at, layout_.domain.x + 1, trend_row(points, part, width - 1, 0, 1, state_.unicode),
                figure_style(running ? Role::kRunning : Role::kWaiting));
      ++at;
    }
  }

  // Right-aligned in its column; nothing while the column is scrolled away.
  void put_field(std::size_t half, Field field, int y, const std::string& text, Style style) {
    const std::size_t index = half * kFieldsPerHalf + static_cast<std::size_t>(field);
    if (index < layout_.first || index >= layout_.end) return;
    const int indent = layout_.figures[index].width - static_cast<int>(text.size());
    grid_.put(y, layout_.screen_x(index) + std::max(0, indent), text, style);
  }

  void put_time(std::size_t half, int y, Metric metric, const MetricSums& sums, Style style) {
    const auto width = static_cast<std::size_t>(layout_.column(half, Field::kTime).width);
    put_field(half, Field::kTime, y,
              time_text(per_second(metric, sums, model_.length_ns[half]), layout_.wide, width), style);
  }

  void put_percent(std::size_t half, int y, Metric metric, const MetricSums& sums, Style style) {
    const auto width = static_cast<std::size_t>(layout_.column(half, Field::kPercent).width);
    const std::uint64_t whole = state_.basis == Basis::kPcpu ? model_.length_ns[half] : sums.online_ns();
    put_field(half, Field::kPercent, y, percent_text(percent(metric, sums, whole), width), style);
  }

  void put_mean(std::size_t half, int y, Metric metric, const MetricSums& sums) {
    const auto width = static_cast<std::size_t>(layout_.column(half, Field::kPer).width);
    const std::string_view suffix = info_of(metric).suffix;
    std::string text = "-";
    if (divisor(metric, sums) != 0)
      text = time_text(mean(metric, sums), layout_.wide, width - suffix.size()).append(suffix);
    put_field(half, Field::kPer, y, text, figure_style());
  }

  void put_rate(std::size_t half, Field field, int y, Metric metric, const MetricSums& sums) {
    const auto width = static_cast<std::size_t>(layout_.column(half, field).width);
    put_field(half, field, y, rate_text(per_second(metric, sums, model_.length_ns[half]), width),
              figure_style());
  }

  void put_allocated(const HalfModel& model, std::size_t half, int y) {
    const MetricSums& sums = model.sums;
    const std::string none = !model_.allocation_traced ? "not traced"
                             : sums.executions > 0     ? "no limit"
                                                       : "-";
    if (sums.slice_count == 0) {
      put_field(half, Field::kPer, y, none, figure_style());
      return;
    }
    put_mean(half, y, Metric::kAllocated, sums);
    // Shortest and longest, across the two columns that this row does not need.
    const std::size_t time = half * kFieldsPerHalf;
    if (time < layout_.first || time + 1 >= layout_.end) return;
    const std::string range =
        short_time_text(model.slices.min_ns) + ".." + short_time_text(model.slices.max_ns);
    const int room = layout_.figures[time + 1].end() - layout_.figures[time].x;
    grid_.put(y, layout_.screen_x(time) + room - static_cast<int>(range.size()), range, figure_style());
  }

  void paint_half(const DomainModel& domain, Metric metric, std::size_t half, int y) {
    const MetricSums& sums = domain.halves[half].sums;
    if (domain.idle() && (metric == Metric::kBlocked || metric == Metric::kWaited)) {
      put_field(half, Field::kPer, y, "-", figure_style()); // idle vCPUs do not wait
      return;
    }
    const Style style = figure_style(metric_role(metric, sums));
    switch (metric) {
      case Metric::kGotten: {
        const bool emphasis = half == kShortWindow && model_.current;
        put_time(half, y, metric, sums, style);
        put_percent(half, y, metric, sums, style.with(emphasis ? kStandout : kPlain));
        put_mean(half, y, Metric::kGottenPerExecution, sums);
        break;
      }
      case Metric::kBlocked:
      case Metric::kWaited:
        put_time(half, y, metric, sums, style);
        put_percent(half, y, metric, sums, style);
        put_mean(half, y, metric == Metric::kBlocked ? Metric::kBlockedPerIo : Metric::kWaitedPerExecution,
                 sums);
        break;
      case Metric::kAllocated:
        put_allocated(domain.halves[half], half, y);
        break;
      case Metric::kExecutions:
        put_rate(half, Field::kPer, y, metric, sums);
        break;
      case Metric::kIo: {
        put_rate(half, Field::kTime, y, metric, sums);
        const auto width = static_cast<std::size_t>(layout_.column(half, Field::kPer).width);
        put_field(half, Field::kPer, y,
                  sums.executions == 0 ? "-" : ratio_text(mean(Metric::kIoPerExecution, sums), width),
                  figure_style());
        break;
      }
      default: // no row of this view
        break;
    }
  }

  void paint_total() {
    const int y = area_.top + area_.height - kTotalRows;
    if (y < first_body_row()) return;
    grid_.put(y, layout_.domain.x, "Total", kBold);
    grid_.put(y, layout_.metric.x, layout_.wide ? "Gotten, no idle" : "no idle", figure_style());
    for (std::size_t half = 0; half < kWindows; ++half) {
      MetricSums sum;
      for (const DomainModel& domain : model_.domains) {
        if (!domain.idle()) sum.add(domain.halves[half].sums);
      }
      put_time(half, y, Metric::kGotten, sum, figure_style(Role::kRunning));
      put_percent(half, y, Metric::kGotten, sum, figure_style(Role::kRunning).with(kBold));
      const std::size_t whole = state_.basis == Basis::kPcpu ? model_.pcpu_count : 1;
      put_field(half, Field::kPer, y, "of " + std::to_string(100 * whole) + "%", figure_style());
    }
  }

  Grid& grid_;
  const Area area_;
  const ScreenModel& model_;
  const ViewState& state_;
  const Trend& trend_;
  std::vector<Metric> rows_;
  Layout layout_;
  const std::vector<std::size_t>& order_; // positions of the domains shown
};

} // namespace

void paint_domains_view(Grid& grid, Area area, const Scene& scene) {
  Painter(grid, area, scene).paint();
}

ScrollLimits domains_view_limits(const Scene& scene, int width, Area area) {
  const std::size_t rows = scene.domains.size() * shown_rows(scene.state.rows).size();
  const auto page = static_cast<std::size_t>(std::max(1, area.height - kHeaderRows - kTotalRows));
  return {rows > page ? rows - page : 0, last_first_column(width), page};
}

std::size_t domains_view_row(const ViewState& state, std::size_t position) {
  return position * shown_rows(state.rows).size();
}

} // namespace xenmon
