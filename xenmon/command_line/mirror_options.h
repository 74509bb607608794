// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of "xenmon mirror", which xenmon starts itself for --host and --connect.
#ifndef XENMON_XENMON_COMMAND_LINE_MIRROR_OPTIONS_H
#define XENMON_XENMON_COMMAND_LINE_MIRROR_OPTIONS_H

#include <string>
#include <vector>

#include "base/result.h"

namespace xenmon {

struct MirrorOptions {
  std::string region;  // where the mirror is made
  std::string host;    // one of these two is ""
  std::string connect; //
  bool keep = false;   // go on trying from the start, and ask nothing
  int ready = -1;      // a descriptor
};

// Without the program's name and "mirror".
Result<MirrorOptions> parse_mirror_options(std::vector<std::string> words);

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_MIRROR_OPTIONS_H
