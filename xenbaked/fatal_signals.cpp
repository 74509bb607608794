// SPDX-License-Identifier: GPL-2.0-or-later
#include "fatal_signals.h"

#include <signal.h>
#include <unistd.h>

#include <string_view>

#include "base/result.h"
#include "journal.h"

namespace xenmon {

namespace {

constexpr std::string_view kSentence =
    "xenbaked: The recording became shorter while it was being read, or its disk fails: copy it again, and "
    "let "
    "no other program "
    "write to it.\n";

void on_bus_error(int /*number*/) {
  const std::string_view priority = priority_prefix(Priority::kError);
  [[maybe_unused]] ssize_t said = write(STDERR_FILENO, priority.data(), priority.size());
  said = write(STDERR_FILENO, kSentence.data(), kSentence.size());
  _exit(static_cast<int>(ExitStatus::kFailed));
}

} // namespace

void explain_bus_errors() {
  (void)journal_reads_standard_error(); // the handler asks again
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

} // namespace xenmon
