// SPDX-License-Identifier: GPL-2.0-or-later
//
// The terminal: ncurses from here to the end of the object's life, however that comes.
#ifndef XENMON_XENMON_SCREEN_TERMINAL_H
#define XENMON_XENMON_SCREEN_TERMINAL_H

#include <chrono>
#include <memory>

#include "base/result.h"
#include "screen/grid.h"
#include "screen/ink.h"
#include "screen/keys.h"

namespace xenmon {

// What was pressed.
struct Press {
  Key key = Key::kNone;
  char32_t character = 0; // if it is one that can be typed, unchanged
};

class Terminal {
 public:
  // Refuses what is not a terminal, and terminals on which the cursor cannot be placed. Changes nothing.
  static Status check();
  // For a terminal that check() accepts. At most one at a time. Call catch_signals() first, or ncurses takes
  // SIGWINCH and SIGTERM for itself.
  static Result<Terminal> open(Palette palette);

  Terminal(Terminal&&) noexcept;
  Terminal& operator=(Terminal&&) = delete;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  // Whether graphs can have more than ASCII.
  bool unicode() const;
  int width() const;
  int height() const;
  // Shows a grid. Does nothing while the terminal accepts no output (Ctrl-S), so that it never blocks.
  void draw(const Grid& grid);
  // Waits for a key, a signal or a timeout. A changed size is taken over and reported as kRedraw.
  Press wait(std::chrono::nanoseconds timeout);

 private:
  struct State;
  explicit Terminal(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_TERMINAL_H
