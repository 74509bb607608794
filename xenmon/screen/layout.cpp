// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/layout.h"

#include <algorithm>

namespace xenmon {
namespace {

constexpr int kWideFrom = 106;
constexpr int kCompactFrom = 76; // narrower screens scroll

// "999.99 us", "25600.0%", "999.99 us/ex"; "Execution count".
constexpr std::array<int, kFieldsPerHalf> kWideFields = {9, 8, 12};
constexpr int kWideMetric = 15;
constexpr int kWidestDomain = 32;
// "999.99us", "9999.9%", "999.99us/ex"; "Exec count".
constexpr std::array<int, kFieldsPerHalf> kCompactFields = {8, 7, 11};
constexpr int kCompactMetric = 10;

// Places the fields of both halves; returns the width of all.
int place_figures(Layout& layout, const std::array<int, kFieldsPerHalf>& widths, int gap,
                  int between_halves) {
  int x = 0;
  for (std::size_t i = 0; i < kFigureColumns; ++i) {
    if (i > 0) x += i == kFieldsPerHalf ? between_halves : gap;
    layout.figures[i] = {x, widths[i % kFieldsPerHalf]};
    x += layout.figures[i].width;
  }
  return x;
}

Layout wide_layout(int width) {
  constexpr int kFixed = 1 + 2 + 2 + kWideMetric; // margin, after the domain, before the metric
  Layout layout;
  layout.wide = true;
  // What the domain's name does not need goes between the columns.
  const int narrowest = place_figures(layout, kWideFields, 1, 3);
  const int spare = std::max(0, width - kFixed - narrowest - kWidestDomain);
  const int gap = std::clamp(1 + spare / 6, 1, 3);
  const int between = std::clamp(3 + spare - 4 * (gap - 1), 3, 10);
  const int figures = place_figures(layout, kWideFields, gap, between);
  layout.domain = {1, std::min(width - kFixed - figures, kWidestDomain)};
  layout.figures_x = layout.domain.end() + 2;
  layout.metric = {layout.figures_x + figures + 2, kWideMetric};
  return layout;
}

Layout compact_layout(int width) {
  Layout layout;
  const int figures = place_figures(layout, kCompactFields, 1, 1);
  layout.domain = {0, std::max(width, kCompactFrom) - figures - kCompactMetric - 2};
  layout.metric = {layout.domain.end() + 1, kCompactMetric};
  layout.figures_x = layout.metric.end() + 1;
  return layout;
}

bool fits(const Layout& layout, int width, std::size_t first, std::size_t last) {
  return layout.figures_x + layout.figures[last].end() - layout.figures[first].x <= width;
}

std::size_t last_first(const Layout& layout, int width) {
  std::size_t first = 0;
  while (first + 1 < kFigureColumns && !fits(layout, width, first, kFigureColumns - 1)) ++first;
  return first;
}

} // namespace

Layout make_layout(int width, std::size_t first_column) {
  Layout layout = width >= kWideFrom ? wide_layout(width) : compact_layout(width);
  layout.first = std::min(first_column, last_first(layout, width));
  layout.end = layout.first;
  while (layout.end < kFigureColumns && fits(layout, width, layout.first, layout.end)) ++layout.end;
  return layout;
}

std::size_t last_first_column(int width) {
  return last_first(width >= kWideFrom ? wide_layout(width) : compact_layout(width), width);
}

} // namespace xenmon
