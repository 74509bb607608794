// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sentences on standard error: with a priority for the journal, and without for everything else.
#include "journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace xenmon {
namespace {

// It is asked once in a process: a death test has one of its own.
[[noreturn]] void say(const std::string& stream) {
  setenv("JOURNAL_STREAM", stream.c_str(), 1);
  std::cerr << message_lines("xenmon", Priority::kError, "one\ntwo")
            << message_lines("xenmon", Priority::kInformation, "three");
  _exit(0);
}

std::string standard_error() {
  struct stat status {};
  EXPECT_EQ(fstat(STDERR_FILENO, &status), 0);
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

TEST(JournalDeathTest, EachLineHasItsPriority) {
  // A death test's standard error is another stream.
  EXPECT_EXIT(say(standard_error()), testing::ExitedWithCode(0),
              "^<3>xenmon: one\n<3>two\n<6>xenmon: three\n$");
}

TEST(JournalDeathTest, ElsewhereThereIsNone) {
  EXPECT_EXIT(say("8:1"), testing::ExitedWithCode(0), "^xenmon: one\ntwo\nxenmon: three\n$");
  EXPECT_EXIT(say(""), testing::ExitedWithCode(0), "^xenmon: one\n");
}

} // namespace
} // namespace xenmon
