// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/history.h"

#include <gtest/gtest.h>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

// A region, and a feed and a history on it.
class HistoryTest : public testing::Test {
 protected:
  HistoryTest() : HistoryTest(RegionSizes{}) {}
  explicit HistoryTest(const RegionSizes& sizes)
      : region(sizes), reader(*RegionReader::make(region.bytes(), "R")) {
    region.set_domain(0, 0, 100, "Domain-0");
    region.set_domain(1, 5, 105, "web");
    feed.start(reader, SampleFeed::From::kOldest);
  }

  void drain() { feed.drain(reader, history); }
  DomainIndex domain(std::uint32_t slot) { return directory.find(slot); }
  MetricSums of(WindowId window, std::uint32_t slot, std::optional<std::uint32_t> pcpu = {}) {
    return history.of_domain(window, domain(slot), pcpu);
  }

  ScriptedRegion region;
  RegionReader reader;
  DomainDirectory directory{20'000 * kMs};
  SampleFeed feed{directory};
  History history;
};

TEST_F(HistoryTest, SumsBothWindowsAndForgetsWhatHasLeftThem) {
  for (std::uint32_t i = 0; i < 250; ++i) {
    region.publish({make_row(0, 0, {.running_ms = 10, .blocked_ms = 90, .executions = 2}),
                    make_row(1, 1, {.running_ms = i < 240 ? 20u : 50u, .waited_ms = 5, .executions = 1})},
                   {make_io_row(1, 0, 3, 2)}, i == 245 ? 7 : 0);
    if (i % 10 == 9) drain();
  }
  EXPECT_EQ(history.length_ns(WindowId::kShort), 1'000 * kMs);
  EXPECT_EQ(history.length_ns(WindowId::kLong), 10'000 * kMs);
  EXPECT_EQ(of(WindowId::kShort, 1).running_ns, 500 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, (90 * 20 + 10 * 50) * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1).waited_ns(), 500 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1).io(), 500u);
  EXPECT_EQ(of(WindowId::kLong, 0).executions, 200u);
  EXPECT_EQ(of(WindowId::kShort, 0).blocked_ns, 900 * kMs);
  EXPECT_EQ(history.lost_records(WindowId::kLong), 7u);
  EXPECT_EQ(feed.missed_samples(), 0u);
  EXPECT_EQ(feed.damaged(), 0u);
}

TEST_F(HistoryTest, TakesEachSampleOnce) {
  region.publish({make_row(1, 0, {.running_ms = 10})});
  drain();
  drain();
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, 10 * kMs);
  EXPECT_EQ(history.length_ns(WindowId::kLong), kSampleNs);
}

TEST_F(HistoryTest, SlicesKnowTheirExtremesInEachWindow) {
  region.publish(
      {make_row(1, 0, {.executions = 1, .slice_ms = 30}), make_row(1, 1, {.executions = 2, .slice_ms = 2})});
  for (int i = 0; i < 10; ++i) region.publish({make_row(1, 0, {.executions = 1, .slice_ms = 10})});
  drain();
  std::array<std::vector<SliceRange>, kWindows> ranges;
  history.slice_ranges(ranges);
  const auto range = [&](WindowId window) {
    SliceRange all;
    for (AccountIndex i = 0; i < history.accounts().size(); ++i) {
      if (history.accounts()[i].domain == domain(1)) all.add(ranges[static_cast<std::size_t>(window)][i]);
    }
    return all;
  };
  EXPECT_EQ(range(WindowId::kLong).min_ns, 2 * kMs);
  EXPECT_EQ(range(WindowId::kLong).max_ns, 30 * kMs);
  EXPECT_EQ(range(WindowId::kShort).min_ns, 10 * kMs);
  EXPECT_EQ(range(WindowId::kShort).max_ns, 10 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1).slice_count, 13u);
}

TEST_F(HistoryTest, ShowsOnePcpuAlone) {
  region.publish({make_row(1, 0, {.running_ms = 10}), make_row(1, 1, {.running_ms = 30}),
                  make_row(1, XENMON_NO_PCPU, {.blocked_ms = 60})},
                 {make_io_row(1, 0, 4)});
  drain();
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, 40 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1).blocked_ns, 60 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1, 1).running_ns, 30 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 1, 1).blocked_ns, 0u);
  EXPECT_EQ(of(WindowId::kLong, 1, 1).io(), 0u);
  EXPECT_EQ(of(WindowId::kLong, 1, 0).io(), 4u);
  EXPECT_EQ(feed.missed_samples(), 0u);
}

