// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the user of the screen wants to be saved for the next start: a JSON file that belongs to the user.
#ifndef XENMON_XENMON_SCREEN_SETTINGS_H
#define XENMON_XENMON_SCREEN_SETTINGS_H

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "client/history.h"
#include "model/view_state.h"

namespace xenmon {

struct Settings {
  ViewState view; // except what belongs to one run: filter, selection, folding, scrolling
  WindowLengths windows_ns = kWindowNs;
  std::uint64_t refresh_ns = 1'000'000'000;
};

// $XDG_CONFIG_HOME/xenmon/settings.json, by default in ~/.config; "" if neither directory is known.
// `variable` gives an environment variable's value or null.
std::string settings_path(const std::function<const char*(const char*)>& variable);

// Takes over the fields that make sense. A missing file changes nothing and is not an error; a file that
// cannot be parsed is one.
Status load_settings(const std::string& path, Settings& settings);

// Makes the directory if necessary, and replaces the file as a whole or not at all.
Status save_settings(const std::string& path, const Settings& settings);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_SETTINGS_H
