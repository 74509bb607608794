// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen.h"

#include <algorithm>

#include "format.h"
#include "layout.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kHeaderRows = 3;
constexpr int kFooterRows = 2;

enum class Metric { kGotten, kAllocated, kBlocked, kWaited, kExecutions, kIo };

std::vector<Metric> shown_metrics(const Metrics& metrics) {
  std::vector<Metric> shown = {Metric::kGotten};
  if (metrics.allocated) shown.push_back(Metric::kAllocated);
  if (metrics.blocked) shown.push_back(Metric::kBlocked);
  if (metrics.waited) shown.push_back(Metric::kWaited);
  if (metrics.excount) shown.push_back(Metric::kExecutions);
  if (metrics.iocount) shown.push_back(Metric::kIo);
  return shown;
}

const char* label(Metric metric, bool wide) {
  switch (metric) {
    case Metric::kGotten:
      return "Gotten";
    case Metric::kAllocated:
      return "Allocated";
    case Metric::kBlocked:
      return "Blocked";
    case Metric::kWaited:
      return "Waited";
    case Metric::kExecutions:
      return wide ? "Execution count" : "Exec count";
    case Metric::kIo:
      return "I/O count";
  }
  return "";
}

// Breaks text at blanks into lines of at most `width` characters; longer words are broken anywhere.
std::vector<std::u32string> wrap(std::u32string_view text, std::size_t width) {
  std::vector<std::u32string> lines(1);
  while (!text.empty() && width > 0) {
    std::u32string_view word = text.substr(0, std::min(text.find(U' '), text.size()));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t blank = lines.back().empty() ? 0 : 1;
    if (lines.back().size() + blank + word.size() > width && blank == 1) {
      lines.emplace_back();
    } else if (blank == 1) {
      lines.back() += U' ';
    }
    for (; lines.back().size() + word.size() > width; lines.emplace_back()) {
      const std::size_t part = width - lines.back().size();
      lines.back() += word.substr(0, part);
      word.remove_prefix(part);
    }
    lines.back() += word;
  }
  return lines;
}

class Painter {
 public:
  Painter(const ScreenModel& model, const ScreenOptions& options, int width, int height)
      : model_(model),
        options_(options),
        metrics_(shown_metrics(options.metrics)),
        layout_(make_layout(width, options.first_column)),
        grid_(width, height) {}

  Grid paint() {
    paint_title();
    paint_headings();
    paint_rule();
    paint_domains();
    paint_total();
    paint_status();
    return std::move(grid_);
  }

 private:
  int body_rows() const { return std::max(0, grid_.height() - kHeaderRows - kFooterRows); }
  std::size_t total_rows() const { return model_.domains.size() * metrics_.size(); }
  std::size_t first_row() const {
    const auto page = static_cast<std::size_t>(body_rows());
    return std::min(options_.first_row, total_rows() > page ? total_rows() - page : 0);
  }
  std::uint8_t figure_attribute() const { return model_.current ? kPlain : kDim; }

  void paint_title() {
    const std::string cpu = model_.pcpu ? std::to_string(*model_.pcpu) : "all";
    const std::string title = "CPU = " + cpu + (model_.paused ? "  PAUSED" : "");
    grid_.put(0, 1, title, kStandout);
    const int x = 1 + static_cast<int>(title.size()) + 2;
    for (const char* keys : {"q quit   ? help   c, n next CPU   p previous CPU   space pause   arrows scroll",
                             "q quit   ? help   c, n next CPU   p previous CPU",
                             "q quit  ? help  c n next CPU", "q quit  ? help"}) {
      if (x + static_cast<int>(std::string_view(keys).size()) > grid_.width()) continue;
      grid_.put(0, x, keys);
      return;
    }
  }

  void paint_headings() {
    const char* const full[] = {"Last 10 seconds", "Last 1 second"};
    const char* const brief[] = {"10 s", "1 s"};
    for (std::size_t half = 0; half < kWindows; ++half) {
      const std::size_t from = std::max(layout_.first, half * kFieldsPerHalf);
      const std::size_t to = std::min(layout_.end, (half + 1) * kFieldsPerHalf);
      if (from >= to) continue;
      const int room = layout_.figures[to - 1].end() - layout_.figures[from].x;
      const bool roomy = static_cast<int>(std::string_view(full[half]).size()) <= room;
      const std::string_view text = roomy ? full[half] : brief[half];
      // Centred over its columns.
      grid_.put(1, layout_.screen_x(from) + (room - static_cast<int>(text.size())) / 2, text, kBold);
    }
  }

