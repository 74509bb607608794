// SPDX-License-Identifier: GPL-2.0-or-later
//
// The time of day at trace time 0, kept right while a trace is live.
//
// The trace's clock is the TSC with a frequency that is known to a kHz, or less exactly; the host's clock is
// kept right by NTP. So an epoch that is right at the start is wrong by seconds after some weeks. At each
// pass the host's clock is compared with the newest record. The difference is the epoch, plus the time that
// has passed since that record, which is never negative. So the smallest difference over a while is taken as
// right, and the epoch moves towards it in steps too small to notice, at the rate at which it has been moving
// so far. A step of the host's clock of more than a second is followed at once; so is time that the trace's
// clock slept through.
//
// Pure: the caller reads the clocks.
#ifndef XENMON_XENBAKED_SESSION_WALL_EPOCH_H
#define XENMON_XENBAKED_SESSION_WALL_EPOCH_H

#include <cstdint>
#include <optional>

namespace xenmon {

class WallEpoch {
 public:
  // All in ns, read together, and not before the record was written.
  struct Reading {
    std::uint64_t realtime_ns = 0;  // CLOCK_REALTIME
    std::uint64_t monotonic_ns = 0; // CLOCK_MONOTONIC: what a step of the other is seen by
    std::uint64_t trace_ns = 0;     // of the newest record
  };

  // 0: not known, and stays unknown.
  explicit WallEpoch(std::uint64_t epoch_ns) : base_ns_(epoch_ns) {}

  // The epoch as of that pass.
  std::uint64_t take(const Reading& reading);

 private:
  void move_to(std::uint64_t monotonic_ns);
  void end_window(std::uint64_t monotonic_ns);
  [[nodiscard]] std::uint64_t epoch_ns() const;

  std::uint64_t base_ns_;
  double moved_ns_ = 0;                  // since base_ns_ was set
  double rate_ = 0;                      // ns per ns at which the epoch moves for good
  double velocity_ = 0;                  // the same and what is left to be made up for
  double least_ns_ = 0;                  // of this window: the least that a difference was above the epoch
  unsigned windows_ = 0;                 // that have ended
  std::optional<std::uint64_t> last_ns_; // on the monotonic clock, as the next
  std::uint64_t window_began_ns_ = 0;
  std::int64_t step_ns_ = 0; // realtime less monotonic, at the last reading
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_WALL_EPOCH_H
