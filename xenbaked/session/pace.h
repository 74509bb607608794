// SPDX-License-Identifier: GPL-2.0-or-later
//
// The position of a recording that is played at its own pace: trace time against CLOCK_MONOTONIC.
#ifndef XENMON_XENBAKED_SESSION_PACE_H
#define XENMON_XENBAKED_SESSION_PACE_H

#include <cmath>
#include <cstdint>

#include "base/clock.h"

namespace xenmon {

class Pace {
 public:
  // Trace seconds per second; 0: as fast as possible, and nothing ever has to be waited for.
  explicit Pace(double speed) : speed_(speed) {}
  [[nodiscard]] double speed() const { return speed_; }
  [[nodiscard]] bool unlimited() const { return speed_ <= 0; }
  // That trace time is now.
  void start(std::uint64_t trace_ns) {
    started_ = true;
    wall_start_ = monotonic_ns();
    trace_start_ = trace_ns;
  }
  [[nodiscard]] bool started() const { return started_; }
  // Trace time that is due by now.
  [[nodiscard]] std::uint64_t due() const {
    return trace_start_ +
           static_cast<std::uint64_t>(static_cast<double>(monotonic_ns() - wall_start_) * speed_);
  }
  // How long until `trace_ns` is due, in ns of real time.
  [[nodiscard]] std::uint64_t until(std::uint64_t trace_ns) const {
    const std::uint64_t now = due();
    return trace_ns <= now
               ? 0
               : static_cast<std::uint64_t>(std::ceil(static_cast<double>(trace_ns - now) / speed_));
  }

 private:
  double speed_;
  bool started_ = false;
  std::uint64_t wall_start_ = 0;
  std::uint64_t trace_start_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_PACE_H
