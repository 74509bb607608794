// SPDX-License-Identifier: GPL-2.0-or-later
//
// TraceRing against a page of the test's own, with the test in Xen's place.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "source/trace_ring.h"

namespace xenmon {
namespace {

using Fault = TraceRing::Fault;

class LiveTraceRing : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kSize = TraceRing::kPageBytes - TraceRing::kHeaderBytes;

  LiveTraceRing() : page_(TraceRing::kPageBytes / sizeof(std::uint32_t)) {
    // Data words number themselves, so that a span shows where it came from.
    std::iota(page_.begin() + 2, page_.end(), 0u);
  }

  void set(std::uint32_t cons, std::uint32_t prod) {
    page_[0] = cons;
    page_[1] = prod;
  }
  [[nodiscard]] std::uint32_t cons() const { return page_[0]; }
  [[nodiscard]] std::uint32_t prod() const { return page_[1]; }
  TraceRing ring() { return TraceRing(std::as_writable_bytes(std::span(page_))); }

  static std::uint32_t word(std::span<const std::byte> bytes, std::size_t index) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
    return value;
  }

  void expect_fault(std::uint32_t cons_now, std::uint32_t prod_now, Fault fault) {
    set(cons_now, prod_now);
    TraceRing tested = ring();
    const auto taken = tested.take();
    EXPECT_EQ(taken.fault, fault);
    EXPECT_TRUE(taken.first.empty());
    EXPECT_TRUE(taken.second.empty());
    // Sound again, and empty.
    EXPECT_EQ(cons(), prod());
    EXPECT_LT(prod(), 2 * kSize);
    EXPECT_EQ(prod() % 4, 0u);
    const auto next = tested.take();
    EXPECT_EQ(next.fault, Fault::kNone);
    EXPECT_TRUE(next.first.empty());
  }

  std::vector<std::uint32_t> page_;
};

TEST_F(LiveTraceRing, EmptyGivesNothing) {
  for (const std::uint32_t position : {0u, 64u, kSize, 2 * kSize - 4}) {
    set(position, position);
    TraceRing tested = ring();
    const auto taken = tested.take();
    EXPECT_EQ(taken.fault, Fault::kNone);
    EXPECT_TRUE(taken.first.empty());
    EXPECT_TRUE(taken.second.empty());
    tested.release();
    EXPECT_EQ(cons(), position);
  }
}

TEST_F(LiveTraceRing, GivesWhatIsBetweenConsAndProd) {
  set(16, 48);
  TraceRing tested = ring();
  const auto taken = tested.take();
  ASSERT_EQ(taken.first.size(), 32u);
  EXPECT_EQ(word(taken.first, 0), 4u);
  EXPECT_EQ(word(taken.first, 7), 11u);
  EXPECT_TRUE(taken.second.empty());
  EXPECT_EQ(cons(), 16u) << "not before release()";
  tested.release();
  EXPECT_EQ(cons(), 48u);
}

TEST_F(LiveTraceRing, EndingExactlyAtTheEndIsOneSpan) {
  set(kSize - 8, kSize);
  TraceRing tested = ring();
  const auto taken = tested.take();
  EXPECT_EQ(taken.first.size(), 8u);
  EXPECT_TRUE(taken.second.empty());
  tested.release();
  EXPECT_EQ(cons(), kSize);
}

TEST_F(LiveTraceRing, PassingTheEndIsTwoSpans) {
  set(kSize - 8, kSize + 12);
  TraceRing tested = ring();
  const auto taken = tested.take();
  ASSERT_EQ(taken.first.size(), 8u);
  ASSERT_EQ(taken.second.size(), 12u);
  EXPECT_EQ(word(taken.first, 1), kSize / 4 - 1);
  EXPECT_EQ(word(taken.second, 0), 0u);
  tested.release();
  EXPECT_EQ(cons(), kSize + 12);
}

TEST_F(LiveTraceRing, ProdBelowConsHasGoneRoundTwice) {
  set(2 * kSize - 8, 4);
  TraceRing tested = ring();
  const auto taken = tested.take();
  ASSERT_EQ(taken.fault, Fault::kNone);
  ASSERT_EQ(taken.first.size(), 8u);
  ASSERT_EQ(taken.second.size(), 4u);
  EXPECT_EQ(word(taken.first, 0), kSize / 4 - 2);
  EXPECT_EQ(word(taken.second, 0), 0u);
  tested.release();
  EXPECT_EQ(cons(), 4u);
}

TEST_F(LiveTraceRing, FullIsEverything) {
  set(0, kSize);
  TraceRing whole = ring();
  EXPECT_EQ(whole.take().first.size(), kSize);

  set(kSize + 400, 400);
  TraceRing split = ring();
  const auto taken = split.take();
  EXPECT_EQ(taken.first.size(), kSize - 400);
  EXPECT_EQ(taken.second.size(), 400u);
}

TEST_F(LiveTraceRing, SaysWhenXenHadNoRoomForAnotherRecord) {
  const auto full = [&](std::uint32_t used) {
    set(0, used);
    TraceRing tested = ring();
    return tested.take().full;
  };
  EXPECT_FALSE(full(0));
  EXPECT_FALSE(full(kSize - TraceRing::kRoomForRecord));
  EXPECT_TRUE(full(kSize - TraceRing::kRoomForRecord + 4));
  EXPECT_TRUE(full(kSize));
}

