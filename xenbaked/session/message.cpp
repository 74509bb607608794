// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/message.h"

#include <iostream>

#include "text.h"

namespace xenmon {

void print_message(std::string_view text, Priority priority) {
  std::cerr << message_lines("xenbaked", priority, printable_lines(text));
}

} // namespace xenmon
