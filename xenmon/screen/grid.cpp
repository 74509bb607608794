// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/grid.h"

#include <algorithm>

#include "text.h"

namespace xenmon {

Grid::Grid(int width, int height) : width_(std::max(1, width)), height_(std::max(1, height)) {
  cells_.resize(index(height_, 0));
}

void Grid::put(int row, int column, std::u32string_view text, Style style) {
  if (row < 0 || row >= height_) return;
  for (const char32_t character : text) {
    if (column >= width_) return;
    if (column >= 0) cells_[index(row, column)] = {character, style};
    ++column;
  }
}

void Grid::put(int row, int column, std::string_view utf8, Style style) {
  put(row, column, to_cells(utf8), style);
}

void Grid::mark(int row, int column, int width, std::uint8_t attributes) {
  if (row < 0 || row >= height_) return;
  for (int x = std::max(0, column); x < std::min(width_, column + width); ++x) {
    Style& style = cells_[index(row, x)].style;
    style = style.with(attributes);
  }
}

std::string Grid::line(int row) const {
  std::u32string text;
  for (int column = 0; column < width_; ++column) text += at(row, column).character;
  text.resize(text.find_last_not_of(U' ') + 1);
  return to_utf8(text);
}

} // namespace xenmon
