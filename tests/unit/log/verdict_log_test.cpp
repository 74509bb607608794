// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/verdict_log.h"

#include <gtest/gtest.h>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

using Sentences = std::vector<std::string>;

TEST(VerdictLog, TellsEachVerdictOnceAndAllAtTheEnd) {
  ScriptedRegion region;
  const RegionReader reader = *RegionReader::make(region.bytes(), "R");
  VerdictLog log;
  log.look(reader);
  EXPECT_TRUE(log.take().empty());
  region.add_verdict(XENMON_VERDICT_NOT_TRACED, "CPU 2 was not traced.");
  log.look(reader);
  log.look(reader);
  EXPECT_EQ(log.take(), Sentences{"CPU 2 was not traced."});
  EXPECT_TRUE(log.take().empty());
  // A daemon that took the place of this one says the same and something else.
  ScriptedRegion next;
  next.header().daemon_start = 78;
  next.add_verdict(XENMON_VERDICT_NOT_TRACED, "CPU 2 was not traced.");
  next.add_verdict(XENMON_VERDICT_DAMAGED, "It is cut off.");
  log.look(*RegionReader::make(next.bytes(), "R"));
  // Of damage nothing is known for certain before the recording's end.
  EXPECT_TRUE(log.take().empty());
  log.reach_end();
  EXPECT_EQ(log.take(), Sentences{"It is cut off."});
  testing::internal::CaptureStderr();
  log.say_all();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "xenmon: CPU 2 was not traced.\nxenmon: It is cut off.\n");
}

TEST(VerdictLog, ABetterVerdictTakesAnothersPlaceUntilItIsTold) {
  ScriptedRegion region;
  const RegionReader reader = *RegionReader::make(region.bytes(), "R");
  VerdictLog log;
  region.add_verdict(XENMON_VERDICT_CLOCK_SKEW, "CPU 3's clock is 90 us ahead.");
  log.look(reader);
  region.clear_verdicts();
  region.add_verdict(XENMON_VERDICT_CLOCK_SKEW, "CPU 3's clock is 100 us ahead.");
  log.look(reader);
  EXPECT_EQ(log.take(), Sentences{"CPU 3's clock is 100 us ahead."});
}

} // namespace
} // namespace xenmon::test
