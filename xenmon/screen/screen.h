// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the screen shows, as a function of what is known and what the user has chosen: no terminal here, no
// clock, no state.
//
//   row 0       the CPU and the view that are shown, how it is sorted and filtered
//   row 1 ...   the view
//   below it    the status line: where the data comes from and what is wrong with it; or a question
//   last row    the keys, from kKeyBarFrom rows on
#ifndef XENMON_XENMON_SCREEN_SCREEN_H
#define XENMON_XENMON_SCREEN_SCREEN_H

#include <cstddef>
#include <string>
#include <vector>

#include "model/arrange.h"
#include "model/screen_model.h"
#include "model/trend.h"
#include "model/view_state.h"
#include "screen/grid.h"

namespace xenmon {

inline constexpr int kKeyBarFrom = 16;

struct Scene {
  Scene(const ScreenModel& what, const ViewState& how, const Trend& before,
        const SelectedModel* of_selected = nullptr, std::string asked = "");

  const ScreenModel& model;
  const ViewState& state;
  const Trend& trend;
  const SelectedModel* selected; // null in other views
  std::string question;          // instead of the status line, with the text being typed; "": none
  // The lines of the view, in order: see arrange.h. Both are void once the filter, the sorting or the folding
  // has changed.
  std::vector<std::size_t> domains; // of the domains' view
  std::vector<TableLine> lines;     // of the tables
};

// The part of the grid that belongs to a view.
struct Area {
  int top = 0;
  int height = 0; // at least 0
};
Area body_area(int height);

// How far a view can be scrolled, and the number of lines per page (at least 1).
struct ScrollLimits {
  std::size_t row = 0;
  std::size_t column = 0;
  std::size_t page = 1;
};
ScrollLimits scroll_limits(const Scene& scene, int width, int height);

// Works for any size from 1x1 up; what does not fit is clipped. Scroll positions beyond the limits
// count as the limits.
Grid render(const Scene& scene, int width, int height);

// The status line's text for a width: every part in full if it fits, else the last ones shortened.
std::string status_text(const ScreenModel& model, std::size_t width);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_SCREEN_H
