// SPDX-License-Identifier: GPL-2.0-or-later
//
// Stepping through a recording as the screen does it: a xenbaked of our own, steered through ReplayControl
// and followed with follow_replay(). However a time was reached, the windows show the same.
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <map>
#include <string>
#include <tuple>

#include "base/trace_time.h"
#include "client/history.h"
#include "client/region_follower.h"
#include "daemon/publisher.h"
#include "daemon/replay_control.h"
#include "model/model_builder.h"

namespace xenmon {
namespace {

using State = ReplayControl::State;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr int kPatienceMs = 60'000;

PublisherSettings settings_for(const std::string& recording, const std::string& at) {
  PublisherSettings settings;
  settings.replay = std::string(XENMON_RECORDINGS) + "/" + recording;
  settings.xenbaked = XENMON_XENBAKED;
  settings.at = at;
  return settings;
}

// What is shown of each domain in both windows, by number and name.
using Shown = std::map<std::pair<std::uint32_t, std::string>,
                       std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>>>;

class Viewer {
 public:
  explicit Viewer(const PublisherSettings& settings) {
    auto found = find_publisher(settings);
    EXPECT_TRUE(found) << found.error().message;
    publisher_.emplace(std::move(*found));
    EXPECT_TRUE(publisher_->replay.has_value());
    follower_.emplace(RegionFollower::Settings{.path = publisher_->region});
  }

  ReplayControl& replay() { return *publisher_->replay; }

  // Follows until the replay has arrived; each answer wakes it up.
  void arrive() {
    follow_once();
    while (replay().state() == State::kGoing) {
      pollfd entry{replay().fd(), POLLIN, 0};
      ASSERT_EQ(::poll(&entry, 1, kPatienceMs), 1) << "the replay does not arrive";
      follow_once();
    }
  }
  // Waits for an answer without a jump.
  void hear() {
    pollfd entry{replay().fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, kPatienceMs), 1) << "the replay does not answer";
    follow_once();
  }
  void follow_once() { ASSERT_TRUE(follow_replay(publisher_->replay, *follower_, history_)); }

  std::uint64_t position_ns() const { return follower_->attachment().health().position_ns; }
  const Health& health() const { return follower_->attachment().health(); }
  std::uint64_t length_ns(WindowId window) const { return history_.length_ns(window); }
  std::uint64_t missed() const {
    return follower_->feed().missed_samples() + history_.missed_samples(WindowId::kLong);
  }

  Shown shown() const {
    Shown all;
    const ScreenModel model =
        build_screen_model(history_, follower_->feed(), follower_->attachment(), std::nullopt);
    for (const DomainModel& domain : model.domains) {
      auto& halves = all[{domain.domid, domain.name}];
      for (const auto& half : domain.halves) {
        halves.emplace_back(half.sums.running_ns, half.sums.waited_ns(), half.sums.blocked_ns,
                            half.sums.executions);
        halves.emplace_back(half.sums.offline_ns, half.sums.unknown_ns, half.sums.slice_sum_ns,
                            half.sums.io());
        halves.emplace_back(half.slices.min_ns, half.slices.max_ns, model.lost_records, model.unknown_ns);
      }
    }
    return all;
  }

