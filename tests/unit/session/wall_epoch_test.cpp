// SPDX-License-Identifier: GPL-2.0-or-later
//
// In virtual time: days of passes in a moment.
#include "session/wall_epoch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace xenmon {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;
constexpr std::uint64_t kEpoch = 1'790'000'000 * kSecond;
constexpr std::uint64_t kPassNs = 250 * kMs;

// A host on which the trace's clock runs too slow by so many ppm.
class Host {
 public:
  explicit Host(double ppm) : ppm_(ppm) {}

  // After a pass at that time, which was late by up to `jitter`. How wrong the epoch is, in ms.
  double pass(std::uint64_t now_ns, std::uint64_t jitter_ns) {
    const std::uint64_t late =
        jitter_ns == 0 ? 0 : std::uniform_int_distribution<std::uint64_t>(0, jitter_ns)(random_);
    // The record was written at this time, by whatever the host's clock is.
    const std::uint64_t written_ns = now_ns - std::min(now_ns, late);
    WallEpoch::Reading reading;
    reading.monotonic_ns = now_ns;
    reading.realtime_ns = kEpoch + now_ns + static_cast<std::uint64_t>(step_ns);
    reading.trace_ns =
        written_ns - static_cast<std::uint64_t>(std::llround(static_cast<double>(written_ns) * ppm_ * 1e-6));
    const std::uint64_t epoch = epoch_.take(reading);
    const double told = static_cast<double>(static_cast<std::int64_t>(epoch + reading.trace_ns - kEpoch));
    return (told - static_cast<double>(written_ns) - static_cast<double>(step_ns)) / 1e6;
  }

  std::int64_t step_ns = 0; // of the host's clock

 private:
  double ppm_;
  WallEpoch epoch_{kEpoch};
  std::mt19937_64 random_{5};
};

struct Case {
  double ppm;
  std::uint64_t jitter_ns;
  std::uint64_t days;
};

class DriftingHost : public testing::TestWithParam<Case> {};

TEST_P(DriftingHost, ItsTimeOfDayStaysTrue) {
  Host host(GetParam().ppm);
  double worst = 0;
  const std::uint64_t end = GetParam().days * 86'400 * kSecond;
  for (std::uint64_t now = kSecond; now < end; now += kPassNs)
    worst = std::max(worst, std::abs(host.pass(now, GetParam().jitter_ns)));
  EXPECT_LT(worst, 10.0);
}

INSTANTIATE_TEST_SUITE_P(WallEpoch, DriftingHost,
                         testing::Values(Case{0.2, 0, 3}, Case{0.2, kMs, 1}, Case{0.2, 250 * kMs, 1},
                                         Case{-0.2, 250 * kMs, 1}, Case{100, 0, 1}, Case{-100, 0, 1},
                                         Case{100, 250 * kMs, 1}, Case{-100, 250 * kMs, 1}));

TEST(WallEpoch, MovesInStepsThatNobodySees) {
  WallEpoch epoch(kEpoch);
  std::uint64_t before = kEpoch;
  for (std::uint64_t now = kSecond; now < 2'000 * kSecond; now += kPassNs) {
    // It was wrong by half a second to begin with.
    const std::uint64_t after = epoch.take({kEpoch + 500 * kMs + now, now, now});
    EXPECT_LT(std::abs(static_cast<std::int64_t>(after - before)), static_cast<std::int64_t>(5 * kMs)) << now;
    before = after;
  }
  EXPECT_NEAR(static_cast<double>(before - kEpoch), 500e6, 10e6);
}

TEST(WallEpoch, FollowsAStepOfTheHostsClockAtOnce) {
  for (const std::int64_t step : {std::int64_t{3'600'000'000'000}, std::int64_t{-5'000'000'000}}) {
    Host host(0.5);
    for (std::uint64_t now = kSecond; now < 500 * kSecond; now += kPassNs) host.pass(now, kMs);
    host.step_ns = step;
    for (std::uint64_t now = 500 * kSecond; now < 1'000 * kSecond; now += kPassNs)
      EXPECT_LT(std::abs(host.pass(now, kMs)), 10.0) << step;
  }
}

TEST(WallEpoch, ASingleLatePassChangesNothing) {
  Host host(0);
  for (std::uint64_t now = kSecond; now < 100 * kSecond; now += kPassNs) host.pass(now, 0);
  EXPECT_LT(std::abs(host.pass(130 * kSecond, 20 * kSecond)), 1.0);
  for (std::uint64_t now = 131 * kSecond; now < 300 * kSecond; now += kPassNs)
    EXPECT_LT(std::abs(host.pass(now, 0)), 1.0);
}

TEST(WallEpoch, WhatIsNotKnownStaysSo) {
  WallEpoch epoch(0);
  EXPECT_EQ(epoch.take({kEpoch, kSecond, kSecond}), 0U);
}

} // namespace
} // namespace xenmon
