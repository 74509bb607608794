// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "export/encoder.h"
#include "export/exposition.h"
#include "export/host_figures.h"
#include "temporary_directory.h"
#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FigureReaderTest : public ::testing::Test {
 protected:
  FigureReaderTest() {
    region_.set_domain(0, XENMON_DOMID_IDLE, 1, "");
    region_.set_domain(1, 0, 2, "Domain-0");
    region_.set_domain(2, 5, 3, "web");
    region_.set_vcpu(0, 1, 0);
    region_.set_vcpu(1, 1, 1);
    region_.set_vcpu(2, 2, 0);
    region_.set_vcpu(3, 0, 0);
    region_.set_vcpu(4, 0, 1);
    region_.publish({});
  }

  xenmon_vcpu& vcpu(std::uint32_t slot) { return region_.element<xenmon_vcpu>(region_.header().vcpu, slot); }
  xenmon_domain& domain(std::uint32_t slot) {
    return region_.element<xenmon_domain>(region_.header().domain, slot);
  }
  xenmon_histograms& histograms(std::uint32_t slot) {
    return region_.element<xenmon_histograms>(region_.header().hist, slot);
  }

  const HostFigures& read() {
    region_.header().state = XENMON_STATE_RUNNING;
    region_.header().heartbeat_ns = clock_;
    if (generation_ == region_.header().generation) {
      region_.update(path_);
    } else {
      region_.put(path_);
      generation_ = region_.header().generation;
    }
    return reader_.read();
  }
  std::string text(const HostFigures& figures) {
    const auto encoder = make_encoder(Format::kText);
    write_exposition(figures, {1, 2, 3}, *encoder);
    return encoder->finish();
  }

  std::uint64_t generation_ = 0; // of the file that is there
  std::uint64_t clock_ = 1'000'000'000'000;
  TemporaryDirectory directory_;
  std::string path_ = directory_ / "published";
  ScriptedRegion region_;
  FigureReader reader_{path_, true, [this] { return clock_; }};
};

TEST_F(FigureReaderTest, ADomainsFiguresAreThoseOfItsVcpus) {
  vcpu(0).running_ns = 100;
  vcpu(1).running_ns = 20;
  vcpu(0).waited_wake_ns = 3;
  vcpu(1).waited_preempt_ns = 4;
  vcpu(0).executions = 7;
  vcpu(1).executions = 8;
  domain(1).io_map = 9;
  const HostFigures& figures = read();
  ASSERT_TRUE(figures.current);
  ASSERT_EQ(figures.domains.size(), 2U);
  const DomainFigures& dom0 = figures.domains[0];
  EXPECT_EQ(dom0.name, "Domain-0");
  EXPECT_EQ(dom0.vcpus, 2U);
  EXPECT_EQ(dom0.times, (StateTimes{120, 3, 4, 0, 0, 0}));
  EXPECT_EQ(dom0.executions, 15U);
  EXPECT_EQ(dom0.exchanges[0], 9U);
  EXPECT_EQ(figures.domains[1].domid, 5U);
  ASSERT_EQ(figures.vcpus.size(), 3U);
  EXPECT_EQ(figures.vcpus[1].times[kRuns], 20U);
}

TEST_F(FigureReaderTest, HistogramsAreAddedUpAndExact) {
  histograms(0).wake_wait[3] = 5;
  histograms(1).wake_wait[3] = 6;
  histograms(1).wake_wait[463] = 1;
  histograms(1).run[100] = UINT32_MAX;
  histograms(0).run[100] = UINT32_MAX;
  const HostFigures& figures = read();
  const HistogramFigures& wakes = figures.domains.at(0).histograms[0];
  ASSERT_EQ(wakes.buckets, 2U);
  EXPECT_EQ(figures.buckets[wakes.first_bucket].bucket, 3U);
  EXPECT_EQ(figures.buckets[wakes.first_bucket].count, 11U);
  EXPECT_EQ(figures.buckets[wakes.first_bucket + 1].bucket, 463U);
  EXPECT_EQ(wakes.count, 12U);
  EXPECT_EQ(figures.domains[0].histograms[2].count, 2 * std::uint64_t{UINT32_MAX});
  EXPECT_EQ(figures.domains[1].histograms[0].count, 0U);
  // And they do not stay for the next reading.
  EXPECT_EQ(read().domains.at(0).histograms[0].count, 12U);
}

