// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/wall_epoch.h"

#include <algorithm>
#include <cmath>

namespace xenmon {

namespace {

constexpr std::uint64_t kWindowNs = 32'000'000'000;
constexpr double kStepNs = 1e9; // a smaller one is made up for slowly
// A second-order loop: this share of the difference that a window shows is corrected within the next window,
// and this share is taken for a change of rate. Quick at first, because the frequency may be off by 100 ppm;
// then slow, because a window in which every pass was late shows little.
struct Gains {
  double of_distance;
  double of_rate;
};
constexpr Gains kAtFirst{0.4, 0.04};
constexpr Gains kLater{0.25, 0.015};
constexpr unsigned kFirstWindows = 8;
constexpr double kMostDriftNs = 10e6;
constexpr double kMostRate = 1e-3; // no clock is so wrong

std::int64_t difference(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}

} // namespace

std::uint64_t WallEpoch::take(const Reading& reading) {
  if (base_ns_ == 0) return 0;
  const std::int64_t step_ns = difference(reading.realtime_ns, reading.monotonic_ns);
  if (last_ns_ && std::abs(static_cast<double>(step_ns - step_ns_)) > kStepNs) {
    base_ns_ += static_cast<std::uint64_t>(step_ns - step_ns_);
    least_ns_ = kStepNs * kStepNs;
    window_began_ns_ = reading.monotonic_ns;
  }
  step_ns_ = step_ns;
  move_to(reading.monotonic_ns);
  const double above =
      static_cast<double>(difference(reading.realtime_ns - reading.trace_ns, base_ns_)) - moved_ns_;
  least_ns_ = std::min(least_ns_, above);
  if (reading.monotonic_ns - window_began_ns_ >= kWindowNs) end_window(reading.monotonic_ns);
  return epoch_ns();
}

void WallEpoch::move_to(std::uint64_t monotonic_ns) {
  if (!last_ns_) {
    window_began_ns_ = monotonic_ns;
    least_ns_ = kStepNs * kStepNs;
  } else {
    moved_ns_ += velocity_ * static_cast<double>(monotonic_ns - *last_ns_);
  }
  last_ns_ = monotonic_ns;
}

void WallEpoch::end_window(std::uint64_t monotonic_ns) {
  const auto length = static_cast<double>(monotonic_ns - window_began_ns_);
  const Gains gains = windows_ < kFirstWindows ? kAtFirst : kLater;
  // The rest is too large for small steps: the start was that wrong, or nothing was recorded for a long time.
  if (std::abs(least_ns_) > kStepNs) {
    moved_ns_ += least_ns_;
    velocity_ = rate_;
  } else {
    // A wrong start says nothing about the rate.
    const double drifted_ns = std::clamp(least_ns_, -kMostDriftNs, kMostDriftNs);
    rate_ = std::clamp(rate_ + gains.of_rate * drifted_ns / length, -kMostRate, kMostRate);
    velocity_ = rate_ + gains.of_distance * least_ns_ / length;
  }
  ++windows_;
  window_began_ns_ = monotonic_ns;
  least_ns_ = kStepNs * kStepNs;
}

std::uint64_t WallEpoch::epoch_ns() const {
  return base_ns_ + static_cast<std::uint64_t>(std::llround(moved_ns_));
}

} // namespace xenmon
