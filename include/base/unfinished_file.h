// SPDX-License-Identifier: MIT
//
// A file that appears under its name only when it is complete. Until then it has a name of its own in the
// same directory, .NAME.<16 hexadecimal digits>SUFFIX; place() renames it, which replaces whatever was there
// before. So no reader ever sees half a file, and no link that somebody planted under the name is followed.
//
// A process that is killed leaves its unfinished file behind. is_unfinished_name() recognises it; its maker
// knows when it may be removed.
#ifndef XENMON_BASE_UNFINISHED_FILE_H
#define XENMON_BASE_UNFINISHED_FILE_H

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace xenmon {

class UnfinishedFile {
 public:
  UnfinishedFile() = default;
  // An empty file, open to read and write. `name` is relative to `directory`: AT_FDCWD, or an open directory
  // that stays open for as long as this object lives. The umask applies to `mode`. If this fails, the object
  // is not valid() and errno says why.
  UnfinishedFile(int directory, const std::string& name, std::string_view suffix, mode_t mode);
  UnfinishedFile(UnfinishedFile&& other) noexcept;
  UnfinishedFile& operator=(UnfinishedFile&& other) noexcept;
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  // Removes what has not been placed.
  ~UnfinishedFile() { discard(); }

  [[nodiscard]] bool valid() const { return file_.valid(); }
  [[nodiscard]] int fd() const { return file_.get(); }
  // Gives it that name, relative to the same directory. 0, or the system's reason. It stays open.
  [[nodiscard]] int place_as(const std::string& name);
  // Some file systems say only now that a write failed. 0, or the system's reason.
  [[nodiscard]] int close();
  // Removes it, unless it has been placed, and closes it.
  void discard();

 private:
  int directory_ = -1;
  std::string private_name_; // "": placed, or none
  Descriptor file_;
};

// Whether a directory's entry is an unfinished file of that name (the last part of a path) and suffix.
bool is_unfinished_name(std::string_view entry, std::string_view name, std::string_view suffix);

// All of it, in as many calls as that takes. 0, or the system's reason.
[[nodiscard]] int write_all(int fd, std::span<const std::byte> bytes);

// Replaces the file at once: afterwards there is the whole new one or, after a failure, still the old one.
// The umask applies to `mode`. 0, or the system's reason.
[[nodiscard]] int replace_file(const std::string& path, std::string_view content, mode_t mode);

} // namespace xenmon

#endif // XENMON_BASE_UNFINISHED_FILE_H
