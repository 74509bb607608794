// SPDX-License-Identifier: GPL-2.0-or-later
//
// SIGINT, SIGTERM and SIGHUP set a flag and do nothing else. They are blocked except while wait() sleeps,
// so none is missed between looking at the flag and going to sleep.
#ifndef XENMON_XENBAKED_STOP_FLAG_H
#define XENMON_XENBAKED_STOP_FLAG_H

#include <signal.h>

#include <cstdint>

namespace xenmon {

class StopFlag {
 public:
  // Installs the handlers; at most one object at a time, in main.
  StopFlag();

  [[nodiscard]] bool raised() const;

  // Until `fd` (if not -1) is readable, `timeout_ns` has passed or a signal came. True if fd is readable.
  bool wait(int fd, std::uint64_t timeout_ns);

 private:
  sigset_t unblocked_{};
};

} // namespace xenmon

#endif // XENMON_XENBAKED_STOP_FLAG_H
