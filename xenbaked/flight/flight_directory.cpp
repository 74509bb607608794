// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "flight/segment.h"

namespace xenmon {

namespace {

constexpr std::string_view kPrefix = "flight-";
constexpr std::string_view kComplete = ".zst";
constexpr std::string_view kPart = ".part";
constexpr std::string_view kKeptPrefix = "wait-";
constexpr std::string_view kKeptSuffix = ".xentrace.zst";
constexpr std::size_t kDigits = 10; // so that names sort like numbers

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::string name_of(std::uint64_t sequence, bool complete) {
  char text[48];
  std::snprintf(text, sizeof text, "flight-%010llu%s", static_cast<unsigned long long>(sequence),
                complete ? ".zst" : ".part");
  return text;
}

std::optional<FlightDirectory::Entry> parse_name(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  FlightDirectory::Entry entry;
  entry.complete = name.ends_with(kComplete);
  if (!entry.complete && !name.ends_with(kPart)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(entry.complete ? kComplete.size() : kPart.size());
  if (name.size() < kDigits) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), entry.sequence);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return entry;
}

bool is_kept(std::string_view name) {
  return name.starts_with(kKeptPrefix) && name.ends_with(kKeptSuffix);
}

// An unfinished recording (pending_file.h) of a wait, or the file beside it.
bool is_unfinished_kept(std::string_view name) {
  return name.starts_with(".wait-") && name.ends_with(kPart);
}

Error cannot_use(const std::string& path, const char* remedy) {
  const ExitStatus status =
      errno == EACCES || errno == EPERM || errno == EROFS ? ExitStatus::kNotPermitted : ExitStatus::kFailed;
  return Error{"Cannot use the flight recorder's directory " + path + ": " + std::strerror(errno) + remedy,
               status};
}

} // namespace

Result<FlightDirectory> FlightDirectory::open_to_write(const std::string& path) {
  constexpr const char* kRemedy = "; make it, run as root, or choose another --flight-dir.";
  if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return cannot_use(path, kRemedy);
  OwnedDescriptor opened(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened.valid()) return cannot_use(path, kRemedy);
  struct stat status {};
  if (fstat(opened.get(), &status) != 0) return cannot_use(path, kRemedy);
  const bool ours = status.st_uid == geteuid() || status.st_uid == 0;
  if (!ours || (status.st_mode & S_IWOTH) != 0) {
    return Error{
        "The flight recorder's directory " + path +
            " belongs to or is writable for other users, who could replace the records; make it 0750 "
            "and your own, or choose another --flight-dir.",
        ExitStatus::kFailed};
  }
  if (flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{"Another xenbaked writes its flight recording in " + path +
                     "; stop it, or choose another --flight-dir.",
                 ExitStatus::kBusy};
  }
  FlightDirectory directory(path, std::move(opened));
  directory.recover();
  return directory;
}

Result<FlightDirectory> FlightDirectory::open_to_read(const std::string& path) {
  OwnedDescriptor opened(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.valid()) return FlightDirectory(path, std::move(opened));
  if (errno == ENOENT) {
    return Error{"There is no flight recording: " + path +
                     " does not exist; start 'xenbaked --flight 10m', or name its directory.",
                 ExitStatus::kFailed};
  }
  return cannot_use(path, errno == EACCES ? "; join the group xenmon or use sudo." : "; name another one.");
}

std::vector<std::string> FlightDirectory::names() const {
  std::vector<std::string> all;
  const int copy = openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return all;
  const std::unique_ptr<DIR, CloseDirectory> entries(fdopendir(copy));
  if (!entries) {
    close(copy);
    return all;
  }
  while (const struct dirent* entry = readdir(entries.get())) all.emplace_back(entry->d_name);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<FlightDirectory::Entry> FlightDirectory::segments() const {
  std::vector<Entry> found;
  for (const std::string& name : names()) {
    std::optional<Entry> entry = parse_name(name);
    struct stat status {};
    if (!entry || fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    entry->bytes = static_cast<std::uint64_t>(status.st_size);
    // It was renamed between two looks: the complete one is the same.
    if (!found.empty() && found.back().sequence == entry->sequence) {
      if (entry->complete) found.back() = *entry;
      continue;
    }
    found.push_back(*entry);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Entry& a, const Entry& b) { return a.sequence < b.sequence; });
  return found;
}

std::vector<FlightDirectory::Kept> FlightDirectory::kept() const {
  std::vector<Kept> found;
  for (const std::string& name : names()) {
    struct stat status {};
    if (is_kept(name) && fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
      found.push_back({name, static_cast<std::uint64_t>(status.st_size)});
  }
  return found;
}

OwnedDescriptor FlightDirectory::open_segment(const Entry& entry) const {
  const auto open_as = [&](bool complete) {
    return openat(directory_.get(), name_of(entry.sequence, complete).c_str(),
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  };
  const int fd = open_as(entry.complete);
  // It may have been completed since.
  return OwnedDescriptor(fd < 0 && !entry.complete ? open_as(true) : fd);
}

OwnedDescriptor FlightDirectory::make_part(std::uint64_t sequence) const {
  const std::string name = name_of(sequence, false);
  const int fd =
      openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  OwnedDescriptor made(fd);
  if (fd < 0) return made;
  // Whatever the umask is; and whoever may read the directory may read what is in it.
  struct stat status {};
  if (fstat(directory_.get(), &status) == 0 && status.st_gid != getegid()) {
    [[maybe_unused]] const int given = fchown(fd, static_cast<uid_t>(-1), status.st_gid);
  }
  [[maybe_unused]] const int readable = fchmod(fd, 0640);
  return made;
}

int FlightDirectory::complete(std::uint64_t sequence) const {
  const std::string from = name_of(sequence, false);
  const std::string to = name_of(sequence, true);
  return renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) == 0 ? 0 : errno;
}

void FlightDirectory::remove(const Entry& entry) const {
  unlinkat(directory_.get(), name_of(entry.sequence, entry.complete).c_str(), 0);
}

void FlightDirectory::remove(const Kept& kept) const {
  unlinkat(directory_.get(), kept.name.c_str(), 0);
  unlinkat(directory_.get(), (kept.name + ".json").c_str(), 0);
}

// What a killed process was writing is complete up to its last whole chunk. Nobody else writes here.
void FlightDirectory::recover() const {
  for (const std::string& name : names()) {
    if (is_unfinished_kept(name)) {
      unlinkat(directory_.get(), name.c_str(), 0);
      continue;
    }
    // The file beside a recording is put in place first.
    if (name.starts_with(kKeptPrefix) && name.ends_with(".json")) {
      const std::string recording = name.substr(0, name.size() - std::strlen(".json"));
      if (faccessat(directory_.get(), recording.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        unlinkat(directory_.get(), name.c_str(), 0);
      continue;
    }
    const std::optional<Entry> entry = parse_name(name);
    if (!entry || entry->complete) continue;
    const OwnedDescriptor part(openat(directory_.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    const std::optional<Segment> segment = part.valid() ? read_segment(part.get()) : std::nullopt;
    const bool useful = segment && !segment->chunks.empty() &&
                        ftruncate(part.get(), static_cast<off_t>(segment->readable_bytes)) == 0 &&
                        complete(entry->sequence) == 0;
    if (!useful) remove(*entry);
  }
}

} // namespace xenmon
