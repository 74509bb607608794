// SPDX-License-Identifier: GPL-2.0-or-later
#include "process/last_words.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>

#include "process/signals.h"

namespace xenmon {
namespace {

constexpr std::array<int, 5> kFailures = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
constexpr std::size_t kStackSize = 32 * 1024;
constexpr std::size_t kReserve = 256 * 1024;

// After a stack overflow the handler needs a stack of its own.
alignas(std::max_align_t) std::array<std::byte, kStackSize> handlers_stack;

std::unique_ptr<std::byte[]>& reserve() {
  static std::unique_ptr<std::byte[]> kept;
  return kept;
}

// If there is no room even for an exception, or nothing to catch it.
[[noreturn]] void give_up() {
  if (!reserve()) end_at_once(kNoMemory);
  std::abort();
}

void use_the_reserve() {
  reserve().reset();
  std::set_new_handler(nullptr);
  throw std::bad_alloc();
}

void fail(int signal, siginfo_t* information, void*) {
  restore_terminal();
  // Only the region, and the program itself, are mapped files.
  if (signal == SIGBUS && information->si_code == BUS_ADRERR)
    end_at_once("xenmon: the region was truncated while it was being read; start xenbaked again.\n");
  die_of(signal);
}

} // namespace

void catch_failures() {
  stack_t stack = {};
  stack.ss_sp = handlers_stack.data();
  stack.ss_size = handlers_stack.size();
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = fail;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  sigfillset(&action.sa_mask);
  for (const int signal : kFailures) {
    struct sigaction found = {};
    if (sigaction(signal, nullptr, &found) == 0 && (found.sa_flags & SA_SIGINFO) == 0 &&
        found.sa_handler == SIG_DFL)
      sigaction(signal, &action, nullptr);
  }
}

void keep_a_reserve() {
  std::set_terminate(give_up);
  reserve().reset(new (std::nothrow) std::byte[kReserve]{});
  std::set_new_handler(use_the_reserve);
}

void end_at_once(std::string_view sentence) {
  restore_terminal();
  pollfd error = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&error, 1, 0) > 0) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, sentence.data(), sentence.size());
  }
  _exit(1);
}

void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  raise(signal);
  _exit(128 + signal);
}

} // namespace xenmon
