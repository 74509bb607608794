// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/log_session.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

// Keeps what happens to it, in its order: "add END_MS", "finish", "verdict TEXT".
class KeptOutput final : public LogOutput {
 public:
  void add(const Sample& sample) override {
    passed_ns_ = sample.end_ns;
    calls.push_back("add " + std::to_string(sample.end_ns / kMs));
  }
  void reopen() override { calls.emplace_back("reopen"); }
  void finish() override { calls.emplace_back("finish"); }
  Status write_verdicts(const std::vector<std::string>& sentences) override {
    for (const std::string& sentence : sentences) calls.push_back("verdict " + sentence);
    return verdicts_written;
  }
  std::uint64_t passed_ns() const override { return passed_ns_; }
  bool done() const override { return passed_ns_ >= wanted_ns; }
  const Status& status() const override { return written; }
  std::uint64_t damaged() const override { return damaged_waits; }

  std::vector<std::string> calls;
  std::uint64_t wanted_ns = UINT64_MAX;
  std::uint64_t damaged_waits = 0;
  Status written = ok();
  Status verdicts_written = ok();

 private:
  std::uint64_t passed_ns_ = 0;
};

class KeptSession final : public LogSession {
 public:
  KeptSession(const Options& options, Publisher& publisher)
      : LogSession(options, publisher, {.path = publisher.region}, std::chrono::milliseconds(100)) {}

  KeptOutput kept;
  bool whole = false;

 private:
  LogOutput& output() override { return kept; }
  Result<SampleFeed::From> begin(const RegionReader& /*reader*/) override {
    whole = is_wanted_whole();
    return SampleFeed::From::kOldest;
  }
};

// A region of another's xenbaked, whose recording is over.
class LogSessionTest : public testing::Test {
 protected:
  LogSessionTest() {
    publisher_.region = directory_ / "region";
    region_.header().source_kind = XENMON_SOURCE_RECORDING;
    region_.set_domain(0, 1, 101, "web");
    region_.set_vcpu(0, 0, 0);
    for (int i = 0; i < 3; ++i) region_.publish({make_row(0, 0, {.running_ms = 100})});
    region_.add_verdict(XENMON_VERDICT_DAMAGED, "It is cut off.");
  }

  // What run() returns; what it prints is in said_.
  Status run(const Options& options = {}) {
    region_.header().state = XENMON_STATE_ENDED;
    region_.put(publisher_.region);
    if (!session_) session_.emplace(options, publisher_);
    testing::internal::CaptureStderr();
    Status status = session_->run();
    said_ = testing::internal::GetCapturedStderr();
    return status;
  }
  using Calls = std::vector<std::string>;

  TemporaryDirectory directory_;
  ScriptedRegion region_;
  Publisher publisher_;
  std::optional<KeptSession> session_;
  std::string said_;
};

TEST_F(LogSessionTest, TheVerdictsOfARecordingComeAfterItsEnd) {
  EXPECT_TRUE(run());
  EXPECT_EQ(session_->kept.calls,
            (Calls{"add 100", "add 200", "add 300", "finish", "verdict It is cut off."}));
  EXPECT_EQ(said_, "xenmon: It is cut off.\n");
  EXPECT_FALSE(session_->whole) << "the daemon is not ours, and is the first";
}

TEST_F(LogSessionTest, AHostsVerdictsComeWhenTheyAreKnown) {
  region_.header().source_kind = XENMON_SOURCE_LIVE;
  session_.emplace(Options{}, publisher_);
  session_->kept.wanted_ns = 300 * kMs;
  EXPECT_TRUE(run());
  EXPECT_EQ(session_->kept.calls,
            (Calls{"add 100", "add 200", "add 300", "verdict It is cut off.", "finish"}));
}

TEST_F(LogSessionTest, EndsWhenTheOutputHasAllThatWasAskedFor) {
  session_.emplace(Options{}, publisher_);
  session_->kept.wanted_ns = 200 * kMs;
  EXPECT_TRUE(run());
  EXPECT_EQ(session_->kept.calls.back(), "finish");
}

TEST_F(LogSessionTest, AFailureToWriteIsReported) {
  session_.emplace(Options{}, publisher_);
  session_->kept.written = Error{"cannot write the log."};
  Status status = run();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "cannot write the log.");
  EXPECT_EQ(said_, "xenmon: It is cut off.\n") << "what is wrong with the trace is reported all the same";

  session_.emplace(Options{}, publisher_);
  session_->kept.verdicts_written = Error{"cannot write the verdicts."};
  status = run();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "cannot write the verdicts.");
}

TEST_F(LogSessionTest, WhatMadeNoSenseIsCounted) {
  session_.emplace(Options{}, publisher_);
  session_->kept.damaged_waits = 2;
  EXPECT_TRUE(run());
  EXPECT_EQ(said_.find("xenmon: 2 rows of the region made no sense and were left out"), 0U) << said_;
}

TEST_F(LogSessionTest, ACpuThatDoesNotExistIsRefused) {
  Options options;
  options.pcpu = 7;
  const Status status = run(options);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("CPU 7"), std::string::npos) << status.error().message;
}

} // namespace
} // namespace xenmon::test
