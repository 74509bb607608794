// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a command of xenmon leaves to xenbaked.
#ifndef XENMON_XENMON_COMMAND_LINE_XENBAKED_REQUEST_H
#define XENMON_XENMON_COMMAND_LINE_XENBAKED_REQUEST_H

#include <string>
#include <vector>

namespace xenmon {

struct XenbakedRequest {
  std::string xenbaked;               // "": as for the screen
  std::vector<std::string> arguments; // for that xenbaked
};

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_XENBAKED_REQUEST_H
