// SPDX-License-Identifier: GPL-2.0-or-later
//
// What Merge makes of TSCs that are in doubt, damaged, or start again.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "handed_over.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// What was handed over: "PCPU@TSC", "late PCPU@TSC", "untimed PCPU", "restart@TSC", "gap PCPU".
class Listener {
 public:
  void begin(std::uint32_t, std::uint64_t) {}
  void apply(std::uint32_t pcpu, const Record& record) {
    say(std::to_string(pcpu) + "@" + std::to_string(record.tsc));
  }
  void apply_late(std::uint32_t pcpu, const Record& record) {
    say("late " + std::to_string(pcpu) + "@" + std::to_string(record.tsc));
  }
  void apply_untimed(std::uint32_t pcpu, const Record&) { say("untimed " + std::to_string(pcpu)); }
  void lost_begin(std::uint32_t, std::uint64_t) {}
  void lost_end(std::uint32_t, std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t) {}
  void gap(std::uint32_t pcpu, std::uint64_t) { say("gap " + std::to_string(pcpu)); }
  void clock_restarted(std::uint64_t tsc) { say("restart@" + std::to_string(tsc)); }
  std::vector<std::string> heard;

 private:
  void say(std::string what) { heard.push_back(std::move(what)); }
};

using Heard = std::vector<std::string>;

class MergeClock : public testing::Test {
 protected:
  void feed(std::initializer_list<const WindowBuilder*> windows, bool last = false) {
    merge_.append(pass_of(windows, last));
    merge_.drain(Merge::kNoLimit, listener_);
  }
  // `count` records of one pCPU, a millisecond apart.
  static WindowBuilder busy(std::uint32_t pcpu, std::uint64_t tsc, int count) {
    WindowBuilder window(pcpu);
    for (int i = 0; i < count; ++i)
      window.record(kEvent, tsc + static_cast<std::uint64_t>(i) * 1'000'000, {});
    return window;
  }

  Merge merge_;
  Listener listener_;
};

