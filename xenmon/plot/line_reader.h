// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lines of a file that may still be growing.
#ifndef XENMON_XENMON_PLOT_LINE_READER_H
#define XENMON_XENMON_PLOT_LINE_READER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"

namespace xenmon {

// A line without its end ("\n" or "\r\n").
struct Line {
  std::string_view text;
  // False for the text after the file's last line end, and for a line that is longer than any log's line:
  // then the text is incomplete, or empty.
  bool whole = true;
};

class LineReader {
 public:
  // No line of a log is nearly this long. More of one line is read, but not kept.
  static constexpr std::size_t kLongestLine = 64 * 1024;

  // "-" is standard input. Directories and unreadable files are refused.
  static Result<LineReader> open(const std::string& path);

  // Reads the next line; false at the end of the file. The text is valid until the next call.
  Result<bool> next(Line& line);
  // Of the line last taken, from 1.
  std::uint64_t number() const { return number_; }

 private:
  LineReader(Descriptor file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  Descriptor file_;
  std::string name_; // as in errors
  std::string buffer_;
  std::size_t taken_ = 0;   // of the buffer
  std::size_t scanned_ = 0; // there is no line end before
  bool cut_ = false;        // the beginning of the current line has been dropped
  std::uint64_t number_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_LINE_READER_H
