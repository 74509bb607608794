// SPDX-License-Identifier: GPL-2.0-or-later
//
// A text file, or standard output, that is written whole lines at a time.
//
// A terminal gets everything as printable_lines(): control characters are only for files and pipes. What has
// been written stays. A write that fails half-way, as on a full disk, is cut back to the last whole line, if
// the file can be cut. Neither a FIFO without a reader nor a full pipe keeps the program from exiting; see
// line_output.h.
#ifndef XENMON_XENMON_LOG_OUTPUT_FILE_H
#define XENMON_XENMON_LOG_OUTPUT_FILE_H

#include <string>

#include "base/descriptor.h"
#include "base/result.h"

namespace xenmon {

class OutputFile {
 public:
  // "-" is standard output. A file is created, or emptied, when there is something to write. Follows no
  // symbolic link. header: lines before all others, "" for none.
  OutputFile(std::string path, std::string header) : path_(std::move(path)), header_(std::move(header)) {}

  // Keeps a line, given without its end, until flush().
  void append(std::string_view line);
  Status flush();
  // The next lines go to the file that now has the name: a new one, or the end of the old one. Does nothing
  // to standard output.
  void reopen();

 private:
  bool is_standard_output() const { return path_ == "-"; }
  std::string name() const;
  Status open_file();

  std::string path_;
  std::string header_;
  std::string pending_;
  Descriptor file_;    // of standard output a copy
  bool begun_ = false; // the header is out, or need not be
  bool keep_ = false;  // keep what is in the file already
  bool terminal_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_OUTPUT_FILE_H
