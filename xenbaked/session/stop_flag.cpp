// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/stop_flag.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace xenmon {

namespace {

// The only state that a signal handler may touch.
std::atomic<bool> stop_requested = false;
std::atomic<int> stop_write_end = -1;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGHUP};

void on_stop(int /*number*/) {
  const int kept = errno;
  stop_requested = true;
  // Does not wait: if the pipe is full, it is readable.
  if (const int write_end = stop_write_end; write_end >= 0) {
    [[maybe_unused]] const ssize_t told = write(write_end, "", 1);
  }
  errno = kept;
}

} // namespace

StopFlag::StopFlag() {
  stop_requested = false; // where there was an object before
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
    read_end_.reset(ends[0]);
    stop_write_end = ends[1];
  }
  struct sigaction action {};
  action.sa_handler = on_stop;
  // Work in progress is finished; every wait also waits for descriptor().
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : kStopSignals) {
    struct sigaction before {};
    if (sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaction(number, &action, nullptr);
    sigaddset(&ours, number);
  }
  sigprocmask(SIG_UNBLOCK, &ours, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

StopFlag::~StopFlag() {
  const Descriptor write_end(stop_write_end.exchange(-1));
}

bool StopFlag::raised() const {
  return stop_requested;
}

bool StopFlag::wait(int fd, std::uint64_t timeout_ns) {
  std::array<pollfd, 2> entries{{{fd, POLLIN, 0}, {read_end_.get(), POLLIN, 0}}};
  struct timespec timeout {};
  timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000U);
  timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000U);
  const int ready = ppoll(entries.data(), entries.size(), &timeout, nullptr);
  return ready > 0 && (entries[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
}

} // namespace xenmon
