// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/private_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "text.h"

namespace xenmon {
namespace {

constexpr std::string_view kPrefix = "xenmon-replay-";
constexpr std::string_view kPlaces = "XXXXXX"; // for mkdtemp()
constexpr const char* kLock = "lock";
constexpr int kAttempts = 100; // an attempt fails if a sweep comes at the wrong moment

std::vector<std::string> parents() {
  std::vector<std::string> found;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') found.emplace_back(runtime);
  found.emplace_back("/tmp");
  return found;
}

Descriptor open_directory(int parent, const char* name) {
  return Descriptor(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

DirectoryStream stream_of(int directory) {
  Descriptor again = open_directory(directory, ".");
  if (again.get() < 0) return nullptr;
  DirectoryStream stream(fdopendir(again.get()));
  if (stream) (void)again.release(); // closed with the stream
  return stream;
}

// The lock is removed last: a directory that still has it is found by the next sweep.
void remove_files(int directory) {
  if (const DirectoryStream files = stream_of(directory)) {
    while (const dirent* entry = readdir(files.get())) {
      if (std::string_view(entry->d_name) != kLock) unlinkat(directory, entry->d_name, 0);
    }
  }
  unlinkat(directory, kLock, 0);
}

bool is_ours(int directory) {
  struct stat status {};
  return fstat(directory, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 07777) == 0700;
}

bool is_such_a_name(std::string_view name) {
  return name.size() == kPrefix.size() + kPlaces.size() && name.starts_with(kPrefix);
}

// Whether we may remove the directory. The lock, once taken, is held meanwhile.
bool is_abandoned(int directory, Descriptor& lock) {
  lock.reset(openat(directory, kLock, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  // Without the file it is only removed if it is empty.
  if (lock.get() < 0) return errno == ENOENT;
  return flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

void sweep(const std::string& parent) {
  const Descriptor place(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const DirectoryStream entries = place.get() < 0 ? nullptr : stream_of(place.get());
  if (!entries) return;
  while (const dirent* entry = readdir(entries.get())) {
    if (!is_such_a_name(entry->d_name)) continue;
    const Descriptor directory = open_directory(place.get(), entry->d_name);
    if (directory.get() < 0 || !is_ours(directory.get())) continue;
    Descriptor lock;
    if (!is_abandoned(directory.get(), lock)) continue;
    if (lock.get() >= 0) remove_files(directory.get());
    unlinkat(place.get(), entry->d_name, AT_REMOVEDIR);
  }
}

bool is_there(int directory, const Descriptor& lock) {
  struct stat held {};
  struct stat named {};
  return fstat(lock.get(), &held) == 0 && fstatat(directory, kLock, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

// Under sudo the replay runs as the caller, whose directory it must be.
void give_to_caller(int directory, int lock) {
  const char* uid = std::getenv("SUDO_UID");
  const char* gid = std::getenv("SUDO_GID");
  if (geteuid() != 0 || uid == nullptr || gid == nullptr) return;
  const auto owner = static_cast<uid_t>(std::strtoul(uid, nullptr, 10));
  const auto group = static_cast<gid_t>(std::strtoul(gid, nullptr, 10));
  // If it stays root's, the replay stays root's.
  if (fchown(lock, owner, group) != 0 || fchown(directory, owner, group) != 0) return;
}

} // namespace

Result<PrivateDirectory> PrivateDirectory::make() {
  std::string problem;
  for (const std::string& parent : parents()) {
    const std::string pattern = parent + "/" + std::string(kPrefix) + std::string(kPlaces);
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      std::string path = pattern;
      if (mkdtemp(path.data()) == nullptr) {
        problem = system_error("cannot make a directory for the replay in " + printable(parent)).message;
        break;
      }
      Descriptor directory = open_directory(AT_FDCWD, path.c_str());
      Descriptor lock(openat(directory.get(), kLock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (lock.get() < 0) {
        problem = system_error("cannot make files in " + printable(path)).message;
        rmdir(path.c_str());
        continue;
      }
      // On a file system without locks, no sweep gets one either.
      const bool locked = flock(lock.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
      if (locked && is_there(directory.get(), lock)) {
        give_to_caller(directory.get(), lock.get());
        return PrivateDirectory(std::move(path), std::move(directory), std::move(lock));
      }
    }
  }
  return Error{problem.empty() ? "other programs remove xenmon's directories in /tmp; start xenmon again."
                               : problem};
}

PrivateDirectory::PrivateDirectory(PrivateDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      directory_(std::move(other.directory_)),
      lock_(std::move(other.lock_)) {}

PrivateDirectory::~PrivateDirectory() {
  if (path_.empty()) return;
  remove_files(directory_.get());
  rmdir(path_.c_str()); // a failure could not be reported any more
}

void sweep_private_directories() {
  for (const std::string& parent : parents()) sweep(parent);
}

} // namespace xenmon
