// SPDX-License-Identifier: GPL-2.0-or-later
//
// What xenbaked says to whoever started it, apart from results: one line on standard error.
#ifndef XENMON_XENBAKED_SESSION_MESSAGE_H
#define XENMON_XENBAKED_SESSION_MESSAGE_H

#include <string_view>

#include "journal.h"

namespace xenmon {

// Prints "xenbaked: TEXT" and an end of line. The text may have line ends; what could steer a terminal is
// replaced. In the journal it has that priority. May block while standard error takes nothing.
void print_message(std::string_view text, Priority priority = Priority::kWarning);

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_MESSAGE_H
