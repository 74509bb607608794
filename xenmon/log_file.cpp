// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "log_writer.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr char kHeader[] =
    "# passed cpu dom cpu(tot) cpu(%) cpu/ex allocated/ex blocked(tot) blocked(%) blocked/io "
    "waited(tot) waited(%) waited/ex ex/s io(tot) io/ex\n";

double per(std::uint64_t sum, std::uint64_t count) {
  return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
}

} // namespace

std::string log_line(double passed_ms, std::int64_t pcpu, std::int64_t domain, const Figures& f,
                     std::uint64_t length_ns) {
  const auto per_second = [&](std::uint64_t sum) { return 1e9 * per(sum, length_ns); };
  const auto percent = [&](std::uint64_t sum) { return 100 * per(sum, length_ns); };
  std::array<char, 512> line;
  const int length =
      std::snprintf(line.data(), line.size(),
                    "%.3f %lld %lld %.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f",
                    passed_ms, static_cast<long long>(pcpu), static_cast<long long>(domain),          //
                    per_second(f.running_ns), percent(f.running_ns), per(f.running_ns, f.executions), //
                    per(f.slice_sum_ns, f.slice_count),                                               //
                    per_second(f.blocked_ns), percent(f.blocked_ns), per(f.blocked_ns, f.io),         //
                    per_second(f.waited_ns), percent(f.waited_ns), per(f.waited_ns, f.executions),    //
                    per_second(f.executions), per_second(f.io), per(f.io, f.executions));
  return std::string(line.data(), static_cast<std::size_t>(length));
}

LogFile::LogFile(LogFile&& other) noexcept
    : path_(std::move(other.path_)), pending_(std::move(other.pending_)), fd_(std::exchange(other.fd_, -1)) {}

LogFile::~LogFile() {
  if (fd_ >= 0) close(fd_);
}

void LogFile::append(const std::string& line) {
  if (fd_ < 0 && pending_.empty()) pending_ = kHeader;
  pending_ += line;
  pending_ += '\n';
}

Status LogFile::flush() {
  if (pending_.empty()) return ok();
  if (fd_ < 0) {
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0666);
    if (fd_ < 0) {
      if (errno == ELOOP) {
        return Error{"the log file " + printable(path_) +
                     " is a symbolic link, and xenmon follows none; remove it or choose another --prefix."};
      }
      return system_error("cannot write the log file " + printable(path_));
    }
  }
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("cannot write the log file " + printable(path_));
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  pending_.clear();
  return ok();
}

} // namespace xenmon
