// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/replay_control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "base/trace_time.h"
#include "client/history.h"
#include "client/region_follower.h"
#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

using State = ReplayControl::State;
constexpr std::uint64_t kSecond = 1000 * kMs;

// A control whose other end is in the test's hand, in the daemon's place.
class ReplayControlTest : public testing::Test {
 protected:
  explicit ReplayControlTest(bool going = false) {
    auto pair = ReplayControl::make(kSampleNs, going);
    EXPECT_TRUE(pair);
    control.emplace(std::move(pair->ours));
    daemon = std::move(pair->theirs);
  }
  std::string commands() const {
    std::array<char, 1024> bytes{};
    const ssize_t got = recv(daemon.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
  }
  void answer(const std::string& text) {
    ASSERT_EQ(send(daemon.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    control->poll();
  }

  std::optional<ReplayControl> control;
  Descriptor daemon;
};

TEST_F(ReplayControlTest, IsGoingUntilTheAnswerToTheLastCommand) {
  EXPECT_EQ(control->state(), State::kPlaying);
  EXPECT_FALSE(control->take_arrival());
  ASSERT_TRUE(control->to(5 * kSecond));
  ASSERT_TRUE(control->to(3 * kSecond));
  EXPECT_EQ(commands(), "to 5000000000\nto 3000000000\n");
  EXPECT_EQ(control->state(), State::kGoing);
  answer("held 1 5000000000\nheld ");
  EXPECT_EQ(control->state(), State::kGoing);
  EXPECT_FALSE(control->take_arrival());
  answer("2 3000000000\n");
  EXPECT_EQ(control->state(), State::kHeld);
  EXPECT_TRUE(control->take_arrival());
  EXPECT_FALSE(control->take_arrival());
}

TEST_F(ReplayControlTest, TellsOnceWhatHasBeenReadAndExpectsNoAnswer) {
  control->have_read(0);
  control->have_read(0);
  control->have_read(12);
  control->have_read(11);
  ASSERT_TRUE(control->to(5 * kSecond));
  EXPECT_EQ(commands(), "read 0\nread 12\nto 5000000000\n");
  answer("held 1 5000000000\n");
  EXPECT_EQ(control->state(), State::kHeld);
}

TEST_F(ReplayControlTest, PlaysAndHolds) {
  ASSERT_TRUE(control->hold());
  EXPECT_EQ(control->state(), State::kPlaying);
  answer("held 1 700000000\n");
  EXPECT_EQ(control->state(), State::kHeld);
  ASSERT_TRUE(control->play("2.5"));
  answer("playing 2 700000000\n");
  EXPECT_EQ(control->state(), State::kPlaying);
  EXPECT_EQ(commands(), "hold\nplay 2.5\n");
  EXPECT_FALSE(control->take_arrival()); // no sample was left out
  EXPECT_FALSE(control->length_ns());
  answer("end 2 5980000000\n");
  EXPECT_EQ(control->state(), State::kAtEnd);
  EXPECT_EQ(control->length_ns(), 5'980 * kMs);
}

TEST_F(ReplayControlTest, ReachingTheEndTellsTheLengthHoweverLate) {
  ASSERT_TRUE(control->to(kTraceEnd));
  ASSERT_TRUE(control->to(0));
  EXPECT_EQ(commands(), "to end\nto 0\n");
  answer("end 1 5980000000\n");
  EXPECT_EQ(control->state(), State::kGoing);
  EXPECT_EQ(control->length_ns(), 5'980 * kMs);
}

TEST_F(ReplayControlTest, StepsAddUpOnTheWay) {
  ASSERT_TRUE(control->step(std::int64_t{kSecond}, 12 * kSecond));
  ASSERT_TRUE(control->step(10 * std::int64_t{kSecond}, 12 * kSecond));
  ASSERT_TRUE(control->step(-30 * std::int64_t{kSecond}, 12 * kSecond));
  EXPECT_EQ(commands(), "to 13000000000\nto 23000000000\nto 0\n");
  answer("held 3 100000000\n");
  ASSERT_TRUE(control->step(std::int64_t{kSecond}, kSampleNs));
  EXPECT_EQ(commands(), "to 1100000000\n");
}

TEST_F(ReplayControlTest, AStepIsASampleAtLeastAndNeverTooLarge) {
  ASSERT_TRUE(control->step(1, 5 * kSecond));
  answer("held 1 5100000000\n");
  ASSERT_TRUE(control->step(-1, 5 * kSecond));
  answer("held 2 4900000000\n");
  EXPECT_EQ(commands(), "to 5100000000\nto 4900000000\n");
  ASSERT_TRUE(control->step(INT64_MIN, 5 * kSecond));
  answer("held 3 100000000\n");
  EXPECT_EQ(commands(), "to 0\n");
  ASSERT_TRUE(control->to(kTraceEnd));
  ASSERT_TRUE(control->step(-2 * std::int64_t{kSecond}, 5 * kSecond)); // where the end is nobody knows
  EXPECT_EQ(commands(), "to end\nto 3000000000\n");
  answer("end 5 5980000000\n");
  ASSERT_TRUE(control->step(INT64_MAX, UINT64_MAX - 5));
  EXPECT_EQ(commands(), "to 18446744073709551614\n");
}

TEST_F(ReplayControlTest, WhatIsNoAnswerIsPassedOver) {
  ASSERT_TRUE(control->to(kSecond));
  answer("\nheld\nheld 1\nheld x 5\nheld 1 5 6\nheld 2 5\nfell 1 5\n" + std::string(5000, 'h') + "\n");
  EXPECT_EQ(control->state(), State::kGoing);
  answer("held 1 1000000000\n");
  EXPECT_EQ(control->state(), State::kHeld);
}

TEST_F(ReplayControlTest, NoticesThatTheDaemonIsGone) {
  ASSERT_TRUE(control->to(kSecond));
  daemon.reset();
  control->poll();
  EXPECT_EQ(control->state(), State::kGone);
  EXPECT_FALSE(control->to(kSecond));
  EXPECT_EQ(control->state(), State::kGone);
  EXPECT_FALSE(control->hold());
}

// What is shown on the way and after it.
class FollowReplayTest : public ReplayControlTest {
 protected:
  FollowReplayTest() {
    region.header().source_kind = XENMON_SOURCE_RECORDING;
    region.header().heartbeat_ns = kSecond;
    region.set_domain(0, 5, 105, "web");
    play(150);
    region.put(path);
    follow();
  }
  void follow() { ASSERT_TRUE(follow_replay(control, follower, history)); }
  void play(std::uint32_t samples) {
    for (std::uint32_t i = 0; i < samples; ++i)
      region.publish({make_row(0, 0, {.running_ms = 10, .executions = 1})});
  }
  std::uint64_t length_ns() const { return history.length_ns(WindowId::kLong); }
  std::uint64_t running_ns() const { return history.sums(WindowId::kLong, 0).running_ns; }

  TemporaryDirectory directory;
  std::string path = directory / "region";
  ScriptedRegion region;
  RegionFollower follower{{.path = path, .clock = [] { return kSecond; }}};
  const Attachment& attachment = follower.attachment();
  const DomainDirectory& domains = follower.directory();
  const SampleFeed& feed = follower.feed();
  History history;
};

TEST_F(FollowReplayTest, WhatPassesByOnTheWayForwardsIsNeitherShownNorMissed) {
  ASSERT_EQ(length_ns(), 10 * kSecond);
  ASSERT_TRUE(control->to(65 * kSecond));
  play(300);
  region.update(path);
  follow();
  EXPECT_EQ(attachment.health().position_ns, 15 * kSecond);
  play(200);
  region.header().flags |= XENMON_FLAG_HELD;
  region.update(path);
  answer("held 1 65000000000\n");
  follow();
  EXPECT_EQ(attachment.health().position_ns, 65 * kSecond);
  EXPECT_TRUE(attachment.health().held);
  EXPECT_EQ(length_ns(), 10 * kSecond);
  EXPECT_EQ(running_ns(), kSecond);
  EXPECT_EQ(history.missed_samples(WindowId::kLong), 0u);
  EXPECT_EQ(feed.missed_samples(), 0u);
}

TEST_F(FollowReplayTest, BackwardsIsAnotherStory) {
  ASSERT_TRUE(control->to(3 * kSecond));
  ScriptedRegion anew;
  anew.header().source_kind = XENMON_SOURCE_RECORDING;
  anew.header().heartbeat_ns = kSecond;
  anew.header().generation = 2;
  anew.header().daemon_start = 78;
  anew.header().flags = XENMON_FLAG_HELD;
  anew.set_domain(0, 7, 105, "another");
  for (int i = 0; i < 30; ++i) anew.publish({make_row(0, 0, {.running_ms = 50})});
  anew.put(path);
  follow();
  EXPECT_EQ(length_ns(), 10 * kSecond); // as long as it is on the way
  answer("held 1 3000000000\n");
  follow();
  EXPECT_EQ(length_ns(), 3 * kSecond);
  EXPECT_EQ(running_ns(), 1500 * kMs);
  EXPECT_EQ(domains[0].name, "another");
  EXPECT_EQ(attachment.health().position_ns, 3 * kSecond);
  EXPECT_FALSE(attachment.health().restarted);
  EXPECT_EQ(feed.missed_samples(), 0u);
}

TEST_F(FollowReplayTest, PlayingOnCountsEachSampleOnce) {
  ASSERT_TRUE(control->hold());
  answer("held 1 15000000000\n");
  ASSERT_TRUE(control->play("1"));
  answer("playing 2 15000000000\n");
  play(5);
  region.update(path);
  follow();
  EXPECT_EQ(length_ns(), 10 * kSecond);
  EXPECT_EQ(attachment.health().position_ns, 15'500 * kMs);
  EXPECT_EQ(feed.missed_samples(), 0u);
}

TEST_F(FollowReplayTest, ShowsWhatIsThereWhenTheDaemonGoesOnTheWay) {
  ASSERT_TRUE(control->to(65 * kSecond));
  play(10);
  region.update(path);
  daemon.reset();
  follow();
  EXPECT_EQ(control->state(), State::kGone);
  EXPECT_EQ(attachment.health().position_ns, 16 * kSecond);
}

TEST_F(FollowReplayTest, NobodyNeedsToSteer) {
  control.reset();
  play(5);
  region.update(path);
  follow();
  EXPECT_EQ(attachment.health().position_ns, 15'500 * kMs);
}

} // namespace
} // namespace xenmon::test
