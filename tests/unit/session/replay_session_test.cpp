// SPDX-License-Identifier: GPL-2.0-or-later
//
// A replay: to its end, in a loop, and steered.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>

#include "session/run_session.h"
#include "session_fixture.h"

namespace xenmon::test {
namespace {

// A record each millisecond, up to that one.
WindowBuilder ticks(std::uint64_t first_ms, std::uint64_t last_ms) {
  WindowBuilder window;
  for (std::uint64_t ms = first_ms; ms <= last_ms; ++ms) window.record(0x22202, ms * kMs, {});
  return window;
}

class ReplaySessionTest : public SessionTest {
 protected:
  Status run(ScriptedSource& recording) {
    StopFlag stop;
    return run_session(recording, options_, nullptr, stop);
  }
};

TEST_F(ReplaySessionTest, AtFullSpeedAllOfItIsPublished) {
  ScriptedSource recording(XENMON_SOURCE_RECORDING, {{ticks(1, 10)}, {ticks(11, 31)}});
  ASSERT_TRUE(run(recording));
  EXPECT_EQ(end_ns(), 30 * kMs);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
}

TEST_F(ReplaySessionTest, AtItsOwnPaceAllOfItIsPublished) {
  options_.speed = 1000;
  ScriptedSource recording(XENMON_SOURCE_RECORDING, {{ticks(1, 10)}, {ticks(11, 31)}});
  ASSERT_TRUE(run(recording));
  EXPECT_EQ(end_ns(), 30 * kMs);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
}

TEST_F(ReplaySessionTest, AnEmptyOneEnds) {
  ScriptedSource recording(XENMON_SOURCE_RECORDING);
  options_.loop = true;
  ASSERT_TRUE(run(recording));
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_EQ(recording.rewinds, 0);
}

TEST_F(ReplaySessionTest, OneWithoutTimeSaysWhyThereAreNoFigures) {
  const auto verdicts = [this](std::vector<ScriptedSource::Step> passes) {
    ScriptedSource recording(XENMON_SOURCE_RECORDING, std::move(passes));
    EXPECT_TRUE(run(recording));
    std::vector<std::string> sentences;
    EXPECT_TRUE(open().reader().read_verdicts(sentences));
    return sentences.empty() ? std::string() : sentences.back();
  };
  EXPECT_EQ(verdicts({}), "The recording has no records: there is nothing to show.");
  EXPECT_EQ(verdicts({{ticks(1, 1)}}),
            "The recording has 1 record, and figures need two at different times: there is nothing to show.");
  EXPECT_EQ(verdicts({{ticks(1, 1)}, {ticks(1, 1)}}),
            "The recording's 2 records all have the same TSC: no time passes, and there is nothing to show.");
  EXPECT_NE(verdicts({{ticks(1, 2)}}).substr(0, 13), "The recording");
}

TEST_F(ReplaySessionTest, ASignalStopsIt) {
  const auto signal = [] { raise(SIGTERM); };
  ScriptedSource recording(XENMON_SOURCE_RECORDING,
                           {{ticks(1, 10)}, {ticks(11, 20), {}, false, signal}, {ticks(21, 31)}});
  ASSERT_TRUE(run(recording));
  EXPECT_EQ(recording.reads, 2);
  EXPECT_LT(end_ns(), 30 * kMs);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
}

TEST_F(ReplaySessionTest, ALoopGoesOnAMillisecondAfterTheLastRecord) {
  WindowBuilder window;
  window.runstate(1 * kMs, 1, 0, kRunnableState, kRunningState)
      .runstate(4 * kMs, 1, 0, kRunningState, kBlockedState)
      .record(0x22202, 11 * kMs, {});
  ScriptedSource recording(XENMON_SOURCE_RECORDING, {{window}});
  recording.steps[0].then = [&] {
    if (recording.rewinds == 2) raise(SIGTERM);
  };
  options_.loop = true;
  options_.speed = 1000;
  ASSERT_TRUE(run(recording));
  EXPECT_EQ(recording.rewinds, 2);
  // The third round has been read, and not accounted for.
  EXPECT_EQ(end_ns(), 21 * kMs);
  EXPECT_EQ(vcpu(1).running_ns, 6 * kMs);
  EXPECT_EQ(vcpu(1).blocked_ns, 14 * kMs);
  EXPECT_EQ(vcpu(1).unknown_ns, 1 * kMs); // between two rounds
}

TEST_F(ReplaySessionTest, ALoopThatCannotBeRewoundFails) {
  ScriptedSource recording(XENMON_SOURCE_RECORDING, {{ticks(1, 10)}});
  recording.can_rewind = false;
  options_.loop = true;
  EXPECT_FALSE(run(recording));
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
}

// ---- steered

// The other end of the control channel, with the session in a thread. The recording is 100 ms long.
class SteeredReplayTest : public SessionTest {
 protected:
  SteeredReplayTest()
      : recording_(XENMON_SOURCE_RECORDING, {{ticks(1, 40)}, {ticks(41, 80)}, {ticks(81, 101)}}) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = ends[0];
    options_.control_fd = ends[1];
    options_.speed = 0.001; // nothing happens by itself
  }
  ~SteeredReplayTest() override {
    close_ours();
    if (session_.joinable()) session_.join();
  }

