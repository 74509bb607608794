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
  int letter = -1; // the column of the previous one
  for (const char32_t character : text) {
    const int columns = columns_of(character);
    if (columns == 0) {
      if (letter < 0) continue;
      auto& marks = cells_[index(row, letter)].marks;
      const auto free = std::find(marks.begin(), marks.end(), U'\0');
      if (free != marks.end()) *free = character;
      continue;
    }
    if (column >= width_) return;
    const bool whole = column >= 0 && column + columns <= width_;
    letter = whole ? column : -1;
    for (int x = std::max(0, column); x < std::min(width_, column + columns); ++x) {
      clear(row, x);
      Cell& cell = cells_[index(row, x)];
      cell.style = style;
      if (whole) cell.character = x == column ? character : kTail;
    }
    column += columns;
  }
}

void Grid::clear(int row, int column) {
  Cell& cell = cells_[index(row, column)];
  if (cell.character == kTail) {
    Cell& head = cells_[index(row, column - 1)];
    head.character = U' ';
    head.marks = {};
  } else if (column + 1 < width_ && cells_[index(row, column + 1)].character == kTail) {
    cells_[index(row, column + 1)].character = U' ';
  }
  cell.character = U' ';
  cell.marks = {};
}

void Grid::put(int row, int column, std::string_view utf8, Style style) {
  put(row, column, printable_characters(utf8), style);
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
  for (int column = 0; column < width_; ++column) {
    const Cell& cell = at(row, column);
    if (cell.character == kTail) continue;
    text += cell.character;
    for (const char32_t mark : cell.marks) {
      if (mark != 0) text += mark;
    }
  }
  text.resize(text.find_last_not_of(U' ') + 1);
  return to_utf8(text);
}

} // namespace xenmon
