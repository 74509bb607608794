// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/merge.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>

#include "handed_over.h"
#include "sanitized.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

class Recorder : public HandedOver {
 public:
  void lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t dom,
                std::uint32_t vcpu) {
    seen.push_back(
        {pcpu, tsc,
         "found " + std::to_string(count) + " d" + std::to_string(dom) + "v" + std::to_string(vcpu)});
  }
  void gap(std::uint32_t pcpu, std::uint64_t tsc) { seen.push_back({pcpu, tsc, "gap"}); }
};

class UntimedRecorder : public Recorder {
 public:
  void apply_untimed(std::uint32_t pcpu, const Record& record) {
    seen.push_back({pcpu, record.word(0), "untimed"});
  }
};

std::vector<Seen> merged(std::initializer_list<const WindowBuilder*> windows, Merge& merge) {
  Recorder recorder;
  merge.append(pass_of(windows));
  merge.drain(Merge::kNoLimit, recorder);
  return recorder.seen;
}

// Whether it is met on the quick way, at a window's end or while the next record is being looked for.
TEST(Merge, RecordsWithoutATscComeBetweenTheirNeighbours) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  for (std::uint32_t i = 1; i <= 20; ++i) {
    a.record(kEvent, std::uint64_t{i} * 10, {}).plain(event::kAcctPageCounts, {i, 0});
    b.record(kEvent, std::uint64_t{i} * 10 + 5, {});
  }
  for (WindowBuilder* only : {&a, static_cast<WindowBuilder*>(nullptr)}) {
    UntimedRecorder recorder;
    Merge merge;
    merge.append(only != nullptr ? pass_of({&a}) : pass_of({&a, &b}));
    merge.drain(Merge::kNoLimit, recorder);
    std::vector<Seen> first;
    std::copy_if(recorder.seen.begin(), recorder.seen.end(), std::back_inserter(first),
                 [](const Seen& seen) { return seen.pcpu == 0; });
    ASSERT_EQ(first.size(), 40U);
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ(first[2 * i], (Seen{0, (i + 1) * 10, "record"}));
      EXPECT_EQ(first[2 * i + 1], (Seen{0, i + 1, "untimed"}));
    }
    EXPECT_EQ(merge.counts().records, only != nullptr ? 40U : 60U);
  }
}

TEST(Merge, OrdersByTscThenByPcpu) {
  WindowBuilder a(0);
  WindowBuilder b(7);
  a.record(kEvent, 10, {}).record(kEvent, 30, {}).record(kEvent, 30, {});
  b.record(kEvent, 20, {}).record(kEvent, 30, {}).record(kEvent, 40, {});
  Merge merge;
  EXPECT_EQ(merged({&b, &a}, merge), (std::vector<Seen>{{0, 10, "record"},
                                                        {7, 20, "record"},
                                                        {0, 30, "record"},
                                                        {0, 30, "record"},
                                                        {7, 30, "record"},
                                                        {7, 40, "record"}}));
  EXPECT_EQ(merge.counts().records, 6U);
  EXPECT_EQ(merge.position(), 40U);
}

TEST(Merge, WhereThereIsOnePcpuNothingHasToBeWaitedFor) {
  WindowBuilder window(0);
  window.record(kEvent, 10, {}).record(kEvent, 30, {});
  for (const bool one_pcpu : {false, true}) {
    Recorder recorder;
    Merge merge;
    Pass pass = pass_of({&window}, false);
    pass.one_pcpu = one_pcpu;
    merge.append(pass);
    merge.drain(Merge::kNoLimit, recorder);
    EXPECT_EQ(recorder.seen.size(), one_pcpu ? 2U : 0U);
  }
}

class Chooser : public Recorder {
 public:
  static bool ignores(std::uint32_t header) { return (header & 0x8fffffffU) == (0x80000000U | 0x28003U); }
  void pass_over(std::uint64_t count) { passed_over += count; }
  std::uint64_t passed_over = 0;
};

TEST(Merge, WhatASinkIgnoresIsCountedAndNoMore) {
  WindowBuilder window(0);
  window.record(kEvent, 10, {});
  for (std::uint64_t i = 0; i < 20; ++i) {
    // Of what is ignored the TSC does not matter either.
    window.record(0x28003, i % 5 == 0 ? 1 : 100 + i, {1, 2}).record(kEvent, 100 + i, {3});
  }
  Chooser sink;
  Merge merge;
  merge.append(pass_of({&window}));
  merge.drain(Merge::kNoLimit, sink);
  // At the window's very end there is not room for the largest record, and each is looked at.
  EXPECT_GE(sink.passed_over, 18U);
  EXPECT_EQ(merge.counts().records, 41U);
  EXPECT_EQ(merge.counts().bad_records, 0U);
  EXPECT_EQ(sink.passed_over + sink.seen.size(), 41U);
  EXPECT_EQ(merge.position(), 119U);
}