 private:
  std::optional<Publisher> publisher_;
  std::optional<RegionFollower> follower_;
  History history_;
};

Shown shown_at(const std::string& recording, std::uint64_t ns) {
  const std::string decimals = std::to_string(1'000'000'000 + ns % 1'000'000'000).substr(1);
  Viewer viewer(settings_for(recording, std::to_string(ns / 1'000'000'000) + "." + decimals));
  viewer.arrive();
  EXPECT_EQ(viewer.position_ns(), ns);
  return viewer.shown();
}

class SteeredReplay : public testing::TestWithParam<const char*> {};

TEST_P(SteeredReplay, EveryTimeLooksAsIfItHadBeenReachedAtOnce) {
  const std::string recording = GetParam();
  Viewer viewer(settings_for(recording, "end"));
  viewer.arrive();
  EXPECT_EQ(viewer.replay().state(), State::kAtEnd);
  EXPECT_EQ(viewer.health().kind, Health::Kind::kRecordingOver);
  const std::uint64_t length = viewer.replay().length_ns().value_or(0);
  EXPECT_EQ(viewer.position_ns(), length);
  ASSERT_GT(length, 600 * kMs);
  const std::uint64_t tenths = length / (100 * kMs);
  // Backwards, forwards, and where it stands.
  for (const std::uint64_t part : {8, 2, 3, 3, 9, 1, 7}) {
    const std::uint64_t to = std::max<std::uint64_t>(tenths * part / 10, 1) * 100 * kMs;
    ASSERT_TRUE(viewer.replay().to(to));
    viewer.arrive();
    EXPECT_EQ(viewer.replay().state(), State::kHeld);
    EXPECT_EQ(viewer.position_ns(), to);
    EXPECT_TRUE(viewer.health().held);
    EXPECT_FALSE(viewer.health().restarted);
    EXPECT_EQ(viewer.length_ns(WindowId::kLong), std::min(to, kLongWindowNs));
    EXPECT_EQ(viewer.length_ns(WindowId::kShort), std::min(to, kShortWindowNs));
    EXPECT_EQ(viewer.missed(), 0u);
    EXPECT_EQ(viewer.shown(), shown_at(recording, to)) << to;
  }
}

INSTANTIATE_TEST_SUITE_P(Recordings, SteeredReplay,
                         testing::Values("web-credit2-2pcpu.xentrace.xz", "web-credit-1pcpu.xentrace.xz",
                                         "web-credit2-lossy.xentrace.xz"),
                         [](const auto& recording) { return std::to_string(recording.index); });

TEST(SteeredReplaySteps, KeysThatFollowEachOtherAddUp) {
  const std::string recording = "web-credit2-2pcpu.xentrace.xz";
  Viewer viewer(settings_for(recording, "2"));
  viewer.arrive();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(viewer.replay().step(kSecond, viewer.position_ns()));
  viewer.arrive();
  EXPECT_EQ(viewer.position_ns(), 7'000 * kMs);
  EXPECT_EQ(viewer.shown(), shown_at(recording, 7'000 * kMs));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(viewer.replay().step(-kSecond, viewer.position_ns()));
  viewer.arrive();
  EXPECT_EQ(viewer.position_ns(), 4'000 * kMs);
  EXPECT_EQ(viewer.shown(), shown_at(recording, 4'000 * kMs));
  ASSERT_TRUE(viewer.replay().step(-10 * kSecond, viewer.position_ns()));
  viewer.arrive();
  EXPECT_EQ(viewer.position_ns(), 100 * kMs); // the first sample is the least there is to be seen
  ASSERT_TRUE(viewer.replay().step(60 * kSecond, viewer.position_ns()));
  viewer.arrive();
  EXPECT_EQ(viewer.replay().state(), State::kAtEnd);
}

TEST(SteeredReplaySteps, PlaysOnFromWhereItWasHeld) {
  Viewer viewer(settings_for("web-credit2-2pcpu.xentrace.xz", "2"));
  viewer.arrive();
  ASSERT_TRUE(viewer.replay().play("2"));
  viewer.hear();
  EXPECT_EQ(viewer.replay().state(), State::kPlaying);
  while (viewer.position_ns() < 2'500 * kMs) viewer.follow_once();
  ASSERT_TRUE(viewer.replay().hold());
  viewer.hear();
  EXPECT_EQ(viewer.replay().state(), State::kHeld);
  viewer.follow_once();
  const std::uint64_t held = viewer.position_ns();
  EXPECT_TRUE(viewer.health().held);
  EXPECT_EQ(viewer.length_ns(WindowId::kLong), std::min(held, kLongWindowNs));
  EXPECT_EQ(viewer.missed(), 0u);
  EXPECT_EQ(viewer.shown(), shown_at("web-credit2-2pcpu.xentrace.xz", held));
}

TEST(SteeredReplaySteps, ARecordingThatPlaysCanBeHeldAnywhere) {
  Viewer viewer(settings_for("web-credit2-2pcpu.xentrace.xz", ""));
  EXPECT_EQ(viewer.replay().state(), State::kPlaying);
  ASSERT_TRUE(viewer.replay().to(6'000 * kMs));
  viewer.arrive();
  EXPECT_EQ(viewer.position_ns(), 6'000 * kMs);
  EXPECT_EQ(viewer.shown(), shown_at("web-credit2-2pcpu.xentrace.xz", 6'000 * kMs));
}

} // namespace
} // namespace xenmon
