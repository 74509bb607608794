// SPDX-License-Identifier: GPL-2.0-or-later
//
// The second line of defence of an end within a second. The first is that whatever the program waits for, it
// waits for the stop descriptor as well. What cannot be waited for in this way (a hung name service, a disk
// that does not answer) may hold the program up when it is told to stop. Then, 0.8 s after
// the signal, a thread that has done nothing else puts Xen's tracing back, over a connection of its own, and
// ends the process.
#ifndef XENMON_XENBAKED_END_WATCH_H
#define XENMON_XENBAKED_END_WATCH_H

#include <functional>
#include <thread>

#include "base/descriptor.h"

namespace xenmon {

class EndWatch {
 public:
  // `stop_fd`: StopFlag::descriptor(). `last_resort` is called by the watch's thread while the program's own
  // thread hangs: it must not touch anything that the other may be holding.
  EndWatch(int stop_fd, std::function<void()> last_resort);
  EndWatch(const EndWatch&) = delete;
  EndWatch& operator=(const EndWatch&) = delete;
  // The program has exited in time.
  ~EndWatch();

 private:
  void watch() const;

  int stop_fd_;
  Descriptor in_time_; // an eventfd
  std::function<void()> last_resort_;
  std::thread thread_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_END_WATCH_H
