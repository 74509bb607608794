// SPDX-License-Identifier: GPL-2.0-or-later
//
// An unfinished file of many megabytes, which grows for hours: .NAME.<16 digits>.part, see
// base/unfinished_file.h. Mode 0640 whatever the umask is.
//
// It is locked while its maker lives, and removed with the object unless it was placed. So a file that a
// killed process left behind can be recognised, and is removed when a file with the same name is made.
#ifndef XENMON_XENBAKED_SOURCE_PENDING_FILE_H
#define XENMON_XENBAKED_SOURCE_PENDING_FILE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unfinished_file.h"

namespace xenmon {

class PendingFile {
 public:
  // Errors: the existing file of that name is not a regular file; the directory cannot be written to.
  static Result<PendingFile> create(const std::string& name);

  // All or nothing: what was written of it is cut off again. 0, or the system's reason.
  [[nodiscard]] int append(std::span<const std::byte> bytes);
  // Nothing has been written to it.
  Status empty();
  // Renames it to its name, or another one in the same directory, and replaces what was there.
  Status place() { return place_as(name_); }
  Status place_as(const std::string& name);
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  PendingFile(std::string name, UnfinishedFile file) : name_(std::move(name)), file_(std::move(file)) {}

  std::string name_;
  UnfinishedFile file_;
  std::uint64_t size_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_PENDING_FILE_H