  void paint_rule() {
    const auto width = static_cast<std::size_t>(grid_.width());
    grid_.put(2, 0, std::u32string(width, U'='));
    const std::string_view units =
        width >= 70 ? " time per second, percent of one pCPU's time " : " time per s, % of one pCPU ";
    grid_.put(2, 2, units);
    const auto page = static_cast<std::size_t>(body_rows());
    if (total_rows() <= page) return;
    const std::size_t first = first_row();
    const std::string rows = " " + std::to_string(first + 1) + "-" + std::to_string(first + page) + "/" +
                             std::to_string(total_rows()) + " ";
    if (2 + units.size() + rows.size() + 2 <= width) {
      grid_.put(2, static_cast<int>(width - rows.size()) - 1, rows);
    }
  }

  void paint_domains() {
    if (model_.domains.empty()) {
      const bool data = model_.length_ns[0] > 0;
      grid_.put(kHeaderRows, 1, data ? "No domain has used this CPU in this time." : "No data yet.", kPlain);
      return;
    }
    const std::size_t first = first_row();
    const std::size_t end = std::min(total_rows(), first + static_cast<std::size_t>(body_rows()));
    for (std::size_t row = first; row < end; ++row) {
      const DomainModel& domain = model_.domains[row / metrics_.size()];
      const Metric metric = metrics_[row % metrics_.size()];
      const int y = kHeaderRows + static_cast<int>(row - first);
      // The label begins where the domain's first visible row is, so that it is never scrolled away.
      const std::size_t block_first = row - row % metrics_.size();
      const std::size_t block_end = block_first + metrics_.size();
      if (row == std::max(first, block_first)) paint_label(domain, y, std::min(end, block_end) - row);
      grid_.put(y, layout_.metric.x, label(metric, layout_.wide), figure_attribute());
      for (std::size_t half = 0; half < kWindows; ++half) paint_half(domain, metric, half, y);
    }
  }

  void paint_label(const DomainModel& domain, int y, std::size_t rows) {
    std::string text = domain.domid == XENMON_DOMID_IDLE ? "Idle" : std::to_string(domain.domid);
    if (domain.ended) text += " (ended)";
    if (!domain.name.empty() && domain.domid != XENMON_DOMID_IDLE) text += " " + domain.name;
    const auto width = static_cast<std::size_t>(layout_.domain.width);
    std::vector<std::u32string> lines = wrap(to_cells(text), width);
    if (lines.size() > rows) {
      lines.resize(rows);
      std::u32string& last = lines.back();
      if (last.size() == width) last.pop_back();
      last += U'~';
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
      grid_.put(y + static_cast<int>(i), layout_.domain.x, lines[i],
                static_cast<std::uint8_t>(figure_attribute() | (i == 0 ? kBold : kPlain)));
    }
  }

  // Right-aligned in its column, or not at all while the column is scrolled away.
  void put_field(std::size_t half, Field field, int y, const std::string& text, std::uint8_t attributes) {
    const std::size_t index = half * kFieldsPerHalf + static_cast<std::size_t>(field);
    if (index < layout_.first || index >= layout_.end) return;
    const int indent = layout_.figures[index].width - static_cast<int>(text.size());
    grid_.put(y, layout_.screen_x(index) + std::max(0, indent), text, attributes);
  }

  void put_time(std::size_t half, int y, std::uint64_t ns) {
    const auto width = static_cast<std::size_t>(layout_.column(half, Field::kTime).width);
    put_field(half, Field::kTime, y,
              time_text(1e9 * quotient(ns, model_.length_ns[half]), layout_.wide, width), figure_attribute());
  }

  void put_percent(std::size_t half, int y, std::uint64_t ns, std::uint8_t attributes) {
    const auto width = static_cast<std::size_t>(layout_.column(half, Field::kPercent).width);
    put_field(half, Field::kPercent, y, percent_text(100 * quotient(ns, model_.length_ns[half]), width),
              attributes);
  }

  void put_per(std::size_t half, int y, std::uint64_t ns, std::uint64_t count, const char* suffix) {
    const auto width = static_cast<std::size_t>(layout_.column(half, Field::kPer).width);
    const std::string text =
        count == 0
            ? "-"
            : time_text(quotient(ns, count), layout_.wide, width - std::string_view(suffix).size()) + suffix;
    put_field(half, Field::kPer, y, text, figure_attribute());
  }

  void put_rate(std::size_t half, Field field, int y, std::uint64_t count) {
    const auto width = static_cast<std::size_t>(layout_.column(half, field).width);
    put_field(half, field, y, rate_text(1e9 * quotient(count, model_.length_ns[half]), width),
              figure_attribute());
  }

  void put_allocated(const HalfModel& model, std::size_t half, int y) {
    const Figures& f = model.figures;
    const std::string none = !model_.allocation_traced ? "not traced" : f.executions > 0 ? "no limit" : "-";
    if (f.slice_count == 0) {
      put_field(half, Field::kPer, y, none, figure_attribute());
      return;
    }
    put_per(half, y, f.slice_sum_ns, f.slice_count, "/ex");
    // Shortest and longest, across the two columns that this row has no use for.
    const std::size_t time = half * kFieldsPerHalf;
    if (time < layout_.first || time + 1 >= layout_.end) return;
    const std::string range =
        short_time_text(model.slices.min_ns) + ".." + short_time_text(model.slices.max_ns);
    const int room = layout_.figures[time + 1].end() - layout_.figures[time].x;
    grid_.put(y, layout_.screen_x(time) + room - static_cast<int>(range.size()), range, figure_attribute());
  }

