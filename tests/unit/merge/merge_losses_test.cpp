// SPDX-License-Identifier: GPL-2.0-or-later
//
// A loss is reported when it is over, by the next record of its pCPU. These are about the time before that.
#include <gtest/gtest.h>

#include "handed_over.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

struct Listener : HandedOver {
  void lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t domid,
                std::uint32_t) {
    seen.push_back({pcpu, tsc, domid == event::kNobody ? "none lost" : "found " + std::to_string(count)});
  }
  void gap(std::uint32_t, std::uint64_t) {}
};

struct Drained {
  const WindowBuilder* window;
  bool full = false;
};

void take(Merge& merge, Listener& listener, std::initializer_list<Drained> windows, bool last = false) {
  Pass pass;
  for (const Drained& each : windows) {
    pass.windows.push_back(each.window->window());
    pass.windows.back().full = each.full;
  }
  pass.last = last;
  merge.append(pass);
  merge.drain(Merge::kNoLimit, listener);
}

WindowBuilder records(std::uint32_t pcpu, std::initializer_list<std::uint64_t> tscs) {
  WindowBuilder window(pcpu);
  for (const std::uint64_t tsc : tscs) window.record(kEvent, tsc, {});
  return window;
}

TEST(MergeLosses, OfAFullBufferTheNextRecordsMayBeLost) {
  Merge merge;
  Listener listener;
  const WindowBuilder full = records(0, {1000});
  const WindowBuilder others = records(1, {1100, 1200, 1300});
  const WindowBuilder later = records(1, {1500});
  const WindowBuilder last = records(1, {1600});
  WindowBuilder lost(0);
  lost.lost(1050, 1400, 3, 1, 0).record(kEvent, 1400, {});
  take(merge, listener, {{&full, true}, {&others}});
  take(merge, listener, {{&later}});
  take(merge, listener, {{&last}});
  // Before anybody has reported the loss.
  EXPECT_EQ(listener.seen, (std::vector<Seen>{{0, 1000, "record"},
                                              {0, 1000, "lost"},
                                              {1, 1100, "record"},
                                              {1, 1200, "record"},
                                              {1, 1300, "record"},
                                              {1, 1500, "record"}}));
  listener.seen.clear();
  take(merge, listener, {{&lost}}, true);
  // Its own first place has passed, but nothing was handed over as known since.
  EXPECT_EQ(
      listener.seen,
      (std::vector<Seen>{{0, 1050, "lost"}, {0, 1400, "found 3"}, {0, 1400, "record"}, {1, 1600, "record"}}));
}

TEST(MergeLosses, AFullBufferThatLostNothing) {
  Merge merge;
  Listener listener;
  const WindowBuilder full = records(0, {1000});
  const WindowBuilder others = records(1, {1100});
  const WindowBuilder more = records(1, {1200});
  const WindowBuilder next = records(0, {1300});
  take(merge, listener, {{&full, true}, {&others}});
  take(merge, listener, {{&more}});
  take(merge, listener, {{&next}}, true);
  EXPECT_EQ(listener.seen, (std::vector<Seen>{{0, 1000, "record"},
                                              {0, 1000, "lost"},
                                              {1, 1100, "record"},
                                              {1, 1200, "record"},
                                              {0, 1300, "none lost"},
                                              {0, 1300, "record"}}));
}

TEST(MergeLosses, AReportThatIsHereAlreadySaysItself) {
  Merge merge;
  Listener listener;
  const WindowBuilder full = records(0, {1000});
  WindowBuilder lost(0);
  lost.lost(1050, 1400, 3, 1, 0).record(kEvent, 1400, {});
  take(merge, listener, {{&full, true}});
  take(merge, listener, {{&lost}}, true);
  EXPECT_EQ(
      listener.seen,
      (std::vector<Seen>{{0, 1000, "record"}, {0, 1050, "lost"}, {0, 1400, "found 3"}, {0, 1400, "record"}}));
}

// What is late is where the loss began, not where it ended.
TEST(MergeLosses, TheEndOfALossKeepsItsPlace) {
  Merge merge;
  Listener listener;
  const WindowBuilder first = records(0, {1000});
  const WindowBuilder others = records(1, {1010, 1100, 1200, 1250});
  const WindowBuilder more = records(1, {1300, 1400, 1500});
  WindowBuilder lost(0);
  lost.lost(1050, 1450, 3, 1, 0).record(kEvent, 1450, {});
  take(merge, listener, {{&first}, {&others}});
  take(merge, listener, {{&more}});
  listener.seen.clear();
  take(merge, listener, {{&lost}}, true);
  EXPECT_EQ(listener.seen, (std::vector<Seen>{{0, 1050, "lost"},
                                              {1, 1300, "record"},
                                              {1, 1400, "record"},
                                              {0, 1450, "found 3"},
                                              {0, 1450, "record"},
                                              {1, 1500, "record"}}));
}

TEST(MergeLosses, PatienceLetsALossBeKnownInTime) {
  Merge merge(Merge::Patience{Merge::kNoLimit, 1 << 20});
  Listener listener;
  const WindowBuilder first = records(0, {1000});
  const WindowBuilder others = records(1, {1010, 1100});
  const WindowBuilder more = records(1, {1300, 1400, 1500});
  WindowBuilder lost(0);
  lost.lost(1050, 1450, 3, 1, 0).record(kEvent, 1450, {});
  take(merge, listener, {{&first}, {&others}});
  take(merge, listener, {{&more}});
  take(merge, listener, {});
  EXPECT_EQ(listener.seen, std::vector<Seen>{});
  take(merge, listener, {{&lost}}, true);
  EXPECT_EQ(listener.seen, (std::vector<Seen>{{0, 1000, "record"},
                                              {1, 1010, "record"},
                                              {0, 1050, "lost"},
                                              {1, 1100, "record"},
                                              {1, 1300, "record"},
                                              {1, 1400, "record"},
                                              {0, 1450, "found 3"},
                                              {0, 1450, "record"},
                                              {1, 1500, "record"}}));
}

TEST(MergeLosses, PatienceEndsWhenNothingMoreComes) {
  Merge merge(Merge::Patience{Merge::kNoLimit, 1 << 20, 3});
  Listener listener;
  const WindowBuilder first = records(0, {1000, 1010});
  const WindowBuilder later = records(0, {1020, 1030});
  take(merge, listener, {{&first}});
  take(merge, listener, {});
  take(merge, listener, {});
  EXPECT_EQ(listener.seen.size(), 0U);
  take(merge, listener, {});
  EXPECT_EQ(listener.seen.size(), 2U);
  take(merge, listener, {{&later}});
  EXPECT_EQ(listener.seen.size(), 2U) << "and begins again";
  take(merge, listener, {}, true);
  EXPECT_EQ(listener.seen.size(), 4U);
}

TEST(MergeLosses, PatienceEndsWithTimeAndWithMemory) {
  for (const Merge::Patience patience :
       {Merge::Patience{1000, 1 << 30}, Merge::Patience{Merge::kNoLimit, 4096}}) {
    Merge merge(patience);
    Listener listener;
    std::size_t most = 0;
    std::size_t taken = 0;
    for (std::uint64_t tsc = 100; tsc < 1'000'000; tsc += 20) {
      const WindowBuilder window = records(0, {tsc, tsc + 10});
      take(merge, listener, {{&window}});
      taken += 2;
      most = std::max(most, taken - listener.seen.size());
    }
    EXPECT_GE(most, 100U);
    EXPECT_LE(most, 400U); // 341 records have 4,096 bytes; small passes are taken together
  }
}

} // namespace
} // namespace xenmon::test
