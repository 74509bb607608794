// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the screen shows of its longer window, as one table of plain text: for scripts, and to paste into a
// ticket. One line for each domain, with its name last, so that no figure moves or is cut.
#ifndef XENMON_XENMON_LOG_ONCE_TABLE_H
#define XENMON_XENMON_LOG_ONCE_TABLE_H

#include <string>

#include "model/screen_model.h"

namespace xenmon {

std::string once_table(const ScreenModel& model);

} // namespace xenmon

#endif // XENMON_XENMON_LOG_ONCE_TABLE_H
