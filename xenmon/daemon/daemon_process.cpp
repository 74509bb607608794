// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/descriptor.h"
#include "process/signals.h"
#include "text.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 5s;
constexpr std::size_t kLongestLine = 4096;
constexpr int kExecFailed = 127; // as a shell says it
constexpr std::array<std::string_view, 2> kOwnNames = {"xenbaked: ", "xenmon: "};

struct Pipe {
  Descriptor read;
  Descriptor write;

  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
  }
};

// In the child: only what is allowed between fork and exec. ready: -1 if nothing is waited for.
[[noreturn]] void become(char* const* arguments, pid_t parent, int ready, int said,
                         std::span<const int> inherited, bool has_our_input, bool has_own_group) {
  if (has_own_group) setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kExecFailed);
  restore_signals();
  const int null = open("/dev/null", O_RDWR);
  if (null < 0 || (!has_our_input && dup2(null, STDIN_FILENO) < 0) || dup2(null, STDOUT_FILENO) < 0 ||
      dup2(said, STDERR_FILENO) < 0 || (ready >= 0 && fcntl(ready, F_SETFD, 0) != 0)) {
    _exit(kExecFailed);
  }
  for (const int fd : inherited) {
    if (fd >= 0 && fcntl(fd, F_SETFD, 0) != 0) _exit(kExecFailed);
  }
  execvp(arguments[0], arguments);
  for (const std::string_view part :
       {std::string_view("cannot run "), std::string_view(arguments[0]),
        std::string_view("; install xenbaked, or name it with --xenbaked.\n")}) {
    [[maybe_unused]] const ssize_t written = write(said, part.data(), part.size());
  }
  _exit(static_cast<int>(ExitStatus::kFailed));
}

// Where a build or an installation puts it.
std::string beside_ourselves(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto directory = self.parent_path();
  for (const auto& candidate : {directory / name, directory.parent_path() / "sbin" / name}) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return {};
}

} // namespace

std::string xenbaked_program(const std::string& given) {
  std::string program = given;
  if (program.empty()) program = beside_ourselves("xenbaked");
  if (program.empty()) program = "xenbaked";
  return program;
}

std::vector<std::string> daemon_command(const PublisherSettings& settings, const std::string& region) {
  std::vector<std::string> command = {xenbaked_program(settings.xenbaked), "--region", region,
                                      "--ms-per-sample", std::to_string(settings.ms_per_sample)};
  if (settings.slow_wait_ns)
    command.insert(command.end(), {"--slow-waits", std::to_string(*settings.slow_wait_ns) + "ns"});
  if (settings.replay.empty()) {
    if (!settings.allocated) command.emplace_back("--noallocated"); // what nobody looks at is not traced
    return command;
  }
  command.insert(command.end(), {"--replay", settings.replay});
  if (settings.cpu_khz) command.insert(command.end(), {"--cpu-khz", std::to_string(*settings.cpu_khz)});
  if (!settings.speed.empty()) command.insert(command.end(), {"--speed", settings.speed});
  if (settings.follow) command.emplace_back("--follow");
  if (settings.loop) command.emplace_back("--loop");
  if (!settings.at.empty()) command.insert(command.end(), {"--held-at", settings.at});
  return command;
}

std::vector<std::string> mirror_command(const OtherHost& other, const std::string& region, Keeping keeping) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::vector<std::string> command = {error ? "xenmon" : self.string(), "mirror", "--region", region};
  if (!other.host.empty()) command.insert(command.end(), {"--host", other.host});
  if (!other.connect.empty()) command.insert(command.end(), {"--connect", other.connect});
  if (keeping == Keeping::kForever) command.emplace_back("--keep");
  return command;
}

Result<DaemonProcess> DaemonProcess::start(const std::vector<std::string>& command,
                                           std::span<const int> inherited, StandardInput input, Group group) {
  Pipe ready;
  if (!ready.open()) return system_error("cannot start xenbaked");
  std::vector<std::string> words = command;
  words.insert(words.end(), {"--ready-fd", std::to_string(ready.write.get())});
  Result<DaemonProcess> daemon = spawn(std::move(words), ready.write.get(), inherited, input, group);
  if (!daemon) return daemon;
  ready.write.reset();
  fcntl(ready.read.get(), F_SETFL, O_NONBLOCK);
  const Status status =
      wait_until_ready(*daemon, ready.read.get(),
                       group == Group::kOwn ? "xenbaked was starting" : "connecting to the other host");
  if (!status) return status.error();
  return daemon;
}