TEST_F(FigureReaderTest, ACountThatHasPassedItsWordIsWhole) {
  histograms(1).run[100] = 5;
  histograms(0).run[100] = 6;
  xenmon_table& table = region_.header().carry;
  region_.element<xenmon_carry>(table, 0) = {XENMON_NO_SLOT, 0, 9};
  region_.element<xenmon_carry>(table, 1) = {1, 2 * XENMON_HIST_BUCKETS + 100, 2};
  region_.element<xenmon_carry>(table, 2) = {1, UINT32_MAX, 2}; // damage
  table.count = 3;
  EXPECT_EQ(read().domains.at(0).histograms[2].count, (std::uint64_t{2} << 32) + 11);
}

TEST_F(FigureReaderTest, SumsAreTheRegions) {
  vcpu(0).wake_wait_sum_ns = 1000;
  vcpu(1).wake_wait_sum_ns = 2;
  vcpu(1).run_sum_ns = 3;
  const HostFigures& figures = read();
  EXPECT_EQ(figures.domains.at(0).histograms[0].sum_ns, 1002U);
  EXPECT_EQ(figures.domains[0].histograms[2].sum_ns, 3U);
}

// Within the width of a bucket.
TEST_F(FigureReaderTest, AnOlderRegionsSumsAreEstimated) {
  region_.header().vcpu.count = 1;
  region_.header().vcpu.stride = XENMON_VCPU_BYTES_1_1;
  histograms(0).wake_wait[xenmon_hist_bucket(1'000'000)] = 10;
  const HistogramFigures wakes = read().domains.at(0).histograms[0];
  EXPECT_EQ(wakes.count, 10U);
  EXPECT_NEAR(static_cast<double>(wakes.sum_ns), 1e7, 1e7 / 32);
}

TEST_F(FigureReaderTest, AnIdleVcpuIsItsPcpu) {
  vcpu(3).running_ns = 70;
  vcpu(3).waited_wake_ns = 10;
  vcpu(3).waited_preempt_ns = 20;
  vcpu(4).offline_ns = 60;
  vcpu(4).unknown_ns = 40;
  const HostFigures& figures = read();
  ASSERT_EQ(figures.pcpus.size(), 2U);
  EXPECT_EQ(figures.pcpus[0].busy_ns, 30U);
  EXPECT_EQ(figures.pcpus[0].idle_ns, 70U);
  EXPECT_EQ(figures.pcpus[1].offline_ns, 60U);
  EXPECT_EQ(figures.pcpus[1].unknown_ns, 40U);
  EXPECT_EQ(figures.pcpus_known, 2U);
}

TEST_F(FigureReaderTest, AnEndedDomainIsGone) {
  domain(2).flags |= XENMON_DOMAIN_DEAD;
  const HostFigures& figures = read();
  ASSERT_EQ(figures.domains.size(), 1U);
  EXPECT_EQ(figures.domains[0].domid, 0U);
  EXPECT_THAT(text(figures), Not(HasSubstr("\"web\"")));
}

// Its successor may be known before its end is. Two series with the same labels would make a scrape void.
TEST_F(FigureReaderTest, OfTwoDomainsWithADomidTheNewerOne) {
  region_.set_domain(3, 5, 4, "web");
  region_.set_vcpu(5, 3, 0);
  vcpu(5).running_ns = 44;
  const HostFigures& figures = read();
  ASSERT_EQ(figures.domains.size(), 2U);
  EXPECT_EQ(figures.domains[1].uid, 4U);
  EXPECT_EQ(figures.domains[1].times[kRuns], 44U);
}

