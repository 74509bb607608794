// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many streams are merged in batches, one stream by itself is not. So the order of many is right if it is
// what comes of each of them alone, put together by TSC and pCPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "handed_over.h"
#include "merge/batch.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

constexpr std::uint32_t kIgnored = 0x28003;

class Everything : public HandedOver {
 public:
  void apply_untimed(std::uint32_t pcpu, const Record& record) {
    seen.push_back({pcpu, 0, "untimed " + std::to_string(record.word(0))});
  }
  void lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t /*dom*/,
                std::uint32_t /*vcpu*/) {
    seen.push_back({pcpu, tsc, "found " + std::to_string(count)});
  }
  void gap(std::uint32_t pcpu, std::uint64_t tsc) { seen.push_back({pcpu, tsc, "gap"}); }
  static bool ignores(std::uint32_t header) { return (header & 0x8fffffffU) == (kHasTsc | kIgnored); }
  void pass_over(std::uint64_t count) { passed_over += count; }
  std::uint64_t passed_over = 0;
};

// What happened, with its place in the order: untimed records have that of their pCPU's next record, or, if
// there is none, of its last. A gap follows at once after what came before it.
std::vector<Seen> with_places(std::vector<Seen> seen) {
  std::map<std::uint32_t, std::uint64_t> last;
  for (Seen& one : seen) {
    std::uint64_t& at = last[one.pcpu];
    if (one.what == "gap") one.tsc = at;
    at = std::max(at, one.tsc);
  }
  for (auto at = seen.rbegin(); at != seen.rend(); ++at) {
    std::uint64_t& next = last[at->pcpu];
    if (at->what.starts_with("untimed")) at->tsc = next;
    next = at->tsc;
  }
  return seen;
}

std::string first_difference(const std::vector<Seen>& seen, const std::vector<Seen>& wanted) {
  std::size_t i = 0;
  while (i < seen.size() && i < wanted.size() && seen[i] == wanted[i]) ++i;
  if (i == seen.size() && i == wanted.size()) return "";
  std::ostringstream text;
  text << "at " << i << " of " << seen.size() << " and " << wanted.size() << ":";
  for (std::size_t j = i > 12 ? i - 12 : 0; j < i + 9; ++j) {
    text << "\n  ";
    if (j < seen.size()) text << seen[j];
    text << "   wanted ";
    if (j < wanted.size()) text << wanted[j];
  }
  return text.str();
}

// Records of a pCPU that is busy in its own way: now and then something that is not a plain record.
std::vector<WindowBuilder> random_windows(std::uint32_t pcpu, std::mt19937& random) {
  std::vector<WindowBuilder> windows;
  std::uint64_t tsc = 1'000 + random() % 4;
  const std::uint32_t step = 1U << random() % 12;
  for (std::uint32_t window = 0; window < 1 + random() % 3; ++window) {
    WindowBuilder& builder = windows.emplace_back(pcpu);
    bool after_untimed = false;
    for (std::uint32_t i = 0; i < 400; ++i) {
      // Many records of different pCPUs have the same TSC.
      tsc += random() % step / 2 * 2;
      // Untimed records have the place of what comes after them, which must be seen.
      std::uint64_t what = random() % 64;
      if (after_untimed && what >= 8 && what < 12) what = 63;
      after_untimed = what == 2 || (what >= 4 && what < 8) || (after_untimed && (what == 0 || what == 3));
      switch (what) {
        case 0:
          builder.record(kEvent, tsc - 100, {});
          break; // backwards: damage
        case 1:
          builder.lost(tsc, tsc + 50, i, 1, 0), tsc += 50;
          break;
        case 2:
          builder.plain(0x82001, {i});
          break;
        case 3:
          builder.record(event::kWrapBuffer, tsc, {});
          break;
        case 4:
        case 5:
        case 6:
        case 7:
          builder.plain(event::kAcctPageCounts, {i, 0}).plain(event::kAcctPageCounts, {i + 1, 0});
          break;
        case 8:
        case 9:
        case 10:
        case 11:
          builder.record(kIgnored, i % 5 == 0 ? 1 : tsc, {1, 2});
          break;
        default:
          builder.record(kEvent, tsc, {i, 2, 3});
          break;
      }
    }
    if (random() % 3 == 0) builder.cut(random() % 10); // its last record is not whole
  }
  return windows;
}