// The trace continues up to the last record, whatever that is, even if it is known only at the end that it is
// the last one.
TEST(Merge, ASilenceBeforeAnIgnoredRecordAtTheEndCounts) {
  constexpr std::uint64_t kEnd = 10 + (std::uint64_t{1} << 30);
  for (const bool same_window : {false, true}) {
    for (const bool confirmed : {false, true}) {
      WindowBuilder begin(0);
      WindowBuilder end(0);
      begin.record(kEvent, 10, {}).record(kEvent, 11, {});
      (same_window ? begin : end).record(0x28003, kEnd, {1, 2, 3, 4, 5, 6, 7});
      WindowBuilder after(0);
      if (confirmed) after.record(0x28003, kEnd + 5, {});
      const WindowBuilder other = WindowBuilder(1).record(kEvent, 12, {});
      Chooser sink;
      Merge merge;
      merge.append(pass_of({&begin, &other}, false));
      merge.drain(Merge::kNoLimit, sink);
      merge.append(pass_of({&end}, false));
      merge.drain(Merge::kNoLimit, sink);
      merge.append(pass_of({&after}, false));
      merge.drain(Merge::kNoLimit, sink);
      merge.append(pass_of({}, true));
      merge.drain(Merge::kNoLimit, sink);
      EXPECT_EQ(merge.position(), confirmed ? kEnd + 5 : kEnd) << same_window << confirmed;
      EXPECT_EQ(sink.passed_over, confirmed ? 2U : 1U);
      EXPECT_EQ(merge.counts().records, confirmed ? 5U : 4U);
      EXPECT_EQ(merge.counts().bad_records, 0U);
    }
  }
}

TEST(Merge, LostRecordsStandTwiceInTheOrder) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 10, {}).lost(20, 50, 9, 3, 1).record(kEvent, 60, {});
  b.record(kEvent, 15, {}).record(kEvent, 30, {}).record(kEvent, 55, {});
  Merge merge;
  EXPECT_EQ(merged({&a, &b}, merge), (std::vector<Seen>{{0, 10, "record"},
                                                        {1, 15, "record"},
                                                        {0, 20, "lost"},
                                                        {1, 30, "record"},
                                                        {0, 50, "found 9 d3v1"},
                                                        {1, 55, "record"},
                                                        {0, 60, "record"}}));
  EXPECT_EQ(merge.counts().lost_records, 9U);
}

TEST(Merge, FirstLostTscOutsideItsGapIsMovedIntoIt) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {}).lost(3, 50, 1, 0, 0).lost(1000, 60, 2, 0, 0);
  Merge merge;
  EXPECT_EQ(merged({&a}, merge), (std::vector<Seen>{{0, 10, "record"},
                                                    {0, 10, "lost"},
                                                    {0, 50, "found 1 d0v0"},
                                                    {0, 60, "lost"},
                                                    {0, 60, "found 2 d0v0"}}));
}

TEST(Merge, PaddingAndFramingAreNoRecords) {
  WindowBuilder a(0);
  a.plain(event::kWrapBuffer, {0, 0, 0}).record(event::kWrapBuffer, 3, {0}).record(kEvent, 5, {});
  Merge merge;
  EXPECT_EQ(merged({&a}, merge).size(), 1U);
  EXPECT_EQ(merge.counts().records, 1U);
  EXPECT_EQ(merge.counts().bad_records, 0U);
}

TEST(Merge, ARecordThatDoesNotFitEndsItsWindowOnly) {
  WindowBuilder a(0);
  WindowBuilder next(0);
  a.record(kEvent, 10, {}).record(kEvent, 20, {1, 2, 3});
  a.cut(4);
  next.record(kEvent, 30, {});
  Merge merge;
  EXPECT_EQ(merged({&a, &next}, merge),
            (std::vector<Seen>{{0, 10, "record"}, {0, 10, "gap"}, {0, 30, "record"}}));
  EXPECT_EQ(merge.counts().bad_records, 1U);
}

