// SPDX-License-Identifier: GPL-2.0-or-later
//
// The screen that says what the keys do.
#ifndef XENMON_XENMON_HELP_SCREEN_H
#define XENMON_XENMON_HELP_SCREEN_H

#include "screen.h"

namespace xenmon {

// Works for any size; what does not fit is clipped.
Grid render_help(int width, int height);

} // namespace xenmon

#endif // XENMON_XENMON_HELP_SCREEN_H
