// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/trace_time.h"

#include <gtest/gtest.h>

#include <string>

namespace xenmon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(TraceTime, IsSecondsMinutesAndHours) {
  EXPECT_EQ(parse_trace_time("0"), 0U);
  EXPECT_EQ(parse_trace_time("12.5"), 12'500'000'000U);
  EXPECT_EQ(parse_trace_time("90"), 90 * kSecond);
  EXPECT_EQ(parse_trace_time("1:30.25"), 90'250'000'000U);
  EXPECT_EQ(parse_trace_time("1:5"), 65 * kSecond);
  EXPECT_EQ(parse_trace_time("100:00"), 6000 * kSecond);
  EXPECT_EQ(parse_trace_time("1:02:03"), 3723 * kSecond);
  EXPECT_EQ(parse_trace_time("0:00:00.000000001"), 1U);
  EXPECT_EQ(parse_trace_time("0.123456789"), 123'456'789U);
  EXPECT_EQ(parse_trace_time("1000000000"), kLongestTraceTimeS * kSecond);
  EXPECT_EQ(parse_trace_time("end"), kTraceEnd);
}

TEST(TraceTime, IsNothingElse) {
  for (const char* text : {"",
                           ".",
                           ".5",
                           "5.",
                           "-1",
                           "+1",
                           " 1",
                           "1 ",
                           "1s",
                           "1e3",
                           "0x10",
                           "1,5",
                           ":30",
                           "1:",
                           "1::2",
                           "1:60",
                           "1:99",
                           "1:030",
                           "1:2:3:4",
                           "1:60:00",
                           "0.1234567890",
                           "1.2.3",
                           "1.5:20",
                           "1000000001",
                           "16666667:00",
                           "99999999999999999999",
                           "300000:00:00",
                           "END",
                           "the end",
                           "nan"}) {
    EXPECT_FALSE(parse_trace_time(text)) << text;
  }
  EXPECT_FALSE(parse_trace_time(std::string("1\0", 2)));
  EXPECT_FALSE(parse_trace_time(std::string(100'000, '0') + "x"));
}

} // namespace
} // namespace xenmon
