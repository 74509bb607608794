// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/control_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/trace_time.h"

namespace xenmon {
namespace {

using Kind = ReplayCommand::Kind;

TEST(ReplayCommand, IsOneOfThree) {
  EXPECT_EQ(parse_replay_command("hold")->kind, Kind::kHold);
  EXPECT_EQ(parse_replay_command("to 12500000000")->kind, Kind::kTo);
  EXPECT_EQ(parse_replay_command("to 12500000000")->to_ns, 12'500'000'000U);
  EXPECT_EQ(parse_replay_command("to end")->to_ns, kTraceEnd);
  EXPECT_EQ(parse_replay_command("play 2.5")->kind, Kind::kPlay);
  EXPECT_EQ(parse_replay_command("play 2.5")->speed, 2.5);
  EXPECT_EQ(parse_replay_command("play max")->speed, 0);
  for (const char* line : {"",         " ",       "hold ",  "hold 1",  "HOLD",     "to",
                           "to ",      "to -1",   "to 1.5", "to 1 ",   "to  1",    "to 99999999999999999999",
                           "play",     "play ",   "play 0", "play -1", "play nan", "play inf",
                           "play 1e9", "play 1x", "go 5",   "to\t5"}) {
    EXPECT_FALSE(parse_replay_command(line)) << line;
  }
}

class ControlChannelTest : public testing::Test {
 protected:
  ControlChannelTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    other_ = ends[0];
    channel_.emplace(ends[1]);
  }
  ~ControlChannelTest() override {
    if (other_ >= 0) close(other_);
  }
  void say(const std::string& text) {
    ASSERT_EQ(write(other_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    close(other_);
    other_ = -1;
  }
  std::string heard() const {
    std::array<char, 1024> bytes{};
    const ssize_t got = recv(other_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
  }

  int other_ = -1;
  std::optional<ControlChannel> channel_;
};

TEST_F(ControlChannelTest, TakesWholeLinesInTheirOrder) {
  EXPECT_FALSE(channel_->next());
  say("to 5\nplay 2\nho");
  EXPECT_EQ(channel_->next()->to_ns, 5U);
  EXPECT_EQ(channel_->next()->speed, 2);
  EXPECT_FALSE(channel_->next());
  say("ld\n");
  EXPECT_EQ(channel_->next()->kind, Kind::kHold);
  EXPECT_FALSE(channel_->next());
  EXPECT_FALSE(channel_->gone());
}

TEST_F(ControlChannelTest, PassesOverNonsenseButCountsItsLines) {
  testing::internal::CaptureStderr();
  say("nonsense\n" + std::string(3000, 'x') + "\nhold\n");
  EXPECT_EQ(channel_->next()->kind, Kind::kHold);
  channel_->tell(ControlChannel::State::kHeld, 700);
  EXPECT_EQ(heard(), "held 3 700\n");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("\"nonsense\" is not a command"), std::string::npos);
  EXPECT_LT(said.size(), 500U);
}

TEST_F(ControlChannelTest, DoesNotComplainForEver) {
  testing::internal::CaptureStderr();
  for (int i = 0; i < 1000; ++i) {
    say("\x1b[2J\n");
    EXPECT_FALSE(channel_->next());
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_LT(said.size(), 2000U);
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
}

TEST_F(ControlChannelTest, HearsWhatHasBeenReadBetweenCommands) {
  EXPECT_FALSE(channel_->read_sample());
  say("read 0\nhold\nread 7\nto 5\nread 3\n");
  channel_->listen();
  EXPECT_EQ(channel_->read_sample(), 7U);
  EXPECT_EQ(channel_->next()->kind, Kind::kHold);
  channel_->tell(ControlChannel::State::kHeld, 700);
  EXPECT_EQ(heard(), "held 1 700\n");
  EXPECT_EQ(channel_->next()->to_ns, 5U);
  EXPECT_FALSE(channel_->next());
  for (const char* line : {"read", "read ", "read -1", "read 1 ", "read x", "read 99999999999999999999"}) {
    EXPECT_FALSE(parse_read(line)) << line;
  }
}

TEST_F(ControlChannelTest, AnswersInWords) {
  channel_->tell(ControlChannel::State::kEnd, 1);
  channel_->tell(ControlChannel::State::kPlaying, 2);
  EXPECT_EQ(heard(), "end 0 1\nplaying 0 2\n");
}

TEST_F(ControlChannelTest, WhatCameBeforeTheOtherSideLeftIsStillHeard) {
  say("to 5\nhold");
  hang_up();
  EXPECT_EQ(channel_->next()->to_ns, 5U);
  EXPECT_FALSE(channel_->next());
  EXPECT_TRUE(channel_->gone());
  channel_->tell(ControlChannel::State::kHeld, 700); // nobody hears it, and nothing happens
}

TEST_F(ControlChannelTest, NeverWaitsForSomebodyWhoDoesNotListen) {
  for (int i = 0; i < 100'000; ++i) channel_->tell(ControlChannel::State::kHeld, 700);
  EXPECT_TRUE(heard().starts_with("held 0 700\n"));
}

} // namespace
} // namespace xenmon