// An idle pCPU wakes a vCPU once a second, and the other one runs it 10 us later.
TEST_F(MergeClock, ALoneRecordBehindASilenceKeepsItsPlace) {
  std::vector<WindowBuilder> idle;
  std::vector<WindowBuilder> busy;
  for (std::uint64_t round = 1; round <= 5; ++round) {
    idle.emplace_back(0).record(kEvent, round * kSecond, {});
    busy.emplace_back(1)
        .record(kEvent, round * kSecond - 500'000'000, {})
        .record(kEvent, round * kSecond + 10'000, {})
        .record(kEvent, round * kSecond + 20'000, {});
  }
  for (std::size_t i = 0; i < idle.size(); ++i) feed({&idle[i], &busy[i]});
  feed({}, true);
  ASSERT_EQ(listener_.heard.size(), 20U);
  for (std::size_t round = 0; round < 5; ++round) {
    EXPECT_EQ(listener_.heard[4 * round + 1], "0@" + std::to_string((round + 1) * kSecond));
    EXPECT_EQ(listener_.heard[4 * round + 2], "1@" + std::to_string((round + 1) * kSecond + 10'000));
  }
  EXPECT_EQ(merge_.counts().late_records, 0U);
}

TEST_F(MergeClock, ADamagedTscDoesNotMoveTheWatermark) {
  for (unsigned bit = 29; bit < 64; ++bit) {
    Merge merge;
    Listener listener;
    const auto feed = [&](std::initializer_list<const WindowBuilder*> windows, bool last = false) {
      Pass pass;
      for (const WindowBuilder* window : windows) pass.windows.push_back(window->window());
      pass.last = last;
      merge.append(pass);
      merge.drain(Merge::kNoLimit, listener);
    };
    WindowBuilder a = busy(0, kSecond, 3);
    a.record(kEvent, (kSecond + 3'000'000) ^ std::uint64_t{1} << bit, {})
        .record(kEvent, kSecond + 4'000'000, {});
    const WindowBuilder b = busy(1, kSecond + 500'000, 5);
    feed({&a, &b});
    // Written before the first pass was over, but read in the second.
    const WindowBuilder late_a = busy(0, kSecond + 5'000'000, 2);
    const WindowBuilder late_b = busy(1, kSecond + 5'500'000, 2);
    feed({&late_b});
    feed({&late_a}, true);
    EXPECT_EQ(merge.counts().late_records, 0U) << bit;
  }
}

TEST_F(MergeClock, LateRecordsAreReportedAsLate) {
  const WindowBuilder a = busy(0, kSecond, 3);
  const WindowBuilder b = busy(1, kSecond + 1'500'000, 1);
  feed({&a}, true);
  feed({&b}, true);
  EXPECT_EQ(listener_.heard.back(), "late 1@1001500000");
  EXPECT_EQ(merge_.counts().late_records, 1U);
}

TEST_F(MergeClock, AClockThatStartsAgainGoesOnBehindAGap) {
  for (const bool in_passes : {false, true}) {
    Merge merge;
    Listener listener;
    const auto feed = [&](const std::vector<const WindowBuilder*>& windows, bool last) {
      Pass pass;
      for (const WindowBuilder* window : windows) pass.windows.push_back(window->window());
      pass.last = last;
      merge.append(pass);
      merge.drain(Merge::kNoLimit, listener);
    };
    const WindowBuilder a1 = busy(0, 1000 * kSecond, 3);
    const WindowBuilder b1 = busy(1, 1000 * kSecond + 500'000, 3);
    const WindowBuilder a2 = busy(0, kSecond, 3);
    const WindowBuilder b2 = busy(1, kSecond + 500'000, 3);
    if (in_passes) {
      feed({&a1, &b1}, false);
      feed({&a2, &b2}, false);
      feed({}, false);
      feed({}, true);
    } else {
      feed({&a1, &b1, &a2, &b2}, true);
    }
    const std::uint64_t again = 1000 * kSecond + 2'500'000 + Merge::kRestartGap;
    const auto at = [&](std::uint32_t pcpu, std::uint64_t tsc) {
      return std::to_string(pcpu) + "@" + std::to_string(tsc);
    };
    const std::uint64_t before = 1000 * kSecond;
    EXPECT_EQ(listener.heard,
              (Heard{at(0, before), at(1, before + 500'000), at(0, before + 1'000'000),
                     at(1, before + 1'500'000), at(0, before + 2'000'000), at(1, before + 2'500'000),
                     "restart@" + std::to_string(before + 2'500'000), at(0, again), at(1, again + 500'000),
                     at(0, again + 1'000'000), at(1, again + 1'500'000), at(0, again + 2'000'000),
                     at(1, again + 2'500'000)}))
        << in_passes;
    EXPECT_EQ(merge.counts().clock_restarts, 1U);
    EXPECT_EQ(merge.counts().bad_records, 0U);
  }
}

// Two recordings in one file, of which only the second one has records of pCPU 1.
struct Joined {
  // Each list is a round.
  void join(std::initializer_list<std::initializer_list<const WindowBuilder*>> rounds, bool in_passes) {
    Pass file;
    std::uint32_t number = 0;
    for (const auto& round : rounds) {
      Pass pass;
      for (const WindowBuilder* each : round) {
        Window window = each->window();
        pass.windows.push_back(window);
        window.round = number;
        file.windows.push_back(window);
      }
      ++number;
      if (!in_passes) continue;
      merge.append(pass);
      merge.drain(Merge::kNoLimit, listener);
    }
    if (in_passes) file.windows.clear();
    file.last = true;
    merge.append(file);
    merge.drain(Merge::kNoLimit, listener);
  }

  Merge merge;
  Listener listener;
};

TEST_F(MergeClock, APcpuThatIsOnlyInTheSecondPartDoesNotPrecedeTheFirst) {
  const WindowBuilder a1 = busy(0, 1000 * kSecond, 3);
  const WindowBuilder a2 = busy(0, kSecond, 3);
  const WindowBuilder b2 = busy(1, kSecond + 500'000, 3);
  Joined joined;
  joined.join({{&a1}, {&a2, &b2}}, false);
  const std::uint64_t end = 1000 * kSecond + 2'000'000;
  const std::uint64_t again = end + Merge::kRestartGap;
  EXPECT_EQ(joined.listener.heard,
            (Heard{"0@" + std::to_string(1000 * kSecond), "0@" + std::to_string(1000 * kSecond + 1'000'000),
                   "0@" + std::to_string(end), "restart@" + std::to_string(end), "0@" + std::to_string(again),
                   "1@" + std::to_string(again + 500'000), "0@" + std::to_string(again + 1'000'000),
                   "1@" + std::to_string(again + 1'500'000), "0@" + std::to_string(again + 2'000'000),
                   "1@" + std::to_string(again + 2'500'000)}));
  EXPECT_EQ(joined.merge.counts().clock_restarts, 1U);
}

TEST_F(MergeClock, NoPcpuIsInBothParts) {
  const WindowBuilder a1 = busy(1, 1000 * kSecond, 3);
  const WindowBuilder a2 = busy(1, 1000 * kSecond + 3'000'000, 3);
  const WindowBuilder a3 = busy(1, 1000 * kSecond + 6'000'000, 3);
  const WindowBuilder b1 = busy(0, kSecond, 3);
  for (const bool in_passes : {false, true}) {
    const auto joined = std::make_unique<Joined>();
    joined->join({{&a1}, {&a2}, {&a3}, {&b1}}, in_passes);
    ASSERT_EQ(joined->listener.heard.size(), 13U) << in_passes;
    EXPECT_EQ(joined->listener.heard[9], "restart@" + std::to_string(1000 * kSecond + 8'000'000))
        << in_passes;
    EXPECT_EQ(joined->listener.heard[10],
              "0@" + std::to_string(1000 * kSecond + 8'000'000 + Merge::kRestartGap));
    EXPECT_EQ(joined->merge.counts().late_records, 0U);
  }
}

TEST_F(MergeClock, ADamagedFirstTscOfANewPcpuIsNoRestart) {
  const WindowBuilder a1 = busy(0, 1000 * kSecond, 3);
  const WindowBuilder a2 = busy(0, 1000 * kSecond + 3'000'000, 3);
  WindowBuilder b3(1);
  b3.record(kEvent, 990 * kSecond, {}).record(kEvent, 1000 * kSecond + 7'000'000, {});
  Joined joined;
  joined.join({{&a1}, {&a2}, {&b3}}, false);
  EXPECT_EQ(joined.merge.counts().clock_restarts, 0U);
  EXPECT_EQ(joined.merge.counts().bad.total(), 1U);
}

// Its clock differs from the others' by more than any recording is long. That is no restart.
TEST_F(MergeClock, AClockOfItsOwnIsNoRestart) {
  const WindowBuilder a1 = busy(0, 1000 * kSecond, 3);
  const WindowBuilder a2 = busy(0, 1000 * kSecond + 3'000'000, 3);
  const WindowBuilder a3 = busy(0, 1000 * kSecond + 6'000'000, 3);
  const WindowBuilder a4 = busy(0, 1000 * kSecond + 9'000'000, 3);
  const WindowBuilder b3 = busy(1, kSecond, 3);
  Joined joined;
  joined.join({{&a1}, {&a2}, {&a3, &b3}, {&a4}}, false);
  EXPECT_EQ(joined.merge.counts().clock_restarts, 0U);
}

TEST_F(MergeClock, ASingleTscFarBackIsDamageAndNoRestart) {
  WindowBuilder a = busy(0, 1000 * kSecond, 3);
  a.record(kEvent, 5 * kSecond, {});
  const WindowBuilder rest = busy(0, 1000 * kSecond + 3'000'000, 3);
  feed({&a, &rest}, true);
  EXPECT_EQ(merge_.counts().clock_restarts, 0U);
  EXPECT_EQ(merge_.counts().bad.by_cause()[XENMON_BAD_TSC], 1U);
  EXPECT_EQ(listener_.heard.back(), "0@1000005000000");
}

// Page counts belong to the record after them, even where that has to wait for another pCPU's.
TEST_F(MergeClock, RecordsWithoutATscAreHandedOverWithTheOneBehindThem) {
  WindowBuilder a(0);
  a.record(kEvent, 1000, {}).plain(event::kAcctPageCounts, {5, 0}).record(kEvent, 4000, {});
  for (int i = 0; i < 4; ++i) a.record(kEvent, 5000, {});
  WindowBuilder b(1);
  b.record(kEvent, 2000, {}).record(kEvent, 3000, {}).record(kEvent, 6000, {});
  feed({&a, &b}, true);
  EXPECT_EQ((Heard{listener_.heard.begin(), listener_.heard.begin() + 5}),
            (Heard{"0@1000", "1@2000", "1@3000", "untimed 0", "0@4000"}));
}

} // namespace
} // namespace xenmon::test
