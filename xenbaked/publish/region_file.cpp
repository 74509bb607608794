// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/region_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "xenmon/region.h"

namespace xenmon {

namespace {

constexpr const char* kReaderGroup = "xenmon";

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePointer = std::unique_ptr<std::FILE, CloseFile>;
struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using DirectoryPointer = std::unique_ptr<DIR, CloseDirectory>;

constexpr const char* kMoreDescriptors = "; raise the limit of open files (ulimit -n)";

bool needs_descriptors(int reason) {
  return reason == EMFILE || reason == ENFILE;
}

Result<Descriptor> open_directory(const std::string& path) {
  const bool made = mkdir(path.c_str(), 0755) == 0;
  if (!made && (errno == EACCES || errno == EPERM || errno == EROFS)) {
    return Error{"Cannot make the region's directory " + path + ": " + std::strerror(errno) +
                     "; run as root or choose another --region.",
                 ExitStatus::kNotPermitted};
  }
  Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.valid()) {
    const ExitStatus status = errno == EACCES ? ExitStatus::kNotPermitted : ExitStatus::kFailed;
    const char* hint =
        needs_descriptors(errno) ? kMoreDescriptors
        : errno == ELOOP || errno == ENOTDIR
            ? "; it must be a directory and not a symlink: remove what is there or choose another --region"
            : "; make it, run as root, or choose another --region";
    return Error{"Cannot use the region's directory " + path + ": " + std::strerror(errno) + hint + ".",
                 status};
  }
  struct stat status {};
  if (fstat(directory.get(), &status) != 0) return system_error("Cannot examine " + path);
  if (made && fchmod(directory.get(), 0755) != 0) return system_error("Cannot set the mode of " + path);
  if (!made) {
    const bool ours = status.st_uid == geteuid() || status.st_uid == 0;
    const bool open_to_others = (status.st_mode & 022) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (!ours || open_to_others) {
      return Error{"The region's directory " + path +
                       " belongs to or is writable for other users, who could replace the region; "
                       "make it 0755 and your own, or choose another --region.",
                   ExitStatus::kFailed};
    }
  }
  return directory;
}

// Regions that killed processes had not finished. The holder of the lock is the only process that makes one.
void sweep(const Descriptor& directory, const std::string& name) {
  Descriptor copy(openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.valid()) return;
  const DirectoryPointer entries{fdopendir(copy.get())};
  if (!entries) return;
  (void)copy.release(); // closed with the entries
  while (const struct dirent* entry = readdir(entries.get())) {
    if (is_unfinished_name(entry->d_name, name, "")) unlinkat(directory.get(), entry->d_name, 0);
  }
}

// What would be replaced by a region must be one, or an empty file, a symlink, or planted by another user.
// Our own data or a device may be there because --region names the wrong path.
Status check_replaceable(const Descriptor& directory, const std::string& name, const std::string& path) {
  struct stat status {};
  if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return ok();
  if (S_ISLNK(status.st_mode) || status.st_uid != geteuid()) return ok();
  const Error refusal{
      path + " exists and is not a region of xenbaked; remove it, or choose another --region.",
      ExitStatus::kFailed};
  if (!S_ISREG(status.st_mode)) return refusal;
  if (status.st_size == 0) return ok();
  const Descriptor file(
      openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::uint64_t magic = 0;
  if (!file.valid() || pread(file.get(), &magic, sizeof magic, 0) != sizeof magic || magic != XENMON_MAGIC)
    return refusal;
  return ok();
}

} // namespace

// The file is asked first: a name service may not answer, and need not be asked if the group that
// docs/operation.md describes exists.
std::optional<gid_t> find_reader_group(bool ask_others) {
  if (const FilePointer groups{std::fopen("/etc/group", "re")}) {
    while (const struct group* each = fgetgrent(groups.get())) {
      if (std::strcmp(each->gr_name, kReaderGroup) == 0) return each->gr_gid;
    }
  }
  if (!ask_others) return std::nullopt;
  if (const struct group* readers = getgrnam(kReaderGroup)) return readers->gr_gid;
  return std::nullopt;
}

RegionMapping& RegionMapping::operator=(RegionMapping&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) munmap(data_, bytes_);
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

RegionMapping::~RegionMapping() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

Result<RegionPlace> RegionPlace::open(const Options& options) {
  const std::size_t slash = options.path.rfind('/');
  const std::string directory_path =
      slash == std::string::npos ? "." : (slash == 0 ? "/" : options.path.substr(0, slash));
  std::string name = slash == std::string::npos ? options.path : options.path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return Error{"'" + options.path + "' is not a path for a region; name a file.", ExitStatus::kUsage};
  }
  Result<Descriptor> directory = open_directory(directory_path);
  if (!directory) return directory.error();

  if (Status replaceable = check_replaceable(*directory, name, options.path); !replaceable)
    return replaceable.error();
  const std::string lock_name = name + ".lock";
  Descriptor lock(openat(directory->get(), lock_name.c_str(),
                         O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    const ExitStatus status = errno == EACCES ? ExitStatus::kNotPermitted : ExitStatus::kFailed;
    const char* hint = needs_descriptors(errno)
                           ? kMoreDescriptors
                           : "; run as root, remove what is there, or choose another --region";
    return Error{"Cannot open " + options.path + ".lock: " + std::strerror(errno) + hint + ".", status};
  }
  struct stat status {};
  if (fstat(lock.get(), &status) != 0) return system_error("Cannot examine " + options.path + ".lock");
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_nlink != 1) {
    return Error{
        options.path + ".lock is not a plain file of this user; remove it or choose another --region.",
        ExitStatus::kFailed};
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{"Another xenbaked publishes at " + options.path +
                     "; use that one, stop it, or choose another --region.",
                 ExitStatus::kBusy};
  }
  sweep(*directory, name);
  std::optional<gid_t> readers;
  if (geteuid() == 0 && !options.world_readable) readers = find_reader_group(true);
  return RegionPlace(options, std::move(*directory), std::move(lock), std::move(name), readers);
}

Result<RegionMapping> RegionPlace::make(std::size_t bytes) {
  UnfinishedFile file(directory_.get(), name_, "", 0600);
  if (!file.valid()) return system_error("Cannot make a region beside " + options_.path);
  struct stat status {};
  if (readers_ && fstat(file.fd(), &status) != 0) return system_error("Cannot examine a region");
  // Only if need be: a service that has the group may not be allowed the call.
  if (readers_ && status.st_gid != *readers_ && fchown(file.fd(), 0, *readers_) != 0)
    return system_error("Cannot give the region to group " + std::string(kReaderGroup));
  if (fchmod(file.fd(), options_.world_readable ? 0644 : 0640) != 0) {
    return system_error("Cannot set the region's mode");
  }
  // ftruncate alone is not enough: a hole that cannot be filled later would cause a SIGBUS.
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(file.fd(), 0, static_cast<off_t>(bytes));
  if (error != 0) {
    errno = error;
    return system_error("Cannot reserve " + std::to_string(bytes) + " bytes for the region " + options_.path);
  }
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  if (data == MAP_FAILED) return system_error("Cannot map the region " + options_.path);
  unfinished_ = std::move(file);
  return RegionMapping(data, bytes);
}

Status RegionPlace::place() {
  const int reason = unfinished_.place_as(name_);
  unfinished_.discard();
  if (reason == 0) return ok();
  errno = reason;
  return system_error("Cannot put the region in place at " + options_.path);
}

} // namespace xenmon
