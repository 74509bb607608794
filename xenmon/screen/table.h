// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lines of figures under headings, beside a label that never scrolls sideways.
#ifndef XENMON_XENMON_SCREEN_TABLE_H
#define XENMON_XENMON_SCREEN_TABLE_H

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/view_metrics.h"
#include "screen/grid.h"
#include "screen/screen.h"

namespace xenmon {

struct TableCell {
  std::string text; // not longer than kMetricWidth
  Style style;
};

struct TableRow {
  int indent = 0;
  std::string label;
  std::string id; // of the label: kept when the label must be cut
  Style style;
  std::vector<TableCell> cells; // as many as there are columns
  std::u32string picture;       // in the room that is left after them
  Style picture_style;
};

struct Table {
  std::string label_heading;
  std::vector<Metric> columns;
  int column_width = static_cast<int>(kMetricWidth) + 1; // with the blank before it
  // Above groups of columns: where a group starts, and its name. The first starts at 0.
  std::vector<std::pair<std::size_t, std::string>> groups;
  std::optional<Metric> sorted_by;
  bool upwards = false;        // the smallest first
  std::string picture_heading; // "": no pictures
  // So many columns at the end have no claim on the label's room.
  std::size_t spare_columns = 0;
};

// The width that pictures would have; 0 if there is no room for one.
std::size_t picture_width(const Table& table, int width);

// Marks the column by which the view is sorted.
void mark_sorted(Table& table, const ViewState& state);

// A row without cells: the label of a domain, or of one of its vCPUs.
TableRow domain_row(const Scene& scene, const TableLine& line);

// Paints the headings and as many of the scene's lines as fit; `row_of` is called only for these. The
// selected line is marked.
void paint_table(Grid& grid, Area area, const Table& table, const Scene& scene,
                 const std::function<TableRow(const TableLine&, std::size_t picture_width)>& row_of);

ScrollLimits table_limits(const Table& table, int width, Area area, std::size_t count);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_TABLE_H
