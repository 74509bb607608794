// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/clock_scale.h"

#include <gtest/gtest.h>

namespace xenmon {
namespace {

TEST(ClockScale, OneGigahertzIsTheIdentity) {
  const ClockScale scale(1'000'000);
  for (const std::uint64_t cycles : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 60}) {
    EXPECT_EQ(scale.to_ns(cycles), cycles);
  }
}

TEST(ClockScale, AgreesWithLongDivision) {
  for (const std::uint32_t khz : {1'000U, 999'999U, 1'000'001U, 2'400'000U, 2'596'128U, 5'000'000U}) {
    const ClockScale scale(khz);
    for (std::uint64_t cycles = 1; cycles < std::uint64_t{1} << 57; cycles = cycles * 3 + 1) {
      __extension__ const auto exact =
          static_cast<std::uint64_t>(static_cast<unsigned __int128>(cycles) * 1'000'000 / khz);
      if (cycles / khz > ClockScale::kMaxNs / 1'000'001) break;
      EXPECT_GE(scale.to_ns(cycles), exact) << khz << ' ' << cycles;
      EXPECT_LE(scale.to_ns(cycles), exact + 1) << khz << ' ' << cycles;
      EXPECT_LE(scale.to_ns(cycles), scale.to_ns(cycles + 1));
    }
  }
}

TEST(ClockScale, ToCyclesIsTheFirstCycleOfANanosecond) {
  for (const std::uint32_t khz : {1'000U, 1'000'000U, 2'596'128U}) {
    const ClockScale scale(khz);
    for (std::uint64_t ns = 0; ns < 1'000'000'000'000; ns = ns * 5 + 1) {
      const std::uint64_t cycles = scale.to_cycles(ns);
      EXPECT_GE(scale.to_ns(cycles), ns);
      if (cycles > 0) {
        EXPECT_LT(scale.to_ns(cycles - 1), ns);
      }
    }
  }
}

TEST(ClockScale, StaysAtItsEndInsteadOfWrapping) {
  for (const std::uint32_t khz : {1U, 1'000U, 999'999U}) {
    const ClockScale scale(khz);
    EXPECT_EQ(scale.to_ns(~std::uint64_t{0}), ClockScale::kMaxNs);
    EXPECT_EQ(scale.to_cycles(ClockScale::kMaxNs), ClockScale::kNever);
  }
  EXPECT_EQ(ClockScale(5'000'000).to_cycles(ClockScale::kMaxNs - 1), ClockScale::kNever);
}

TEST(ClockScale, ZeroKilohertzDoesNotDivideByZero) {
  EXPECT_EQ(ClockScale(0).to_ns(3), 3'000'000U);
}

} // namespace
} // namespace xenmon
