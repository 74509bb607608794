// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/gnuplot.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "base/descriptor.h"
#include "base/unfinished_file.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kNoTerminal = 77; // an exit status that gnuplot itself does not use

constexpr char kCannotStart[] = "cannot start gnuplot";

// A nameless file in memory. Unlike with a pipe, the writer never waits for a reader.
class MemoryFile {
 public:
  MemoryFile() : file_(memfd_create("xenmon-plot", MFD_CLOEXEC)) {}

  int fd() const { return file_.get(); }

  // False: errno says why.
  bool fill(std::string_view text) {
    errno = write_all(fd(), std::as_bytes(std::span(text)));
    return errno == 0 && lseek(fd(), 0, SEEK_SET) == 0;
  }

  // Everything that was written to it, by any process.
  bool take(std::string& text) const {
    std::array<char, 16 * 1024> chunk;
    for (off_t at = 0;;) {
      const ssize_t got = pread(fd(), chunk.data(), chunk.size(), at);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return got == 0;
      text.append(chunk.data(), static_cast<std::size_t>(got));
      at += got;
    }
  }

 private:
  Descriptor file_;
};

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }

  void put(const MemoryFile& file, int as) { posix_spawn_file_actions_adddup2(&actions_, file.fd(), as); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// gnuplot repeats the line with the error, and points at the place; the message comes last.
std::string last_line(std::string_view said) {
  while (said.ends_with('\n')) said.remove_suffix(1);
  said.remove_prefix(said.rfind('\n') + 1); // npos + 1 is 0
  const std::size_t begin = said.find_first_not_of(' ');
  return printable(begin == std::string_view::npos ? "" : said.substr(begin));
}

Error outcome(int wait_status, PlotTerminal terminal, std::string_view said) {
  const std::string name(terminal_name(terminal));
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kNoTerminal) {
    return Error{"the installed gnuplot cannot draw this kind of file (it has no terminal " + name +
                 "); install the package gnuplot-nox, or write a file that ends in .svg."};
  }
  if (WIFEXITED(wait_status) &&
      WEXITSTATUS(wait_status) == 127) // some spawn in a child and report it this way
    return Error{"gnuplot cannot be run; install the package gnuplot-nox."};
  const std::string words = last_line(said);
  return Error{"gnuplot " +
               (WIFSIGNALED(wait_status) ? "was killed by signal " + std::to_string(WTERMSIG(wait_status))
                                         : "exited with status " + std::to_string(WEXITSTATUS(wait_status))) +
               (words.empty() ? "" : "; its message was: " + words) + "."};
}

} // namespace

Result<std::string> run_gnuplot(const std::string& script, PlotTerminal terminal) {
  const std::string name(terminal_name(terminal));
  MemoryFile input;
  MemoryFile picture;
  MemoryFile said;
  if (input.fd() < 0 || picture.fd() < 0 || said.fd() < 0 ||
      !input.fill("if (strstrt(GPVAL_TERMINALS, ' " + name + " ') == 0) { exit status " +
                  std::to_string(kNoTerminal) + " }\n" + script)) {
    return system_error(kCannotStart);
  }
  FileActions actions;
  actions.put(input, STDIN_FILENO);
  actions.put(picture, STDOUT_FILENO);
  actions.put(said, STDERR_FILENO);

  std::string program = "gnuplot";
  std::string defaults = "--default-settings";
  const std::array<char*, 3> arguments = {program.data(), defaults.data(), nullptr};
  pid_t pid = -1;
  errno = posix_spawnp(&pid, program.c_str(), actions.get(), nullptr, arguments.data(), environ);
  if (errno == ENOENT) {
    return Error{
        "gnuplot is not installed; install the package gnuplot-nox, or print the script for another machine "
        "with "
        "--script."};
  }
  if (errno != 0) return system_error(kCannotStart);

  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return system_error("cannot wait for gnuplot");
  }
  std::string words;
  std::string drawn;
  if (!said.take(words) || !picture.take(drawn)) return system_error("cannot read what gnuplot drew");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || drawn.empty())
    return outcome(status, terminal, words);
  return drawn;
}

} // namespace xenmon
