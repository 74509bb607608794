// SPDX-License-Identifier: GPL-2.0-or-later
//
// Signals that request something and only set a flag, and the place where the program waits.
//
// A program that is asked to exit must not wait for a reader of its log, or for a terminal. So the handlers
// interrupt whatever the program is blocked in (there is no SA_RESTART), and from the first such signal on a
// timer repeats the interruption, because one just before a blocking call would be lost. A blocked call then
// looks at stop_requested() and gives up. Signals that were ignored when the program started stay ignored, as
// nohup and shells that start background jobs expect.
#ifndef XENMON_XENMON_PROCESS_SIGNALS_H
#define XENMON_XENMON_PROCESS_SIGNALS_H

#include <chrono>

namespace xenmon {

// The meaning of SIGHUP while the terminal from which the program was started, if there was one, is still
// there. Once the terminal is gone, SIGHUP always means exit.
enum class Hangup { kEnd, kReopenFiles };

// From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT ask the program to exit, and SIGWINCH is noted. A pipe
// without a reader and a file that has become too large are errors of the write, not signals.
void catch_signals(Hangup on_hangup);

// After the request to exit, what was seen may still be written for this long; and after this time everything
// must be over.
constexpr std::chrono::milliseconds kTimeToWrite{400};
constexpr std::chrono::milliseconds kTimeToEnd{900};

bool stop_requested();
// Time since the first request to exit; 0 before that.
std::chrono::nanoseconds stopping_for();
// SIGQUIT if that was the request to exit, because it must have its usual effect in the end; otherwise 0.
int signal_to_end_by();
// True once for each request to reopen files.
bool take_reopen();
// True once for each time the terminal's size may have changed.
bool take_resize();

enum class Input {
  kNone,  // the time is over, or a signal came
  kReady, // there is something to read
  kGone,  // the other side has hung up
};

// Waits for input on a descriptor (-1: none), a signal, or a timeout. A signal that came before counts: none
// can slip in between a look at the flags and the wait.
Input wait_for_input(int fd, std::chrono::nanoseconds timeout);

// Waits until a descriptor accepts output or fails, until a signal comes, or for a timeout. True if a write
// is worth trying: a pipe then accepts PIPE_BUF bytes at once.
bool wait_for_output(int fd, std::chrono::nanoseconds timeout);

// While the screen is shown: what handlers do to the terminal. Both may be called at any moment and do only
// what is safe then.
struct TerminalRescue {
  void (*unblock)(); // abandons a write that the terminal does not accept
  void (*restore)(); // restores its previous state
};
// The object stays until another is set, or nullptr, when there is no screen any more.
void set_terminal_rescue(const TerminalRescue* rescue);
// Restores the terminal if there is a screen. For handlers that will not return.
void restore_terminal();

// Undoes catch_signals() in a child. What was ignored before stays ignored, except SIGTERM, by which we end
// our children. For use between fork and exec.
void restore_signals();

} // namespace xenmon

#endif // XENMON_XENMON_PROCESS_SIGNALS_H
