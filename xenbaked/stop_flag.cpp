// SPDX-License-Identifier: GPL-2.0-or-later
#include "stop_flag.h"

#include <poll.h>
#include <time.h>

#include <array>

namespace xenmon {

namespace {

// What a signal handler may touch.
volatile sig_atomic_t stop_requested = 0;

constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGHUP};

} // namespace

StopFlag::StopFlag() {
  sigset_t ours;
  sigemptyset(&ours);
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  sigemptyset(&action.sa_mask);
  for (const int number : kStopSignals) {
    sigaddset(&ours, number);
    sigaction(number, &action, nullptr);
  }
  sigprocmask(SIG_BLOCK, &ours, &unblocked_);
  for (const int number : kStopSignals) sigdelset(&unblocked_, number);
  signal(SIGPIPE, SIG_IGN);
}

bool StopFlag::raised() const {
  if (stop_requested != 0) return true;
  // Also while nobody waits: a recording played at full speed never does.
  sigset_t pending;
  if (sigpending(&pending) != 0) return false;
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
         sigismember(&pending, SIGHUP) == 1;
}

bool StopFlag::wait(int fd, std::uint64_t timeout_ns) {
  struct pollfd entry {};
  entry.fd = fd;
  entry.events = POLLIN;
  struct timespec timeout {};
  timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000U);
  timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000U);
  const int ready = ppoll(&entry, fd < 0 ? 0 : 1, &timeout, &unblocked_);
  return ready > 0 && (entry.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
}

} // namespace xenmon
