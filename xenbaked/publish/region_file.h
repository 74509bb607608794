// SPDX-License-Identifier: GPL-2.0-or-later
//
// Making the region's file safely, in a directory that strangers may be able to reach.
//
// The file is made under a random name (O_CREAT|O_EXCL|O_NOFOLLOW), gets its owner and mode explicitly,
// whatever the umask, and its blocks reserved (a full /run is an error here and not a SIGBUS later). Only
// when its contents are valid does place() rename it, so nobody ever sees a half-made region, and what a
// stranger planted under the final name, a symlink included, is replaced and not followed.
//
// A lock file beside it (NAME.lock) keeps a second daemon away from the same path as long as this one
// lives; the kernel drops the lock with the process. Whoever gets the lock removes what others, which were
// killed, had in the making.
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

// The place where regions are put: a directory, a name in it, and the lock on both.
class RegionPlace {
 public:
  struct Options {
    std::string path;
    bool world_readable = false; // 0644 instead of 0640 root:xenmon
  };

  // Makes the directory (0755) if only it is missing. Errors: a directory that is a symlink, is not
  // ours, or is writable for others without being sticky; kBusy: another daemon holds the lock.
  static Result<RegionPlace> open(const Options& options);

  // A new zeroed file of that size, mapped, under a private name; place() puts it under the real one.
  // At most one is in the making at a time.
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
