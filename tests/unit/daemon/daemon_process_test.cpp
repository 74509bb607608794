// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/daemon_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "temporary_directory.h"

namespace xenmon::test {
namespace {

// A shell script in the daemon's place; $ready is where its byte belongs.
class DaemonProcessTest : public testing::Test {
 protected:
  Result<DaemonProcess> start(const std::string& script) {
    const std::string path = directory / "daemon";
    std::ofstream(path) << "#!/bin/sh\nfor ready; do :; done\nready=/dev/fd/$ready\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return DaemonProcess::start({path, "--region", directory / "region"});
  }
  bool wait_for_file(const std::string& name) {
    for (int i = 0; i < 500; ++i) {
      if (std::filesystem::exists(directory / name)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  TemporaryDirectory directory;
};

TEST_F(DaemonProcessTest, RunsUntilItIsToldToStop) {
  const std::string stopped = directory / "stopped";
  {
    auto daemon =
        start("trap 'touch " + stopped + "; exit 0' TERM; printf x > $ready; while :; do sleep 0.02; done");
    ASSERT_TRUE(daemon);
    daemon->poll();
    EXPECT_TRUE(daemon->running());
    EXPECT_FALSE(std::filesystem::exists(stopped));
  }
  EXPECT_TRUE(std::filesystem::exists(stopped));
}

TEST_F(DaemonProcessTest, AFailureIsTheDaemonsOwnSentenceAndStatus) {
  const auto daemon =
      start("echo 'xenbaked: first.' >&2; echo 'xenbaked: another consumer has them.' >&2; exit 6");
  ASSERT_FALSE(daemon);
  EXPECT_EQ(daemon.error().message, "another consumer has them.");
  EXPECT_EQ(daemon.error().status, ExitStatus::kBusy);
}

TEST_F(DaemonProcessTest, AFailureWithoutAWord) {
  const auto daemon = start("exit 0");
  ASSERT_FALSE(daemon);
  EXPECT_EQ(daemon.error().message, "xenbaked exited without printing an error.");
  EXPECT_EQ(daemon.error().status, ExitStatus::kFailed);
}

TEST_F(DaemonProcessTest, AProgramThatIsNotThere) {
  const auto daemon = DaemonProcess::start({"/nonexistent/xenbaked"});
  ASSERT_FALSE(daemon);
  EXPECT_EQ(daemon.error().message,
            "cannot run /nonexistent/xenbaked; install xenbaked, or name it with --xenbaked.");
}

TEST_F(DaemonProcessTest, KnowsTheLastWordsOfOneThatDies) {
  auto daemon = start("printf x > $ready; echo 'xenbaked: out of memory.' >&2; touch " +
                      (directory / "said") + "; exit 5");
  ASSERT_TRUE(daemon);
  ASSERT_TRUE(wait_for_file("said"));
  for (int i = 0; i < 500 && daemon->running(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    daemon->poll();
  }
  ASSERT_FALSE(daemon->running());
  EXPECT_FALSE(daemon->ended_well());
  EXPECT_EQ(daemon->outcome().message, "out of memory.");
  EXPECT_EQ(daemon->outcome().status, ExitStatus::kNoTracing);
}

TEST_F(DaemonProcessTest, KnowsASignalThatEndedIt) {
  auto daemon = start("printf x > $ready; kill -9 $$");
  ASSERT_TRUE(daemon);
  for (int i = 0; i < 500 && daemon->running(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    daemon->poll();
  }
  EXPECT_EQ(daemon->outcome().message, "xenbaked was killed by signal 9.");
}

} // namespace
} // namespace xenmon::test
