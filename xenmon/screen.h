// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the screen shows, as a function of what is known: no terminal here, no clock, no state.
//
//   row 0          the CPU that is shown, and the keys
//   row 1          the two halves' headings
//   row 2          a rule that says what the units are
//   row 3 ...      the domains, by domid, the idle domain last; scrolls
//   last but one   the total
//   last           the status line
//
// From 106 columns on the layout is wide, as the original's; below it is compact, and below 76 columns
// the compact layout's figures scroll sideways, a whole column at a time, beside the domain and the
// metric. A column is where it is whatever the figures are, and no figure is ever cut.
#ifndef XENMON_XENMON_SCREEN_H
#define XENMON_XENMON_SCREEN_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "history.h"
#include "options.h"

namespace xenmon {

// One half: a window's figures for one domain.
struct HalfModel {
  Figures figures;
  SliceRange slices;
};

struct DomainModel {
  std::uint32_t domid = 0;
  std::uint64_t uid = 0;
  std::string name; // printable
  bool ended = false;
  std::array<HalfModel, kWindows> halves; // by WindowId
};

struct ScreenModel {
  std::optional<std::uint32_t> pcpu; // none: all
  std::size_t pcpu_count = 0;        // pCPUs whose time is shown
  std::vector<DomainModel> domains;  // in the order in which they are shown
  std::array<std::uint64_t, kWindows> length_ns = {};

  std::string health;               // as health_text() says it
  std::string health_brief;         // the same with a recording's name cut short
  bool current = false;             // false: the figures are history, and are dimmed
  bool paused = false;              // so are these, because the user wants it
  std::string last_words;           // of a xenbaked of our own that ended; "" if none did
  std::uint64_t lost_records = 0;   // in the long window, as all below
  std::uint64_t missed_samples = 0; // overwritten before they were read
  std::uint64_t unknown_ns = 0;     // time in which no record told the state
  std::uint32_t io_kinds = 0;       // XENMON_IO_*
  bool patched = false;             // the hypervisor has XenMon's records
  bool io_known = false;            // io_kinds and patched are valid: something is attached
  bool khz_assumed = false;
  bool allocation_traced = true;
};

struct ScreenOptions {
  Metrics metrics;
  std::size_t first_row = 0;    // of the domains' rows
  std::size_t first_column = 0; // of the figures' columns
};

enum Attribute : std::uint8_t { kPlain = 0, kBold = 1, kStandout = 2, kDim = 4 };

struct Cell {
  char32_t character = U' ';
  std::uint8_t attributes = kPlain;

  bool operator==(const Cell&) const = default;
};

class Grid {
 public:
  Grid(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }
  const Cell& at(int row, int column) const { return cells_[index(row, column)]; }
  // Text beyond the edges is left out.
  void put(int row, int column, std::u32string_view text, std::uint8_t attributes = kPlain);
  void put(int row, int column, std::string_view utf8, std::uint8_t attributes = kPlain);
  // A row without its trailing blanks, in UTF-8.
  std::string line(int row) const;

 private:
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(column);
  }

  int width_;
  int height_;
  std::vector<Cell> cells_;
};

// The largest useful first_row and first_column.
struct ScrollLimits {
  std::size_t row = 0;
  std::size_t column = 0;
};
ScrollLimits scroll_limits(const ScreenModel& model, const Metrics& metrics, int width, int height);
// Rows of domains that fit at a time; at least 1.
std::size_t page_rows(int height);

// Works for any size from 1x1 up; what does not fit is clipped. Scroll positions beyond the limits
// count as the limits.
Grid render(const ScreenModel& model, const ScreenOptions& options, int width, int height);

// The status line's text for a width: every part in full if it fits, else the last ones shortened.
std::string status_text(const ScreenModel& model, std::size_t width);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_H
