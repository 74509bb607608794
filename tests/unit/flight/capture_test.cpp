// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a capture of a part holds: its ends, its losses, its names, and the times of day that choose it.
#include "flight/capture.h"

#include "base/day_time.h"
#include "flight/flight_fixture.h"
#include "flight/flight_source.h"
#include "source/recording_metadata.h"

namespace xenmon::test {
namespace {

class CaptureTest : public FlightTest {
 protected:
  Result<std::string> take(const std::string& since, const std::string& until) const {
    CaptureOptions options;
    options.directory = settings_.directory;
    options.file = directory_ / "part";
    if (!since.empty()) options.since = parse_day_time(since);
    if (!until.empty()) options.until = parse_day_time(until);
    return capture(options);
  }
  RecordingMetadata beside() const {
    const Result<std::optional<RecordingMetadata>> loaded = load_metadata(directory_ / "part");
    EXPECT_TRUE(loaded && *loaded);
    return **loaded;
  }
};

// A pass of one window.
void write(FlightRecorder& recorder, const WindowBuilder& window) {
  Pass pass;
  pass.windows = {window.window()};
  recorder.write(pass);
}

TEST_F(CaptureTest, ALossThatReachesOverAnEndIsShortenedToThePart) {
  auto flight = recorder();
  WindowBuilder window(0);
  window.record(kAnyEvent, kBaseTsc, {})
      .lost(kBaseTsc + 10, kBaseTsc + 2'000, 7, 1, 0)
      .plain(kAnyEvent, {42})
      .record(kAnyEvent, kBaseTsc + 3'000, {})
      .lost(kBaseTsc + 4'000, kBaseTsc + 6'000, 9, 1, 0)
      .record(kAnyEvent, kBaseTsc + 7'000, {});
  write(*flight, window);
  flight->finish();
  const Contents contents = read(open(), 0, {kBaseTsc + 1'000, kBaseTsc + 5'000});
  WindowBuilder expected(0);
  expected.lost(kBaseTsc + 1'000, kBaseTsc + 2'000, 7, 1, 0)
      .plain(kAnyEvent, {42})
      .record(kAnyEvent, kBaseTsc + 3'000, {})
      .lost(kBaseTsc + 4'000, kBaseTsc + 5'000, 9, 1, 0);
  const std::string bytes = recording({&expected});
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(contents.bytes.data()), contents.bytes.size()), bytes);
  EXPECT_EQ(contents.counts.lost_records, 16U);
}

TEST_F(CaptureTest, DomainsThatShareANumberHaveTheirOwnNames) {
  auto flight = recorder();
  flight->see_domain({0, 1}, 0, 0);
  flight->name_domain({0, 1}, "Domain-0");
  flight->see_domain({1, 1}, 0, 0);
  flight->name_domain({1, 1}, "first");
  for (std::uint64_t second = 0; second < 50; ++second) {
    if (second == 10) { // the next has the number
      flight->see_domain({1, 2}, 10 * kSecondTsc, 9 * kSecondTsc);
      flight->name_domain({1, 2}, "second");
    }
    if (second == 45) {
      flight->see_domain({1, 3}, 45 * kSecondTsc, 44 * kSecondTsc);
      flight->name_domain({1, 3}, "third");
    }
    write_second(*flight, second);
  }
  flight->finish();
  using Names = decltype(RecordingMetadata::names);
  ASSERT_TRUE(take("", ""));
  EXPECT_EQ(beside().names,
            (Names{{{0, 1}, "Domain-0"}, {{1, 1}, "first"}, {{1, 2}, "second"}, {{1, 3}, "third"}}));
  ASSERT_TRUE(take("23:26:55", "23:27:20")); // from 15 s to 40 s
  EXPECT_EQ(beside().names, (Names{{{0, 1}, "Domain-0"}, {{1, 1}, "second"}}));
  ASSERT_TRUE(take("23:27:10", "23:27:30"));
  EXPECT_EQ(beside().names, (Names{{{0, 1}, "Domain-0"}, {{1, 1}, "second"}, {{1, 2}, "third"}}));
  EXPECT_EQ(beside().wall_epoch_ns, kBaseWall + 30 * kSecondTsc);
  EXPECT_EQ(beside().pcpus, (std::vector<std::uint32_t>{0, 1}));
}

TEST_F(CaptureTest, ANameThatMayBeAnotherDomainsIsLeftOut) {
  {
    auto before = recorder();
    before->see_domain({1, 1}, 0, 0);
    before->name_domain({1, 1}, "old");
    before->see_domain({2, 1}, 0, 0);
    before->name_domain({2, 1}, "same");
    for (std::uint64_t second = 0; second < 5; ++second) write_second(*before, second);
  }
  auto after = recorder();
  after->see_domain({1, 1}, 0, 0);
  after->name_domain({1, 1}, "new");
  after->see_domain({2, 1}, 0, 0);
  after->name_domain({2, 1}, "same");
  for (std::uint64_t second = 10; second < 15; ++second) write_second(*after, second);
  after->finish();
  const Result<std::string> said = take("", "");
  ASSERT_TRUE(said);
  EXPECT_NE(said->find("1 gap."), std::string::npos) << *said;
  EXPECT_EQ(beside().names, (decltype(RecordingMetadata::names){{{2, 1}, "same"}}));
}

TEST_F(CaptureTest, ARestartOfTheClockIsNotCapturedOver) {
  auto flight = recorder();
  for (std::uint64_t second = 100; second < 110; ++second) write_second(*flight, second);
  for (std::uint64_t second = 50; second < 60; ++second) write_second(*flight, second);
  flight->finish();
  // The first part is from 23:26:40, and the time of day goes on as trace time does.
  const Result<std::string> over = take("23:26:45", "23:27:30");
  ASSERT_FALSE(over);
  EXPECT_NE(over.error().message.find("restarted at"), std::string::npos) << over.error().message;
  EXPECT_TRUE(take("23:26:41", "23:26:45"));
}

TEST_F(CaptureTest, WhatIsNotThereIsSaid) {
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 60; ++second) write_second(*flight, second);
  flight->finish();
  const Result<std::string> partly = take("23:20", "23:27");
  ASSERT_TRUE(partly);
  EXPECT_NE(partly->find("begins only at 2026-11-22 23:26:40"), std::string::npos) << *partly;
  const Result<std::string> later = take("23:50", "");
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().message.find("nothing after 2026-11-22 23:50"), std::string::npos)
      << later.error().message;
  EXPECT_FALSE(take("2026-11-21 10:00", "2026-11-21 11:00"));
  EXPECT_FALSE(take("2026-11-22 23:27:10", "2026-11-22 23:27:05"));
}

TEST_F(CaptureTest, ATimeOfDayIsFoundInAReplay) {
  auto flight = recorder();
  for (std::uint64_t second = 0; second < 60; ++second) write_second(*flight, second);
  flight->finish();
  const Result<FlightReplay> replay = open_flight(settings_.directory, parse_day_time("23:27:10.5"), 0);
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->at_ns, 30'500 * kMsTsc);
  EXPECT_TRUE(replay->source->rewind());
  EXPECT_FALSE(open_flight(settings_.directory, parse_day_time("23:20"), 0));
  EXPECT_FALSE(open_flight(settings_.directory, parse_day_time("2026-11-23 23:20"), 0));
  EXPECT_FALSE(open_flight(directory_ / "nothing", std::nullopt, 0));
}

TEST(DayTime, IsLocalAndTheLatestWithoutADate) {
  setenv("TZ", "UTC", 1);
  tzset();
  const auto at = [](const char* text) { return parse_day_time(text)->at_or_before(kBaseWall); };
  EXPECT_EQ(at("23:26:40"), kBaseWall);
  EXPECT_EQ(at("23:26:39.5"), kBaseWall - 500 * kMsTsc);
  EXPECT_EQ(at("3:05"), kBaseWall - (20 * 3'600 + 21 * 60 + 40) * kSecondTsc);
  EXPECT_EQ(at("23:27"), kBaseWall + 20 * kSecondTsc - 24 * 3'600 * kSecondTsc) << "yesterday";
  EXPECT_EQ(at("2026-11-22T23:26:40"), kBaseWall);
  EXPECT_EQ(parse_day_time("00:10")->after(kBaseWall), kBaseWall + (33 * 60 + 20 + 600) * kSecondTsc)
      << "tomorrow";
  setenv("TZ", "UTC-2", 1);
  tzset();
  EXPECT_EQ(parse_day_time("2026-11-23 01:26:40")->at_or_before(0), kBaseWall);
  EXPECT_EQ(wall_text(kBaseWall + 7 * kMsTsc), "2026-11-23 01:26:40.007");
  for (const char* wrong : {"", "3", "24:00", "12:60", "1:2", "12:00:61", "12:00:00.", "12:00:00.x", "12:00 ",
                            "2026-13-01 12:00", "2026-11-22", "26-11-22 12:00", "end", "12:00:00:00"})
    EXPECT_FALSE(parse_day_time(wrong)) << wrong;
}

} // namespace
} // namespace xenmon::test