TEST(Merge, TscsThatRunBackwardsAreSkippedAndCounted) {
  WindowBuilder a(0);
  a.record(kEvent, 999, {}).record(kEvent, 1000, {});
  a.record(kEvent, 900, {}).record(kEvent, 950, {}).record(kEvent, 1001, {});
  Merge merge;
  EXPECT_EQ(
      merged({&a}, merge),
      (std::vector<Seen>{
          {0, 999, "record"}, {0, 1000, "record"}, {0, 1000, "gap"}, {0, 1000, "gap"}, {0, 1001, "record"}}));
  EXPECT_EQ(merge.counts().bad_records, 2U);
}

TEST(Merge, OneTscFarAheadIsDamageButTwoAreALongSilence) {
  for (unsigned bit = 29; bit < 64; ++bit) {
    const std::uint64_t far = std::uint64_t{1} << bit;
    WindowBuilder a(0);
    a.record(kEvent, 1000, {})
        .record(kEvent, 1050, {})
        .record(kEvent, far + 1060, {})
        .record(kEvent, 1100, {});
    Merge merge;
    EXPECT_EQ(
        merged({&a}, merge),
        (std::vector<Seen>{{0, 1000, "record"}, {0, 1050, "record"}, {0, 1050, "gap"}, {0, 1100, "record"}}))
        << bit;
    EXPECT_EQ(merge.counts().bad_records, 1U);

    WindowBuilder b(0);
    b.record(kEvent, 900, {}).record(kEvent, 1000, {}).record(kEvent, far, {}).record(kEvent, far + 5, {});
    Merge patient;
    EXPECT_EQ(merged({&b}, patient),
              (std::vector<Seen>{
                  {0, 900, "record"}, {0, 1000, "record"}, {0, far, "record"}, {0, far + 5, "record"}}))
        << bit;
    EXPECT_EQ(patient.counts().bad_records, 0U);
  }
}

TEST(Merge, ALeapThatWrapsRoundIsNotBorneOutByWhatComesAfter) {
  WindowBuilder a(0);
  a.record(kEvent, 1000, {}).record(kEvent, ~std::uint64_t{0} - 5, {}).record(kEvent, 1100, {});
  Merge merge;
  EXPECT_EQ(merged({&a}, merge),
            (std::vector<Seen>{{0, 1000, "record"}, {0, 1000, "gap"}, {0, 1100, "record"}}));
}

TEST(Merge, ADamagedFirstTscDoesNotPushEverythingElseOut) {
  WindowBuilder a(0);
  a.record(kEvent, 1000 + (std::uint64_t{1} << 39), {}).record(kEvent, 1050, {}).record(kEvent, 1100, {});
  Merge merge;
  EXPECT_EQ(merged({&a}, merge),
            (std::vector<Seen>{{0, 0, "gap"}, {0, 1050, "record"}, {0, 1100, "record"}}));
}

TEST(Merge, ALeapAtTheEndOfAPassWaitsForTheNextPass) {
  const std::uint64_t far = 5 * PcpuStream::kMaxJump;
  Merge merge;
  Recorder recorder;
  WindowBuilder first(0);
  first.record(kEvent, 1000, {}).record(kEvent, 1001, {}).record(kEvent, far, {});
  merge.append(pass_of({&first}, false));
  merge.drain(Merge::kNoLimit, recorder);
  WindowBuilder second(0);
  second.record(kEvent, far + 10, {}).record(kEvent, far + 11, {});
  merge.append(pass_of({&second}, false));
  merge.drain(Merge::kNoLimit, recorder);
  EXPECT_EQ(recorder.seen, (std::vector<Seen>{{0, 1000, "record"}, {0, 1001, "record"}, {0, far, "record"}}));
  EXPECT_EQ(merge.counts().bad_records, 0U);
}

TEST(Merge, ALeapAtTheVeryEndIsBelievedWithinReason) {
  for (const std::uint64_t last : {PcpuStream::kMaxLastJump, 2 * PcpuStream::kMaxLastJump}) {
    WindowBuilder a(0);
    a.record(kEvent, 1000, {}).record(kEvent, 1001, {}).record(kEvent, last, {});
    Merge merge;
    merged({&a}, merge);
    EXPECT_EQ(merge.counts().bad_records, last == PcpuStream::kMaxLastJump ? 0U : 1U);
  }
}

