// SPDX-License-Identifier: GPL-2.0-or-later
//
// SIGINT, SIGTERM and SIGHUP set a flag, make a descriptor readable, and do nothing else. Code that waits for
// something else waits for that descriptor, too, so no signal is missed between a look at the flag and going
// to sleep. A signal that was ignored when the program was started (nohup) stays ignored.
//
// SIGPIPE and SIGXFSZ are ignored: the write concerned fails, and the failure is reported.
#ifndef XENMON_XENBAKED_SESSION_STOP_FLAG_H
#define XENMON_XENBAKED_SESSION_STOP_FLAG_H

#include <cstdint>

#include "base/descriptor.h"

namespace xenmon {

class StopFlag {
 public:
  // Installs the handlers; at most one object at a time, in main, before anything is opened.
  StopFlag();
  StopFlag(const StopFlag&) = delete;
  StopFlag& operator=(const StopFlag&) = delete;
  ~StopFlag();

  [[nodiscard]] bool raised() const;

  // Readable from the first signal on; nobody reads from it. -1 if the system has no descriptor left.
  [[nodiscard]] int descriptor() const { return read_end_.get(); }

  // Until `fd` (if not -1) is readable, `timeout_ns` has passed or a signal came. True if fd is readable.
  bool wait(int fd, std::uint64_t timeout_ns);

 private:
  Descriptor read_end_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_STOP_FLAG_H
