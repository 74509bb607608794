// SPDX-License-Identifier: GPL-2.0-or-later
#include "far/far_link.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "text.h"

namespace xenmon {
namespace {

constexpr std::size_t kLongestLine = 1024;
constexpr int kExecFailed = 127;   // as a shell says it
constexpr int kConnectSeconds = 4; // until another try is better

// In the child: only what is allowed between fork and exec.
[[noreturn]] void become(char* const* arguments, pid_t parent, int socket, int errors, bool grouped) {
  // What asks for a password must stay in the terminal's group.
  if (grouped) setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kExecFailed);
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(socket, STDIN_FILENO) < 0 || dup2(socket, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
    _exit(kExecFailed);
  execvp(arguments[0], arguments);
  for (const std::string_view part :
       {std::string_view("cannot run "), std::string_view(arguments[0]), std::string_view("\n")}) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, part.data(), part.size());
  }
  _exit(kExecFailed);
}

// Whether a command is the name of a program and plain words. Then it can take the place of its shell, and
// the signal that ends the shell with us ends it as well.
bool is_one_program(std::string_view command) {
  constexpr std::string_view kPlain =
      " /._-:@%+,0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ=";
  constexpr std::array<std::string_view, 7> kOfTheShell = {"exec", "eval", ".",     "command",
                                                           "cd",   "set",  "export"};
  const std::string_view first = command.substr(0, command.find(' '));
  return !first.empty() && command.find_first_not_of(kPlain) == std::string_view::npos &&
         first.find('=') == std::string_view::npos &&
         std::find(kOfTheShell.begin(), kOfTheShell.end(), first) == kOfTheShell.end();
}

} // namespace

std::vector<std::string> far_command(const FarHost& far, Asking asking) {
  if (far.host.empty())
    return {"/bin/sh", "-c", is_one_program(far.command) ? "exec " + far.command : far.command};
  std::vector<std::string> words = {"ssh", "-T", "-o", "ClearAllForwardings=yes"};
  // A host that is down for now would be asked ever more seldom by TCP.
  if (asking == Asking::kMustNot)
    words.insert(words.end(),
                 {"-o", "BatchMode=yes", "-o", "ConnectTimeout=" + std::to_string(kConnectSeconds)});
  words.insert(words.end(), {"--", far.host, "xenmon", "serve"});
  return words;
}

Result<FarLink> FarLink::start(const std::vector<std::string>& words, Asking asking) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return system_error("cannot connect to another host");
  Descriptor ours(sockets[0]);
  Descriptor theirs(sockets[1]);
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) return system_error("cannot connect to another host");
  Descriptor errors(pipes[0]);
  Descriptor errors_in(pipes[1]);
  std::vector<std::string> own = words;
  std::vector<char*> arguments;
  arguments.reserve(own.size() + 1);
  for (std::string& word : own) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const bool grouped = asking == Asking::kMustNot;
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error("cannot connect to another host");
  if (pid == 0) become(arguments.data(), parent, theirs.get(), errors_in.get(), grouped);
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  fcntl(errors.get(), F_SETFL, O_NONBLOCK);
  return FarLink(pid, grouped, std::move(ours), std::move(errors));
}

FarLink::FarLink(FarLink&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      grouped_(other.grouped_),
      socket_(std::move(other.socket_)),
      errors_(std::move(other.errors_)),
      line_(std::move(other.line_)),
      line_ended_(other.line_ended_) {}

// Nothing there needs an orderly end.
FarLink::~FarLink() {
  if (pid_ <= 0) return;
  socket_.reset();
  kill(grouped_ ? -pid_ : pid_, SIGTERM);
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status FarLink::send(std::string_view bytes) {
  // It is the first that is sent, and short.
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(bytes.size())) return ok();
  return system_error("cannot call the other host");
}

std::string FarLink::said() {
  std::array<char, 1024> text;
  for (;;) {
    const ssize_t got = read(errors_.get(), text.data(), text.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (const char c : std::string_view(text.data(), static_cast<std::size_t>(got))) {
      if (c == '\n' || c == '\r') {
        line_ended_ = true;
        continue;
      }
      if (std::exchange(line_ended_, false)) line_.clear();
      if (line_.size() < kLongestLine) line_ += c;
    }
  }
  return printable(line_);
}

} // namespace xenmon
