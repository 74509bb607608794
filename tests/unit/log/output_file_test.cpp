// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/output_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "temporary_directory.h"

namespace xenmon::test {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(OutputFile, IsMadeWithItsHeaderWhenThereIsSomethingToWrite) {
  TemporaryDirectory files;
  OutputFile file(files / "log", "# header\n");
  ASSERT_TRUE(file.flush());
  EXPECT_FALSE(std::filesystem::exists(files / "log"));
  file.append("one");
  file.append("two");
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(contents(files / "log"), "# header\none\ntwo\n");
}

TEST(OutputFile, EmptiesWhatWasThereBefore) {
  TemporaryDirectory files;
  std::ofstream(files / "log") << "of another run\n";
  OutputFile file(files / "log", "# header\n");
  file.append("one");
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(contents(files / "log"), "# header\none\n");
}

TEST(OutputFile, GoesOnInANewFileWhenTheOldOneWasMovedAway) {
  TemporaryDirectory files;
  OutputFile file(files / "log", "# header\n");
  file.append("one");
  ASSERT_TRUE(file.flush());
  std::filesystem::rename(files / "log", files / "log.1");
  file.append("two"); // not reported yet
  ASSERT_TRUE(file.flush());
  file.reopen();
  file.append("three");
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(contents(files / "log.1"), "# header\none\ntwo\n");
  EXPECT_EQ(contents(files / "log"), "# header\nthree\n");
}

TEST(OutputFile, GoesOnAtTheEndOfAFileThatIsStillThere) {
  TemporaryDirectory files;
  OutputFile file(files / "log", "# header\n");
  file.append("one");
  ASSERT_TRUE(file.flush());
  file.reopen();
  file.append("two");
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(contents(files / "log"), "# header\none\ntwo\n");
}

TEST(OutputFile, AFullDiskIsSaid) {
  OutputFile file("/dev/full", "");
  file.append("line");
  const Status status = file.flush();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "cannot write the log file /dev/full: No space left on device.");
}

TEST(OutputFile, KeepsWholeLinesWhenTheSpaceEndsWithinOne) {
  TemporaryDirectory files;
  // In a process of its own, since the limit stays.
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {20, 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    OutputFile file(files / "log", "");
    file.append("12345678");
    if (!file.flush()) _exit(1);
    file.append("abcdefghijklmnopqrstuvwxyz");
    _exit(file.flush() ? 2 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(contents(files / "log"), "12345678\n");
}

} // namespace
} // namespace xenmon::test
