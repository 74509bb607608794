// SPDX-License-Identifier: GPL-2.0-or-later
#include "help_screen.h"

#include <array>

namespace xenmon {
namespace {

struct Line {
  const char* keys;
  const char* meaning;
};
// All keys that Terminal knows. The meanings are short enough for 40 columns.
constexpr std::array kLines = {
    Line{"q", "quit"},
    Line{"c n", "next CPU, then all again"},
    Line{"p", "previous CPU"},
    Line{"a b w", "rows of allocated, blocked and"},
    Line{"e i", "waited time, executions, I/O"},
    Line{"space", "pause, go on"},
    Line{"arrows", "scroll, also Page Up, Page"},
    Line{"", "Down, Home and End"},
    Line{"Ctrl-L", "draw the screen anew"},
    Line{"? h", "this help"},
};
constexpr int kMeaningColumn = 10;

} // namespace

Grid render_help(int width, int height) {
  Grid grid(width, height);
  const bool roomy = grid.height() >= static_cast<int>(kLines.size()) + 4;
  grid.put(0, 1, "xenmon: keys", kStandout);
  int row = roomy ? 2 : 1;
  for (const Line& line : kLines) {
    grid.put(row, 1, line.keys, kBold);
    grid.put(row, kMeaningColumn, line.meaning);
    ++row;
  }
  if (roomy) {
    grid.put(row + 1, 1, "Any key goes back.");
  } else {
    grid.put(0, 15, "any key goes back");
  }
  return grid;
}

} // namespace xenmon
