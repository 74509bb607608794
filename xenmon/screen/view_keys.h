// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a key changes what the user has chosen to see.
#ifndef XENMON_XENMON_SCREEN_VIEW_KEYS_H
#define XENMON_XENMON_SCREEN_VIEW_KEYS_H

#include <string>

#include "model/screen_model.h"
#include "model/view_state.h"
#include "screen/keys.h"
#include "screen/screen.h"

namespace xenmon {

// True if the key was one for the view. `page` is how many lines go by at a time. Positions beyond the limits
// may come of it, which show() cuts back.
bool obey_view_key(Key key, ViewState& state, const ScreenModel& model, std::size_t page);

// Goes to the first domain from the one shown or selected on that matches, or with `next` from the one behind
// it. False if there is none.
bool go_to_domain(const std::string& pattern, bool next, ViewState& state, const ScreenModel& model);

// Scrolls as little as needed for the selected line to be in sight, and no further than there is something.
void keep_in_sight(ViewState& state, const Scene& scene, const ScrollLimits& limits);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_VIEW_KEYS_H
