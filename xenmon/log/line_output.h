// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes lines to a descriptor that may not accept them: a pipe whose reader sleeps, a terminal that was
// stopped.
//
// It waits until the program is asked to exit, and a short while longer (kTimeToWrite). Whatever happens, the
// output ends with a whole line if possible: a pipe gets only whole lines, as many as it accepts at once; a
// file is cut back. The descriptor is not made non-blocking, because that would affect every process that
// shares it.
#ifndef XENMON_XENMON_LOG_LINE_OUTPUT_H
#define XENMON_XENMON_LOG_LINE_OUTPUT_H

#include <string>
#include <string_view>

#include "base/result.h"

namespace xenmon {

// text: whole lines. name: where it is written, for the Error's sentence.
Status write_lines(int fd, std::string_view text, const std::string& name);

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LINE_OUTPUT_H
