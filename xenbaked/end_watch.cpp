// SPDX-License-Identifier: GPL-2.0-or-later
#include "end_watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/result.h"
#include "journal.h"

namespace xenmon {

namespace {

constexpr int kPatienceMs = 800;
constexpr std::string_view kLastWords =
    "xenbaked: Something did not answer within a second, so xenbaked could not exit normally: tracing is as "
    "it "
    "was "
    "found, but the region does not say that it has ended, and a recording is lost.\n";

} // namespace

EndWatch::EndWatch(int stop_fd, std::function<void()> last_resort)
    : stop_fd_(stop_fd), in_time_(eventfd(0, EFD_CLOEXEC)), last_resort_(std::move(last_resort)) {
  if (stop_fd_ < 0 || !in_time_.valid()) return;
  // Signals are handled by the program.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, SIGSYS); // its handler says which system call it was
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { watch(); });
  } catch (const std::system_error&) {
    // Without it everything works, except that a hang is not ended.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

EndWatch::~EndWatch() {
  if (in_time_.valid()) eventfd_write(in_time_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void EndWatch::watch() const {
  std::array<pollfd, 2> entries{{{in_time_.get(), POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
  while (poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
  }
  if (entries[0].revents != 0) return;
  if (poll(entries.data(), 1, kPatienceMs) != 0) return;
  if (last_resort_) last_resort_();
  // Unless nobody reads that, either.
  pollfd errors{STDERR_FILENO, POLLOUT, 0};
  if (poll(&errors, 1, 0) == 1) {
    const std::string_view priority = priority_prefix(Priority::kError);
    [[maybe_unused]] ssize_t said = write(STDERR_FILENO, priority.data(), priority.size());
    said = write(STDERR_FILENO, kLastWords.data(), kLastWords.size());
  }
  _exit(static_cast<int>(ExitStatus::kFailed));
}

} // namespace xenmon
