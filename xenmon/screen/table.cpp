// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/table.h"

#include <algorithm>

#include "text.h"

namespace xenmon {
namespace {

constexpr int kHeaderRows = 2;
constexpr int kNarrowestLabel = 14;
constexpr int kWidestLabel = 32;
constexpr int kNarrowestPicture = 10;

int label_width(const Table& table, int width) {
  const int columns = table.column_width * static_cast<int>(table.columns.size() - table.spare_columns);
  return std::clamp(width - columns, std::min(kNarrowestLabel, width), kWidestLabel);
}

std::size_t columns_that_fit(const Table& table, int width) {
  return static_cast<std::size_t>(std::max(0, (width - label_width(table, width)) / table.column_width));
}

std::size_t last_first_column(const Table& table, int width) {
  const std::size_t fit = std::max<std::size_t>(columns_that_fit(table, width), 1);
  return table.columns.size() > fit ? table.columns.size() - fit : 0;
}

int page_rows(Area area) {
  return std::max(0, area.height - kHeaderRows);
}

std::u32string cut(const TableRow& row, std::size_t width) {
  std::u32string text = printable_characters(row.label);
  if (columns_of(text) <= width) return text;
  // The id follows the name, and something less important may follow it.
  const std::u32string id = printable_characters(row.id); // letters and digits
  const std::size_t id_at = id.empty() ? std::u32string::npos : text.rfind(id);
  const auto cut_to = [&](std::size_t columns) { return std::u32string(first_columns(text, columns)); };
  if (id_at != std::u32string::npos &&
      columns_of(std::u32string_view(text).substr(0, id_at)) + id.size() < width) {
    return cut_to(width - 1) + U"~";
  }
  const std::u32string tail = U"~" + (id.empty() ? U"" : U" " + id);
  if (tail.size() >= width) return id.substr(0, width);
  return cut_to(width - tail.size()) + tail;
}

} // namespace

std::size_t picture_width(const Table& table, int width) {
  if (table.picture_heading.empty()) return 0;
  const int left =
      width - label_width(table, width) - table.column_width * static_cast<int>(table.columns.size()) - 2;
  return left >= kNarrowestPicture ? static_cast<std::size_t>(left) : 0;
}

void mark_sorted(Table& table, const ViewState& state) {
  const Metric sorted = sorted_by(state);
  table.sorted_by = sorted;
  table.upwards = descending(sorted) == state.sort().reversed;
}

TableRow domain_row(const Scene& scene, const TableLine& line) {
  const DomainModel& domain = scene.model.domains[line.parent];
  const std::uint8_t fade = scene.model.current ? kPlain : kDim;
  TableRow row;
  if (line.child) {
    row.indent = 4;
    row.label = row.id = "v" + std::to_string(domain.vcpus[*line.child].vcpu);
    row.style = fade;
    return row;
  }
  row.label =
      std::string(line.folded ? "+ " : "- ") + domain_label(domain) + (domain.ended ? " (ended)" : "");
  row.id = domain.idle() ? "" : "d" + std::to_string(domain.domid);
  row.style = {static_cast<std::uint8_t>(fade | kBold), Role::kName};
  return row;
}

void paint_table(Grid& grid, Area area, const Table& table, const Scene& scene,
                 const std::function<TableRow(const TableLine&, std::size_t)>& row_of) {
  const std::size_t count = scene.lines.size();
  const std::size_t selected = selected_position(scene.lines, scene.state);
  const std::size_t first =
      std::min(scene.state.position().row, table_limits(table, grid.width(), area, count).row);
  const int width = grid.width();
  const int labels = label_width(table, width);
  const std::size_t from = std::min(scene.state.position().column, last_first_column(table, width));
  const std::size_t to = std::min(table.columns.size(), from + columns_that_fit(table, width));
  const std::size_t picture = picture_width(table, width);
  const auto x_of = [&](std::size_t column) {
    return labels + table.column_width * static_cast<int>(column - from);
  };
  const auto right = [&](int y, std::size_t column, const std::string& text, Style style) {
    grid.put(y, x_of(column) + std::max(0, table.column_width - static_cast<int>(text.size())), text, style);
  };

  if (area.height < kHeaderRows) return;
  for (std::size_t i = 0; i < table.groups.size(); ++i) {
    const std::size_t begin = std::max(table.groups[i].first, from);
    const std::size_t end =
        std::min(i + 1 < table.groups.size() ? table.groups[i + 1].first : table.columns.size(), to);
    if (begin >= end) continue;
    // Over its columns, with a line up to its end.
    const auto room = static_cast<std::size_t>(x_of(end) - x_of(begin)) - 1;
    std::string text = table.groups[i].second;
    if (text.size() > room) text.resize(room);
    if (text.size() + 1 < room) text += " " + std::string(room - text.size() - 1, '-');
    grid.put(area.top, x_of(begin) + 1, text, kBold);
  }
  const int y = area.top + 1;
  const bool by_label = table.sorted_by == Metric::kId || table.sorted_by == Metric::kName;
  const auto heading_style = [](bool sorted) -> std::uint8_t { return sorted ? kBold | kStandout : kBold; };
  const char* const arrow = table.upwards ? "^" : "v";
  grid.put(y, 0, table.label_heading + (by_label ? arrow : ""), heading_style(by_label));
  for (std::size_t column = from; column < to; ++column) {
    const bool sorted = table.sorted_by == table.columns[column];
    std::string title = info_of(table.columns[column]).title;
    if (sorted) title += arrow;
    right(y, column, title, heading_style(sorted));
  }
  if (picture > 0) grid.put(y, x_of(to) + 2, table.picture_heading, kBold);

  const std::size_t end = std::min(count, first + static_cast<std::size_t>(page_rows(area)));
  for (std::size_t i = first; i < end; ++i) {
    const TableRow row = row_of(scene.lines[i], picture);
    const int at = y + 1 + static_cast<int>(i - first);
    const int indent = std::min(row.indent, labels);
    grid.put(at, indent, cut(row, static_cast<std::size_t>(labels - indent)), row.style);
    for (std::size_t column = from; column < to; ++column)
      right(at, column, row.cells[column].text, row.cells[column].style);
    if (picture > 0) grid.put(at, x_of(to) + 2, row.picture, row.picture_style);
    if (selected == i) grid.mark(at, 0, labels, kStandout);
  }
}

ScrollLimits table_limits(const Table& table, int width, Area area, std::size_t count) {
  const auto page = static_cast<std::size_t>(std::max(1, page_rows(area)));
  return {count > page ? count - page : 0, last_first_column(table, width), page};
}

} // namespace xenmon
