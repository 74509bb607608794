// SPDX-License-Identifier: GPL-2.0-or-later
//
// Three readers of a region that is being written as fast as it goes.
#include "region_stress.h"
#include "sanitized.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <sstream>
#include <thread>

namespace xenmon::test {
namespace {

#ifdef XENMON_SANITIZED_FOR_THREADS
constexpr std::uint64_t kSlower = 20;
#else
constexpr std::uint64_t kSlower = 1;
#endif
constexpr std::uint64_t kSmallSamples = 10'000'000 / kSlower;
constexpr std::uint64_t kLargeSamples = 60'000 / kSlower;
constexpr std::size_t kReaders = StressBoard::kReaders;

// So that the tables grow and daemons follow one another a few dozen times.
std::uint64_t growth_period(std::uint64_t samples_each) {
  return std::max<std::uint64_t>(samples_each / 400, 8);
}

class RegionStressTest : public testing::Test {
 protected:
  RegionStressTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-stress-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "region").string();
    void* shared =
        mmap(nullptr, sizeof(StressBoard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(shared, MAP_FAILED);
    board_ = new (shared) StressBoard;
  }
  ~RegionStressTest() override {
    munmap(board_, sizeof(StressBoard));
    std::filesystem::remove_all(directory_);
  }

  // What the readers met, and that nothing of it was torn.
  void judge(const StressWriter& writer, std::uint64_t samples_each) {
    StressTally sum;
    for (const StressTally& tally : board_->tallies) {
      EXPECT_GE(tally.samples, samples_each);
      EXPECT_GT(tally.tables, 0U);
      sum.samples += tally.samples;
      sum.gone += tally.gone;
      sum.tables += tally.tables;
      sum.tables_missed += tally.tables_missed;
      sum.superseded += tally.superseded;
      sum.restarted += tally.restarted;
      sum.torn_samples += tally.torn_samples;
      sum.torn_tables += tally.torn_tables;
      sum.damaged += tally.damaged;
      sum.backwards += tally.backwards;
    }
    std::printf(
        "%llu samples published; %zu readers copied %llu (%llu were gone), %llu tables (%llu were being "
        "written); "
        "%llu superseded files and %llu new daemons met; torn: %llu samples, %llu tables\n",
        static_cast<unsigned long long>(writer.published()), kReaders,
        static_cast<unsigned long long>(sum.samples), static_cast<unsigned long long>(sum.gone),
        static_cast<unsigned long long>(sum.tables), static_cast<unsigned long long>(sum.tables_missed),
        static_cast<unsigned long long>(sum.superseded), static_cast<unsigned long long>(sum.restarted),
        static_cast<unsigned long long>(sum.torn_samples), static_cast<unsigned long long>(sum.torn_tables));
    EXPECT_GT(sum.gone, 0U);
    EXPECT_EQ(sum.torn_samples, 0U);
    EXPECT_EQ(sum.torn_tables, 0U);
    EXPECT_EQ(sum.damaged, 0U);
    EXPECT_EQ(sum.backwards, 0U);
  }

  void run_processes(const StressShape& shape, std::uint64_t samples) {
    const std::uint64_t each = (samples + kReaders - 1) / kReaders;
    // Before there is a writer: a child would share its lock.
    std::array<pid_t, kReaders> readers{};
    for (std::size_t i = 0; i < kReaders; ++i) {
      readers[i] = fork();
      ASSERT_GE(readers[i], 0);
      if (readers[i] == 0) {
        read_at_path(path_, shape, *board_, i, each);
        _exit(0);
      }
    }
    // A reader that fell over must not be waited for.
    bool broken = false;
    const auto failed = [&] {
      for (pid_t& reader : readers) {
        int status = 0;
        if (reader != 0 && waitpid(reader, &status, WNOHANG) == reader) {
          reader = 0;
          broken = broken || status != 0;
        }
      }
      return broken;
    };
    StressWriter writer(path_, shape);
    write_until_read(writer, *board_, growth_period(each), failed);
    for (const pid_t reader : readers) {
      if (reader == 0) continue;
      if (broken || HasFatalFailure()) kill(reader, SIGKILL);
      int status = 0;
      EXPECT_EQ(waitpid(reader, &status, 0), reader);
      broken = broken || status != 0;
    }
    EXPECT_FALSE(broken) << "a reader ended badly";
    judge(writer, each);
  }

  std::filesystem::path directory_;
  std::string path_;
  StressBoard* board_ = nullptr;
};

TEST_F(RegionStressTest, ProcessesReadManySmallSamples) {
  run_processes(kManySmallSamples, kSmallSamples);
}

TEST_F(RegionStressTest, ProcessesReadLargeSamples) {
  run_processes(kFewLargeSamples, kLargeSamples);
}

TEST_F(RegionStressTest, ThreadsReadAcrossSupersededFiles) {
  const std::uint64_t each = kSmallSamples / 20 / kReaders;
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] { read_at_path(path_, kManySmallSamples, *board_, i, each); });
  }
  StressWriter writer(path_, kManySmallSamples);
  write_until_read(writer, *board_, growth_period(each), [] { return false; });
  for (std::thread& reader : readers) reader.join();
  judge(writer, each);
}

// Where the process has the region mapped for writing.
std::span<const std::byte> own_mapping(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    if (!line.ends_with(path)) continue;
    std::istringstream fields(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string access;
    fields >> std::hex >> begin >> dash >> end >> access;
    if (access == "rw-s") return {reinterpret_cast<const std::byte*>(begin), end - begin};
  }
  return {};
}

// Readers in the writer's own mapping: there ThreadSanitizer sees that both use the same words. The file
// must stay the same, since its mapping goes with it.
TEST_F(RegionStressTest, ThreadsReadTheWritersOwnMapping) {
  const std::uint64_t each = kSmallSamples / 20 / kReaders;
  StressWriter writer(path_, kManySmallSamples);
  ASSERT_FALSE(HasFatalFailure());
  writer.publish();
  const std::span<const std::byte> bytes = own_mapping(path_);
  ASSERT_FALSE(bytes.empty());
  const Result<RegionReader> region = RegionReader::make(bytes, path_);
  ASSERT_TRUE(region) << region.error().message;
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] { read_there(*region, kManySmallSamples, *board_, i, each); });
  }
  write_until_read(writer, *board_, 0, [] { return false; });
  for (std::thread& reader : readers) reader.join();
  judge(writer, each);
}

} // namespace
} // namespace xenmon::test
