// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the screen's columns are. Only the width decides, never the figures.
#ifndef XENMON_XENMON_SCREEN_LAYOUT_H
#define XENMON_XENMON_SCREEN_LAYOUT_H

#include <array>
#include <cstddef>

namespace xenmon {

// The figures of one half, in order.
enum class Field { kTime = 0, kPercent = 1, kPer = 2 };
inline constexpr std::size_t kFieldsPerHalf = 3;
inline constexpr std::size_t kFigureColumns = 2 * kFieldsPerHalf;

struct Column {
  int x = 0; // from the first figure column's left edge
  int width = 0;

  int end() const { return x + width; }
};

struct Layout {
  bool wide = false;
  Column domain; // these two from the screen's left edge
  Column metric;
  int figures_x = 0; // where the first figure column shown begins
  std::array<Column, kFigureColumns> figures;
  // The first figure column shown, and one after the last that fits.
  std::size_t first = 0;
  std::size_t end = kFigureColumns;

  const Column& column(std::size_t half, Field field) const {
    return figures[half * kFieldsPerHalf + static_cast<std::size_t>(field)];
  }
  // A figure column's place on the screen; meaningful for first <= index < end.
  int screen_x(std::size_t index) const { return figures_x + figures[index].x - figures[first].x; }
};

// The layout for a width, scrolled to `first_column` or as far as there is something to scroll to.
Layout make_layout(int width, std::size_t first_column);
std::size_t last_first_column(int width);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_LAYOUT_H
