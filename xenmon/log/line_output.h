// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes lines to a descriptor that may not take them: a pipe whose reader sleeps, a terminal that was
// stopped.
//
// It waits for as long as nobody asks the program to end, and a short while more (kTimeToWrite). Whatever
// happens, what comes out ends with a whole line wherever that can be had: a pipe gets whole lines at a time,
// as many as it takes at once; a file is cut back. The descriptor is not made non-blocking, since that would
// be so for all who share it.
#ifndef XENMON_XENMON_LOG_LINE_OUTPUT_H
#define XENMON_XENMON_LOG_LINE_OUTPUT_H

#include <string>
#include <string_view>

#include "xenmon/result.h"

namespace xenmon {

// text: whole lines. name: what it is written to, for the Error's sentence.
Status write_lines(int fd, std::string_view text, const std::string& name);

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LINE_OUTPUT_H
