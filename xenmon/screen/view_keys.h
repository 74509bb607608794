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

// True if the key was one for the view. `page` is the number of lines per page. Positions may exceed the
// limits afterwards; show() limits them.
bool handle_view_key(Key key, ViewState& state, const ScreenModel& model, std::size_t page);

// Whether the key concerns domains, CPUs or a recording, and so means nothing in the view of hosts.
bool is_for_one_host(Key key);

// Goes to the first domain, or in their view host, that matches, starting at the shown or selected one, or
// with `next` at the one after it. False if none matches.
bool go_to_domain(const std::string& pattern, bool next, ViewState& state, const ScreenModel& model);

// Scrolls as little as necessary to make the selected line visible, and not beyond the limits.
void keep_visible(ViewState& state, const Scene& scene, const ScrollLimits& limits);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_VIEW_KEYS_H
