// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/run_serve.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "rpc/server.h"
#include "rpc/service.h"
#include "sandbox/reader_sandbox.h"
#include "serve/host_interface.h"

namespace xenmon {
namespace {

constexpr int kFirstHandedOver = 3; // SD_LISTEN_FDS_START

std::optional<long> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return {};
  const std::string_view digits(text);
  long number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc{} || end != digits.data() + digits.size()) return {};
  return number;
}

// The descriptor that systemd has handed over to this process; -1: none.
Result<int> handed_over() {
  if (number_in("LISTEN_PID") != static_cast<long>(getpid())) return -1;
  const std::optional<long> count = number_in("LISTEN_FDS");
  if (!count || *count == 0) return -1;
  if (*count != 1) {
    return Error{"There is more than one socket in LISTEN_FDS; xenmon serve takes one.", ExitStatus::kUsage};
  }
  fcntl(kFirstHandedOver, F_SETFD, FD_CLOEXEC);
  return kFirstHandedOver;
}

bool listens(int socket) {
  int accepts = 0;
  socklen_t length = sizeof accepts;
  return getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts != 0;
}

} // namespace

Status run_serve(const ServeOptions& options) {
  const Result<int> socket = handed_over();
  if (!socket) return socket.error();
  if (*socket < 0 && isatty(STDIN_FILENO) != 0) {
    return Error{
        "xenmon serve talks to programs, not to a terminal; see docs/rpc.md, or start it by ssh HOST xenmon "
        "serve.",
        ExitStatus::kUsage};
  }
  // A client that has gone is an error of the write.
  signal(SIGPIPE, SIG_IGN);
  if (Status confined = enter_reader_sandbox(); !confined) return confined;
  HostInterface host(options.region);
  Service service({"XenMon", "xenmon", XENMON_PROGRAM_VERSION, ""}, {&host});
  Server server(service);
  if (*socket < 0) return server.serve_streams(STDIN_FILENO, STDOUT_FILENO);
  return listens(*socket) ? server.serve_socket(*socket) : server.serve_streams(*socket, *socket);
}

} // namespace xenmon
