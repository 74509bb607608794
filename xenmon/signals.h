// SPDX-License-Identifier: GPL-2.0-or-later
//
// Signals, which only set a flag, and the one place where the program waits.
#ifndef XENMON_XENMON_SIGNALS_H
#define XENMON_XENMON_SIGNALS_H

#include <chrono>

namespace xenmon {

// What SIGHUP means while the terminal that the program was started from, if there was one, is still there.
// Once that is gone it always means the end.
enum class Hangup { kEnd, kReopenFiles };

// From here on SIGINT, SIGTERM and SIGHUP ask the program to end, and SIGWINCH is noted. A pipe that nobody
// reads is an error of the write, and not a signal.
void catch_signals(Hangup on_hangup);

bool stop_requested();
// True once for each time files are to be reopened.
bool take_reopen();
// True once for each time the terminal's size may have changed.
bool take_resize();

enum class Input {
  kNone,  // the time is over, or a signal came
  kReady, // there is something to read
  kGone,  // the other side has hung up
};

// Waits for input on a descriptor (-1: none), a signal, or the time to pass. A signal that came before
// counts: none can slip in between a look at the flags and the wait.
Input wait_for_input(int fd, std::chrono::nanoseconds timeout);

// Undoes catch_signals() in a child. For between fork and exec.
void restore_signals();

} // namespace xenmon

#endif // XENMON_XENMON_SIGNALS_H
