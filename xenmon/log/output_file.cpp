// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "log/line_output.h"
#include "process/signals.h"
#include "text.h"

namespace xenmon {

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      header_(std::move(other.header_)),
      pending_(std::move(other.pending_)),
      fd_(std::exchange(other.fd_, -1)),
      begun_(other.begun_),
      keep_(other.keep_),
      terminal_(other.terminal_) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0 && !is_standard_output()) close(fd_);
}

void OutputFile::append(std::string_view line) {
  pending_ += line;
  pending_ += '\n';
}

void OutputFile::reopen() {
  if (is_standard_output() || fd_ < 0) return;
  close(fd_);
  fd_ = -1;
  begun_ = false;
  keep_ = true;
}

std::string OutputFile::name() const {
  return is_standard_output() ? "standard output" : "the log file " + printable(path_);
}

Status OutputFile::open_file() {
  if (is_standard_output()) {
    fd_ = STDOUT_FILENO;
    terminal_ = isatty(fd_) != 0;
    return ok();
  }
  const int emptied = keep_ ? 0 : O_TRUNC;
  // Waits until a FIFO has a reader, or the program is asked to exit.
  do {
    fd_ = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | emptied | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
               0666);
  } while (fd_ < 0 && errno == EINTR && !stop_requested());
  if (fd_ < 0) {
    if (errno == EINTR) {
      return Error{name() + " is a FIFO that has no reader yet; nothing was written."};
    }
    if (errno == ELOOP) {
      return Error{name() +
                   " is a symbolic link, which xenmon does not follow; remove it or choose another name."};
    }
    return system_error("cannot write " + name());
  }
  terminal_ = isatty(fd_) != 0;
  struct stat status {};
  begun_ = fstat(fd_, &status) == 0 && status.st_size > 0;
  return ok();
}

Status OutputFile::flush() {
  if (pending_.empty()) return ok();
  if (fd_ < 0) {
    if (Status opened = open_file(); !opened) return opened;
  }
  if (!begun_) {
    pending_.insert(0, header_);
    begun_ = true;
  }
  if (terminal_) pending_ = printable_lines(pending_);
  if (Status written = write_lines(fd_, pending_, name()); !written) return written;
  pending_.clear();
  return ok();
}

} // namespace xenmon
