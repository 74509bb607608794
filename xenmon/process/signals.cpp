// SPDX-License-Identifier: GPL-2.0-or-later
#include "process/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "base/clock.h"
#include "base/descriptor.h"
#include "process/last_words.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::array<int, 4> kStopping = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array<int, 6> kAwaited = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGALRM};
// Errors of the write report these.
constexpr std::array<int, 2> kNotWanted = {SIGPIPE, SIGXFSZ};

constexpr long kTickNs = 50'000'000;
constexpr std::chrono::nanoseconds kTerminalsPatience = 200ms;
// Nothing known takes this long; whatever it is, do not wait for it.
constexpr std::chrono::nanoseconds kLastResort = 3s;

volatile sig_atomic_t stop_flag = 0;
volatile sig_atomic_t quit_flag = 0;
volatile sig_atomic_t resize_flag = 0;
volatile sig_atomic_t reopen_flag = 0;
// Set before any signal is caught.
volatile sig_atomic_t hangup_reopens = 0;
volatile sig_atomic_t had_terminal = 0;
timer_t ticker = nullptr;
bool has_ticker = false;

// Handlers run on the only thread.
std::uint64_t stopped_at_ns = 0;
std::atomic<const TerminalRescue*> terminal_rescue = nullptr;
static_assert(std::atomic<const TerminalRescue*>::is_always_lock_free);

std::array<struct sigaction, kNotWanted.size()> found_not_wanted = {};

bool terminal_is_there() {
  const int before = errno;
  const Descriptor terminal(open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
  errno = before;
  return terminal.valid();
}

timespec to_timespec(std::chrono::nanoseconds time) {
  const auto ns = std::max(std::chrono::nanoseconds(0), time).count();
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

void begin_to_stop() {
  if (stop_flag != 0) return;
  stopped_at_ns = monotonic_ns();
  // A background process that is told to exit must not be stopped because it restores the terminal.
  signal(SIGTTOU, SIG_IGN);
  stop_flag = 1;
  const itimerspec ticks = {{0, kTickNs}, {0, kTickNs}};
  if (has_ticker) timer_settime(ticker, 0, &ticks, nullptr);
}

void note(int signal) {
  const int before = errno;
  if (signal == SIGWINCH) {
    resize_flag = 1;
  } else if (signal == SIGHUP && hangup_reopens != 0 && (had_terminal == 0 || terminal_is_there())) {
    reopen_flag = 1;
  } else {
    // A user who presses Ctrl-\ again does not want to wait.
    if (signal == SIGQUIT && quit_flag != 0) {
      restore_terminal();
      die_of(SIGQUIT);
    }
    if (signal == SIGQUIT) quit_flag = 1;
    begin_to_stop();
  }
  errno = before;
}

// An interruption is enough for most blocked calls. curses retries.
void tick(int) {
  const int before = errno;
  const std::chrono::nanoseconds waited = stopping_for();
  const TerminalRescue* rescue = terminal_rescue;
  if (waited > kTerminalsPatience && rescue != nullptr) rescue->unblock();
  if (waited > kLastResort) end_at_once("xenmon: could not exit normally; the rest was not written.\n");
  errno = before;
}

bool is_ignored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t awaited_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kAwaited) sigaddset(&set, signal);
  return set;
}

// Whether poll() has something to report about the descriptor. No signal can slip in before the wait.
bool wait_for(pollfd& watched, std::chrono::nanoseconds timeout, bool noticed) {
  const timespec time = to_timespec(timeout);
  const sigset_t awaited = awaited_set();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &awaited, &before);
  // A signal that the caller knows about does not end the wait; a new one does.
  const bool signalled = !noticed && (stop_flag != 0 || resize_flag != 0 || reopen_flag != 0);
  const int ready = signalled ? 0 : ppoll(&watched, 1, &time, &before);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return ready > 0;
}

} // namespace

void catch_signals(Hangup on_hangup) {
  hangup_reopens = on_hangup == Hangup::kReopenFiles ? 1 : 0;
  had_terminal = terminal_is_there() ? 1 : 0;
  struct sigaction ignored = {};
  ignored.sa_handler = SIG_IGN;
  for (std::size_t i = 0; i < kNotWanted.size(); ++i)
    sigaction(kNotWanted[i], &ignored, &found_not_wanted[i]);

  struct sigaction action = {};
  // No handler interrupts another one: they share state.
  action.sa_mask = awaited_set();
  action.sa_handler = tick;
  sigaction(SIGALRM, &action, nullptr);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  has_ticker = timer_create(CLOCK_MONOTONIC, &event, &ticker) == 0;
  // A parent may have left it blocked.
  sigset_t unblocked = awaited_set();
  sigprocmask(SIG_UNBLOCK, &unblocked, nullptr);

  action.sa_handler = note;
  for (const int signal : kStopping) {
    if (!is_ignored(signal)) sigaction(signal, &action, nullptr);
  }
  action.sa_flags = SA_RESTART; // only our waits must notice
  sigaction(SIGWINCH, &action, nullptr);
}

bool stop_requested() {
  return stop_flag != 0;
}

std::chrono::nanoseconds stopping_for() {
  if (stop_flag == 0) return 0ns;
  return std::chrono::nanoseconds(monotonic_ns() - stopped_at_ns);
}

int signal_to_end_by() {
  return quit_flag != 0 ? SIGQUIT : 0;
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
  pollfd watched = {fd, POLLIN, 0};
  if (!wait_for(watched, timeout, false)) return Input::kNone;
  return (watched.revents & POLLIN) != 0 ? Input::kReady : Input::kGone;
}

bool wait_for_output(int fd, std::chrono::nanoseconds timeout) {
  pollfd watched = {fd, POLLOUT, 0};
  return wait_for(watched, timeout, true);
}

void set_terminal_rescue(const TerminalRescue* rescue) {
  terminal_rescue = rescue;
}

void restore_terminal() {
  const TerminalRescue* rescue = terminal_rescue.exchange(nullptr);
  if (rescue == nullptr) return;
  signal(SIGTTOU, SIG_IGN);
  rescue->unblock();
  rescue->restore();
}

void restore_signals() {
  for (const int signal : kStopping) {
    if (!is_ignored(signal)) ::signal(signal, SIG_DFL);
  }
  ::signal(SIGTERM, SIG_DFL);
  ::signal(SIGWINCH, SIG_DFL);
  ::signal(SIGALRM, SIG_DFL);
  for (std::size_t i = 0; i < kNotWanted.size(); ++i) sigaction(kNotWanted[i], &found_not_wanted[i], nullptr);
  // The first wait of a child that is told to exit at once may have started with them blocked.
  sigset_t unblocked = awaited_set();
  sigprocmask(SIG_UNBLOCK, &unblocked, nullptr);
}

} // namespace xenmon
