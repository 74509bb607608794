// SPDX-License-Identifier: GPL-2.0-or-later
//
// The list of all keys, instead of a view.
#ifndef XENMON_XENMON_SCREEN_HELP_SCREEN_H
#define XENMON_XENMON_SCREEN_HELP_SCREEN_H

#include <cstddef>
#include <span>
#include <vector>

#include "screen/grid.h"
#include "screen/keys.h"

namespace xenmon {

struct HelpLine {
  const char* shown;   // the keys, as they are written
  const char* meaning; // short enough for 40 columns
  std::vector<Key> keys;
};
std::span<const HelpLine> help_lines();

// From a line on, if not all lines fit; in two columns from 78 columns on.
Grid render_help(int width, int height, std::size_t first_line = 0);
// The largest useful first_line.
std::size_t last_help_line(int width, int height);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_HELP_SCREEN_H