TEST_F(LiveTraceRing, SaysThatItWasFullWhenItWasGivenBack) {
  set(0, 16);
  TraceRing tested = ring();
  EXPECT_FALSE(tested.take().full);
  page_[1] = kSize - 4; // Xen filled it meanwhile
  tested.release();
  EXPECT_TRUE(tested.take().full);
  tested.release();
  page_[1] = kSize + 8;
  EXPECT_FALSE(tested.take().full) << "there was room after that";
}

TEST_F(LiveTraceRing, WhatComesWhileReadingIsForTheNextTime) {
  set(0, 16);
  TraceRing tested = ring();
  EXPECT_EQ(tested.take().first.size(), 16u);
  page_[1] = 40;
  tested.release();
  EXPECT_EQ(cons(), 16u);
  const auto next = tested.take();
  ASSERT_EQ(next.first.size(), 24u);
  EXPECT_EQ(word(next.first, 0), 4u);
}

TEST_F(LiveTraceRing, TakingTwiceGivesMoreAndReleaseGivesBackAll) {
  set(0, 16);
  TraceRing tested = ring();
  (void)tested.take();
  page_[1] = 40;
  EXPECT_EQ(tested.take().first.size(), 40u);
  tested.release();
  EXPECT_EQ(cons(), 40u);
  page_[1] = 44;
  tested.release();
  EXPECT_EQ(cons(), 40u) << "nothing was taken";
}

TEST_F(LiveTraceRing, GoesRoundManyTimes) {
  set(0, 0);
  TraceRing tested = ring();
  std::uint32_t next_word = 0;
  for (int round = 0; round < 1000; ++round) {
    page_[1] = (page_[1] + 1020) % (2 * kSize);
    const auto taken = tested.take();
    ASSERT_EQ(taken.fault, Fault::kNone);
    ASSERT_EQ(taken.first.size() + taken.second.size(), 1020u);
    ASSERT_EQ(word(taken.first, 0), next_word);
    next_word = (next_word + 1020 / 4) % (kSize / 4);
    tested.release();
    ASSERT_EQ(cons(), prod());
  }
}

TEST_F(LiveTraceRing, ImpossiblePositionsAreFaultsAndTheRingIsMadeSound) {
  expect_fault(0, 2 * kSize, Fault::kProducerOutOfRange);
  expect_fault(0, 0xfffffffcu, Fault::kProducerOutOfRange);
  expect_fault(0, 17, Fault::kProducerOutOfRange);
  expect_fault(2 * kSize, 16, Fault::kConsumerOutOfRange);
  expect_fault(3, 16, Fault::kConsumerOutOfRange);
  expect_fault(0xffffffffu, 0xffffffffu, Fault::kProducerOutOfRange);
  expect_fault(0, kSize + 4, Fault::kTooFarApart);
  expect_fault(16, 12, Fault::kTooFarApart);
}

TEST_F(LiveTraceRing, AFaultWhereXenCanGoOnKeepsXensPosition) {
  set(1, 400);
  TraceRing tested = ring();
  EXPECT_EQ(tested.take().fault, Fault::kConsumerOutOfRange);
  EXPECT_EQ(cons(), 400u);
  EXPECT_EQ(prod(), 400u);
}

TEST_F(LiveTraceRing, AnotherConsumerIsNoticed) {
  set(0, 64);
  TraceRing tested = ring();
  (void)tested.take();
  tested.release();
  set(80, 96);
  EXPECT_EQ(tested.take().fault, Fault::kConsumerMoved);
  EXPECT_EQ(cons(), 96u);
  tested.release();
  EXPECT_EQ(cons(), 96u) << "a fault takes nothing";
}

TEST_F(LiveTraceRing, NothingIsTornWhileXenWrites) {
  constexpr std::uint32_t kWords = 200'000;
  set(0, 0);
  TraceRing tested = ring();
  std::atomic<bool> enough = false;
  std::thread xen([this, &enough] {
    std::uint32_t at = 0;
    for (std::uint32_t written = 0; written < kWords && !enough;) {
      const std::uint32_t taken = std::atomic_ref(page_[0]).load(std::memory_order_acquire);
      if ((at + 2 * kSize - taken) % (2 * kSize) == kSize) {
        std::this_thread::yield();
        continue;
      }
      page_[2 + at % kSize / 4] = written++;
      at = (at + 4) % (2 * kSize);
      std::atomic_ref(page_[1]).store(at, std::memory_order_release);
    }
  });
  std::uint32_t expected = 0;
  std::uint32_t wrong = 0;
  while (expected < kWords) {
    const auto taken = tested.take();
    if (taken.fault != Fault::kNone) break;
    for (const auto part : {taken.first, taken.second})
      for (std::size_t index = 0; index < part.size() / 4; ++index) wrong += word(part, index) != expected++;
    tested.release();
    if (taken.first.empty()) std::this_thread::yield();
  }
  enough = true;
  xen.join();
  EXPECT_EQ(expected, kWords);
  EXPECT_EQ(wrong, 0u);
}

TEST_F(LiveTraceRing, DiscardEmpties) {
  set(8, 640);
  TraceRing tested = ring();
  tested.discard();
  EXPECT_EQ(cons(), 640u);
  EXPECT_EQ(tested.produced(), 640u);
  EXPECT_TRUE(tested.take().first.empty());
}

} // namespace
} // namespace xenmon
