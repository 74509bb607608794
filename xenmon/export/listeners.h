// SPDX-License-Identifier: GPL-2.0-or-later
//
// The sockets on which scrapers are expected: those that systemd hands over, and those of --listen.
#ifndef XENMON_XENMON_EXPORT_LISTENERS_H
#define XENMON_XENMON_EXPORT_LISTENERS_H

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace xenmon {

// A socket that is being listened on. Closes it, and removes the file of a Unix socket that it made.
class Listener {
 public:
  Listener(int fd, std::string unix_path) : fd_(fd), unix_path_(std::move(unix_path)) {}
  Listener(Listener&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), unix_path_(std::exchange(other.unix_path_, {})) {}
  // The same socket, with the file that is to be removed with it.
  Listener(Listener&& other, std::string unix_path)
      : fd_(std::exchange(other.fd_, -1)), unix_path_(std::move(unix_path)) {}
  Listener& operator=(Listener&&) = delete;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  [[nodiscard]] int fd() const { return fd_; }
  // The address as it was bound, with the port that the system chose if 0 was asked for: "127.0.0.1:10090",
  // "[::1]:10090", "unix:/run/x", or "a socket from systemd" for those without such a name.
  [[nodiscard]] std::string address() const;

 private:
  int fd_;
  std::string unix_path_;
};

// "ADDRESS:PORT", "[ADDRESS]:PORT" (numbers, not names), or "unix:PATH" with mode 0660. The file of a Unix
// socket that nobody listens on any more is replaced.
Result<Listener> listen_on(const std::string& where);

// The protocol of sd_listen_fds(3): LISTEN_PID and LISTEN_FDS name descriptors from 3 on. They are taken away
// from the environment. None if they are not meant for this process; an Error if one is no listening stream
// socket.
Result<std::vector<Listener>> listeners_from_systemd();

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_LISTENERS_H
