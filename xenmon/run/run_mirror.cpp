// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/run_mirror.h"

#include <fcntl.h>
#include <signal.h>

#include <iostream>
#include <string>

#include "far/far_mirror.h"
#include "journal.h"

namespace xenmon {

Error run_mirror(const MirrorOptions& options) {
  // Our xenmon ends us. A Ctrl-C is for it, and for what asks for a password.
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (options.ready >= 0) fcntl(options.ready, F_SETFD, FD_CLOEXEC);
  FarMirror mirror({.far = {.host = options.host, .command = options.connect},
                    .region = options.region,
                    .ready = options.ready,
                    .keep = options.keep,
                    .say = [](const std::string& reason) {
                      std::cerr << message_lines("xenmon", Priority::kNotice, reason) << std::flush;
                    }});
  return mirror.run();
}

} // namespace xenmon
