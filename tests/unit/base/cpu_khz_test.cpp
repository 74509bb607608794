// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cpu_khz.h"

#include <gtest/gtest.h>

namespace xenmon::test {
namespace {

std::uint32_t khz(std::string_view text) {
  const auto parsed = parse_cpu_khz(text);
  return parsed ? *parsed : 0;
}

TEST(CpuKhz, WholeNumbersAreKhzAndDecimalsMhz) {
  EXPECT_EQ(khz("2799998"), 2'799'998U);
  EXPECT_EQ(khz("2799.998"), 2'799'998U);
  EXPECT_EQ(khz("62.500"), 62'500U);
  EXPECT_EQ(khz("2400.0"), 2'400'000U);
  EXPECT_EQ(khz("2596.1289"), 2'596'128U);
  EXPECT_EQ(khz("10000"), 10'000U);
  EXPECT_EQ(khz("100000000"), 100'000'000U);
}

TEST(CpuKhz, AThousandthIsNeverTakenSilently) {
  EXPECT_EQ(parse_cpu_khz("2799").error().message,
            "2799 kHz would be 2.8 MHz; xl info prints MHz: give 2799.000 or 2799000 if you mean that.");
  EXPECT_EQ(parse_cpu_khz("2799").error().status, ExitStatus::kUsage);
  EXPECT_EQ(parse_cpu_khz("62").error().message.substr(0, 28), "62 kHz would be 0.1 MHz; xl ");
}

TEST(CpuKhz, AnythingElseIsRefused) {
  for (const std::string_view text :
       {"", "0", ".", "2799.", ".5", "1.2.3", "2,8", "2.8GHz", "-2799.998", "1e6", "100000001", "1000000.0",
        "9.999", "99999999999999999999", "0.0"}) {
    const auto parsed = parse_cpu_khz(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message.substr(0, 10), "takes kHz ") << text;
  }
}

} // namespace
} // namespace xenmon::test
