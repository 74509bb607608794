// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the tests of the flight recorder share: a host with a TSC of 1 GHz whose records a test makes up.
#ifndef XENMON_TESTS_UNIT_FLIGHT_FIXTURE_H
#define XENMON_TESTS_UNIT_FLIGHT_FIXTURE_H

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flight/flight_recorder.h"
#include "flight/flight_recording.h"
#include "temporary_directory.h"
#include "trace/record.h"
#include "trace_builder.h"

namespace xenmon::test {

inline constexpr std::uint64_t kMsTsc = 1'000'000; // cycles, and ns
inline constexpr std::uint64_t kSecondTsc = 1'000 * kMsTsc;
inline constexpr std::uint64_t kBaseTsc = 5 * kSecondTsc;
inline constexpr std::uint64_t kBaseWall = 1'795'390'000'000'000'000; // 2026-11-22 23:26:40 UTC
inline constexpr std::uint32_t kAnyEvent = 0x22202;

inline Origin flight_origin(std::uint32_t kind = XENMON_SOURCE_RECORDING) {
  Origin origin;
  origin.kind = kind;
  origin.cpu_khz = 1'000'000;
  origin.wall_epoch_ns = kind == XENMON_SOURCE_RECORDING ? kBaseWall : 0;
  origin.facts.pcpus = {0, 1};
  return origin;
}

class FlightTest : public testing::Test {
 protected:
  FlightTest() {
    setenv("TZ", "UTC", 1);
    tzset();
    settings_.directory = directory_ / "flight";
    settings_.bounds.span_ns = 600 * kSecondTsc;
  }

  std::unique_ptr<FlightRecorder> recorder(FlightWorld world = {},
                                           std::uint32_t kind = XENMON_SOURCE_RECORDING) const {
    Result<std::unique_ptr<FlightRecorder>> made =
        FlightRecorder::create(settings_, flight_origin(kind), std::move(world));
    if (made) return std::move(*made);
    ADD_FAILURE() << made.error().message;
    return nullptr;
  }

  // A second of records, one a millisecond on each of two pCPUs, from that second on.
  static void write_second(FlightRecorder& recorder, std::uint64_t second, bool gap = false) {
    WindowBuilder a(0);
    WindowBuilder b(1);
    const std::uint64_t from = kBaseTsc + second * kSecondTsc;
    for (std::uint64_t ms = 0; ms < 1'000; ++ms) {
      // Words that do not compress to nothing.
      const auto word = static_cast<std::uint32_t>((second * 1'000 + ms) * 2'654'435'761U);
      a.record(kAnyEvent, from + ms * kMsTsc, {word, word * 7});
      b.record(kAnyEvent, from + ms * kMsTsc + 500, {word * 3});
    }
    // pCPUs are read one after the other: the second one's records are a little newer.
    b.record(kAnyEvent, from + kSecondTsc + 400, {1});
    Pass pass;
    pass.gap = gap;
    pass.windows = {a.window(), b.window()};
    recorder.write(pass);
  }

  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(settings_.directory))
      found.insert(entry.path().filename().string());
    return found;
  }

  [[nodiscard]] FlightRecording open() const {
    const Result<FlightDirectory> directory = FlightDirectory::open_to_read(settings_.directory);
    EXPECT_TRUE(directory);
    Result<FlightRecording> recording = FlightRecording::open(*directory);
    if (!recording) {
      ADD_FAILURE() << recording.error().message;
      std::abort();
    }
    return std::move(*recording);
  }
  // That a reader finds at the moment, in the newest stretch.
  [[nodiscard]] std::size_t complete_chunks() const {
    const Result<FlightDirectory> directory = FlightDirectory::open_to_read(settings_.directory);
    if (!directory) return 0;
    const Result<FlightRecording> recording = FlightRecording::open(*directory);
    return recording ? recording->stretches().back().chunks.size() : 0;
  }

  struct Contents {
    std::vector<std::uint64_t> tscs; // of pCPU 0, in order
    StretchReader::Counts counts;
    std::vector<std::byte> bytes;
  };
  static Contents read(const FlightRecording& recording, std::size_t stretch,
                       const CaptureRange& range = {}) {
    Contents contents;
    StretchReader reader(recording, recording.stretches().at(stretch), range);
    std::vector<std::byte> bytes;
    while (reader.next(bytes)) contents.bytes.insert(contents.bytes.end(), bytes.begin(), bytes.end());
    contents.counts = reader.counts();
    const std::byte* at = contents.bytes.data();
    const std::byte* const end = at + contents.bytes.size();
    Record record;
    std::uint32_t pcpu = 0;
    for (; decode_record(at, end, record); at += record.bytes()) {
      if (record.event() == event::kCpuChange) pcpu = record.word(0);
      if (record.has_tsc() && pcpu == 0 && record.event() == kAnyEvent) contents.tscs.push_back(record.tsc);
    }
    EXPECT_EQ(at, end);
    return contents;
  }

  TemporaryDirectory directory_;
  FlightSettings settings_;
};

} // namespace xenmon::test

#endif // XENMON_TESTS_UNIT_FLIGHT_FIXTURE_H