  void start() {
    session_ = std::thread([this] { ended_ = run_session(recording_, options_, nullptr, stop_); });
  }
  void close_ours() {
    if (ours_ >= 0) close(ours_);
    ours_ = -1;
  }
  Status end() {
    session_.join();
    return ended_;
  }
  void command(const std::string& line) const {
    const std::string text = line + "\n";
    ASSERT_EQ(send(ours_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // The next line that comes.
  std::string answer() const {
    std::string line;
    char c = 0;
    while (read(ours_, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  std::string ask(const std::string& line) const {
    command(line);
    return answer();
  }

  ScriptedSource recording_;
  StopFlag stop_;
  int ours_ = -1;
  std::thread session_;
  Status ended_ = ok();
};

TEST_F(SteeredReplayTest, GoesToTheEndOfTheSampleThatATimeIsInAndHoldsThere) {
  start();
  EXPECT_EQ(ask("to 49500000"), "held 1 50000000");
  EXPECT_EQ(end_ns(), 50 * kMs);
  EXPECT_TRUE(held());
  EXPECT_EQ(ask("to 50000000"), "held 2 50000000"); // it is there
  EXPECT_EQ(ask("to 60000000"), "held 3 60000000");
  EXPECT_EQ(recording_.rewinds, 0);
}

TEST_F(SteeredReplayTest, GoesBackOverTheRecordingFromItsBeginning) {
  start();
  EXPECT_EQ(ask("to 50000000"), "held 1 50000000");
  const std::uint64_t before = open().reader().header().daemon_start;
  EXPECT_EQ(ask("to 20000000"), "held 2 20000000");
  EXPECT_EQ(recording_.rewinds, 1);
  EXPECT_EQ(end_ns(), 20 * kMs);
  EXPECT_NE(open().reader().header().daemon_start, before);
  EXPECT_TRUE(held());
}

TEST_F(SteeredReplayTest, StaysWhereItIsIfItCannotGoBack) {
  recording_.can_rewind = false;
  start();
  EXPECT_EQ(ask("to 50000000"), "held 1 50000000");
  EXPECT_EQ(ask("to 20000000"), "held 2 50000000");
  EXPECT_TRUE(held());
}

TEST_F(SteeredReplayTest, HeldBeforeAnythingIsPublishedItHoldsAtTheFirstSample) {
  command("hold");
  start();
  EXPECT_EQ(answer(), "held 1 1000000");
  EXPECT_EQ(end_ns(), 1 * kMs);
}

TEST_F(SteeredReplayTest, StartsHeld) {
  options_.held_at_ns = 30 * kMs;
  start();
  EXPECT_EQ(answer(), "held 0 30000000");
  EXPECT_EQ(ask("hold"), "held 1 30000000");
}

TEST_F(SteeredReplayTest, PlaysToItsEndAndStandsThereForFurtherCommands) {
  start();
  EXPECT_EQ(ask("to 50000000"), "held 1 50000000");
  EXPECT_EQ(ask("play max"), "playing 2 50000000");
  EXPECT_EQ(answer(), "end 2 100000000");
  EXPECT_FALSE(held());
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_EQ(ask("play 1"), "end 3 100000000");
  EXPECT_EQ(ask("hold"), "end 4 100000000");
  EXPECT_EQ(ask("to end"), "end 5 100000000");
  EXPECT_EQ(ask("to 10000000"), "held 6 10000000");
  EXPECT_EQ(state(), XENMON_STATE_RUNNING);
  EXPECT_EQ(recording_.rewinds, 1);
}

TEST_F(SteeredReplayTest, PlaysAtAPaceFromWhereItIsHeld) {
  start();
  EXPECT_EQ(ask("to 50000000"), "held 1 50000000");
  EXPECT_EQ(ask("play 1000"), "playing 2 50000000");
  EXPECT_EQ(answer(), "end 2 100000000");
}

TEST_F(SteeredReplayTest, TheNextCommandReplacesTheOneBefore) {
  command("to 90000000\nto 50000000");
  start();
  EXPECT_EQ(answer(), "held 2 50000000");
}

TEST_F(SteeredReplayTest, EndsWhenTheOtherSideIsGone) {
  start();
  EXPECT_EQ(ask("to 50000000"), "held 1 50000000");
  close_ours();
  EXPECT_TRUE(end());
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_FALSE(held());
}

TEST_F(SteeredReplayTest, ASignalEndsItWhereverItStands) {
  options_.held_at_ns = 30 * kMs;
  start();
  EXPECT_EQ(answer(), "held 0 30000000");
  raise(SIGTERM);
  EXPECT_TRUE(end());
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_FALSE(held());
}

} // namespace
} // namespace xenmon::test
