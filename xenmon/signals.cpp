// SPDX-License-Identifier: GPL-2.0-or-later
#include "signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xenmon {
namespace {

constexpr std::array<int, 4> kCaught = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};

volatile sig_atomic_t stop_flag = 0;
volatile sig_atomic_t resize_flag = 0;
volatile sig_atomic_t reopen_flag = 0;
// Set before any signal is caught.
volatile sig_atomic_t hangup_reopens = 0;
volatile sig_atomic_t had_terminal = 0;

bool terminal_is_there() {
  const int before = errno;
  const int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) close(terminal);
  errno = before;
  return terminal >= 0;
}

void note(int signal) {
  if (signal == SIGWINCH) {
    resize_flag = 1;
  } else if (signal == SIGHUP && hangup_reopens != 0 && (had_terminal == 0 || terminal_is_there())) {
    reopen_flag = 1;
  } else {
    stop_flag = 1;
  }
}

sigset_t caught_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kCaught) sigaddset(&set, signal);
  return set;
}

} // namespace

void catch_signals(Hangup on_hangup) {
  hangup_reopens = on_hangup == Hangup::kReopenFiles ? 1 : 0;
  had_terminal = terminal_is_there() ? 1 : 0;
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART; // of all that we wait in, only ppoll() must notice
  sigemptyset(&action.sa_mask);
  for (const int signal : kCaught) sigaction(signal, &action, nullptr);
}

bool stop_requested() {
  return stop_flag != 0;
}

bool take_reopen() {
  const bool reopen = reopen_flag != 0;
  reopen_flag = 0;
  return reopen;
}

bool take_resize() {
  const bool resized = resize_flag != 0;
  resize_flag = 0;
  return resized;
}

Input wait_for_input(int fd, std::chrono::nanoseconds timeout) {
  const auto ns = std::max(std::chrono::nanoseconds(0), timeout).count();
  const timespec time = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  const sigset_t caught = caught_set();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &caught, &before);
  pollfd watched = {fd, POLLIN, 0};
  const bool signalled = stop_flag != 0 || resize_flag != 0 || reopen_flag != 0;
  const int ready = signalled ? 0 : ppoll(&watched, 1, &time, &before);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (ready <= 0) return Input::kNone;
  return (watched.revents & POLLIN) != 0 ? Input::kReady : Input::kGone;
}

void restore_signals() {
  for (const int signal : kCaught) ::signal(signal, SIG_DFL);
  ::signal(SIGPIPE, SIG_DFL);
}

} // namespace xenmon
