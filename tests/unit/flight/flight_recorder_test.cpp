// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the flight recorder keeps, and what is left when it is killed, has no room, or the time of day jumps.
#include <algorithm>
#include <cerrno>
#include <fstream>
#include <future>
#include <iterator>
#include <numeric>

#include "flight/flight_fixture.h"

namespace xenmon::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::uint64_t> every_ms(std::uint64_t from_second, std::uint64_t seconds) {
  std::vector<std::uint64_t> tscs;
  for (std::uint64_t ms = 0; ms < seconds * 1'000; ++ms)
    tscs.push_back(kBaseTsc + from_second * kSecondTsc + ms * kMsTsc);
  return tscs;
}

TEST_F(FlightTest, KeepsEveryRecordInOrder) {
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 100; ++second) write_second(*flight, second);
  flight->finish();
  EXPECT_FALSE(flight->take_error());
  EXPECT_GT(names().size(), 2U) << "several segments";
  const FlightRecording recording = open();
  ASSERT_EQ(recording.stretches().size(), 1U);
  const Contents contents = read(recording, 0);
  EXPECT_EQ(contents.tscs, every_ms(0, 100));
  EXPECT_EQ(contents.counts.records, 200'100U);
  EXPECT_EQ(contents.counts.gaps, 0U);
}

TEST_F(FlightTest, TheOldestGoWhenTheRestCoversTheTime) {
  settings_.bounds.span_ns = 20 * kSecondTsc;
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 100; ++second) {
    write_second(*flight, second);
    if (second % 7 != 0) continue;
    const Contents contents = read(open(), 0);
    ASSERT_EQ(contents.tscs.back(), kBaseTsc + second * kSecondTsc + 999 * kMsTsc);
    const std::uint64_t kept = contents.tscs.back() - contents.tscs.front();
    ASSERT_GE(kept,
              std::min<std::uint64_t>(second, 20) * kSecondTsc - std::min<std::uint64_t>(second, 1) * kMsTsc);
    ASSERT_LE(kept, 23 * kSecondTsc);
  }
}

TEST_F(FlightTest, TheOldestGoWhenThereIsNoRoom) {
  settings_.bounds.most_bytes = 200'000;
  auto flight = recorder();
  std::uint64_t most = 0;
  for (std::uint64_t second = 0; second < 100; ++second) {
    write_second(*flight, second);
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(settings_.directory)) bytes += entry.file_size();
    ASSERT_LE(bytes, settings_.bounds.most_bytes + 2'000) << "the end of a segment";
    most = std::max(most, bytes);
  }
  EXPECT_GT(most, settings_.bounds.most_bytes * 3 / 4);
  const Contents contents = read(open(), 0);
  EXPECT_EQ(contents.tscs.back(), kBaseTsc + 99 * kSecondTsc + 999 * kMsTsc);
  EXPECT_TRUE(std::is_sorted(contents.tscs.begin(), contents.tscs.end()));
}

TEST_F(FlightTest, WhatAKilledProcessLeavesIsReadAndCompletedByTheNext) {
  {
    auto killed = recorder();
    for (std::uint64_t second = 0; second < 10; ++second) write_second(*killed, second);
  } // without finish()
  EXPECT_EQ(names(), std::set<std::string>{"flight-0000000001.part"});
  EXPECT_EQ(read(open(), 0).tscs, every_ms(0, 10));
  {
    std::ofstream cut(settings_.directory + "/flight-0000000001.part", std::ios::app | std::ios::binary);
    cut << "half a chunk";
  }
  auto next = recorder();
  EXPECT_EQ(names(), std::set<std::string>{"flight-0000000001.zst"});
  write_second(*next, 20);
  next->finish();
  EXPECT_EQ(names(), (std::set<std::string>{"flight-0000000001.zst", "flight-0000000002.zst"}));
  const FlightRecording recording = open();
  ASSERT_EQ(recording.stretches().size(), 1U);
  const Contents contents = read(recording, 0);
  std::vector<std::uint64_t> expected = every_ms(0, 10);
  for (const std::uint64_t tsc : every_ms(20, 1)) expected.push_back(tsc);
  EXPECT_EQ(contents.tscs, expected);
  EXPECT_EQ(contents.counts.gaps, 1U) << "nobody recorded in between";
}

