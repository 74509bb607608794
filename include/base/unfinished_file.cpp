// SPDX-License-Identifier: MIT
#include "base/unfinished_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace xenmon {

namespace {

constexpr std::size_t kDigits = 16;

std::string random_digits() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(getpid());
  char text[kDigits + 1];
  std::snprintf(text, sizeof text, "%016" PRIx64, number);
  return text;
}

std::string private_name(const std::string& name, std::string_view suffix) {
  const std::size_t last = name.rfind('/') + 1; // npos + 1 is 0
  return (name.substr(0, last) + '.' + name.substr(last) + '.' + random_digits()).append(suffix);
}

} // namespace

UnfinishedFile::UnfinishedFile(int directory, const std::string& name, std::string_view suffix, mode_t mode)
    : directory_(directory), private_name_(private_name(name, suffix)) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  file_.reset(openat(directory_, private_name_.c_str(), kFlags, mode));
  if (!file_.valid()) private_name_.clear();
}

UnfinishedFile::UnfinishedFile(UnfinishedFile&& other) noexcept
    : directory_(other.directory_),
      private_name_(std::exchange(other.private_name_, {})),
      file_(std::move(other.file_)) {}

UnfinishedFile& UnfinishedFile::operator=(UnfinishedFile&& other) noexcept {
  if (this != &other) {
    discard();
    directory_ = other.directory_;
    private_name_ = std::exchange(other.private_name_, {});
    file_ = std::move(other.file_);
  }
  return *this;
}

int UnfinishedFile::place_as(const std::string& name) {
  if (renameat(directory_, private_name_.c_str(), directory_, name.c_str()) != 0) return errno;
  private_name_.clear();
  return 0;
}

int UnfinishedFile::close() {
  return ::close(file_.release()) == 0 ? 0 : errno;
}

void UnfinishedFile::discard() {
  if (!private_name_.empty()) unlinkat(directory_, private_name_.c_str(), 0);
  private_name_.clear();
  file_.reset();
}

bool is_unfinished_name(std::string_view entry, std::string_view name, std::string_view suffix) {
  // ".NAME.", the digits and the suffix.
  if (entry.size() != name.size() + 2 + kDigits + suffix.size()) return false;
  if (entry.front() != '.' || entry.substr(1, name.size()) != name || entry[name.size() + 1] != '.')
    return false;
  const std::string_view digits = entry.substr(name.size() + 2, kDigits);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos && entry.ends_with(suffix);
}

int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int replace_file(const std::string& path, std::string_view content, mode_t mode) {
  UnfinishedFile file(AT_FDCWD, path, "", mode);
  if (!file.valid()) return errno;
  if (const int reason = write_all(file.fd(), std::as_bytes(std::span(content)))) return reason;
  if (const int reason = file.close()) return reason;
  return file.place_as(path);
}

} // namespace xenmon
