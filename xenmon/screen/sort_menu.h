// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a view can be sorted by, as a list to choose from, drawn over the screen.
#ifndef XENMON_XENMON_SCREEN_SORT_MENU_H
#define XENMON_XENMON_SCREEN_SORT_MENU_H

#include <cstddef>
#include <string>
#include <vector>

#include "model/view_state.h"
#include "screen/grid.h"
#include "screen/keys.h"

namespace xenmon {

class SortMenu {
 public:
  // Starts at what the view is sorted by.
  explicit SortMenu(const ViewState& state);

  // Sorts by the current entry; false when the user is done. Escape restores the previous sorting.
  bool take(Key key, ViewState& state);
  // As much of the list as fits.
  void paint(Grid& grid) const;

 private:
  std::vector<std::string> lines_;
  Sort before_;
  std::size_t at_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_SORT_MENU_H
