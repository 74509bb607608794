// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/textfile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "base/unfinished_file.h"
#include "text.h"

namespace xenmon {

Status write_textfile(const std::string& path, std::string_view text) {
  const auto failed = [&path](int reason) {
    return Error{"cannot write " + printable(path) + ": " + std::strerror(reason) +
                 "; name another file with --textfile."};
  };
  UnfinishedFile file(AT_FDCWD, path, ".new", 0644);
  if (!file.valid()) return failed(errno);
  if (const int reason = write_all(file.fd(), std::as_bytes(std::span(text))); reason != 0)
    return failed(reason);
  // Whatever the umask is: node_exporter is another user.
  if (fchmod(file.fd(), 0644) != 0) return failed(errno);
  if (const int reason = file.place_as(path); reason != 0) return failed(reason);
  if (const int reason = file.close(); reason != 0) return failed(reason);
  return ok();
}

} // namespace xenmon