TEST_F(FlightTest, WhereverAFileEndsItsWholeChunksAreRead) {
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 3; ++second) write_second(*flight, second);
  const std::string part = settings_.directory + "/flight-0000000001.part";
  std::ifstream file(part, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  flight.reset();
  std::size_t most = 0;
  for (std::size_t size = 0; size <= bytes.size(); size += size < 500 ? 1 : 499) {
    std::ofstream(part, std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
    const Result<FlightDirectory> directory = FlightDirectory::open_to_read(settings_.directory);
    ASSERT_TRUE(directory);
    const Result<FlightRecording> recording = FlightRecording::open(*directory);
    if (!recording) {
      EXPECT_EQ(most, 0U) << size;
      continue;
    }
    const std::size_t chunks = recording->stretches().front().chunks.size();
    EXPECT_GE(chunks, most);
    most = chunks;
    const Contents contents = read(*recording, 0);
    EXPECT_EQ(contents.tscs, every_ms(0, chunks));
    EXPECT_EQ(contents.counts.damaged_chunks, 0U);
  }
  EXPECT_GE(most, 2U);
}

TEST_F(FlightTest, ADamagedChunkIsAGap) {
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 5; ++second) write_second(*flight, second);
  flight->finish();
  const FlightRecording::Chunk third = open().stretches().front().chunks.at(2);
  std::fstream file(settings_.directory + "/flight-0000000001.zst",
                    std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(third.data.offset + third.data.index.packed_bytes / 2));
  file << "damage";
  file.close();
  const Contents contents = read(open(), 0);
  EXPECT_EQ(contents.counts.damaged_chunks, 1U);
  EXPECT_EQ(contents.counts.gaps, 1U);
  EXPECT_EQ(contents.tscs.size(), 4'000U);
}

TEST_F(FlightTest, WhatIsOfNoUseIsRemovedAtTheStart) {
  recorder()->finish();
  for (const char* name :
       {"flight-0000000007.part", ".wait-20261127-030500.xentrace.zst.0123456789abcdef.part",
        "wait-20261127-030500.xentrace.zst.json"})
    std::ofstream(settings_.directory + "/" + name) << "{}";
  std::ofstream(settings_.directory + "/somebody-elses") << "file";
  recorder()->finish();
  EXPECT_EQ(names(), std::set<std::string>{"somebody-elses"});
}

TEST_F(FlightTest, OneDirectoryHasOneWriterAndIsNotOpenToOthers) {
  const auto flight = recorder();
  const auto second = FlightRecorder::create(settings_, flight_origin());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().status, ExitStatus::kBusy);
  const std::string open_to_all = directory_ / "open";
  fs::create_directory(open_to_all);
  fs::permissions(open_to_all, fs::perms::all);
  settings_.directory = open_to_all;
  EXPECT_FALSE(FlightRecorder::create(settings_, flight_origin()));
  settings_.directory = directory_ / "no/such/parent";
  EXPECT_FALSE(FlightRecorder::create(settings_, flight_origin()));
}

