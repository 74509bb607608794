// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/seconds_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace xenmon {
namespace {

TEST(SecondsText, HasAsManyDecimalsAsAskedFor) {
  EXPECT_EQ(seconds_text(12'345'678'901), "12.345678901");
  EXPECT_EQ(seconds_text(12'345'678'901, 3), "12.345");
  EXPECT_EQ(seconds_text(12'345'678'901, 1), "12.3");
  EXPECT_EQ(seconds_text(12'345'678'901, 0), "12");
  EXPECT_EQ(seconds_text(0), "0.000000000");
  EXPECT_EQ(seconds_text(5'000'000, 3), "0.005");
}

TEST(SecondsText, IsRoundedDown) {
  EXPECT_EQ(seconds_text(1'999'999'999, 3), "1.999");
  EXPECT_EQ(seconds_text(999'999'999, 0), "0");
  EXPECT_EQ(seconds_text(std::numeric_limits<std::uint64_t>::max()), "18446744073.709551615");
}

} // namespace
} // namespace xenmon