// The sanitizers' own allocators keep no such books.
#ifndef XENMON_SANITIZED
TEST(Merge, BuffersServeAgainAlthoughSomethingIsAlwaysQueued) {
  Merge merge;
  Recorder recorder;
  const std::size_t before = mallinfo2().uordblks;
  std::size_t after_warm_up = 0;
  for (std::uint64_t pass = 0; pass < 2000; ++pass) {
    WindowBuilder w(0);
    for (std::uint64_t i = 0; i < 100; ++i) w.record(kEvent, 1000 + pass * 1000 + i, {1, 2, 3});
    merge.append(pass_of({&w}, false));
    merge.drain(Merge::kNoLimit, recorder);
    recorder.seen.clear();
    if (pass == 10) after_warm_up = mallinfo2().uordblks;
  }
  EXPECT_GT(after_warm_up, before);
  EXPECT_LT(mallinfo2().uordblks, after_warm_up + 10'000);
}
#endif

TEST(Merge, HoldsBackWhatAnotherPcpuMayStillPrecede) {
  Merge merge;
  Recorder recorder;
  WindowBuilder a1(0);
  WindowBuilder b1(1);
  a1.record(kEvent, 10, {}).record(kEvent, 40, {});
  b1.record(kEvent, 20, {});
  merge.append(pass_of({&a1, &b1}, false));
  merge.drain(Merge::kNoLimit, recorder);
  EXPECT_TRUE(recorder.seen.empty());
  // Written before the first pass was over, but read in the second.
  WindowBuilder b2(1);
  b2.record(kEvent, 30, {}).record(kEvent, 70, {});
  merge.append(pass_of({&b2}, false));
  merge.drain(Merge::kNoLimit, recorder);
  EXPECT_EQ(recorder.seen,
            (std::vector<Seen>{{0, 10, "record"}, {1, 20, "record"}, {1, 30, "record"}, {0, 40, "record"}}));
  merge.append(pass_of({}, true));
  merge.drain(Merge::kNoLimit, recorder);
  EXPECT_EQ(recorder.seen.back(), (Seen{1, 70, "record"}));
  EXPECT_EQ(merge.counts().late_records, 0U);
}

TEST(Merge, CountsWhatComesBehindItsPlace) {
  Merge merge;
  Recorder recorder;
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 100, {});
  b.record(kEvent, 50, {});
  merge.append(pass_of({&a}));
  merge.drain(Merge::kNoLimit, recorder);
  merge.append(pass_of({&b}));
  merge.drain(Merge::kNoLimit, recorder);
  EXPECT_EQ(merge.counts().late_records, 1U);
  EXPECT_EQ(recorder.seen.size(), 2U);
}

TEST(Merge, ARecordMayBeginInOnePartOfAWindowAndEndInTheOther) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {1, 2}).record(kEvent, 20, {3});
  const std::span<const std::byte> all = a.data();
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    Merge merge;
    Recorder recorder;
    Pass pass;
    pass.windows.push_back({0, all.first(cut), all.subspan(cut)});
    merge.append(pass);
    pass.clear();
    pass.last = true;
    merge.append(pass);
    merge.drain(Merge::kNoLimit, recorder);
    EXPECT_EQ(recorder.seen.size(), 2U) << cut;
    EXPECT_EQ(merge.counts().bad_records, 0U) << cut;
  }
}

// Whatever the windows are, everything arrives, in order.
TEST(Merge, ManyPcpusAtRandom) {
  std::mt19937 random(20051107);
  for (int round = 0; round < 50; ++round) {
    const std::uint32_t pcpus = 1 + random() % 70;
    std::vector<WindowBuilder> windows;
    std::size_t total = 0;
    for (std::uint32_t pcpu = 0; pcpu < pcpus; ++pcpu) {
      WindowBuilder& w = windows.emplace_back(pcpu * 3);
      std::uint64_t tsc = 1;
      const std::size_t count = random() % 200;
      total += count;
      for (std::size_t i = 0; i < count; ++i) w.record(kEvent, tsc += random() % 50, {});
    }
    Merge merge;
    Recorder recorder;
    Pass pass;
    for (const WindowBuilder& w : windows) pass.windows.push_back(w.window());
    pass.stable = pass.last = true;
    merge.append(pass);
    // In steps, as a paced replay does it.
    for (std::uint64_t limit = 0; limit < 20'000; limit += 1 + random() % 900) merge.drain(limit, recorder);
    merge.drain(Merge::kNoLimit, recorder);
    ASSERT_EQ(recorder.seen.size(), total);
    for (std::size_t i = 1; i < recorder.seen.size(); ++i) {
      const Seen& a = recorder.seen[i - 1];
      const Seen& b = recorder.seen[i];
      ASSERT_TRUE(a.tsc < b.tsc || (a.tsc == b.tsc && a.pcpu <= b.pcpu));
    }
  }
}

} // namespace
} // namespace xenmon::test
