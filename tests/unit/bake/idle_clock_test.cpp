// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/idle_clock.h"

#include <gtest/gtest.h>

namespace xenmon {
namespace {

TEST(IdleClock, RunsWhileAnyPcpuIsIdle) {
  IdleClock clock;
  const std::uint64_t start = clock.reading(100);
  EXPECT_EQ(clock.reading(200) - start, 0U);
  clock.begin(200);
  EXPECT_EQ(clock.reading(250) - start, 50U);
  clock.begin(260);
  clock.end(270);
  EXPECT_EQ(clock.reading(280) - start, 80U);
  clock.end(300);
  EXPECT_EQ(clock.reading(400) - start, 100U);
  clock.begin(500);
  clock.end(505);
  EXPECT_EQ(clock.reading(900) - start, 105U);
}

TEST(IdleClock, AWaitThatBeganWhileItRanHasOnlyItsOwnTime) {
  IdleClock clock;
  clock.begin(10);
  const std::uint64_t from = clock.reading(30);
  clock.end(50);
  EXPECT_EQ(clock.reading(90) - from, 20U);
}

} // namespace
} // namespace xenmon