TEST_F(FigureReaderTest, ADomainsCountersStartWithIt) {
  region_.header().wall_epoch_ns = 5'000'000'000;
  domain(2).flags |= XENMON_DOMAIN_BORN;
  domain(2).born_ns = 300;
  vcpu(2).offline_ns = 350; // 300 of them before it existed
  const HostFigures& figures = read();
  EXPECT_EQ(figures.domains.at(1).start_ns, 300U);
  EXPECT_EQ(figures.domains[1].times[kIsOffline], 50U);
  EXPECT_EQ(figures.domains[0].start_ns, 0U);
  const std::string all = text(figures);
  EXPECT_THAT(all, HasSubstr("xenmon_domain_start_time_seconds{domain=\"web\",domid=\"5\"} 5.0000003\n"));
  EXPECT_THAT(all, HasSubstr("xenmon_domain_start_time_seconds{domain=\"Domain-0\",domid=\"0\"} 5\n"));
}

// The host's clock is set now and then, and the region's epoch follows it. A start that moves would look like
// another counter.
TEST_F(FigureReaderTest, TheStartOfACounterDoesNotMove) {
  region_.header().wall_epoch_ns = 5'000'000'000;
  EXPECT_EQ(read().wall_epoch_ns, 5'000'000'000U);
  region_.header().wall_epoch_ns = 6'000'000'000;
  EXPECT_EQ(read().wall_epoch_ns, 5'000'000'000U);
  region_.header().daemon_start = 78;
  region_.header().generation = 2;
  EXPECT_EQ(read().wall_epoch_ns, 6'000'000'000U);
}

// Counters that stand still would say that nothing happens on that host.
TEST_F(FigureReaderTest, NoFiguresOfADaemonThatIsGone) {
  EXPECT_TRUE(read().current);
  clock_ += 10'000'000'000;
  const HostFigures& figures = reader_.read();
  EXPECT_FALSE(figures.current);
  EXPECT_TRUE(figures.domains.empty());
  EXPECT_TRUE(figures.pcpus.empty());
  const std::string all = text(figures);
  EXPECT_THAT(all, HasSubstr("xenmon_data_current 0\n"));
  EXPECT_THAT(all, HasSubstr("xenmon_data_age_seconds 10\n"));
  EXPECT_THAT(all, Not(HasSubstr("xenmon_domain_")));
}

TEST_F(FigureReaderTest, ARecordingThatIsOverKeepsItsFigures) {
  region_.header().source_kind = XENMON_SOURCE_RECORDING;
  EXPECT_TRUE(read().current);
  region_.header().state = XENMON_STATE_ENDED;
  region_.update(path_);
  clock_ += 3'600'000'000'000;
  EXPECT_EQ(reader_.read().domains.size(), 2U);
}

TEST_F(FigureReaderTest, WithoutARegionItSaysSo) {
  const HostFigures& figures = reader_.read();
  EXPECT_FALSE(figures.has_region);
  EXPECT_FALSE(figures.current);
  const std::string all = text(figures);
  EXPECT_THAT(all, HasSubstr("xenmon_data_current 0\n"));
  EXPECT_THAT(all, HasSubstr("xenmon_exporter_build_info{version="));
  EXPECT_THAT(all, Not(HasSubstr("xenmon_data_age_seconds ")));
}

TEST_F(FigureReaderTest, KindsOfPageExchangesThatAreNotReportedAreAbsent) {
  const std::string all = text(read());
  EXPECT_THAT(all, HasSubstr("kind=\"map\"} 0\n"));
  EXPECT_THAT(all, Not(HasSubstr("kind=\"copy\"")));
  EXPECT_THAT(all, Not(HasSubstr("page_copy_bytes")));
}

// Whatever the tables say.
TEST_F(FigureReaderTest, DamagedTablesAreHarmless) {
  vcpu(0).domain_slot = UINT32_MAX;
  vcpu(1).vcpu_id = UINT32_MAX;
  vcpu(2).hist_lines[0] = UINT32_MAX;
  vcpu(3).domain_slot = 2;
  domain(1).uid = UINT64_MAX;
  std::fill(std::begin(domain(2).name), std::end(domain(2).name), '\xff');
  const HostFigures& figures = read();
  ASSERT_EQ(figures.domains.size(), 2U);
  EXPECT_EQ(figures.domains[0].vcpus, 1U);
  EXPECT_THAT(text(figures), HasSubstr("domain=\"\xEF\xBF\xBD"));
}

} // namespace
} // namespace xenmon::test
