// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace/decode.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "trace_builder.h"
#include "xenmon/region.h"

namespace xenmon::test {
namespace {

// The first record of the window; the window must outlive it.
Record first(const WindowBuilder& window) {
  Record record;
  EXPECT_TRUE(decode_record(window.data().data(), window.data().data() + window.data().size(), record));
  return record;
}

template <class What>
What decoded_as(const WindowBuilder& window) {
  const Event event = decode(first(window));
  const What* what = std::get_if<What>(&event);
  EXPECT_NE(what, nullptr) << "alternative " << event.index();
  return what != nullptr ? *what : What{};
}

// Each record of the table with one word less than it needs.
TEST(Decode, ARecordThatIsTooShortIsAFaultWithItsCause) {
  int tried = 0;
  for (const event::Description& each : event::kDescriptions) {
    // Handled before anything is decoded, or of no use.
    if ((each.id & event::kClassMask) == event::kAlwaysClass || each.id == event::kAcctStart) continue;
    const std::uint32_t words = each.words - 1U;
    std::vector<std::byte> extra(kMaxRecordBytes);
    const Record record{kHasTsc | words << 28 | each.id, 1000, extra.data()};
    const Event event = decode(record);
    ASSERT_TRUE(std::holds_alternative<decoded::Fault>(event)) << each.name;
    EXPECT_EQ(std::get<decoded::Fault>(event).cause, std::uint32_t{XENMON_BAD_WORDS}) << each.name;
    const Record whole{kHasTsc | (words + 1) << 28 | each.id, 1000, extra.data()};
    EXPECT_FALSE(std::holds_alternative<decoded::Fault>(decode(whole))) << each.name;
    EXPECT_FALSE(std::holds_alternative<decoded::Ignored>(decode(whole))) << each.name;
    ++tried;
  }
  EXPECT_GT(tried, 20);
}

TEST(Decode, WhatIsNotInTheTableIsIgnored) {
  for (const std::uint32_t id : {0x0002800aU, 0x00022202U, 0x00024007U, 0x00021003U, 0x0100f001U, 0x08001U}) {
    WindowBuilder w;
    w.record(id, 1000, {1, 2, 3});
    EXPECT_TRUE(std::holds_alternative<decoded::Ignored>(decode(first(w)))) << std::hex << id;
  }
}

TEST(Decode, ARunstateChangeIsTheSameInEachDialect) {
  for (std::uint32_t from = 0; from < 4; ++from) {
    for (std::uint32_t to = 0; to < 4; ++to) {
      WindowBuilder xen;
      xen.runstate(1000, 5, 2, from, to);
      WindowBuilder second;
      second.record(event::kDispatchRunstate | from << 8 | to << 4, 1000, {5U << 16 | 2});
      WindowBuilder first_version;
      first_version.record(event::kAcctRunstate | from << 8 | to << 4, 1000, {5U << 16 | 2, 77});
      const WindowBuilder* const all[] = {&xen, &second, &first_version};
      for (const WindowBuilder* w : all) {
        const auto change = decoded_as<decoded::RunstateChange>(*w);
        EXPECT_EQ(change.who, 5U << 16 | 2);
        EXPECT_EQ(change.from, from);
        EXPECT_EQ(change.to, to);
        EXPECT_EQ(change.pcpu, kNotNamed);
        EXPECT_EQ(change.dialect, w == &xen ? Dialect::kXen : Dialect::kDispatch);
      }
    }
  }
  WindowBuilder elsewhere;
  elsewhere.record(event::kDispatchRunstate | 2U << 8 | 1U << 4, 1000, {5U << 16, 9});
  EXPECT_EQ(decoded_as<decoded::RunstateChange>(elsewhere).pcpu, 9U);
}

TEST(Decode, ASwitchIsTheSameInBothVersions) {
  for (const std::uint32_t slice_ns : {0U, 30U}) {
    for (const bool first_version : {false, true}) {
      WindowBuilder w;
      if (first_version) w.write_first_version();
      w.switched(1000, 3, {(1ULL << 44) - 1, event::kCauseSlice}, 4,
                 {(1ULL << 43) + 7, event::kCauseUnpaused}, slice_ns);
      const auto switched = decoded_as<decoded::Switched>(w);
      EXPECT_EQ(switched.left, 3U << 16);
      EXPECT_EQ(switched.came, 4U << 16);
      EXPECT_EQ(switched.ran.ns, (1ULL << 44) - 1);
      EXPECT_EQ(switched.ran.cause, std::uint32_t{event::kCauseSlice});
      EXPECT_EQ(switched.waited.ns, (1ULL << 43) + 7);
      EXPECT_EQ(switched.waited.cause, std::uint32_t{event::kCauseUnpaused});
      EXPECT_EQ(switched.slice_ns, slice_ns);
      EXPECT_EQ(switched.pcpu, kNotNamed);
    }
  }
}

TEST(Decode, TheShortcutsGiveWhatDecodeGives) {
  WindowBuilder w;
  w.record(event::kDispatchSwitch, 1000, {1, 2, 3, 4, 0xfedcba98, 6, 7});
  ASSERT_TRUE(is_full_switch(first(w).header));
  const auto slow = decoded_as<decoded::Switched>(w);
  const decoded::Switched fast = decode_full_switch(first(w));
  EXPECT_EQ(fast.ran.ns, 0xa98ULL << 32 | 3);
  EXPECT_EQ(fast.ran.cause, 0xbU);
  EXPECT_EQ(fast.waited.ns, 0xedcULL << 32 | 4);
  EXPECT_EQ(fast.waited.cause, 0xfU);
  EXPECT_EQ(slow.ran.ns, fast.ran.ns);
  EXPECT_EQ(slow.waited.cause, fast.waited.cause);
  EXPECT_EQ(fast.slice_ns, 6U);
  EXPECT_EQ(fast.pcpu, 7U);

  WindowBuilder without_slice;
  without_slice.record(event::kDispatchSwitch, 1000, {1, 2, 3, 4, 5});
  EXPECT_FALSE(is_full_switch(first(without_slice).header));
  WindowBuilder without_tsc;
  without_tsc.plain(event::kDispatchSwitch, {1, 2, 3, 4, 5, 6});
  EXPECT_FALSE(is_full_switch(first(without_tsc).header));
  WindowBuilder runstate;
  runstate.runstate(1000, 1, 0, 2, 1);
  EXPECT_TRUE(is_runstate_change(first(runstate).event()));
  EXPECT_EQ(decode_runstate_change(first(runstate), Dialect::kXen).from, 2U);
}

TEST(Decode, UnitsBeforeXen48AreNotNamed) {
  WindowBuilder next;
  next.record(event::kSwitchInfNext, 1000, {1, 20, 30});
  const auto chosen = decoded_as<decoded::UnitChosen>(next);
  EXPECT_EQ(chosen.unit, kNotNamed);
  EXPECT_EQ(chosen.waited_ns, kNotTold);
  EXPECT_EQ(chosen.slice_ns, 30U);
  WindowBuilder previous;
  previous.record(event::kSwitchInfPrev, 1000, {1, 20});
  EXPECT_EQ(decoded_as<decoded::UnitLeaves>(previous).unit, kNotNamed);
}

TEST(Decode, PageCountsAreTheSameInBothVersions) {
  WindowBuilder second;
  second.plain(event::kDispatchPageCounts, {3U << 16 | 1, 5U << 16 | 1, 7000, 3U << 16 | 2, 9});
  WindowBuilder first_version;
  first_version.plain(event::kAcctPageCounts, {5U << 16 | 1, 7000, 3U << 16 | 2, 9});
  for (const WindowBuilder* w : {&second, &first_version}) {
    const auto counted = decoded_as<decoded::PagesCounted>(*w);
    EXPECT_EQ(counted.acting, w == &second ? 3U : kNotNamed);
    EXPECT_EQ(counted.granter, 1U);
    EXPECT_EQ(counted.counts[decoded::kPageMap], 2U);
    EXPECT_EQ(counted.counts[decoded::kPageUnmap], 3U);
    EXPECT_EQ(counted.counts[decoded::kPageTransfer], 9U);
    EXPECT_EQ(counted.counts[decoded::kPageCopy], 5U);
    EXPECT_EQ(counted.copy_bytes, 7000U);
  }
}

TEST(Decode, ACopyNamesWhatWasGranted) {
  WindowBuilder w;
  w.record(event::kGrantCopy, 1000, {2U << 16 | 1, 1500U | event::kCopyToGrant});
  const auto copied = decoded_as<decoded::GrantCopied>(w);
  EXPECT_EQ(copied.source, kNotNamed);
  EXPECT_EQ(copied.destination, 2U);
  EXPECT_EQ(copied.bytes, 1500U);
}

TEST(Decode, ATickleThatMakesNoSenseNamesNoPcpu) {
  WindowBuilder good;
  good.record(event::kCredit2Tickle, 1000, {7});
  EXPECT_EQ(decoded_as<decoded::Tickled>(good).pcpu, 7U);
  WindowBuilder bad;
  bad.record(event::kCredit2Tickle, 1000, {7, 8});
  EXPECT_EQ(decoded_as<decoded::Tickled>(bad).pcpu, kNotNamed);
}

} // namespace
} // namespace xenmon::test
