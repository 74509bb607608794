// SPDX-License-Identifier: MIT
//
// A file descriptor that is closed with the object. -1 is none.
#ifndef XENMON_BASE_DESCRIPTOR_H
#define XENMON_BASE_DESCRIPTOR_H

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace xenmon {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  // Hands it over to the caller, who closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes what it has. errno stays as it is, so that what failed before can still be reported.
  void reset(int fd = -1) {
    const int kept = errno;
    if (fd_ >= 0) close(fd_);
    errno = kept;
    fd_ = fd;
  }

 private:
  int fd_;
};

} // namespace xenmon

#endif // XENMON_BASE_DESCRIPTOR_H
