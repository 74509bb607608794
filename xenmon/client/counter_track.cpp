// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/counter_track.h"

namespace xenmon {

void CounterTrack::add(const Look& look, std::uint64_t window_ns) {
  looks_.push_back(look);
  while (looks_.size() > 2 && look.wall_ns - looks_[1].wall_ns >= window_ns) looks_.pop_front();
}

CounterTrack::Growth CounterTrack::growth() const {
  Growth growth;
  if (looks_.empty()) return growth;
  const Look& newest = looks_.back();
  const Look& oldest = looks_.front();
  // A recording that has ended, or that was there before the first look, has no growth to report.
  if (newest.trace_ns == oldest.trace_ns) {
    growth.counters = newest.counters;
    growth.trace_ns = newest.trace_ns;
    growth.wall_ns = newest.trace_ns;
  } else {
    growth.counters.records = newest.counters.records - oldest.counters.records;
    growth.counters.bytes = newest.counters.bytes - oldest.counters.bytes;
    growth.counters.wakeups = newest.counters.wakeups - oldest.counters.wakeups;
    growth.counters.daemon_cpu_ns = newest.counters.daemon_cpu_ns - oldest.counters.daemon_cpu_ns;
    growth.trace_ns = newest.trace_ns - oldest.trace_ns;
    growth.wall_ns = newest.wall_ns - oldest.wall_ns;
  }
  if (newest.wall_ns > oldest.wall_ns) {
    growth.own_cpu_ns = newest.own_cpu_ns - oldest.own_cpu_ns;
    growth.own_wall_ns = newest.wall_ns - oldest.wall_ns;
  }
  return growth;
}

} // namespace xenmon
