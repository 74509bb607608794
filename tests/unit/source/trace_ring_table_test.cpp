// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reading t_info, sound and damaged.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "source/trace_ring_table.h"

namespace xenmon {
namespace {

// t_info for four pCPUs, two pages each: lists from word 8 on.
class LiveRingTable : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kMaxCpu = 3;
  static constexpr std::uint16_t kFirst = 8;

  LiveRingTable() : bytes_(64) {
    half(0, 2);
    for (std::uint32_t cpu = 0; cpu <= kMaxCpu; ++cpu) {
      half(1 + cpu, static_cast<std::uint16_t>(kFirst + 2 * cpu));
      word(kFirst + 2 * cpu, 100 + 10 * cpu);
      word(kFirst + 2 * cpu + 1, 101 + 10 * cpu);
    }
  }

  void half(std::size_t index, std::uint16_t value) {
    std::memcpy(bytes_.data() + 2 * index, &value, sizeof value);
  }
  void word(std::size_t index, std::uint32_t value) {
    std::memcpy(bytes_.data() + 4 * index, &value, sizeof value);
  }
  void expect_damaged(const std::string& what) {
    const auto table = parse_ring_table(bytes_, kMaxCpu);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().status, ExitStatus::kNoTracing);
    EXPECT_EQ(table.error().message,
              "Xen's table of trace buffers is damaged (" + what + "): restart the host to get a new one.");
  }

  std::vector<std::byte> bytes_;
};

TEST_F(LiveRingTable, ListsEachCpusPages) {
  const auto table = parse_ring_table(bytes_, kMaxCpu);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->pages_per_ring, 2u);
  ASSERT_EQ(table->rings.size(), 4u);
  EXPECT_EQ(table->rings[3].pcpu, 3u);
  EXPECT_EQ(table->rings[3].frames, (std::vector<std::uint64_t>{130, 131}));
}

TEST_F(LiveRingTable, CpusWithoutBufferAreLeftOut) {
  half(1 + 1, 0);
  const auto table = parse_ring_table(bytes_, kMaxCpu);
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rings.size(), 3u);
  EXPECT_EQ(table->rings[0].pcpu, 0u);
  EXPECT_EQ(table->rings[1].pcpu, 2u);
  EXPECT_EQ(table->rings[1].frames.front(), 120u);
}

TEST_F(LiveRingTable, AnOffsetOutsideIsDamage) {
  half(1 + 2, 15); // one word too long
  expect_damaged("CPU 2's pages are outside it");
  half(1 + 2, 0xffff);
  expect_damaged("CPU 2's pages are outside it");
}

TEST_F(LiveRingTable, AnOffsetInTheHeadIsDamage) {
  half(1, 2);
  expect_damaged("CPU 0's pages are outside it");
}

TEST_F(LiveRingTable, AFrameOfZeroIsDamage) {
  word(kFirst + 3, 0);
  expect_damaged("CPU 1 lacks a page");
}

TEST_F(LiveRingTable, NoPagesIsDamage) {
  half(0, 0);
  expect_damaged("its buffers have no pages");
}

TEST_F(LiveRingTable, MorePagesThanTheTableHoldsIsDamage) {
  half(0, 0xffff);
  expect_damaged("CPU 0's pages are outside it");
}

TEST_F(LiveRingTable, NoBufferAtAllIsDamage) {
  for (std::uint32_t cpu = 0; cpu <= kMaxCpu; ++cpu) half(1 + cpu, 0);
  expect_damaged("no CPU has a buffer");
}

TEST_F(LiveRingTable, ATableShorterThanItsHeadIsDamage) {
  bytes_.resize(9);
  expect_damaged("it is too short for its CPUs");
  bytes_.clear();
  expect_damaged("it is too short for its CPUs");
  EXPECT_FALSE(parse_ring_table(std::vector<std::byte>(64), 0xffffffffu));
}

} // namespace
} // namespace xenmon
