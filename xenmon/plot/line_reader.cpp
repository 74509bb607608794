// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "text.h"

namespace xenmon {

Result<LineReader> LineReader::open(const std::string& path) {
  const bool standard_input = path == "-";
  std::string name = standard_input ? "standard input" : "the log " + printable(path);
  Descriptor file(standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) return system_error("cannot read " + name);
  return LineReader(std::move(file), std::move(name));
}

Result<bool> LineReader::next(Line& line) {
  for (;;) {
    const std::size_t end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      std::string_view text = std::string_view(buffer_).substr(taken_, end - taken_);
      if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
      line = {text, !std::exchange(cut_, false) && text.size() <= kLongestLine};
      taken_ = scanned_ = end + 1;
      ++number_;
      return true;
    }
    if (buffer_.size() - taken_ > kLongestLine) {
      cut_ = true;
      taken_ = buffer_.size();
    }
    buffer_.erase(0, taken_);
    taken_ = 0;
    scanned_ = buffer_.size();
    constexpr std::size_t kChunk = 64 * 1024;
    buffer_.resize(scanned_ + kChunk);
    ssize_t got = 0;
    do {
      got = read(file_.get(), buffer_.data() + scanned_, kChunk);
    } while (got < 0 && errno == EINTR);
    const int problem = errno;
    buffer_.resize(scanned_ + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0) {
      errno = problem;
      return system_error("cannot read " + name_);
    }
    if (got > 0) continue;
    if (buffer_.empty() && !cut_) return false;
    line = {std::string_view(buffer_), false};
    taken_ = scanned_ = buffer_.size();
    cut_ = false;
    ++number_;
    return true;
  }
}

} // namespace xenmon
