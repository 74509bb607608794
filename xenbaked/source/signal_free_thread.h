// SPDX-License-Identifier: GPL-2.0-or-later
//
// A thread that gets none of the program's signals.
#ifndef XENMON_XENBAKED_SOURCE_SIGNAL_FREE_THREAD_H
#define XENMON_XENBAKED_SOURCE_SIGNAL_FREE_THREAD_H

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

namespace xenmon {

// Not joinable if no thread could be started; a later try may succeed.
template <class Body>
std::thread start_signal_free(Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, SIGSYS); // its handler says which system call it was
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(std::move(body));
  } catch (const std::system_error&) {
    // The caller sees that it is not joinable.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_SIGNAL_FREE_THREAD_H
