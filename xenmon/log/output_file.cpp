// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "log/line_output.h"
#include "process/signals.h"
#include "text.h"

namespace xenmon {

void OutputFile::append(std::string_view line) {
  pending_ += line;
  pending_ += '\n';
}

void OutputFile::reopen() {
  if (is_standard_output() || !file_.valid()) return;
  file_.reset();
  begun_ = false;
  keep_ = true;
}

std::string OutputFile::name() const {
  return is_standard_output() ? "standard output" : "the log file " + printable(path_);
}

Status OutputFile::open_file() {
  if (is_standard_output()) {
    file_.reset(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!file_.valid()) return system_error("cannot write " + name());
    terminal_ = isatty(file_.get()) != 0;
    return ok();
  }
  const int emptied = keep_ ? 0 : O_TRUNC;
  // Waits until a FIFO has a reader, or the program is asked to exit.
  do {
    file_.reset(open(path_.c_str(),
                     O_WRONLY | O_APPEND | O_CREAT | emptied | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0666));
  } while (!file_.valid() && errno == EINTR && !stop_requested());
  if (!file_.valid()) {
    if (errno == EINTR) {
      return Error{name() + " is a FIFO that has no reader yet; nothing was written."};
    }
    if (errno == ELOOP) {
      return Error{name() +
                   " is a symbolic link, which xenmon does not follow; remove it or choose another name."};
    }
    return system_error("cannot write " + name());
  }
  terminal_ = isatty(file_.get()) != 0;
  struct stat status {};
  begun_ = fstat(file_.get(), &status) == 0 && status.st_size > 0;
  return ok();
}

Status OutputFile::flush() {
  if (pending_.empty()) return ok();
  if (!file_.valid()) {
    if (Status opened = open_file(); !opened) return opened;
  }
  if (!begun_) {
    pending_.insert(0, header_);
    begun_ = true;
  }
  if (terminal_) pending_ = printable_lines(pending_);
  if (Status written = write_lines(file_.get(), pending_, name()); !written) return written;
  pending_.clear();
  return ok();
}

} // namespace xenmon
