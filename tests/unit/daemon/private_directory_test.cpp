// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/private_directory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "temporary_directory.h"

namespace xenmon::test {
namespace {

namespace fs = std::filesystem;

// In a runtime directory of the test's own.
class PrivateDirectoryTest : public testing::Test {
 protected:
  PrivateDirectoryTest() {
    if (const char* before = std::getenv("XDG_RUNTIME_DIR")) before_ = before;
    setenv("XDG_RUNTIME_DIR", (runtime / "").c_str(), 1);
  }
  ~PrivateDirectoryTest() override {
    if (before_) {
      setenv("XDG_RUNTIME_DIR", before_->c_str(), 1);
    } else {
      unsetenv("XDG_RUNTIME_DIR");
    }
  }

  std::vector<std::string> entries() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(runtime / "")) found.push_back(entry.path().filename());
    return found;
  }
  // As a killed process leaves it.
  void abandon() {
    const pid_t child = fork();
    if (child == 0) {
      const auto directory = PrivateDirectory::make();
      if (directory) std::ofstream(directory->path() + "/region") << "x";
      kill(getpid(), SIGKILL);
    }
    waitpid(child, nullptr, 0);
  }

  TemporaryDirectory runtime;

 private:
  std::optional<std::string> before_;
};

TEST_F(PrivateDirectoryTest, IsOursAloneAndGoesWithItsContents) {
  std::string path;
  {
    const auto directory = PrivateDirectory::make();
    ASSERT_TRUE(directory);
    path = directory->path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    std::ofstream(path + "/region") << "x";
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(PrivateDirectoryTest, WhatAKilledProcessLeftIsSwept) {
  abandon();
  ASSERT_EQ(entries().size(), 1);
  sweep_private_directories();
  EXPECT_TRUE(entries().empty());
}

// The xenbaked of a killed xenmon ends a moment later, and must not find its directory emptied.
TEST_F(PrivateDirectoryTest, WhatAnHeirHoldsStays) {
  int hold[2];
  ASSERT_EQ(pipe(hold), 0);
  {
    const pid_t child = fork();
    if (child == 0) {
      const auto directory = PrivateDirectory::make();
      const pid_t heir = directory ? fork() : -1;
      if (heir == 0) {
        close(hold[1]);
        char byte;
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
      }
      kill(getpid(), SIGKILL);
    }
    waitpid(child, nullptr, 0);
  }
  close(hold[0]);
  sweep_private_directories();
  EXPECT_EQ(entries().size(), 1);
  close(hold[1]); // the heir ends
  for (int i = 0; i < 1000 && !entries().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    sweep_private_directories();
  }
  EXPECT_TRUE(entries().empty());
}

TEST_F(PrivateDirectoryTest, WhatIsInUseStays) {
  const auto directory = PrivateDirectory::make();
  ASSERT_TRUE(directory);
  std::ofstream(directory->path() + "/region") << "x";
  sweep_private_directories();
  EXPECT_TRUE(fs::exists(directory->path() + "/region"));
}

TEST_F(PrivateDirectoryTest, WhatIsNotSuchADirectoryStays) {
  const std::string readable = runtime / "xenmon-replay-open00";
  fs::create_directory(readable);
  fs::permissions(readable, fs::perms::owner_all | fs::perms::group_read);
  std::ofstream(readable + "/lock") << "";
  const std::string foreign = runtime / "xenmon-replay-foreig";
  fs::create_directory(foreign);
  fs::permissions(foreign, fs::perms::owner_all);
  std::ofstream(foreign + "/letter") << "dear";
  const std::string elsewhere = runtime / "elsewhere";
  fs::create_directory(elsewhere);
  fs::permissions(elsewhere, fs::perms::owner_all);
  std::ofstream(elsewhere + "/lock") << "";
  fs::create_directory_symlink(elsewhere, runtime / "xenmon-replay-linked");
  std::ofstream(runtime / "xenmon-replay-afile0") << "";
  sweep_private_directories();
  EXPECT_TRUE(fs::exists(readable + "/lock"));
  EXPECT_TRUE(fs::exists(foreign + "/letter"));
  EXPECT_TRUE(fs::exists(elsewhere + "/lock"));
  EXPECT_TRUE(fs::exists(runtime / "xenmon-replay-linked"));
  EXPECT_TRUE(fs::exists(runtime / "xenmon-replay-afile0"));
}

TEST_F(PrivateDirectoryTest, OneThatWasJustMadeIsSwept) {
  fs::create_directory(runtime / "xenmon-replay-nolock");
  fs::permissions(runtime / "xenmon-replay-nolock", fs::perms::owner_all);
  sweep_private_directories();
  EXPECT_TRUE(entries().empty());
}

// A lock belongs to the open file, so threads are as good as processes.
TEST_F(PrivateDirectoryTest, NoSweepTakesAwayWhatSomebodyIsMaking) {
  std::atomic<bool> over = false;
  std::thread sweeper([&over] {
    while (!over) sweep_private_directories();
  });
  int broken = 0;
  for (int i = 0; i < 500; ++i) {
    const auto directory = PrivateDirectory::make();
    if (!directory) {
      ++broken;
      continue;
    }
    std::ofstream(directory->path() + "/region") << "x";
    if (!fs::exists(directory->path() + "/region")) ++broken;
  }
  over = true;
  sweeper.join();
  EXPECT_EQ(broken, 0);
  EXPECT_TRUE(entries().empty());
}

} // namespace
} // namespace xenmon::test
