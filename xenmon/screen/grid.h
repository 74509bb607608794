// SPDX-License-Identifier: GPL-2.0-or-later
//
// A screenful of characters, each with its meaning. No terminal here: ink.h says how a meaning looks on one.
#ifndef XENMON_XENMON_SCREEN_GRID_H
#define XENMON_XENMON_SCREEN_GRID_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/role.h"
#include "text.h"

namespace xenmon {

enum Attribute : std::uint8_t { kPlain = 0, kBold = 1, kStandout = 2, kDim = 4 };

struct Style {
  std::uint8_t attributes = kPlain;
  Role role = Role::kText;

  Style() = default;
  Style(std::uint8_t a, Role r = Role::kText) : attributes(a), role(r) {}
  Style(Role r) : role(r) {}
  Style with(std::uint8_t more) const { return {static_cast<std::uint8_t>(attributes | more), role}; }

  bool operator==(const Style&) const = default;
};

inline constexpr char32_t kTail = 0;

struct Cell {
  char32_t character = U' ';                     // kTail: the right half of the wide one before it
  std::array<char32_t, kMarksOfALetter> marks{}; // of the character, used ones first
  Style style;

  bool operator==(const Cell&) const = default;
};

class Grid {
 public:
  // At least 1x1.
  Grid(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }
  const Cell& at(int row, int column) const { return cells_[index(row, column)]; }
  // Accepts printable_characters(), or the characters of graphs. Text beyond the edges is left out, and so is
  // a wide character with room for only half of it.
  void put(int row, int column, std::u32string_view text, Style style = {});
  void put(int row, int column, std::string_view utf8, Style style = {});
  // Adds attributes to the cells of a part of a row.
  void mark(int row, int column, int width, std::uint8_t attributes);
  // A row without its trailing blanks, in UTF-8.
  std::string line(int row) const;

 private:
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(column);
  }

  // Makes it a blank, and also the other half if it is a half.
  void clear(int row, int column);

  int width_;
  int height_;
  std::vector<Cell> cells_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_GRID_H
