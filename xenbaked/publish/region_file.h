// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes the region's file safely, in a directory that other users may be able to reach.
//
// The file is made aside, see base/unfinished_file.h. It gets its owner and mode explicitly, whatever the
// umask is, and its blocks are reserved (a full /run is an error here and not a SIGBUS later). Only when its
// contents are valid does place() rename it, so nobody ever sees an incomplete region. Whatever another user
// planted under the final name, a symlink included, is replaced and not followed. A file or device of our own
// that is no region is left alone: open() refuses that path.
//
// A lock file beside it (NAME.lock) keeps a second daemon away from the same path while this one lives; the
// kernel drops the lock with the process. The process that gets the lock removes the unfinished files of
// processes that were killed.
#ifndef XENMON_XENBAKED_PUBLISH_REGION_FILE_H
#define XENMON_XENBAKED_PUBLISH_REGION_FILE_H

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"
#include "base/unfinished_file.h"

namespace xenmon {

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

// The group that may read the region without being root, by its number; nothing if there is none.
// `ask_others`: also the name services, which may take as long as they like to answer and load what they
// need.
std::optional<gid_t> find_reader_group(bool ask_others);

// The place for regions: a directory, a name in it, and the lock on both.
class RegionPlace {
 public:
  struct Options {
    std::string path;
    bool world_readable = false; // 0644 instead of 0640 root:xenmon
  };

  // Creates the directory (0755) if only its last part is missing. Errors: a directory that is a symlink,
  // belongs to another user, or is writable for others without being sticky; kBusy: another daemon holds the
  // lock. From here on no name service is asked.
  static Result<RegionPlace> open(const Options& options);

  // A new zeroed file of that size, mapped; place() puts it in place. At most one is unfinished at a time.
  Result<RegionMapping> make(std::size_t bytes);
  Status place();

  [[nodiscard]] const std::string& path() const { return options_.path; }

 private:
  RegionPlace(Options options, Descriptor directory, Descriptor lock, std::string name,
              std::optional<gid_t> readers)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        lock_(std::move(lock)),
        name_(std::move(name)),
        readers_(readers) {}

  Options options_;
  Descriptor directory_;
  Descriptor lock_;
  std::string name_;
  std::optional<gid_t> readers_; // who get the files; nothing: nobody else
  UnfinishedFile unfinished_;    // closed before the directory is
};

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_REGION_FILE_H
