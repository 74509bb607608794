// SPDX-License-Identifier: GPL-2.0-or-later
//
// A regular file mapped read-only, and which file it is.
#ifndef XENMON_XENMON_CLIENT_MAPPED_FILE_H
#define XENMON_XENMON_CLIENT_MAPPED_FILE_H

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "base/result.h"

namespace xenmon {

// Distinguishes a file from another one that was renamed to the same path.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

class MappedFile {
 public:
  // Follows no symbolic link at the path's end, never waits (a FIFO is refused).
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  FileIdentity identity() const { return identity_; }

  // False once the file is shorter than its mapping. Touching the missing pages would raise SIGBUS, so ask
  // before each round of reading. A file truncated between this question and the reading still would;
  // xenbaked never truncates one, and only its owner could.
  bool still_whole() const;

 private:
  MappedFile() = default;
  void unmap();

  Descriptor file_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
  FileIdentity identity_;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_MAPPED_FILE_H