TEST_F(HistoryTest, AReusedDomidIsAnotherDomain) {
  region.publish({make_row(1, 0, {.running_ms = 10})});
  drain();
  const DomainIndex old = domain(1);
  region.set_domain(1, 5, 105, "web", XENMON_DOMAIN_IN_USE | XENMON_DOMAIN_DEAD);
  region.set_domain(2, 5, 205, "web2");
  region.publish({make_row(2, 0, {.running_ms = 70})});
  drain();
  EXPECT_NE(domain(2), old);
  EXPECT_TRUE(directory[old].ended);
  EXPECT_EQ(history.of_domain(WindowId::kLong, old).running_ns, 10 * kMs);
  EXPECT_EQ(of(WindowId::kLong, 2).running_ns, 70 * kMs);
  EXPECT_EQ(directory[domain(2)].name, "web2");
}

TEST_F(HistoryTest, AnIndexIsGivenAwayOnlyAfterItsTime) {
  region.publish({make_row(1, 0, {.running_ms = 10})});
  drain();
  const DomainIndex old = domain(1);
  region.set_domain(1, 0, 0, "", 0);
  region.publish({});
  drain();
  region.set_domain(2, 6, 206, "early");
  region.publish({});
  drain();
  EXPECT_NE(domain(2), old);
  for (int i = 0; i < 300; ++i) {
    region.publish({});
    if (i % 50 == 0) drain();
  }
  drain();
  region.set_domain(3, 7, 207, "late");
  region.publish({make_row(3, 0, {.running_ms = 1})});
  drain();
  EXPECT_EQ(domain(3), old);
  EXPECT_EQ(of(WindowId::kLong, 3).running_ns, 1 * kMs);
}

TEST_F(HistoryTest, SkipsAndCountsWhatCannotBe) {
  auto too_long = make_row(1, 0, {.running_ms = 60, .blocked_ms = 60});
  region.publish({make_row(7, 0, {.running_ms = 10}), make_row(1, 0, {.running_ms = 10}),
                  make_row(1, 0, {.running_ms = 10}), too_long, make_row(1, 0, {.running_ms = 10})},
                 {make_io_row(1, 0, 1)});
  region.element<xenmon_row>(region.header().row, 1).domain_slot = 500;
  region.element<xenmon_row>(region.header().row, 2).pcpu = 99;
  region.element<xenmon_io_row>(region.header().io_row, 0).domain_slot = 600;
  region.publish({});
  region.sample(2).end_ns = region.sample(2).start_ns;
  region.publish({});
  region.sample(3).row_count = 0xffffffff;
  drain();
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, 10 * kMs);
  EXPECT_EQ(history.length_ns(WindowId::kLong), kSampleNs);
  EXPECT_EQ(feed.damaged(), 7u);
}