Result<DaemonProcess> DaemonProcess::launch(const std::vector<std::string>& command,
                                            std::span<const int> inherited) {
  return spawn(command, -1, inherited, StandardInput::kNone, Group::kOwn);
}

Result<DaemonProcess> DaemonProcess::spawn(std::vector<std::string> words, int ready,
                                           std::span<const int> inherited, StandardInput input, Group group) {
  Pipe said;
  if (!said.open()) return system_error("cannot start xenbaked");
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error("cannot start xenbaked");
  if (pid == 0) {
    become(arguments.data(), parent, ready, said.write.get(), inherited, input == StandardInput::kOurs,
           group == Group::kOwn);
  }
  said.write.reset();
  fcntl(said.read.get(), F_SETFL, O_NONBLOCK);
  return DaemonProcess(pid, std::move(said.read));
}

// meanwhile: what the user sees us do.
Status DaemonProcess::wait_until_ready(DaemonProcess& daemon, int ready, const std::string& meanwhile) {
  for (;;) {
    // Reading in between keeps a talkative daemon from blocking on a full pipe.
    const Input input = wait_for_input(ready, 100ms);
    daemon.listen();
    if (stop_requested()) return Error{"interrupted while " + meanwhile + "."};
    if (input == Input::kNone) continue;
    char byte;
    const ssize_t got = read(ready, &byte, 1);
    if (got == 1) return ok();
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    break;
  }
  // It has given up, and is about to exit.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!daemon.reap(WNOHANG) && std::chrono::steady_clock::now() < deadline) {
    if (stop_requested()) return Error{"interrupted while " + meanwhile + "."};
    daemon.listen();
    std::this_thread::sleep_for(5ms);
  }
  daemon.listen();
  if (daemon.running())
    return Error{
        "xenbaked did not say that its region is ready; check that it has the same version as xenmon."};
  return daemon.outcome();
}

DaemonProcess::DaemonProcess(DaemonProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      said_(std::move(other.said_)),
      wait_status_(other.wait_status_),
      unfinished_(std::move(other.unfinished_)),
      last_words_(std::move(other.last_words_)) {}

DaemonProcess::~DaemonProcess() {
  if (pid_ > 0) {
    // SIGINT may be ignored in the background. A stopped daemon is continued, so that it can exit properly.
    kill(pid_, SIGTERM);
    kill(pid_, SIGCONT);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!reap(WNOHANG)) {
      if (std::chrono::steady_clock::now() >= deadline || (stop_requested() && stopping_for() > kTimeToEnd)) {
        kill(pid_, SIGKILL);
        reap(0);
        break;
      }
      listen();
      std::this_thread::sleep_for(5ms);
    }
  }
}

void DaemonProcess::poll() {
  // Check first whether it has exited: then everything that it printed is in the pipe.
  reap(WNOHANG);
  listen();
}

void DaemonProcess::listen() {
  std::array<char, 4096> text;
  for (;;) {
    const ssize_t got = read(said_.get(), text.data(), text.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (const char c : std::string_view(text.data(), static_cast<std::size_t>(got))) {
      if (c != '\n') {
        if (unfinished_.size() < kLongestLine) unfinished_ += c;
        continue;
      }
      if (!unfinished_.empty()) last_words_ = std::move(unfinished_);
      unfinished_.clear();
    }
  }
}

bool DaemonProcess::reap(int options) {
  if (pid_ <= 0) return true;
  pid_t ended = -1;
  do {
    ended = waitpid(pid_, &wait_status_, options);
  } while (ended < 0 && errno == EINTR);
  if (ended != pid_) return false;
  pid_ = -1;
  return true;
}

std::string DaemonProcess::last_words() const {
  std::string words = printable(unfinished_.empty() ? last_words_ : unfinished_);
  for (const std::string_view name : kOwnNames)
    if (words.starts_with(name)) words.erase(0, name.size());
  return words;
}

Error DaemonProcess::outcome() const {
  std::string words = last_words();
  if (WIFSIGNALED(wait_status_)) {
    return {"xenbaked was killed by signal " + std::to_string(WTERMSIG(wait_status_)) +
                (words.empty() ? "." : "; its last message was: " + words),
            ExitStatus::kFailed};
  }
  if (words.empty()) words = "xenbaked exited without printing an error.";
  const int status = WEXITSTATUS(wait_status_);
  return {words, status == 0 ? ExitStatus::kFailed : static_cast<ExitStatus>(status)};
}

} // namespace xenmon
