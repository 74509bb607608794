// SPDX-License-Identifier: GPL-2.0-or-later
//
// By how much the daemon's counters have grown recently, and what this program itself has cost.
#ifndef XENMON_XENMON_CLIENT_COUNTER_TRACK_H
#define XENMON_XENMON_CLIENT_COUNTER_TRACK_H

#include <cstdint>
#include <deque>

#include "xenmon/region.h"

namespace xenmon {

class CounterTrack {
 public:
  struct Look {
    std::uint64_t trace_ns = 0;
    std::uint64_t wall_ns = 0; // CLOCK_BOOTTIME
    std::uint64_t own_cpu_ns = 0;
    xenmon_counters counters = {};
  };

  // Kept for window_ns of wall-clock time.
  void add(const Look& look, std::uint64_t window_ns);
  void clear() { looks_.clear(); }
  struct Growth {
    xenmon_counters counters = {};
    std::uint64_t trace_ns = 0;   // the time in which they grew, on the trace clock
    std::uint64_t wall_ns = 0;    // and on the wall's
    std::uint64_t own_cpu_ns = 0; // of this program, in own_wall_ns
    std::uint64_t own_wall_ns = 0;
  };
  // Between the oldest look and the newest; with one look alone what the daemon counted since it began. Of
  // the counters only records, bytes, wakeups and daemon_cpu_ns.
  Growth growth() const;

 private:
  std::deque<Look> looks_;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_COUNTER_TRACK_H
