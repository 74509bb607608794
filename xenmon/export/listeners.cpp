// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/descriptor.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kBacklog = 128;
constexpr int kFirstFromSystemd = 3;
constexpr int kMostFromSystemd = 64;
constexpr mode_t kUnixMode = 0660;

struct Address {
  sockaddr_storage storage = {};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Error bad_address(const std::string& where) {
  return {
      "option --listen takes ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH, with an address in numbers, not \"" +
          printable(where) + "\".",
      ExitStatus::kUsage};
}

Error cannot_listen(const std::string& where) {
  const int reason = errno;
  Error error{"cannot listen on " + printable(where) + ": " + std::strerror(reason) +
              "; name another one with --listen."};
  if (reason == EACCES || reason == EPERM) error.status = ExitStatus::kNotPermitted;
  if (reason == EADDRINUSE) error.status = ExitStatus::kBusy;
  return error;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Address> ip_address(std::string_view where) {
  const std::size_t colon = where.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = number_of<std::uint16_t>(where.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string host(where.substr(0, colon));
  Address address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(*port);
    address.length = sizeof six;
    if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return std::nullopt;
    return address;
  }
  auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
  four.sin_family = AF_INET;
  four.sin_port = htons(*port);
  address.length = sizeof four;
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) != 1) return std::nullopt;
  return address;
}

std::optional<Address> unix_address(const std::string& path) {
  Address address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.empty() || path.size() >= sizeof local.sun_path) return std::nullopt;
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  address.length = sizeof local;
  return address;
}

// Whether the path has a socket on which nobody listens.
bool is_abandoned(const std::string& path, const Address& address) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe.valid() && connect(probe.get(), address.get(), address.length) != 0 && errno == ECONNREFUSED;
}

Result<Listener> listen_unix(const std::string& path, const std::string& where) {
  const auto address = unix_address(path);
  if (!address) return bad_address(where);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return cannot_listen(where);
  Listener socket_alone(fd, {}); // closes it on the way out
  if (is_abandoned(path, *address)) unlink(path.c_str());
  // Nobody may connect before the mode is what it should be.
  const mode_t mask = umask(~kUnixMode & 0777);
  const bool bound = bind(fd, address->get(), address->length) == 0;
  const int reason = errno;
  umask(mask);
  errno = reason;
  if (!bound) return cannot_listen(where);
  Listener listener(std::move(socket_alone), path);
  if (listen(fd, kBacklog) != 0) return cannot_listen(where);
  return listener;
}

} // namespace

Listener::~Listener() {
  if (fd_ < 0) return;
  close(fd_);
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

std::string Listener::address() const {
  Address bound;
  bound.length = sizeof bound.storage;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&bound.storage), &bound.length) == 0) {
    std::array<char, INET6_ADDRSTRLEN> text = {};
    if (bound.storage.ss_family == AF_INET) {
      const auto& four = reinterpret_cast<const sockaddr_in&>(bound.storage);
      inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
      return std::string(text.data()) + ":" + std::to_string(ntohs(four.sin_port));
    }
    if (bound.storage.ss_family == AF_INET6) {
      const auto& six = reinterpret_cast<const sockaddr_in6&>(bound.storage);
      inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
      return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(six.sin6_port));
    }
    const auto& local = reinterpret_cast<const sockaddr_un&>(bound.storage);
    if (bound.storage.ss_family == AF_UNIX && local.sun_path[0] != '\0')
      return "unix:" + printable_field(local.sun_path, sizeof local.sun_path);
  }
  return "a socket from systemd";
}

Result<Listener> listen_on(const std::string& where) {
  constexpr std::string_view kUnix = "unix:";
  if (where.starts_with(kUnix)) return listen_unix(where.substr(kUnix.size()), where);
  const auto address = ip_address(where);
  if (!address) return bad_address(where);
  const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return cannot_listen(where);
  Listener listener(fd, {});
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address->get(), address->length) != 0 || listen(fd, kBacklog) != 0)
    return cannot_listen(where);
  return listener;
}

Result<std::vector<Listener>> listeners_from_systemd() {
  std::vector<Listener> listeners;
  const char* pid_text = getenv("LISTEN_PID");
  const char* count_text = getenv("LISTEN_FDS");
  const auto pid = number_of<pid_t>(pid_text != nullptr ? pid_text : "");
  const auto count = number_of<int>(count_text != nullptr ? count_text : "");
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  if (!pid || *pid != getpid() || !count || *count <= 0) return listeners;
  for (int fd = kFirstFromSystemd; fd < kFirstFromSystemd + std::min(*count, kMostFromSystemd); ++fd) {
    int listening = 0;
    int type = 0;
    socklen_t length = sizeof listening;
    socklen_t type_length = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || listening == 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 || type != SOCK_STREAM) {
      return Error{"descriptor " + std::to_string(fd) +
                   " from systemd is no listening stream socket; give the .socket unit ListenStream= and "
                   "Accept=no."};
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    listeners.emplace_back(fd, std::string());
  }
  return listeners;
}

} // namespace xenmon