Pass pass_with(const std::vector<std::vector<WindowBuilder>>& pcpus) {
  Pass pass;
  for (std::size_t window = 0; window < 3; ++window) {
    for (const std::vector<WindowBuilder>& windows : pcpus) {
      if (window < windows.size()) pass.windows.push_back(windows[window].window());
    }
  }
  pass.last = true;
  return pass;
}

TEST(MergeBatch, ManyStreamsAreInTheOrderThatEachHasByItself) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::vector<WindowBuilder>> pcpus;
    for (std::uint32_t i = 0; i < 8 + random() % 30; ++i) pcpus.push_back(random_windows(3 * i, random));

    std::vector<Seen> wanted;
    std::uint64_t records = 0;
    std::uint64_t passed_over = 0;
    for (const std::vector<WindowBuilder>& windows : pcpus) {
      Merge merge;
      Everything sink;
      merge.append(pass_with({windows}));
      merge.drain(Merge::kNoLimit, sink);
      const std::vector<Seen> seen = with_places(sink.seen);
      wanted.insert(wanted.end(), seen.begin(), seen.end());
      records += merge.counts().records;
      passed_over += sink.passed_over;
    }
    std::stable_sort(wanted.begin(), wanted.end(), [](const Seen& a, const Seen& b) {
      return a.tsc != b.tsc ? a.tsc < b.tsc : a.pcpu < b.pcpu;
    });

    Merge merge;
    Everything sink;
    merge.append(pass_with(pcpus));
    merge.drain(Merge::kNoLimit, sink);
    ASSERT_EQ(first_difference(with_places(sink.seen), wanted), "") << "seed " << seed;
    EXPECT_EQ(merge.counts().records, records) << "seed " << seed;
    EXPECT_EQ(sink.passed_over, passed_over) << "seed " << seed;
    EXPECT_EQ(merge.counts().late_records, 0U);
  }
}

// The same whether it is drained at once or in small steps.
TEST(MergeBatch, ALimitCutsABatch) {
  std::mt19937 random(7);
  std::vector<std::vector<WindowBuilder>> pcpus;
  for (std::uint32_t i = 0; i < 20; ++i) pcpus.push_back(random_windows(i, random));
  Everything at_once;
  Everything in_steps;
  Merge one;
  one.append(pass_with(pcpus));
  one.drain(Merge::kNoLimit, at_once);
  Merge other;
  other.append(pass_with(pcpus));
  for (std::uint64_t limit = 0; other.next_tsc() != Merge::kNoLimit || limit == 0; limit += 700) {
    other.drain(limit, in_steps);
    for (const Seen& seen : in_steps.seen) ASSERT_LE(seen.tsc, limit);
  }
  EXPECT_EQ(first_difference(in_steps.seen, at_once.seen), "");
}

TEST(Batch, SortsByTscAndKeepsTheOrderOfEqualOnes) {
  std::mt19937 random(3);
  for (const std::uint32_t span : {1U, 40U, 1U << 11, 1U << 20, 0xffffffffU}) {
    for (const bool crowded : {false, true}) {
      Batch batch;
      batch.begin(5);
      for (std::uint16_t i = 0; i < 3'000; ++i) {
        const auto after = static_cast<std::uint32_t>(random() % (crowded ? span / 1'000 + 1 : span));
        batch.entries().push_back({after, i, 0, nullptr});
      }
      const auto sorted = batch.sort();
      ASSERT_EQ(sorted.size(), 3'000U);
      for (std::size_t i = 1; i < sorted.size(); ++i) {
        ASSERT_LE(sorted[i - 1].after_base, sorted[i].after_base);
        const bool equal = sorted[i - 1].after_base == sorted[i].after_base;
        ASSERT_TRUE(!equal || sorted[i - 1].pcpu < sorted[i].pcpu);
      }
    }
  }
}

} // namespace
} // namespace xenmon::test
