// SPDX-License-Identifier: GPL-2.0-or-later
//
// Owns a file descriptor.
#ifndef XENMON_XENBAKED_FLIGHT_DESCRIPTOR_H
#define XENMON_XENBAKED_FLIGHT_DESCRIPTOR_H

#include <unistd.h>

#include <utility>

namespace xenmon {

class OwnedDescriptor {
 public:
  OwnedDescriptor() = default;
  explicit OwnedDescriptor(int fd) : fd_(fd) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  OwnedDescriptor(const OwnedDescriptor&) = delete;
  OwnedDescriptor& operator=(const OwnedDescriptor&) = delete;
  ~OwnedDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_DESCRIPTOR_H
