// SPDX-License-Identifier: GPL-2.0-or-later
#include "journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace xenmon {

namespace {

bool is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

} // namespace

bool journal_reads_standard_error() {
  static const bool reads = is_journal();
  return reads;
}

std::string_view priority_prefix(Priority priority) {
  if (!journal_reads_standard_error()) return {};
  switch (priority) {
    case Priority::kError:
      return "<3>";
    case Priority::kWarning:
      return "<4>";
    case Priority::kNotice:
      return "<5>";
    case Priority::kInformation:
      break;
  }
  return "<6>";
}

std::string message_lines(std::string_view program, Priority priority, std::string_view text) {
  const std::string_view prefix = priority_prefix(priority);
  std::string lines(prefix);
  lines.append(program).append(": ");
  for (const char c : text) {
    lines += c;
    if (c == '\n') lines += prefix;
  }
  return lines += '\n';
}

} // namespace xenmon
