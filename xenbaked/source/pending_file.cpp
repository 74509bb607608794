// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/pending_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <utility>

namespace xenmon {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".part";
constexpr int kAttempts = 4; // in case a name is taken, or our own file is swept up

// A file on which no process holds a lock is not being written.
void sweep(const std::string& name) {
  const fs::path parent = fs::path(name).parent_path();
  const std::string last = fs::path(name).filename().string();
  std::error_code error;
  for (fs::directory_iterator entry(parent.empty() ? fs::path(".") : parent, error), end;
       !error && entry != end; entry.increment(error)) {
    if (!is_unfinished_name(entry->path().filename().string(), last, kSuffix)) continue;
    const Descriptor file(open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.valid() && flock(file.get(), LOCK_EX | LOCK_NB) == 0) unlink(entry->path().c_str());
  }
}

} // namespace

Result<PendingFile> PendingFile::create(const std::string& name) {
  struct stat status {};
  if (lstat(name.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return Error{name + " exists and is not a regular file; name another one.", ExitStatus::kUsage};
  }
  if (fs::path(name).filename().empty())
    return Error{"'" + name + "' does not name a file; name one.", ExitStatus::kUsage};
  sweep(name);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UnfinishedFile unfinished(AT_FDCWD, name, kSuffix, 0600);
    if (!unfinished.valid() && errno == EEXIST) continue;
    if (!unfinished.valid()) return system_error("Cannot make " + name);
    const int fd = unfinished.fd();
    flock(fd, LOCK_EX | LOCK_NB);
    if (fchmod(fd, 0640) != 0) return system_error("Cannot set the mode of " + name);
    if (fstat(fd, &status) == 0 && status.st_nlink == 1) return PendingFile(name, std::move(unfinished));
  }
  return Error{"Cannot make " + name + ": other programs create files of that name; try again.",
               ExitStatus::kFailed};
}

int PendingFile::append(std::span<const std::byte> bytes) {
  if (const int reason = write_all(file_.fd(), bytes)) {
    [[maybe_unused]] const int cut = ftruncate(file_.fd(), static_cast<off_t>(size_));
    return reason;
  }
  size_ += bytes.size();
  return 0;
}

Status PendingFile::empty() {
  if (ftruncate(file_.fd(), 0) != 0 || lseek(file_.fd(), 0, SEEK_SET) != 0)
    return system_error("Cannot write " + name_ + " again");
  size_ = 0;
  return ok();
}

Status PendingFile::place_as(const std::string& name) {
  if (const int reason = file_.place_as(name)) {
    errno = reason;
    return system_error("Cannot put " + name + " in place");
  }
  return ok();
}

} // namespace xenmon
