// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace/record.h"

#include <gtest/gtest.h>

#include "trace_builder.h"

namespace xenmon {
namespace {

using test::WindowBuilder;

TEST(Record, DecodesHeaderTscAndWords) {
  WindowBuilder w;
  w.record(event::kSwitchInfNext, 0x123456789abcdef0, {1, 2, 3, 4});
  Record record;
  ASSERT_TRUE(decode_record(w.data().data(), w.data().data() + w.data().size(), record));
  EXPECT_EQ(record.event(), event::kSwitchInfNext);
  EXPECT_EQ(record.tsc, 0x123456789abcdef0U);
  EXPECT_EQ(record.extra_words(), 4U);
  EXPECT_EQ(record.bytes(), w.data().size());
  EXPECT_EQ(record.word(3), 4U);
}

TEST(Record, WithoutTscTheWordsFollowTheHeader) {
  WindowBuilder w;
  w.plain(event::kCpuChange, {7, 100});
  Record record;
  ASSERT_TRUE(decode_record(w.data().data(), w.data().data() + w.data().size(), record));
  EXPECT_FALSE(record.has_tsc());
  EXPECT_EQ(record.word(0), 7U);
  EXPECT_EQ(record.bytes(), 12U);
}

TEST(Record, DoesNotFitWhateverIsMissing) {
  WindowBuilder w;
  w.record(event::kSwitchInfNext, 5, {1, 2, 3, 4, 5, 6, 7});
  ASSERT_EQ(w.data().size(), kMaxRecordBytes);
  Record record;
  for (std::size_t size = 0; size < w.data().size(); ++size) {
    EXPECT_FALSE(decode_record(w.data().data(), w.data().data() + size, record)) << size;
  }
}

TEST(Record, RunstateEventsShareAllBitsButTheStates) {
  for (std::uint32_t from = 0; from < 4; ++from) {
    for (std::uint32_t to = 0; to < 4; ++to) {
      EXPECT_EQ((0x21001U | from << 8 | to << 4) & event::kRunstateMask, event::kRunstateChange);
    }
  }
  EXPECT_NE(event::kContinueRunning & event::kRunstateMask, event::kRunstateChange);
  EXPECT_NE(0x22001U & event::kRunstateMask, event::kRunstateChange);
}

} // namespace
} // namespace xenmon