  void paint_half(const DomainModel& domain, Metric metric, std::size_t half, int y) {
    const Figures& f = domain.halves[half].figures;
    switch (metric) {
      case Metric::kGotten: {
        const bool emphasis = half == static_cast<std::size_t>(WindowId::kShort) && model_.current;
        put_time(half, y, f.running_ns);
        put_percent(half, y, f.running_ns, emphasis ? std::uint8_t{kStandout} : figure_attribute());
        put_per(half, y, f.running_ns, f.executions, "/ex");
        break;
      }
      case Metric::kAllocated:
        put_allocated(domain.halves[half], half, y);
        break;
      case Metric::kBlocked:
        put_time(half, y, f.blocked_ns);
        put_percent(half, y, f.blocked_ns, figure_attribute());
        put_per(half, y, f.blocked_ns, f.io, "/io");
        break;
      case Metric::kWaited:
        put_time(half, y, f.waited_ns);
        put_percent(half, y, f.waited_ns, figure_attribute());
        put_per(half, y, f.waited_ns, f.executions, "/ex");
        break;
      case Metric::kExecutions:
        put_rate(half, Field::kPer, y, f.executions);
        break;
      case Metric::kIo: {
        put_rate(half, Field::kTime, y, f.io);
        const auto width = static_cast<std::size_t>(layout_.column(half, Field::kPer).width);
        put_field(half, Field::kPer, y,
                  f.executions == 0 ? "-" : ratio_text(quotient(f.io, f.executions), width),
                  figure_attribute());
        break;
      }
    }
  }

  void paint_total() {
    const int y = grid_.height() - kFooterRows;
    if (y < kHeaderRows) return;
    grid_.put(y, layout_.domain.x, "Total", kBold);
    grid_.put(y, layout_.metric.x, layout_.wide ? "Gotten, no idle" : "but idle", figure_attribute());
    for (std::size_t half = 0; half < kWindows; ++half) {
      std::uint64_t sum = 0;
      for (const DomainModel& domain : model_.domains) {
        if (domain.domid != XENMON_DOMID_IDLE) sum += domain.halves[half].figures.running_ns;
      }
      put_time(half, y, sum);
      put_percent(half, y, sum, static_cast<std::uint8_t>(figure_attribute() | kBold));
      put_field(half, Field::kPer, y, "of " + std::to_string(100 * model_.pcpu_count) + "%",
                figure_attribute());
    }
  }

  void paint_status() {
    const std::string text = status_text(model_, static_cast<std::size_t>(grid_.width()));
    const int y = grid_.height() - 1;
    grid_.put(y, 0, std::u32string(static_cast<std::size_t>(grid_.width()), U' '));
    grid_.put(y, 0, text, model_.current ? kPlain : kBold);
  }

  const ScreenModel& model_;
  const ScreenOptions& options_;
  std::vector<Metric> metrics_;
  Layout layout_;
  Grid grid_;
};

} // namespace

Grid::Grid(int width, int height) : width_(std::max(1, width)), height_(std::max(1, height)) {
  cells_.resize(index(height_, 0));
}

void Grid::put(int row, int column, std::u32string_view text, std::uint8_t attributes) {
  if (row < 0 || row >= height_) return;
  for (const char32_t character : text) {
    if (column >= width_) return;
    if (column >= 0) cells_[index(row, column)] = {character, attributes};
    ++column;
  }
}

void Grid::put(int row, int column, std::string_view utf8, std::uint8_t attributes) {
  put(row, column, to_cells(utf8), attributes);
}

std::string Grid::line(int row) const {
  std::u32string text;
  for (int column = 0; column < width_; ++column) text += at(row, column).character;
  text.resize(text.find_last_not_of(U' ') + 1);
  return to_utf8(text);
}

std::size_t page_rows(int height) {
  return static_cast<std::size_t>(std::max(1, height - kHeaderRows - kFooterRows));
}

ScrollLimits scroll_limits(const ScreenModel& model, const Metrics& metrics, int width, int height) {
  const std::size_t rows = model.domains.size() * shown_metrics(metrics).size();
  const std::size_t page = page_rows(height);
  return {rows > page ? rows - page : 0, last_first_column(width)};
}

Grid render(const ScreenModel& model, const ScreenOptions& options, int width, int height) {
  return Painter(model, options, std::max(1, width), std::max(1, height)).paint();
}

} // namespace xenmon
