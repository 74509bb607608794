// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/pending_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

namespace xenmon {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".part";
constexpr std::size_t kDigits = 16;
constexpr int kAttempts = 4; // in case a name is taken, or our own file is swept up

std::string random_digits() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(getpid());
  char text[kDigits + 1];
  std::snprintf(text, sizeof text, "%016" PRIx64, number);
  return text;
}

fs::path directory_of(const std::string& name) {
  const fs::path parent = fs::path(name).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

std::string prefix_of(const std::string& name) {
  return "." + fs::path(name).filename().string() + ".";
}

bool is_pending_of(const std::string& entry, const std::string& prefix) {
  if (entry.size() != prefix.size() + kDigits + kSuffix.size() || !entry.starts_with(prefix) ||
      !entry.ends_with(kSuffix))
    return false;
  const std::string_view digits = std::string_view(entry).substr(prefix.size(), kDigits);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A file on which no process holds a lock is not being written.
void sweep(const std::string& name) {
  const std::string prefix = prefix_of(name);
  std::error_code error;
  for (fs::directory_iterator entry(directory_of(name), error), end; !error && entry != end;
       entry.increment(error)) {
    if (!is_pending_of(entry->path().filename().string(), prefix)) continue;
    const int fd = open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlink(entry->path().c_str());
    close(fd);
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
    std::string private_name =
        (directory_of(name) / (prefix_of(name) + random_digits() + std::string(kSuffix))).string();
    const int fd = open(private_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) return system_error("Cannot make " + name);
    PendingFile file(name, std::move(private_name), fd);
    flock(fd, LOCK_EX | LOCK_NB);
    if (fchmod(fd, 0640) != 0) return system_error("Cannot set the mode of " + name);
    if (fstat(fd, &status) == 0 && status.st_nlink == 1) return file;
  }
  return Error{"Cannot make " + name + ": other programs create files of that name; try again.",
               ExitStatus::kFailed};
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : name_(std::move(other.name_)),
      private_name_(std::exchange(other.private_name_, {})),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_) {}

PendingFile::~PendingFile() {
  if (!private_name_.empty()) unlink(private_name_.c_str());
  if (fd_ >= 0) close(fd_);
}

int PendingFile::append(std::span<const std::byte> bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t now = write(fd_, bytes.data() + written, bytes.size() - written);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) {
      const int reason = now < 0 ? errno : ENOSPC;
      [[maybe_unused]] const int cut = ftruncate(fd_, static_cast<off_t>(size_));
      return reason;
    }
    written += static_cast<std::size_t>(now);
  }
  size_ += bytes.size();
  return 0;
}

Status PendingFile::place_as(const std::string& name) {
  if (std::rename(private_name_.c_str(), name.c_str()) != 0)
    return system_error("Cannot put " + name + " in place");
  private_name_.clear();
  return ok();
}

} // namespace xenmon
