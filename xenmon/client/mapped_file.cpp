// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "text.h"

namespace xenmon {
namespace {

Error open_error(const std::string& path) {
  const std::string shown = printable(path);
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return {"there is no region at " + shown + "; start xenbaked, or name its region with --region.",
              ExitStatus::kFailed};
    case EACCES:
    case EPERM:
      return {"may not read the region " + shown +
                  "; become root, or have root add you to the group xenmon and log in again.",
              ExitStatus::kNotPermitted};
    case ELOOP:
      return {
          "the region " + shown + " is a symbolic link, which xenmon does not follow; name the file itself.",
          ExitStatus::kFailed};
    default:
      return system_error("cannot open the region " + shown);
  }
}

} // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  MappedFile file;
  file.file_.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file.file_.valid()) return open_error(path);

  struct stat status = {};
  if (fstat(file.file_.get(), &status) != 0)
    return system_error("cannot examine the region " + printable(path));
  if (!S_ISREG(status.st_mode)) {
    return Error{printable(path) +
                 " is not a regular file, and so not a XenMon region; name the region "
                 "with --region."};
  }
  file.identity_ = {status.st_dev, status.st_ino};
  file.size_ = static_cast<std::size_t>(status.st_size);
  if (file.size_ == 0) return file;

  void* data = mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, file.file_.get(), 0);
  if (data == MAP_FAILED) return system_error("cannot map the region " + printable(path));
  file.data_ = data;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : file_(std::move(other.file_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      identity_(other.identity_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    file_ = std::move(other.file_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    identity_ = other.identity_;
  }
  return *this;
}

MappedFile::~MappedFile() {
  unmap();
}

void MappedFile::unmap() {
  if (data_ != nullptr) munmap(data_, size_);
  data_ = nullptr;
}

bool MappedFile::still_whole() const {
  struct stat status = {};
  return fstat(file_.get(), &status) == 0 && static_cast<std::size_t>(status.st_size) >= size_;
}

} // namespace xenmon
