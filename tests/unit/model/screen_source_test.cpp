// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/screen_source.h"

#include <gtest/gtest.h>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

class ScreenSourceTest : public testing::Test {
 protected:
  ScreenSourceTest() {
    region.header().heartbeat_ns = boottime_ns();
    region.set_domain(0, 1, 101, "web");
    region.set_vcpu(0, 0, 0);
    for (int i = 0; i < 60; ++i) publish(20);
    region.put(path);
    publisher.region = path;
    source.emplace(publisher);
  }

  void publish(std::uint32_t running_ms) {
    region.publish({make_row(0, 0, {.running_ms = running_ms, .blocked_ms = 60}),
                    make_row(0, 1, {.running_ms = 10, .waited_ms = 10})});
  }
  void update() {
    region.update(path);
    source->follow();
  }
  std::vector<float> running() const {
    std::vector<float> values;
    for (const TrendPoint& point : source->trend().domain(101)) values.push_back(point.running);
    return values;
  }

  TemporaryDirectory directory;
  std::string path = directory / "region";
  ScriptedRegion region;
  Publisher publisher;
  std::optional<ScreenSource> source;
};

TEST_F(ScreenSourceTest, GraphsBeginWithWhatTheRegionRemembers) {
  source->follow();
  EXPECT_EQ(running(), std::vector<float>(6, 0.3F));
  for (int i = 0; i < 10; ++i) publish(10);
  update();
  source->follow(); // nothing new
  EXPECT_EQ(running().size(), 7U);
  EXPECT_EQ(source->trend().host().size(), 7U);
  EXPECT_NEAR(source->trend().host()[0].running, 0.15, 1e-6); // of two pCPUs
}

TEST_F(ScreenSourceTest, APcpuWithoutRecordsCountsToo) {
  region.see_pcpu(3, XENMON_PCPU_NO_RECORDS);
  region.add_verdict(XENMON_VERDICT_NOT_TRACED, "CPU 3 was not traced.");
  publish(20);
  update();
  const ScreenModel model = source->model({});
  EXPECT_EQ(model.pcpu_count, 3U);
  EXPECT_EQ(source->pcpus(), (std::vector<std::uint32_t>{0, 1, 3}));
  EXPECT_EQ(model.verdicts, std::vector<std::string>{"CPU 3 was not traced."});
}

TEST_F(ScreenSourceTest, AfterAPauseGraphsGoOn) {
  source->follow();
  source->hold(true);
  const ScreenModel held = source->model({});
  EXPECT_TRUE(held.paused);
  for (int i = 0; i < 20; ++i) publish(10);
  update();
  EXPECT_EQ(running().size(), 6U);
  EXPECT_EQ(source->model({}).domains.at(0).halves[0].sums, held.domains.at(0).halves[0].sums);
  source->hold(false);
  EXPECT_EQ(running().size(), 8U);
  const ScreenModel now = source->model({});
  EXPECT_EQ(now.length(WindowId::kLong), 8'000 * kMs);
  EXPECT_EQ(now.missed_samples, 0U);
}

TEST_F(ScreenSourceTest, AnotherPcpuHasGraphsOfItsOwn) {
  source->follow();
  source->select(1);
  EXPECT_EQ(running(), std::vector<float>(6, 0.5F));
  EXPECT_EQ(source->model({}).domains.at(0).halves[0].sums.running_ns, 600 * kMs);
  source->select(std::nullopt);
  EXPECT_EQ(running(), std::vector<float>(6, 0.3F));
}

TEST_F(ScreenSourceTest, OtherWindowsKeepTheGraphs) {
  source->follow();
  source->set_windows({2'000 * kMs, 500 * kMs});
  EXPECT_EQ(running().size(), 6U);
  EXPECT_EQ(source->model({}).length(WindowId::kLong), 2'000 * kMs);
}

TEST_F(ScreenSourceTest, ANewDaemonIsAnotherStory) {
  source->follow();
  ScriptedRegion next;
  next.header().heartbeat_ns = boottime_ns();
  next.header().daemon_start = 78;
  next.header().generation = 9;
  next.set_domain(0, 1, 101, "web");
  next.set_vcpu(0, 0, 0);
  for (int i = 0; i < 20; ++i) next.publish({make_row(0, 0, {.running_ms = 50, .blocked_ms = 50})});
  next.put(path);
  source->follow();
  EXPECT_EQ(running(), std::vector<float>(2, 0.5F));
}

} // namespace
} // namespace xenmon::test
