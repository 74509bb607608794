// SPDX-License-Identifier: GPL-2.0-or-later
//
// A directory for a replay's region, and the removal of directories that were left behind.
//
// The owner of such a directory holds a lock on the file "lock" in it; the kernel drops the lock however the
// owner ends. The xenbaked that writes there inherits the lock, and may live a moment longer. So a directory
// that is not locked belongs to no process and may be removed. A new directory has no lock yet, and the sweep
// may remove it; its maker checks again once it has the lock, and makes another directory if necessary.
#ifndef XENMON_XENMON_DAEMON_PRIVATE_DIRECTORY_H
#define XENMON_XENMON_DAEMON_PRIVATE_DIRECTORY_H

#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"

namespace xenmon {

// A directory that only we may enter, under $XDG_RUNTIME_DIR or /tmp. It is removed with the object, with the
// files in it.
class PrivateDirectory {
 public:
  static Result<PrivateDirectory> make();

  PrivateDirectory(PrivateDirectory&& other) noexcept;
  PrivateDirectory& operator=(PrivateDirectory&&) = delete;
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory();

  const std::string& path() const { return path_; }
  // A descriptor; a process that inherits it holds the lock, too. -1: there are no locks.
  int lock() const { return lock_.get(); }

 private:
  PrivateDirectory(std::string path, Descriptor directory, Descriptor lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string path_;
  Descriptor directory_;
  Descriptor lock_; // of the file; -1 where there are no locks
};

// Removes the directories of this user whose owner is gone, in the places where make() makes them. Touches
// nothing else: no links, nothing that others may enter, and nothing without our file in it unless it is
// empty.
void sweep_private_directories();

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_PRIVATE_DIRECTORY_H
