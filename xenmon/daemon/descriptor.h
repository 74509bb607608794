// SPDX-License-Identifier: GPL-2.0-or-later
//
// A file descriptor, closed with the object.
#ifndef XENMON_XENMON_DAEMON_DESCRIPTOR_H
#define XENMON_XENMON_DAEMON_DESCRIPTOR_H

#include <unistd.h>

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

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_DESCRIPTOR_H
