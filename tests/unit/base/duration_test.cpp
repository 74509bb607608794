// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/duration.h"

#include <gtest/gtest.h>

namespace xenmon {
namespace {

TEST(Duration, IsANumberAndItsUnit) {
  EXPECT_EQ(parse_duration_ns("800ns"), 800U);
  EXPECT_EQ(parse_duration_ns("500us"), 500'000U);
  EXPECT_EQ(parse_duration_ns("10ms"), 10'000'000U);
  EXPECT_EQ(parse_duration_ns("1.5s"), 1'500'000'000U);
  EXPECT_EQ(parse_duration_ns("0.0000000019s"), 1U);
  EXPECT_EQ(parse_duration_ns("3600s"), kLongestDurationNs);
  for (const char* nonsense :
       {"", "10", "ms", "10 ms", "-1ms", "+1ms", ".ms", "1.2.3ms", "1e3ms", "10m", "10msx", "0ms", "0.5ns",
        "3601s", "3600.1s", "99999999999999999999s", "18446744073709551617ns"}) {
    EXPECT_EQ(parse_duration_ns(nonsense), std::nullopt) << nonsense;
  }
}

} // namespace
} // namespace xenmon
