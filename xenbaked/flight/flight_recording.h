// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a flight directory contains at one moment, for readers. The segment that is being written counts, up
// to its last whole chunk. Files that are removed meanwhile can still be read.
//
// A *stretch* is what has one clock: the chunks between two starts of the host, or of its TSC. Times of day
// that were stepped are no matter: chunks stay in their order, and each has its own time of day.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_RECORDING_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_RECORDING_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flight/descriptor.h"
#include "flight/flight_directory.h"
#include "flight/segment.h"
#include "source/pass_framing.h"
#include "source/recording_metadata.h"

namespace xenmon {

// From the first TSC to the last, both included.
struct CaptureRange {
  std::uint64_t from_tsc = 0;
  std::uint64_t to_tsc = UINT64_MAX;
};

class FlightRecording {
 public:
  struct Chunk {
    std::size_t segment = 0; // in segments()
    SegmentChunk data;
    bool gap_before = false; // what comes before it was not written by the same run, or is missing
  };
  struct Stretch {
    std::vector<Chunk> chunks; // at least one
    std::uint32_t khz = 0;     // as assumed if nothing is known
    [[nodiscard]] std::uint64_t first_tsc() const;
    [[nodiscard]] std::uint64_t last_tsc() const;
    // Of a TSC by that chunk's clock.
    [[nodiscard]] std::uint64_t wall_ns(const Chunk& chunk, std::uint64_t tsc) const;
    [[nodiscard]] std::uint64_t tsc_at(const Chunk& chunk, std::uint64_t wall_ns) const;
    [[nodiscard]] std::uint64_t first_wall_ns() const { return wall_ns(chunks.front(), first_tsc()); }
    [[nodiscard]] std::uint64_t last_wall_ns() const;
    // The first record at or after that time of day, and the last one at or before it, if there are such.
    [[nodiscard]] std::optional<std::uint64_t> tsc_from(std::uint64_t wall_ns) const;
    [[nodiscard]] std::optional<std::uint64_t> tsc_until(std::uint64_t wall_ns) const;
  };

  // Errors: nothing was recorded there, or too many files are open.
  static Result<FlightRecording> open(const FlightDirectory& directory);

  // In order; at least one.
  [[nodiscard]] const std::vector<Stretch>& stretches() const { return stretches_; }
  // What a recording's metadata says of that part: the names of the domains by their use in it.
  [[nodiscard]] RecordingMetadata metadata(const Stretch& stretch, const CaptureRange& range) const;
  // False: it is damaged.
  bool read(const Chunk& chunk, std::vector<std::byte>& raw) const;

 private:
  struct OpenSegment {
    Segment segment;
    OwnedDescriptor file;
  };
  FlightRecording() = default;
  void add(Segment segment, OwnedDescriptor file);

  std::vector<OpenSegment> segments_;
  std::vector<Stretch> stretches_;
};

// The bytes of an ordinary recording, chunk by chunk: those of a stretch, or of a part of it. Gaps are in it.
//
// To the record: those whose TSC is in the range, and what belongs to them. A LOST_RECORDS that reaches over
// an end of the range is shortened to what is in it.
class StretchReader {
 public:
  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t gaps = 0;           // that no record would have said
    std::uint64_t damaged_chunks = 0; // left out
    std::uint64_t first_tsc = 0;      // 0: there are no records
    std::uint64_t last_tsc = 0;
  };

  // Both outlive it.
  StretchReader(const FlightRecording& recording, const FlightRecording::Stretch& stretch,
                const CaptureRange& range)
      : recording_(recording), stretch_(stretch), range_(range) {}

  // The next bytes, replacing `bytes`. False: there are no more.
  bool next(std::vector<std::byte>& bytes);
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void cut(std::uint32_t pcpu, std::span<const std::byte> records);

  const FlightRecording& recording_;
  const FlightRecording::Stretch& stretch_;
  CaptureRange range_;
  std::size_t next_ = 0;
  PassFraming framing_;
  Counts counts_;
  bool gap_ = false;
  std::vector<std::byte> raw_; // of a chunk
  std::vector<std::byte> cut_; // what of it is in the range, as windows
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_RECORDING_H
