// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/line_output.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>

#include "process/signals.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAtOnce = PIPE_BUF;

// As many whole lines as a pipe accepts at once for certain; of a longer line a part.
std::string_view next_part(std::string_view text) {
  const std::string_view fits = text.substr(0, kAtOnce);
  const std::size_t end = fits.rfind('\n');
  return end == std::string_view::npos ? fits : fits.substr(0, end + 1);
}

std::size_t after_last_line(std::string_view written) {
  return written.size() - (written.rfind('\n') + 1); // npos + 1 is 0
}

// Removes the last bytes that we wrote, if they are the last bytes of the file. A part of a line is worth
// less than a file that ends with a whole one.
bool cut_back(int fd, std::size_t bytes) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const auto length = static_cast<off_t>(bytes);
  if (lseek(fd, 0, SEEK_CUR) != status.st_size || status.st_size < length) return false;
  // The offset is shared with any process that writes after us.
  return ftruncate(fd, status.st_size - length) == 0 && lseek(fd, -length, SEEK_CUR) >= 0;
}

Status write_to_file(int fd, std::string_view text, const std::string& name) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      Error failed = system_error("cannot write " + name);
      const std::size_t unfinished = after_last_line(text.substr(0, done));
      if (unfinished > 0 && !cut_back(fd, unfinished)) failed.message += " Its last line may be incomplete.";
      return failed;
    }
    done += static_cast<std::size_t>(written);
  }
  return ok();
}

} // namespace

Status write_lines(int fd, std::string_view text, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) return write_to_file(fd, text, name);
  std::string_view rest = text;
  while (!rest.empty()) {
    // Another process may fill the pipe in between; then a signal interrupts the write.
    if (wait_for_output(fd, stop_requested() ? kTimeToWrite - stopping_for() : 1h)) {
      const std::string_view part = next_part(rest);
      const ssize_t written = write(fd, part.data(), part.size());
      if (written < 0 && errno != EINTR && errno != EAGAIN) return system_error("cannot write " + name);
      rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    if (!rest.empty() && stopping_for() >= kTimeToWrite) {
      const bool whole = rest.size() == text.size() || text[text.size() - rest.size() - 1] == '\n';
      return Error{name + " accepted no more data when xenmon was told to exit; the rest is lost" +
                   (whole ? "." : ", and its last line is incomplete.")};
    }
  }
  return ok();
}

} // namespace xenmon
