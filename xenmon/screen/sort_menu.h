// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a view can be sorted by, as a list to choose from, over what the screen shows.
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
  // Begins at what the view is sorted by.
  explicit SortMenu(const ViewState& state);

  // Sorts by what the list is at; false when the user is done. Escape brings back the sorting of before.
  bool take(Key key, ViewState& state);
  // As much of the list as there is room for.
  void paint(Grid& grid) const;

 private:
  std::vector<std::string> lines_;
  Sort before_;
  std::size_t at_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_SORT_MENU_H
