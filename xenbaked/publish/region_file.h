// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes the region's file safely, in a directory that other users may be able to reach.
//
// The file is created under a random name (O_CREAT|O_EXCL|O_NOFOLLOW), gets its owner and mode explicitly,
// whatever the umask is, and its blocks are reserved (a full /run is an error here and not a SIGBUS later).
// Only when its contents are valid does place() rename it, so nobody ever sees an incomplete region. Whatever
// another user planted under the final name, a symlink included, is replaced and not followed. A file or
// device of our own that is no region is left alone: open() refuses that path.
//
// A lock file beside it (NAME.lock) keeps a second daemon away from the same path while this one lives; the
// kernel drops the lock with the process. The process that gets the lock removes the unfinished files of
// processes that were killed.
#ifndef XENMON_XENBAKED_PUBLISH_REGION_FILE_H
#define XENMON_XENBAKED_PUBLISH_REGION_FILE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "xenmon/result.h"

namespace xenmon {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A shared, writable mapping of a region file. Unmaps; the file stays.
class RegionMapping {
 public:
  RegionMapping() = default;
  RegionMapping(void* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
  RegionMapping(RegionMapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  RegionMapping& operator=(RegionMapping&& other) noexcept;
  ~RegionMapping();
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// The place for regions: a directory, a name in it, and the lock on both.
class RegionPlace {
 public:
  struct Options {
    std::string path;
    bool world_readable = false; // 0644 instead of 0640 root:xenmon
  };

  // Creates the directory (0755) if only its last part is missing. Errors: a directory that is a symlink,
  // belongs to another user, or is writable for others without being sticky; kBusy: another daemon holds the
  // lock.
  static Result<RegionPlace> open(const Options& options);

  // A new zeroed file of that size, mapped, under a private name; place() gives it the real one. At most one
  // is unfinished at a time.
  Result<RegionMapping> make(std::size_t bytes);
  Status place();

  [[nodiscard]] const std::string& path() const { return options_.path; }

 private:
  RegionPlace(Options options, FileDescriptor directory, FileDescriptor lock, std::string name)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        lock_(std::move(lock)),
        name_(std::move(name)) {}

  Options options_;
  FileDescriptor directory_;
  FileDescriptor lock_;
  std::string name_;
  std::string private_name_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_REGION_FILE_H