TEST_F(FlightTest, AStepOfTheTimeOfDayLosesAndReordersNothing) {
  std::uint64_t wall = kBaseWall;
  FlightWorld world;
  world.wall_ns = [&] { return wall; };
  settings_.bounds.span_ns = 100 * kSecondTsc;
  Origin origin = flight_origin();
  origin.wall_epoch_ns = 0; // so that the clock is asked
  Result<std::unique_ptr<FlightRecorder>> made = FlightRecorder::create(settings_, origin, world);
  ASSERT_TRUE(made);
  for (std::uint64_t second = 0; second < 60; ++second) {
    wall = kBaseWall + (second + 1) * kSecondTsc;
    if (second >= 20) wall -= 3'600 * kSecondTsc;     // an hour back
    if (second >= 40) wall += 2 * 3'600 * kSecondTsc; // two hours on
    write_second(**made, second);
  }
  (*made)->finish();
  const FlightRecording recording = open();
  ASSERT_EQ(recording.stretches().size(), 1U);
  EXPECT_EQ(read(recording, 0).tscs, every_ms(0, 60));
  // Each time of day is found where the clock said so.
  const FlightRecording::Stretch& stretch = recording.stretches().front();
  const auto at = stretch.tsc_until(kBaseWall - 3'600 * kSecondTsc + 30 * kSecondTsc);
  ASSERT_TRUE(at);
  EXPECT_NEAR(static_cast<double>(*at - kBaseTsc) / 1e9, 30, 0.01);
  const auto late = stretch.tsc_from(kBaseWall + 3'600 * kSecondTsc + 50 * kSecondTsc);
  ASSERT_TRUE(late);
  EXPECT_NEAR(static_cast<double>(*late - kBaseTsc) / 1e9, 50, 0.01);
}

TEST_F(FlightTest, ATscThatStartsAgainBeginsAStretch) {
  auto flight = recorder();
  for (std::uint64_t second = 100; second < 110; ++second) write_second(*flight, second);
  for (std::uint64_t second = 0; second < 5; ++second) write_second(*flight, second);
  flight->finish();
  const FlightRecording recording = open();
  ASSERT_EQ(recording.stretches().size(), 2U);
  EXPECT_EQ(read(recording, 0).tscs, every_ms(100, 10));
  EXPECT_EQ(read(recording, 1).tscs, every_ms(0, 5));
}

TEST_F(FlightTest, AGapOfTheTraceIsInIt) {
  auto flight = recorder();
  write_second(*flight, 0);
  write_second(*flight, 10, true);
  flight->finish();
  const Contents contents = read(open(), 0);
  EXPECT_EQ(contents.counts.records, 4'004U) << "a LOST_RECORDS for each of two pCPUs";
}

// ---- disks

TEST_F(FlightTest, AFullDiskIsReportedOnceAndCostsTheOldest) {
  int full = 0;
  FlightWorld world;
  world.before_write = [&] { return full > 0 && full-- > 0 ? ENOSPC : 0; };
  settings_.bounds.span_ns = 100 * kSecondTsc;
  auto flight = recorder(world);
  for (std::uint64_t second = 0; second < 60; ++second) write_second(*flight, second);
  const std::set<std::string> before = names();
  full = 2;
  write_second(*flight, 60);
  const std::optional<Error> said = flight->take_error();
  ASSERT_TRUE(said);
  EXPECT_NE(said->message.find("is full"), std::string::npos);
  full = 1;
  write_second(*flight, 61);
  EXPECT_FALSE(flight->take_error()) << "it is said once";
  flight->finish();
  EXPECT_EQ(names().count(*before.begin()), 0U);
  const Contents contents = read(open(), 0);
  EXPECT_EQ(contents.tscs.back(), kBaseTsc + 61 * kSecondTsc + 999 * kMsTsc);
  EXPECT_EQ(contents.counts.gaps, 0U);
  EXPECT_EQ(contents.tscs, every_ms(62 - contents.tscs.size() / 1'000, contents.tscs.size() / 1'000));
}

TEST_F(FlightTest, ADiskThatStaysFullIsAGapAndThenItGoesOn) {
  bool full = false;
  FlightWorld world;
  world.before_write = [&] { return full ? ENOSPC : 0; };
  auto flight = recorder(world);
  for (std::uint64_t second = 0; second < 10; ++second) write_second(*flight, second);
  full = true;
  for (std::uint64_t second = 10; second < 20; ++second) write_second(*flight, second);
  full = false;
  for (std::uint64_t second = 20; second < 30; ++second) write_second(*flight, second);
  EXPECT_TRUE(flight->take_error());
  EXPECT_FALSE(flight->take_error());
  flight->finish();
  const FlightRecording recording = open();
  const Contents contents = read(recording, 0);
  EXPECT_EQ(contents.tscs.back(), kBaseTsc + 29 * kSecondTsc + 999 * kMsTsc);
  EXPECT_LT(contents.tscs.size(), 30'000U);
  EXPECT_TRUE(std::is_sorted(contents.tscs.begin(), contents.tscs.end()));
  std::uint64_t gaps = 0;
  for (const auto& chunk : recording.stretches().front().chunks) gaps += chunk.data.index.gaps;
  EXPECT_EQ(gaps, 1U);
}

TEST_F(FlightTest, AFileThatMayNotGrowIsCompleted) {
  int writes = 0;
  FlightWorld world;
  world.before_write = [&] { return ++writes == 5 ? EFBIG : 0; };
  auto flight = recorder(world);
  for (std::uint64_t second = 0; second < 10; ++second) write_second(*flight, second);
  flight->finish();
  EXPECT_FALSE(flight->take_error());
  EXPECT_EQ(names().size(), 2U);
  EXPECT_EQ(read(open(), 0).tscs, every_ms(0, 10));
}

TEST_F(FlightTest, ADiskThatIsStuckHoldsALiveHostUpForNothing) {
  std::promise<void> writing;
  std::promise<void> goes_on;
  FlightWorld world;
  world.most_queued_bytes = 300'000;
  world.wall_ns = [] { return kBaseWall; };
  world.before_write = [&, gate = goes_on.get_future().share(), first = true]() mutable {
    if (std::exchange(first, false)) writing.set_value();
    gate.wait();
    return 0;
  };
  auto flight = recorder(world, XENMON_SOURCE_LIVE);
  std::uint64_t second = 0;
  write_second(*flight, second++);
  write_second(*flight, second++);
  writing.get_future().wait();
  std::optional<Error> said;
  for (; !said; said = flight->take_error()) write_second(*flight, second++);
  EXPECT_NE(said->message.find("too slow"), std::string::npos);
  EXPECT_LT(second, 20U);
  write_second(*flight, second++);
  EXPECT_FALSE(flight->take_error()) << "it is said once";
  goes_on.set_value();
  // Until there is room again.
  const std::uint64_t later = 1'000;
  while (complete_chunks() < 2) write_second(*flight, second++);
  for (std::uint64_t i = 0; i < 3; ++i) write_second(*flight, later + i);
  flight->finish();
  const FlightRecording recording = open();
  const Contents contents = read(recording, 0);
  EXPECT_TRUE(std::is_sorted(contents.tscs.begin(), contents.tscs.end()));
  std::uint64_t gaps = 0;
  for (const auto& chunk : recording.stretches().front().chunks) gaps += chunk.data.index.gaps;
  EXPECT_GE(gaps, 1U);
}

// ---- waits

TEST_F(FlightTest, HalfAMinuteAroundALongWaitIsKept) {
  settings_.keep_wait_ns = 50 * kMsTsc;
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 100; ++second) {
    write_second(*flight, second);
    if (second == 30) {
      flight->see_wait(30 * kSecondTsc, 30 * kSecondTsc + 49 * kMsTsc); // too short
      flight->see_wait(30 * kSecondTsc, 30 * kSecondTsc + 60 * kMsTsc);
      flight->see_wait(31 * kSecondTsc, 31 * kSecondTsc + 60 * kMsTsc); // is in it
    }
  }
  flight->finish();
  const Result<FlightDirectory> directory = FlightDirectory::open_to_read(settings_.directory);
  ASSERT_TRUE(directory);
  const std::vector<FlightDirectory::Kept> kept = directory->kept();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept.front().name, "wait-20261122-232710.xentrace.zst") << "30 s after 23:26:40";
  EXPECT_TRUE(names().count(kept.front().name + ".json"));
}

TEST_F(FlightTest, ThereAreNoMoreWaitsAnHourThanAsked) {
  settings_.keep_wait_ns = 50 * kMsTsc;
  settings_.keeps_an_hour = 2;
  settings_.bounds.span_ns = 60 * kSecondTsc;
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 200; ++second) {
    write_second(*flight, second);
    if (second % 20 == 19) flight->see_wait(second * kSecondTsc, second * kSecondTsc + 60 * kMsTsc);
  }
  // An hour later there may be more.
  write_second(*flight, 4'000);
  flight->see_wait(4'000 * kSecondTsc, 4'000 * kSecondTsc + 60 * kMsTsc);
  flight->finish();
  const Result<FlightDirectory> directory = FlightDirectory::open_to_read(settings_.directory);
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->kept().size(), 3U);
}

// ---- what the command line says

TEST(FlightSettings, BoundsAreATimeAndASize) {
  EXPECT_EQ(parse_flight_bounds("10m")->span_ns, 600U * kSecondTsc);
  EXPECT_EQ(parse_flight_bounds("10m")->most_bytes, 512U << 20);
  EXPECT_EQ(parse_flight_bounds("2h,3G")->most_bytes, std::uint64_t{3} << 30);
  for (const char* wrong : {"", "10", "m", "9s", "169h", "10m,", "10m,3M", "10m,1025G", "10m,512",
                            "10m,512M,1", "-10m", "1.5h", "0m", "99999999s"})
    EXPECT_FALSE(parse_flight_bounds(wrong)) << wrong;
  FlightSettings settings;
  EXPECT_TRUE(parse_flight_on_wait("50ms", settings));
  EXPECT_EQ(settings.keeps_an_hour, 4U);
  EXPECT_TRUE(parse_flight_on_wait("1s,10", settings));
  EXPECT_EQ(settings.keeps_an_hour, 10U);
  EXPECT_EQ(settings.keep_wait_ns, kSecondTsc);
  for (const char* wrong : {"", "50", "50ms,", "50ms,0", "50ms,61", "50ms,x"})
    EXPECT_FALSE(parse_flight_on_wait(wrong, settings)) << wrong;
}

} // namespace
} // namespace xenmon::test
