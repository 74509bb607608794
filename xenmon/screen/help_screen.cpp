// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/help_screen.h"

#include <algorithm>
#include <string>

namespace xenmon {
namespace {

constexpr int kMeaningColumn = 10;
constexpr int kHelpColumn = 40; // of the second one
constexpr int kTwoColumnsFrom = 78;
constexpr int kHeaderRows = 1;

std::size_t rows_for(int height) {
  return static_cast<std::size_t>(std::max(1, height - kHeaderRows));
}

std::size_t columns_for(int width) {
  return width >= kTwoColumnsFrom ? 2 : 1;
}

} // namespace

std::span<const HelpLine> help_lines() {
  static const std::vector<HelpLine> kLines = {
      {"1", "domains: last 10 s and 1 s", {Key::kDomains}},
      {"2", "vCPUs", {Key::kVcpus}},
      {"3", "CPUs and their domains", {Key::kPcpus}},
      {"4", "latency: how long waits are", {Key::kLatency}},
      {"5 6 7", "host; why; several hosts", {Key::kHost, Key::kDiagnosis, Key::kHosts}},
      {"Tab F2", "the next view", {Key::kNextView}},
      {"c n p F7", "next CPU (p: previous), or all", {Key::kNext, Key::kPrevious}},
      {"space F9", "pause, resume", {Key::kPause}},
      {"F6", "choose what to sort by", {Key::kSortMenu}},
      {"s > <", "sort by next, previous column", {Key::kSortNext, Key::kSortPrevious}},
      {"r", "reverse the order", {Key::kReverse}},
      {"/ F3", "search by name or id", {Key::kSearch}},
      {"f F4", "show only these; empty: all", {Key::kFilter}},
      {"Esc Bksp", "show all or stop typing; erase", {Key::kClear, Key::kErase}},
      {"% F5", "% of one CPU, or of its vCPUs", {Key::kBasis}},
      {"t", "10 s or 1 s; latency: or all", {Key::kSpan}},
      {"W F8", "lengths of the two windows", {Key::kWindowLengths}},
      {"- +", "refresh more often, less often", {Key::kFaster, Key::kSlower}},
      {"a b w", "rows: allocated, blocked and", {Key::kAllocated, Key::kBlocked, Key::kWaited}},
      {"e i", "waited, executions, I/O", {Key::kExecutions, Key::kIo}},
      {"Enter", "fold, unfold; into that host", {Key::kFold}},
      {"*", "fold or unfold all", {Key::kFoldAll}},
      {"arrows", "select, scroll; also Page Up,", {Key::kUp, Key::kDown, Key::kLeft, Key::kRight}},
      {"", "Page Down, Home and End", {Key::kPageUp, Key::kPageDown, Key::kHome, Key::kEnd}},
      {"[ ]", "recordings: 1 s back, forward", {Key::kBack, Key::kForward}},
      {"{ }", "10 s back, forward", {Key::kFarBack, Key::kFarForward}},
      {"g", "to a time, such as 1:30", {Key::kGoTo}},
      {"T", "latency: timeline of a wait", {Key::kTimeline}},
      {"S Ctrl-L", "save settings; redraw", {Key::kSave, Key::kRedraw}},
      {"? h F1", "this help", {Key::kHelp}},
      {"q F10", "quit", {Key::kQuit}},
      {"gotten", "time on a CPU", {}},
      {"waited", "ready, not running:", {}},
      {"woken", "after a wake-up", {}},
      {"preempt", "after losing the CPU", {}},
      {"blocked", "had nothing to do", {}},
      {"other", "paused, or state not known", {}},
      {"allocated", "time slices: range, and mean", {}},
      {"ex", "execution: got or kept a CPU", {}},
      {"I/O, io", "page exchanged with another", {}},
      {"p50 p99", "50, 99 % took no longer", {}},
      {"g w", "graphs: recent gotten, waited", {}},
      {"~", "a name that is too long", {}},
      {"held", "the recording is paused", {}},
      {"yellow", "waits 5 % of the time or 10 ms", {}},
      {"red", "waits 20 % of it or 50 ms", {}},
  };
  return kLines;
}

std::size_t last_help_line(int width, int height) {
  const std::size_t columns = columns_for(width);
  const std::size_t rows = (help_lines().size() + columns - 1) / columns;
  const std::size_t page = rows_for(height);
  return rows > page ? rows - page : 0;
}

Grid render_help(int width, int height, std::size_t first_line) {
  Grid grid(width, height);
  const auto lines = help_lines();
  const std::size_t columns = columns_for(grid.width());
  const std::size_t rows = (lines.size() + columns - 1) / columns;
  const std::size_t last = last_help_line(grid.width(), grid.height());
  const std::size_t first = std::min(first_line, last);
  grid.put(0, 1, "xenmon: keys", kStandout);
  grid.put(0, 15, last > 0 ? "arrows scroll, Esc closes" : "any key closes");
  for (std::size_t column = 0; column < columns; ++column) {
    const int x = 1 + static_cast<int>(column) * kHelpColumn;
    for (std::size_t row = 0; row < rows_for(grid.height()); ++row) {
      const std::size_t at = column * rows + first + row;
      if (first + row >= rows || at >= lines.size()) break;
      grid.put(kHeaderRows + static_cast<int>(row), x, lines[at].shown, Style{kBold, Role::kKey});
      grid.put(kHeaderRows + static_cast<int>(row), x + kMeaningColumn - 1, lines[at].meaning);
    }
  }
  return grid;
}

} // namespace xenmon
