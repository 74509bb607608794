// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a watcher sees of a vCPU has no gaps, and adds up to the totals.
#include "bake/bake_watcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

class Intervals final : public BakeWatcher {
 public:
  struct Seen {
    std::uint32_t domid = 0;
    std::uint32_t vcpu_id = 0;
    Times times{};
    std::uint64_t until_ns = 0;
  };

  void on_domain(const Domain& domain) override { ++domains[domain.domid]; }
  void on_vcpu(const Vcpu& vcpu, const Domain& domain) override {
    by_slot[vcpu.slot] = all.size();
    all.push_back({domain.domid, vcpu.vcpu_id, {}, 0});
  }
  void on_domain_end(const Domain& domain, std::uint64_t now) override {
    ends.emplace_back(domain.domid, now);
  }
  void on_time(const Vcpu& vcpu, Bucket bucket, std::uint64_t from_ns, std::uint64_t to_ns) override {
    Seen& seen = all[by_slot.at(vcpu.slot)];
    EXPECT_EQ(from_ns, seen.until_ns);
    EXPECT_LT(from_ns, to_ns);
    seen.times[bucket] += to_ns - from_ns;
    seen.until_ns = to_ns;
  }
  void on_wait(const Vcpu& /*vcpu*/, const xenmon_wait& wait,
               std::span<const RecentExecutions* const> meanwhile) override {
    waits.push_back(wait.end_ns - wait.start_ns);
    EXPECT_FALSE(meanwhile.empty());
  }
  void on_lost(std::uint32_t /*pcpu*/, std::uint64_t /*now*/, std::uint32_t count) override { lost += count; }
  void on_gap(std::uint32_t /*pcpu*/, std::uint64_t /*now*/) override {}

  std::map<std::uint32_t, std::size_t> by_slot;
  std::map<std::uint32_t, int> domains; // how many have had a domid
  std::vector<Seen> all;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> ends;
  std::vector<std::uint64_t> waits;
  std::uint64_t lost = 0;
};

void bake(std::initializer_list<const WindowBuilder*> windows, Intervals& intervals) {
  Baker::Options options;
  options.cpu_khz = 1'000'000;
  options.slow_wait_ns = 1000;
  options.watcher = &intervals;
  Baker baker(options);
  Merge merge;
  merge.append(pass_of(windows));
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  std::size_t vcpus = 0;
  for (const DomainTotals& domain : baker.totals()) {
    for (const VcpuTotals& vcpu : domain.vcpus) {
      ++vcpus;
      const auto seen =
          std::find_if(intervals.all.begin(), intervals.all.end(), [&](const Intervals::Seen& each) {
            return each.domid == domain.domid && each.vcpu_id == vcpu.vcpu_id;
          });
      ASSERT_NE(seen, intervals.all.end());
      if (domain.ended_ns != 0) seen->times[kOffline] += baker.now_ns() - seen->until_ns;
      EXPECT_EQ(seen->times, vcpu.times) << "d" << domain.domid << "v" << vcpu.vcpu_id;
    }
  }
  EXPECT_EQ(vcpus, intervals.all.size());
}

TEST(BakeWatcherTest, IntervalsAddUpToTheTotals) {
  WindowBuilder window;
  window.runstate(1000, 1, 0, kBlockedState, kRunnableState)
      .runstate(1100, 2, 0, kRunnableState, kRunningState)
      .proceed(1500, 2, 0)
      .runstate(3000, 2, 0, kRunningState, kRunnableState)
      .runstate(3000, 1, 0, kRunnableState, kRunningState)
      .runstate(3700, 1, 0, kRunningState, kBlockedState);
  Intervals intervals;
  bake({&window}, intervals);
  EXPECT_EQ(intervals.waits, std::vector<std::uint64_t>{2000});
}

TEST(BakeWatcherTest, SoTheyDoWithLossesAndDomainsThatComeAndGo) {
  WindowBuilder window;
  window.record(event::kDomainAdd, 1000, {3})
      .runstate(1200, 3, 0, kOfflineState, kRunnableState)
      .runstate(1300, 3, 0, kRunnableState, kRunningState)
      .runstate(1350, 3, 1, kOfflineState, kBlockedState)
      .lost(1400, 1600, 5, 3, 0)
      .runstate(1700, 3, 0, kRunningState, kBlockedState)
      .record(event::kDomainRemove, 2000, {3})
      .runstate(2500, 4, 0, kBlockedState, kRunnableState)
      .runstate(2600, 4, 0, kRunnableState, kRunningState);
  WindowBuilder other(1);
  other.runstate(1250, 5, 0, kRunnableState, kRunningState)
      .runstate(2700, 5, 0, kRunningState, kBlockedState);
  Intervals intervals;
  bake({&window, &other}, intervals);
  EXPECT_EQ(intervals.lost, 5U);
  ASSERT_EQ(intervals.ends.size(), 1U);
  EXPECT_EQ(intervals.ends[0].first, 3U);
  EXPECT_EQ(intervals.domains[3], 1);
}

} // namespace
} // namespace xenmon::test
