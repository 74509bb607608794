// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/textfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "text.h"

namespace xenmon {
namespace {

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("cannot write " + printable(path));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  // Not before the data is on the disk: after a crash there would be an empty file under the name.
  if (fsync(fd) != 0 && errno != EINVAL) return system_error("cannot write " + printable(path));
  return ok();
}

} // namespace

Status write_textfile(const std::string& path, std::string_view text) {
  std::string aside = path + ".XXXXXX";
  const int fd = mkostemp(aside.data(), O_CLOEXEC);
  if (fd < 0) return system_error("cannot make a file beside " + printable(path));
  Status status = write_all(fd, text, path);
  if (status && fchmod(fd, 0644) != 0) status = system_error("cannot give " + printable(path) + " its mode");
  if (close(fd) != 0 && status) status = system_error("cannot write " + printable(path));
  if (status && rename(aside.c_str(), path.c_str()) != 0)
    status = system_error("cannot replace " + printable(path));
  if (!status) unlink(aside.c_str());
  return status;
}

} // namespace xenmon
