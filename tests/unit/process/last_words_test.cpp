// SPDX-License-Identifier: GPL-2.0-or-later
#include "process/last_words.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <new>
#include <string>

#include "client/mapped_file.h"
#include "sanitized.h"
#include "temporary_directory.h"

namespace xenmon::test {
namespace {

// A sanitizer has these signals, and operator new, for itself.
#ifndef XENMON_SANITIZED

TEST(LastWordsDeathTest, ARegionThatIsCutShortIsASentence) {
  const TemporaryDirectory files;
  const std::string path = files / "region";
  std::ofstream(path) << std::string(16384, 'x');
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_EXIT(
      {
        catch_failures();
        ASSERT_TRUE(file->still_whole());
        std::filesystem::resize_file(path, 4096);
        const std::byte behind = file->bytes()[8192];
        ASSERT_EQ(behind, std::byte{'x'});
      },
      testing::ExitedWithCode(1),
      "^xenmon: the region was truncated while it was being read; start xenbaked again.\n$");
}

TEST(LastWordsDeathTest, AFaultOfOursHasItsUsualEffect) {
  EXPECT_EXIT(
      {
        catch_failures();
        raise(SIGSEGV);
      },
      testing::KilledBySignal(SIGSEGV), "^$");
}

TEST(LastWordsDeathTest, NoMemoryWhereNothingMayBeThrownIsASentence) {
  EXPECT_EXIT(
      {
        keep_a_reserve();
        const auto ask = []() noexcept {
          volatile std::size_t too_much = std::numeric_limits<std::size_t>::max() / 2;
          return ::operator new(too_much);
        };
        ::operator delete(ask());
      },
      testing::ExitedWithCode(1), "^xenmon: there is not enough memory; .*\n$");
}

#endif

TEST(LastWords, SentencesEndTheirLine) {
  EXPECT_EQ(kNoMemory.back(), '\n');
}

} // namespace
} // namespace xenmon::test
