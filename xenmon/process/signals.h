// SPDX-License-Identifier: GPL-2.0-or-later
//
// Signals that ask for something, which only set a flag, and the place where the program waits.
//
// Who asks the program to end shall not wait for a reader of its log, nor for a terminal. So the handlers
// interrupt whatever the program is blocked in (there is no SA_RESTART), and from the first such signal on a
// timer goes on interrupting, since one that came just before a blocking call would be lost. What is blocked
// looks at stop_requested() and gives up. Signals that were ignored when the program began stay ignored, as
// nohup and shells that start something in the background want it.
#ifndef XENMON_XENMON_PROCESS_SIGNALS_H
#define XENMON_XENMON_PROCESS_SIGNALS_H

#include <chrono>

namespace xenmon {

// What SIGHUP means while the terminal that the program was started from, if there was one, is still there.
// Once that is gone it always means the end.
enum class Hangup { kEnd, kReopenFiles };

// From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT ask the program to end, and SIGWINCH is noted. A pipe that
// nobody reads and a file that has become too large are errors of the write, and not signals.
void catch_signals(Hangup on_hangup);

// From when on it has been asked to end, what was seen may still be written for so long; and so long after it
// everything shall be over.
constexpr std::chrono::milliseconds kTimeToWrite{400};
constexpr std::chrono::milliseconds kTimeToEnd{900};

bool stop_requested();
// Since it was asked to end for the first time; 0 before that.
std::chrono::nanoseconds stopping_for();
// SIGQUIT if that was what asked for the end, as it is to have its usual effect after all; otherwise 0.
int signal_to_end_by();
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

// Waits until a descriptor takes output or fails, until a signal comes, or the time has passed. True if a
// write is worth trying: a pipe then takes PIPE_BUF bytes at once.
bool wait_for_output(int fd, std::chrono::nanoseconds timeout);

// While the screen is shown: what handlers do to the terminal. Both may be called at any moment and do only
// what is safe then.
struct TerminalRescue {
  void (*unblock)(); // lets go of a write that the terminal does not take
  void (*restore)(); // makes it what it was before
};
// The object stays until another is set, or nullptr, when there is no screen any more.
void set_terminal_rescue(const TerminalRescue* rescue);
// Restores the terminal if there is a screen. For handlers that will not come back.
void restore_terminal();

// Undoes catch_signals() in a child. What was ignored before stays so, but for SIGTERM, by which we end our
// children. For between fork and exec.
void restore_signals();

} // namespace xenmon

#endif // XENMON_XENMON_PROCESS_SIGNALS_H
