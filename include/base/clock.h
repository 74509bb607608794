// SPDX-License-Identifier: MIT
//
// The system's clocks as nanoseconds. None of them is the trace's clock, which is the TSC. All may be called
// in a signal handler.
#ifndef XENMON_BASE_CLOCK_H
#define XENMON_BASE_CLOCK_H

#include <time.h>

#include <cstdint>

namespace xenmon {

inline std::uint64_t clock_ns(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// Never goes back; stands still while the host is suspended.
inline std::uint64_t monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}
// Never goes back; counts the time in which the host is suspended. The region's heartbeat is on it.
inline std::uint64_t boottime_ns() {
  return clock_ns(CLOCK_BOOTTIME);
}
// Since 1970, UTC. Somebody may set it.
inline std::uint64_t realtime_ns() {
  return clock_ns(CLOCK_REALTIME);
}
// That this process has used, in all threads.
inline std::uint64_t process_cpu_ns() {
  return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

} // namespace xenmon

#endif // XENMON_BASE_CLOCK_H
