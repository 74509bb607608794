// SPDX-License-Identifier: GPL-2.0-or-later
#include "confine/replay_user.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace xenmon {

namespace {

constexpr const char* kOwnUser = "xenmon";

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::optional<std::uint32_t> number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::uint32_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  // The highest number means "no change" to the system.
  if (error != std::errc() || stop != end || value == 0 || value == UINT32_MAX) return std::nullopt;
  return value;
}

std::string directory_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

// With the ids that are in effect.
bool may(const std::string& path, int how) {
  return faccessat(AT_FDCWD, path.c_str(), how, AT_EACCESS) == 0;
}

// A file that another user left there is not ours to replace or to lock.
bool is_others(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && status.st_uid != geteuid();
}

std::optional<std::string> what_is_denied(const ReplayNeeds& needs) {
  if (!needs.recording.empty() && needs.recording != "-" && !may(needs.recording, R_OK))
    return "may not read " + needs.recording;
  for (const std::string& file : needs.files) {
    std::string directory = directory_of(file);
    // The last part of the region's directory is made if need be.
    if (access(directory.c_str(), F_OK) != 0) directory = directory_of(directory);
    if (!may(directory, W_OK | X_OK) || is_others(file) || is_others(file + ".lock"))
      return "may not make " + file;
  }
  return std::nullopt;
}

bool take_groups(const ReplayUser& user) {
  // Whatever groups the name has; without a name, one.
  if (!user.name.empty() && initgroups(user.name.c_str(), user.gid) == 0) return true;
  return setgroups(1, &user.gid) == 0;
}

} // namespace

std::optional<ReplayUser> find_replay_user() {
  const std::optional<std::uint32_t> uid = number("SUDO_UID");
  const std::optional<std::uint32_t> gid = number("SUDO_GID");
  if (uid && gid) {
    const char* name = std::getenv("SUDO_USER");
    return ReplayUser{*uid, *gid, name == nullptr ? "" : name};
  }
  // The file alone, because a name service may not answer.
  const std::unique_ptr<std::FILE, CloseFile> users(std::fopen("/etc/passwd", "re"));
  while (const struct passwd* each = users ? fgetpwent(users.get()) : nullptr) {
    if (std::strcmp(each->pw_name, kOwnUser) == 0 && each->pw_uid != 0)
      return ReplayUser{each->pw_uid, each->pw_gid, kOwnUser};
  }
  return std::nullopt;
}

std::optional<std::string> become(const ReplayUser& user, const ReplayNeeds& needs) {
  const std::string refused = "cannot be taken on here";
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  if (getgroups(static_cast<int>(groups.size()), groups.data()) < 0) return refused;
  const gid_t group = getegid();
  // Tried on first. A failure on the way back would leave us with fewer rights, never with more.
  std::optional<std::string> denied = refused;
  if (take_groups(user) && setegid(user.gid) == 0 && seteuid(user.uid) == 0) denied = what_is_denied(needs);
  const bool root = seteuid(0) == 0;
  if (!denied && root && setresgid(user.gid, user.gid, user.gid) == 0 &&
      setresuid(user.uid, user.uid, user.uid) == 0)
    return std::nullopt;
  if (root && setegid(group) == 0) (void)setgroups(groups.size(), groups.data());
  return denied ? denied : refused;
}

} // namespace xenmon
