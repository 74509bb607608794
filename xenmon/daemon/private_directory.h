// SPDX-License-Identifier: GPL-2.0-or-later
//
// A directory for a replay's region, and the removal of those that were left behind.
//
// Whoever has such a directory holds a lock on the file "lock" in it, and the kernel lets go of the lock
// whichever way he ends. The xenbaked that writes there inherits it, and may live a moment longer. So what is
// not locked is nobody's any more and may go. A directory that has just been made has no lock yet; the sweep
// may take it away, and its maker, who looks again once he has the lock, makes another one.
#ifndef XENMON_XENMON_DAEMON_PRIVATE_DIRECTORY_H
#define XENMON_XENMON_DAEMON_PRIVATE_DIRECTORY_H

#include <string>
#include <utility>

#include "daemon/descriptor.h"
#include "xenmon/result.h"

namespace xenmon {

// A directory that only we may enter, under $XDG_RUNTIME_DIR or /tmp. It and the files in it are removed with
// the object.
class PrivateDirectory {
 public:
  static Result<PrivateDirectory> make();

  PrivateDirectory(PrivateDirectory&& other) noexcept;
  PrivateDirectory& operator=(PrivateDirectory&&) = delete;
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory();

  const std::string& path() const { return path_; }
  // A descriptor; who inherits it holds the lock as well. -1: there are no locks.
  int lock() const { return lock_.get(); }

 private:
  PrivateDirectory(std::string path, Descriptor directory, Descriptor lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string path_;
  Descriptor directory_;
  Descriptor lock_; // of the file; -1 where there are no locks
};

// Removes the directories of this user whose owner is gone, where make() makes them. Touches nothing else: no
// links, nothing that others may enter, nothing without our file in it unless it is empty.
void sweep_private_directories();

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_PRIVATE_DIRECTORY_H
