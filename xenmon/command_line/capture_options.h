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

namespace xenmon {

struct CaptureRequest {
  std::string xenbaked;               // "": as for the screen
  std::vector<std::string> arguments; // for that xenbaked
};

// Without the program's name and "capture", which precede the options. A wrong option or value is an Error of
// status kUsage with one sentence.
Result<std::variant<CaptureRequest, Information>> parse_capture_options(std::vector<std::string> words);

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_CAPTURE_OPTIONS_H
