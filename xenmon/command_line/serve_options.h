// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of "xenmon serve".
#ifndef XENMON_XENMON_COMMAND_LINE_SERVE_OPTIONS_H
#define XENMON_XENMON_COMMAND_LINE_SERVE_OPTIONS_H

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "command_line/options.h"
#include "xenmon/region.h"

namespace xenmon {

struct ServeOptions {
  std::string region = XENMON_DEFAULT_REGION;
};

// Without the program's name and "serve", which precede the options. A wrong option is an Error of status
// kUsage with one sentence.
Result<std::variant<ServeOptions, Information>> parse_serve_options(std::vector<std::string> words);

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_SERVE_OPTIONS_H