TEST_F(HistoryTest, MissedSamplesAreCountedAndNotInTheDenominator) {
  region.publish({make_row(1, 0, {.running_ms = 10})});
  drain();
  for (int i = 0; i < 130; ++i) region.publish({make_row(1, 0, {.running_ms = 10})});
  drain();
  EXPECT_EQ(feed.missed_samples(), 2u);
  EXPECT_EQ(history.length_ns(WindowId::kLong), 10'000 * kMs);
  region.publish({});
  region.publish({});
  region.sample(region.header().newest_sample - 1).seq = 0;
  drain();
  EXPECT_EQ(feed.missed_samples(), 3u);
  EXPECT_EQ(history.missed_samples(WindowId::kShort), 1u);
  EXPECT_EQ(history.length_ns(WindowId::kShort), 900 * kMs);
}

TEST_F(HistoryTest, ContinuesInASupersedingFile) {
  region.publish({make_row(1, 0, {.running_ms = 10})});
  region.publish({make_row(1, 0, {.running_ms = 20})});
  drain();
  // The same daemon's next file: other slots, other numbers, the samples before carried over.
  ScriptedRegion larger;
  larger.set_domain(3, 5, 105, "web");
  larger.publish({make_row(3, 0, {.running_ms = 20})}, {}, 0, kSampleNs);
  larger.sample(1).start_ns += kSampleNs;
  larger.sample(1).end_ns += kSampleNs;
  larger.clock_ns = 2 * kSampleNs;
  larger.publish({make_row(3, 0, {.running_ms = 40})});
  const auto next = RegionReader::make(larger.bytes(), "R");
  feed.resume(*next);
  feed.drain(*next, history);
  EXPECT_EQ(of(WindowId::kLong, 3).running_ns, 70 * kMs);
  EXPECT_EQ(history.length_ns(WindowId::kLong), 3 * kSampleNs);
}

TEST_F(HistoryTest, GrowsWithShorterSamples) {
  for (int i = 0; i < 1500; ++i) {
    region.publish({make_row(1, 0, {.running_ms = 1})}, {}, 0, 10 * kMs);
    drain();
  }
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, 1'000 * kMs);
  EXPECT_EQ(of(WindowId::kShort, 1).running_ns, 100 * kMs);
  EXPECT_EQ(history.length_ns(WindowId::kLong), 10'000 * kMs);
}

TEST_F(HistoryTest, StartingNowLeavesThePastOut) {
  region.publish({make_row(1, 0, {.running_ms = 10})});
  feed.start(reader, SampleFeed::From::kNow);
  drain();
  EXPECT_EQ(history.length_ns(WindowId::kLong), 0u);
  region.publish({make_row(1, 0, {.running_ms = 30})});
  drain();
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, 30 * kMs);
}

TEST_F(HistoryTest, AnAccountLivesAsLongAsTheLongWindowHasIt) {
  const auto in_use = [this] {
    std::size_t count = 0;
    for (const Account& account : history.accounts()) count += account.domain != kNoDomain ? 1 : 0;
    return count;
  };
  auto other = make_row(1, 1, {.running_ms = 30});
  other.vcpu_slot = 1;
  region.publish({make_row(1, 0, {.running_ms = 10}), other}, {make_io_row(1, 0, 4)});
  drain();
  EXPECT_EQ(in_use(), 3u); // two vCPUs, and the pages
  EXPECT_EQ(of(WindowId::kLong, 1).io(), 4u);
  for (int i = 0; i < 50; ++i) region.publish({make_row(1, 1, {.running_ms = 1})});
  drain();
  EXPECT_EQ(in_use(), 4u); // the same vCPU on another pCPU
  EXPECT_EQ(of(WindowId::kShort, 1, 0).running_ns, 0u);
  EXPECT_EQ(of(WindowId::kLong, 1, 0).running_ns, 10 * kMs);
  for (int i = 0; i < 60; ++i) region.publish({make_row(1, 1, {.running_ms = 1})});
  drain();
  EXPECT_EQ(in_use(), 1u);
  EXPECT_EQ(of(WindowId::kLong, 1).running_ns, 100 * kMs);
  // What was released is reused, and contains nothing of before.
  const std::size_t accounts = history.accounts().size();
  region.publish({make_row(0, 0, {.running_ms = 5}), make_row(1, 1, {.running_ms = 1})},
                 {make_io_row(0, 1, 1)});
  drain();
  EXPECT_EQ(history.accounts().size(), accounts);
  EXPECT_EQ(of(WindowId::kLong, 0), of(WindowId::kShort, 0));
  EXPECT_EQ(of(WindowId::kLong, 0).running_ns, 5 * kMs);
}

TEST_F(HistoryTest, RowsInAnyOrderGoToTheirOwnAccounts) {
  for (std::uint32_t i = 0; i < 110; ++i) {
    std::vector<xenmon_row> rows;
    for (std::uint32_t k = 0; k < 6; ++k) {
      const std::uint32_t vcpu = (k + i) % 6; // another place in each sample
      if ((i + vcpu) % 4 == 0) continue;
      auto row = make_row(vcpu % 2, vcpu % 3, {.running_ms = vcpu + 1, .executions = 1});
      row.vcpu_slot = vcpu;
      rows.push_back(row);
    }
    region.publish(rows);
  }
  drain();
  std::array<std::uint64_t, 6> running = {};
  for (AccountIndex i = 0; i < history.accounts().size(); ++i) {
    const Account& account = history.accounts()[i];
    if (account.domain == kNoDomain) continue;
    EXPECT_EQ(account.pcpu, account.vcpu % 3);
    EXPECT_EQ(account.domain, domain(account.vcpu % 2));
    running.at(account.vcpu) += history.sums(WindowId::kLong, i).running_ns;
  }
  for (std::uint32_t vcpu = 0; vcpu < 6; ++vcpu) {
    std::uint64_t samples = 0; // the last hundred
    for (std::uint32_t i = 10; i < 110; ++i) samples += (i + vcpu) % 4 == 0 ? 0 : 1;
    EXPECT_EQ(running.at(vcpu), samples * (vcpu + 1) * kMs) << vcpu;
  }
}

TEST_F(HistoryTest, TheWindowsCanBeOfOtherLengths) {
  history.set_windows({2'000 * kMs, 500 * kMs});
  for (int i = 0; i < 100; ++i) region.publish({make_row(1, 0, {.running_ms = 10})});
  drain();
  EXPECT_EQ(history.length_ns(WindowId::kLong), 2'000 * kMs);
  EXPECT_EQ(history.length_ns(WindowId::kShort), 500 * kMs);
  EXPECT_EQ(of(WindowId::kShort, 1).running_ns, 50 * kMs);
  EXPECT_EQ(history.end_ns(), 10'000 * kMs);
}

} // namespace
} // namespace xenmon::test
