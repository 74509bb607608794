// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/terminal_rescue.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string_view>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
// Short macros of curses that would clash with our names and the standard library's.
#undef lines
#undef columns
#undef timeout

#include "process/signals.h"

namespace xenmon {
namespace {

// What the handlers need, where they may read it.
termios modes_before = {};
std::array<char, 512> farewell;
std::size_t farewell_size = 0;

// Without the delays that real terminals needed ("$<5>"), and only as a whole.
void add(const char* capability) {
  if (capability == nullptr) return;
  std::string_view text(capability);
  const std::size_t before = farewell_size;
  while (!text.empty()) {
    if (text.starts_with("$<") && text.find('>') != std::string_view::npos) {
      text.remove_prefix(text.find('>') + 1);
      continue;
    }
    if (farewell_size == farewell.size()) {
      farewell_size = before;
      return;
    }
    farewell[farewell_size++] = text.front();
    text.remove_prefix(1);
  }
}

void restore() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  if (poll(&out, 1, 0) > 0) {
    [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, farewell.data(), farewell_size);
  }
  tcsetattr(STDOUT_FILENO, TCSANOW, &modes_before);
}

constexpr TerminalRescue kRescue = {unblock_terminal, restore};

} // namespace

bool read_terminal_modes(termios& modes) {
  return tcgetattr(STDOUT_FILENO, &modes) == 0;
}

void arm_terminal_rescue(const termios& before) {
  modes_before = before;
  farewell_size = 0;
  for (const char* capability : {exit_attribute_mode, orig_pair, cursor_normal, exit_ca_mode, keypad_local})
    add(capability);
  set_terminal_rescue(&kRescue);
}

void disarm_terminal_rescue() {
  set_terminal_rescue(nullptr);
}

void unblock_terminal() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  if (poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0) return;
  // A terminal that was stopped by program can only be started by program, hence both.
  tcflow(STDOUT_FILENO, TCOOFF);
  tcflow(STDOUT_FILENO, TCOON);
  if (poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0) return;
  tcflush(STDOUT_FILENO, TCOFLUSH);
}

} // namespace xenmon
