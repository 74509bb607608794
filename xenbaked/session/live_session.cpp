// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/live_session.h"

#include <utility>

#include "base/clock.h"

namespace xenmon {

LiveSession::LiveSession(const SessionParts& parts)
    : parts_(parts), published_(parts, nullptr), wall_epoch_(parts.source.origin().wall_epoch_ns) {}

Status LiveSession::run() {
  return published_.finish(follow());
}

Status LiveSession::follow() {
  Pipeline& pipeline = published_.pipeline();
  while (!parts_.stop.raised() && !published_.error()) {
    const WallEpoch::Reading before = std::exchange(clocks_, {});
    if (Status taken = pipeline.read(); !taken) return taken;
    read_clocks();
    pipeline.drain();
    if (pipeline.last()) return ok();
    if (!pipeline.gap()) follow_wall_clock(before);
    published_.housekeeping();
    published_.count_wakeup();
    if (parts_.stop.wait(parts_.source.event_fd(), parts_.options.poll_ns)) {
      if (Status acknowledged = parts_.source.acknowledge(); !acknowledged) return acknowledged;
    }
  }
  Status taken = pipeline.read();
  pipeline.drain_rest();
  return taken;
}

void LiveSession::read_clocks() {
  clocks_.realtime_ns = realtime_ns();
  clocks_.monotonic_ns = monotonic_ns();
}

// The newest record that has been accounted for is the last one of the pass before, and `before` are its
// clocks. Where there is one pCPU, it is this pass's.
void LiveSession::follow_wall_clock(WallEpoch::Reading before) {
  Pipeline& pipeline = published_.pipeline();
  const std::uint64_t position = pipeline.merge().position();
  WallEpoch::Reading reading = pipeline.one_pcpu() ? clocks_ : before;
  if (reading.realtime_ns == 0 || !pipeline.baker().started() || position == position_) return;
  position_ = position;
  reading.trace_ns = pipeline.ns_at(position);
  published_.writer().set_wall_epoch(wall_epoch_.take(reading));
}

} // namespace xenmon
