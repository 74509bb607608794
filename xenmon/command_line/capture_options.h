// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of "xenmon capture".
#ifndef XENMON_XENMON_COMMAND_LINE_CAPTURE_OPTIONS_H
#define XENMON_XENMON_COMMAND_LINE_CAPTURE_OPTIONS_H

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "command_line/options.h"
#include "command_line/xenbaked_request.h"

namespace xenmon {

// Without the program's name and "capture", which precede the options. A wrong option or value is an Error of
// status kUsage with one sentence.
Result<std::variant<XenbakedRequest, Information>> parse_capture_options(std::vector<std::string> words);

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_CAPTURE_OPTIONS_H
