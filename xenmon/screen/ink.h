// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a cell's meaning looks, with colours and without.
#ifndef XENMON_XENMON_SCREEN_INK_H
#define XENMON_XENMON_SCREEN_INK_H

#include <cstdint>

#include "screen/grid.h"

namespace xenmon {

enum class Palette { kMonochrome, kColours };

struct Ink {
  // One of the eight colours that every colour terminal has, with curses' numbers, on the terminal's own
  // background; kTerminalsOwn is the terminal's own colour.
  static constexpr std::int8_t kTerminalsOwn = -1;
  std::int8_t colour = kTerminalsOwn;
  std::uint8_t attributes = kPlain;

  bool operator==(const Ink&) const = default;
};

Ink ink_for(Style style, Palette palette);

// Whether colours are wanted: not with --no-color, nor with NO_COLOR set to anything (no-color.org).
Palette wanted_palette(bool no_color_option, const char* no_color_variable);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_INK_H
