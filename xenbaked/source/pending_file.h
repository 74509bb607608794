// SPDX-License-Identifier: GPL-2.0-or-later
//
// An unfinished file, which appears under its name only when it is complete: it is written in the same
// directory as .NAME.<16 digits>.part, and renamed. Mode 0640 whatever the umask is; no link is followed.
//
// It is locked while its maker lives. So a file that a killed process left behind can be recognised, and is
// removed when a file with the same name is made.
#ifndef XENMON_XENBAKED_SOURCE_PENDING_FILE_H
#define XENMON_XENBAKED_SOURCE_PENDING_FILE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace xenmon {

class PendingFile {
 public:
  // Errors: the existing file of that name is not a regular file; the directory cannot be written to.
  static Result<PendingFile> create(const std::string& name);

  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&& other) = delete;
  // Removes what has not been placed.
  ~PendingFile();

  // All or nothing: what was written of it is cut off again. 0, or the system's reason.
  [[nodiscard]] int append(std::span<const std::byte> bytes);
  // Renames it to its name, or another one in the same directory, and replaces what was there.
  Status place() { return place_as(name_); }
  Status place_as(const std::string& name);
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  PendingFile(std::string name, std::string private_name, int fd)
      : name_(std::move(name)), private_name_(std::move(private_name)), fd_(fd) {}

  std::string name_;
  std::string private_name_; // "": placed
  int fd_;
  std::uint64_t size_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_PENDING_FILE_H
