// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/counter_track.h"

#include <ctime>

namespace xenmon {

void CounterTrack::add(const Look& look, std::uint64_t window_ns) {
  looks_.push_back(look);
  while (looks_.size() > 2 && look.wall_ns - looks_[1].wall_ns >= window_ns) looks_.pop_front();
}

void CounterTrack::tell(HostModel& host) const {
  host.recent = {};
  host.recent_trace_ns = host.recent_wall_ns = host.own_cpu_ns = host.own_wall_ns = 0;
  if (looks_.empty()) return;
  const Look& newest = looks_.back();
  const Look& oldest = looks_.front();
  // A recording that has ended, or that was there before the first look, has no growth to tell of.
  if (newest.trace_ns == oldest.trace_ns) {
    host.recent = newest.counters;
    host.recent_trace_ns = newest.trace_ns;
    host.recent_wall_ns = newest.trace_ns;
  } else {
    host.recent.records = newest.counters.records - oldest.counters.records;
    host.recent.bytes = newest.counters.bytes - oldest.counters.bytes;
    host.recent.wakeups = newest.counters.wakeups - oldest.counters.wakeups;
    host.recent.daemon_cpu_ns = newest.counters.daemon_cpu_ns - oldest.counters.daemon_cpu_ns;
    host.recent_trace_ns = newest.trace_ns - oldest.trace_ns;
    host.recent_wall_ns = newest.wall_ns - oldest.wall_ns;
  }
  if (newest.wall_ns > oldest.wall_ns) {
    host.own_cpu_ns = newest.own_cpu_ns - oldest.own_cpu_ns;
    host.own_wall_ns = newest.wall_ns - oldest.wall_ns;
  }
}

std::uint64_t own_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace xenmon
