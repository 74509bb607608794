// SPDX-License-Identifier: GPL-2.0-or-later
//
// A live session: gaps, the end by a signal, by the source and by a failure.
#include <signal.h>

#include <fstream>

#include "session/run_session.h"
#include "session_fixture.h"

namespace xenmon::test {
namespace {

class LiveSessionTest : public SessionTest {
 protected:
  Status run(ScriptedSource& host) {
    StopFlag stop;
    return run_session(host, options_, nullptr, stop);
  }

  // Domain 1 runs from 1 ms to 12 ms. Between the passes of 5 ms and of 10 ms something may have gone
  // missing.
  static std::vector<ScriptedSource::Step> run_over(bool gap) {
    WindowBuilder begin;
    begin.runstate(1 * kMs, 1, 0, kRunnableState, kRunningState).record(0x22202, 5 * kMs, {});
    WindowBuilder end;
    end.runstate(12 * kMs, 1, 0, kRunningState, kBlockedState).record(0x22202, 20 * kMs, {});
    return {{begin}, {tick(10), {}, gap}, {end}};
  }
};

TEST_F(LiveSessionTest, WithoutAGapStatesGoOnFromPassToPass) {
  ScriptedSource host(XENMON_SOURCE_LIVE, run_over(false));
  ASSERT_TRUE(run(host));
  EXPECT_EQ(vcpu(1).running_ns, 11 * kMs);
  EXPECT_EQ(vcpu(1).blocked_ns, 8 * kMs);
  EXPECT_EQ(vcpu(1).unknown_ns, 0U);
}

TEST_F(LiveSessionTest, FromTheLastRecordBeforeAGapAStateIsUnknown) {
  ScriptedSource host(XENMON_SOURCE_LIVE, run_over(true));
  ASSERT_TRUE(run(host));
  EXPECT_EQ(vcpu(1).running_ns, 4 * kMs);
  EXPECT_EQ(vcpu(1).unknown_ns, 7 * kMs);
  EXPECT_EQ(vcpu(1).blocked_ns, 8 * kMs);
}

TEST_F(LiveSessionTest, AtTheEndTheRegionSaysSo) {
  ScriptedSource host(XENMON_SOURCE_LIVE, {{tick(1)}, {tick(2)}, {tick(7)}});
  ASSERT_TRUE(run(host));
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_EQ(end_ns(), 6 * kMs); // trace time 0 is the first record
}

TEST_F(LiveSessionTest, AfterASignalOnePassTakesWhatXenHasWrittenByThen) {
  const auto signal = [] { raise(SIGTERM); };
  ScriptedSource host(XENMON_SOURCE_LIVE, {{tick(1)}, {tick(2), {}, false, signal}, {tick(9)}, {tick(20)}});
  host.endless = true;
  ASSERT_TRUE(run(host));
  EXPECT_EQ(host.reads, 3);
  EXPECT_EQ(end_ns(), 8 * kMs);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
}

TEST_F(LiveSessionTest, ASignalBeforeTheFirstPassIsNotLost) {
  ScriptedSource host(XENMON_SOURCE_LIVE, {{tick(1)}, {tick(20)}});
  host.endless = true;
  StopFlag stop;
  raise(SIGINT);
  ASSERT_TRUE(run_session(host, options_, nullptr, stop));
  EXPECT_EQ(host.reads, 1);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
}

TEST_F(LiveSessionTest, ASourceThatFailsEndsItAndWhatThereWasIsPublished) {
  const Error failure{"Xen is gone.", ExitStatus::kFailed};
  ScriptedSource host(XENMON_SOURCE_LIVE,
                      {{tick(1)}, {tick(5)}, {tick(7)}, {tick(9), {}, false, nullptr, failure}});
  const Status ended = run(host);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, failure.message);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_EQ(end_ns(), 4 * kMs); // the order beyond it is not certain
}

TEST_F(LiveSessionTest, TheRegionHasTheSettings) {
  ScriptedSource host(XENMON_SOURCE_LIVE, {{tick(1)}, {tick(5)}, {tick(9)}});
  host.settings = {{XENMON_SETTING_DOMAIN_WEIGHT, 1, 0, 0, 512}, {XENMON_SETTING_DOMAIN_CAP, 1, 0, 0, 60}};
  ASSERT_TRUE(run(host));
  const Result<RegionFile> file = RegionFile::open(options_.region);
  ASSERT_TRUE(file) << file.error().message;
  std::vector<xenmon_setting> settings;
  ASSERT_TRUE(file->reader().read_settings(settings));
  ASSERT_EQ(settings.size(), 2U);
  EXPECT_EQ(settings[1].value, 60U);
}

TEST_F(LiveSessionTest, WithoutARegionThereIsNoSession) {
  std::ofstream(directory_ + "/file") << "no directory";
  options_.region = directory_ + "/file/region";
  ScriptedSource host(XENMON_SOURCE_LIVE, {{tick(1)}});
  EXPECT_FALSE(run(host));
  EXPECT_EQ(host.reads, 0);
}

} // namespace
} // namespace xenmon::test
