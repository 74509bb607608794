// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace xenmon {

namespace {

constexpr std::uint64_t kNsPerUs = 1000;
constexpr std::uint64_t kMessagesPerPatience = 3;

std::optional<std::uint64_t> number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// -1 if there is no such socket.
int connect_to(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
    return -1;
  std::memcpy(address.sun_path, path.data(), path.size());
  // A name that is in no directory.
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

} // namespace

ServiceManager::ServiceManager() {
  if (const char* path = std::getenv("NOTIFY_SOCKET")) fd_ = connect_to(path);
  const std::optional<std::uint64_t> pid = number("WATCHDOG_PID");
  const std::optional<std::uint64_t> patience_us = number("WATCHDOG_USEC");
  if (fd_ >= 0 && patience_us && (!pid || *pid == static_cast<std::uint64_t>(getpid())))
    period_ns_ = *patience_us * kNsPerUs / kMessagesPerPatience;
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}) unsetenv(name);
}

ServiceManager::~ServiceManager() {
  if (fd_ >= 0) close(fd_);
}

void ServiceManager::ready() {
  send("READY=1");
}

void ServiceManager::alive(std::uint64_t monotonic_ns) {
  if (period_ns_ == 0 || (last_ns_ != 0 && monotonic_ns - last_ns_ < period_ns_)) return;
  last_ns_ = monotonic_ns;
  send("WATCHDOG=1");
}

void ServiceManager::stopping() {
  send("STOPPING=1");
}

void ServiceManager::send(std::string_view message) const {
  if (fd_ < 0) return;
  [[maybe_unused]] const ssize_t sent = ::send(fd_, message.data(), message.size(), MSG_NOSIGNAL);
}

} // namespace xenmon
