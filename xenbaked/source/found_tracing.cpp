// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/found_tracing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

#include "base/descriptor.h"
#include "base/unfinished_file.h"

namespace xenmon {

namespace {

constexpr std::string_view kFirstLine = "xenbaked found 1";

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

const char* word_of(TracingOn on) {
  return on == TracingOn::kOn ? "on" : on == TracingOn::kOff ? "off" : "unknown";
}

std::string hexadecimal(std::uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

// The file's text, if it is a plain file of ours; nullopt and errno 0 if there is none.
std::optional<std::string> read_own_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) errno = 0;
    return std::nullopt;
  }
  struct stat status {};
  std::array<char, 512> text{};
  ssize_t got = -1;
  if (fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
      status.st_nlink == 1) {
    got = read(file.get(), text.data(), text.size());
  } else {
    errno = EPERM;
  }
  if (got < 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(got));
}

} // namespace

Status restore_tracing(Hypervisor& hypervisor, std::optional<std::uint32_t> mask, TracingOn on) {
  // Off before the mask and on after it, so that nothing unwanted is traced.
  const Errno off_error = on == TracingOn::kOff ? hypervisor.disable_tracing() : 0;
  const Errno mask_error = mask ? hypervisor.set_event_mask(*mask) : 0;
  const Errno on_error = on == TracingOn::kOn ? hypervisor.enable_tracing() : 0;
  if (off_error != 0)
    return Error{std::string("Xen continues to trace, because it refused to stop (") +
                 std::strerror(off_error) + "): start and stop xenbaked or xentrace again."};
  if (mask_error != 0)
    return Error{"Xen's trace mask could not be restored to " + hexadecimal(*mask) + " (" +
                 std::strerror(mask_error) + "): set it with xentrace -e " + hexadecimal(*mask) + "."};
  if (on_error != 0)
    return Error{std::string("Xen's tracing, which was on, could not be switched on again (") +
                 std::strerror(on_error) + "): start xentrace to switch it on."};
  return ok();
}

Status TracingKeeper::keep(const FoundTracing& found) {
  {
    const std::lock_guard lock(mutex_);
    current_ = found;
  }
  std::ostringstream text;
  text << kFirstLine << "\nboot " << boot_id() << "\nmask " << hexadecimal(found.event_mask) << "\ntracing "
       << word_of(found.on) << '\n';
  if (const std::size_t slash = file_.rfind('/'); slash != std::string::npos && slash != 0) {
    // A failure shows below.
    const std::string directory = file_.substr(0, slash);
    if (mkdir(directory.c_str(), 0755) == 0) chmod(directory.c_str(), 0755);
  }
  const int reason = replace_file(file_, text.str(), 0600);
  if (reason == 0) return ok();
  return Error{"Cannot save in " + file_ + " how Xen's tracing was found (" + std::strerror(reason) +
               "): make room there, or choose another --region."};
}

void TracingKeeper::forget() {
  {
    const std::lock_guard lock(mutex_);
    current_.reset();
  }
  unlink(file_.c_str());
}

std::optional<FoundTracing> TracingKeeper::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<std::optional<FoundTracing>> TracingKeeper::left_behind() const {
  const std::optional<std::string> text = read_own_file(file_);
  if (!text) {
    if (errno == 0) return std::optional<FoundTracing>();
    return Error{
        "Cannot read " + file_ + " (" + std::strerror(errno) +
        "), which says how Xen's tracing was found: it must be a plain file of this user; remove it."};
  }
  std::istringstream lines(*text);
  std::string first;
  std::string boot_word, boot, mask_word, mask, tracing_word, tracing;
  std::getline(lines, first);
  lines >> boot_word >> boot >> mask_word >> mask >> tracing_word >> tracing;
  FoundTracing found;
  const char* const end = mask.data() + mask.size();
  const bool hex = mask.starts_with("0x") && mask.size() == 10;
  const auto [stop, error] = std::from_chars(hex ? mask.data() + 2 : end, end, found.event_mask, 16);
  found.on = tracing == "on" ? TracingOn::kOn : tracing == "off" ? TracingOn::kOff : TracingOn::kUnknown;
  if (first != kFirstLine || boot_word != "boot" || mask_word != "mask" || tracing_word != "tracing" ||
      error != std::errc() || stop != end || tracing != word_of(found.on)) {
    return Error{file_ + " does not say how Xen's tracing was found: remove it."};
  }
  if (boot != boot_id()) return std::optional<FoundTracing>();
  return std::optional(found);
}

} // namespace xenmon
