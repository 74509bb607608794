// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace xenmon {
namespace {

TEST(Clock, NeverGoesBack) {
  for (const auto clock : {monotonic_ns, boottime_ns, process_cpu_ns}) {
    const std::uint64_t first = clock();
    EXPECT_GT(first, 0U);
    EXPECT_GE(clock(), first);
  }
}

// Between two readings of the other clock, whatever the machine does meanwhile.
TEST(Clock, IsTheSystems) {
  const auto other = [] {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                      std::chrono::nanoseconds(1));
  };
  const std::uint64_t before = other();
  const std::uint64_t ours = monotonic_ns();
  EXPECT_LE(before, ours);
  EXPECT_LE(ours, other());
}

TEST(Clock, TheTimeOfDayIsAfterThisWasWritten) {
  EXPECT_GT(realtime_ns(), 1'760'000'000'000'000'000U); // October 2025
}

} // namespace
} // namespace xenmon
