// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/counted.h"

#include <gtest/gtest.h>

#include <limits>

namespace xenmon {
namespace {

TEST(Counted, OneIsSingular) {
  EXPECT_EQ(counted(0, "record"), "0 records");
  EXPECT_EQ(counted(1, "record"), "1 record");
  EXPECT_EQ(counted(2, "record"), "2 records");
  EXPECT_EQ(counted(std::numeric_limits<std::uint64_t>::max(), "row"), "18446744073709551615 rows");
}

TEST(Counted, AWordMayHaveAnotherPlural) {
  EXPECT_EQ(counted(1, "event of another program", "events of other programs"), "1 event of another program");
  EXPECT_EQ(counted(3, "event of another program", "events of other programs"), "3 events of other programs");
  EXPECT_EQ(counted(1, "cut off", "cut off"), "1 cut off");
}

} // namespace
} // namespace xenmon
