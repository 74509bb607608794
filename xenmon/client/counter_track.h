// SPDX-License-Identifier: GPL-2.0-or-later
//
// By how much the daemon's counters have grown of late, and what this program itself has cost.
#ifndef XENMON_XENMON_COUNTER_TRACK_H
#define XENMON_XENMON_COUNTER_TRACK_H

#include <cstdint>
#include <deque>

#include "model/screen_model.h"

namespace xenmon {

class CounterTrack {
 public:
  struct Look {
    std::uint64_t trace_ns = 0;
    std::uint64_t wall_ns = 0; // CLOCK_BOOTTIME
    std::uint64_t own_cpu_ns = 0;
    xenmon_counters counters = {};
  };

  // Kept for window_ns of the wall's time.
  void add(const Look& look, std::uint64_t window_ns);
  void clear() { looks_.clear(); }
  // Fills in the recent part: what there is between the oldest look and the newest; with one look alone what
  // the daemon counted since it began.
  void tell(HostModel& host) const;

 private:
  std::deque<Look> looks_;
};

// CPU time that this process has used, in ns.
std::uint64_t own_cpu_ns();

} // namespace xenmon

#endif // XENMON_XENMON_COUNTER_TRACK_H
