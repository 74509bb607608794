// SPDX-License-Identifier: GPL-2.0-or-later
//
// A segment of the flight recording: some seconds of raw records in one file, and what must be known to use
// them. docs/trace-records.md has the format.
//
//   segment := (HEAD | INDEX CHUNK)*
//
// A CHUNK is a zstd frame of about a second of a recording: windows, as `xentrace -D` writes them. HEAD and
// INDEX are skippable frames, so `zstd -dc SEGMENT` prints an ordinary recording. A HEAD is a JSON object;
// keys of a later one replace those of an earlier one. An INDEX says what the chunk after it contains.
//
// Everything before the last chunk that is there as a whole can be read, wherever the file ends. So a segment
// that a killed process was writing needs no repair.
#ifndef XENMON_XENBAKED_FLIGHT_SEGMENT_H
#define XENMON_XENBAKED_FLIGHT_SEGMENT_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/recording_metadata.h"
#include "source/source.h"

namespace xenmon {

// A domain that existed while the segment was recorded.
struct FlightDomain {
  DomidUse id;                           // `last` means nothing here
  std::uint64_t since_ns = 0;            // trace time of its run: it existed since then, at the earliest
  std::optional<std::uint64_t> until_ns; // and until then, at the latest; none: it still existed
  std::string name;                      // "": not known
};

// What a segment's HEADs say together. Times and TSCs of the end, and the counters, are there only when the
// segment is complete.
struct SegmentHead {
  std::uint64_t sequence = 0;      // segments of a directory are in this order, whatever the clocks say
  std::uint64_t run = 0;           // the sequence of the first segment of the same xenbaked
  std::string boot_id;             // of the host's start: TSCs of another one have nothing to do with these
  std::uint64_t run_first_tsc = 0; // trace time 0 of the run
  std::uint64_t begin_tsc = 0;
  std::uint64_t begin_wall_ns = 0;
  std::uint64_t end_tsc = 0;
  std::uint64_t end_wall_ns = 0;
  std::uint64_t records = 0;
  std::uint64_t lost_records = 0;
  std::uint64_t gaps = 0;
  RecordingMetadata metadata; // without names
  std::vector<FlightDomain> domains;
};

// What precedes a chunk, little-endian, in this order and without padding.
struct ChunkIndex {
  std::uint64_t first_tsc = 0; // the lowest and the highest of all its records
  std::uint64_t last_tsc = 0;
  std::uint64_t anchor_tsc = 0; // at that TSC it was
  std::uint64_t wall_ns = 0;    // that time of day, in ns since 1970
  std::uint64_t records = 0;    // with a TSC
  std::uint64_t lost_records = 0;
  std::uint64_t gaps = 0;         // that are written in it
  std::uint32_t raw_bytes = 0;    // of the recording
  std::uint32_t packed_bytes = 0; // of the zstd frame
};
static_assert(sizeof(ChunkIndex) == 64);

// No chunk is larger when it is decompressed: one window (trace/record.h) and some more.
inline constexpr std::size_t kMaxChunkBytes = (std::size_t{256} + 8) << 20;

// As they are written.
std::vector<std::byte> encode_head(const SegmentHead& head, bool complete);
std::vector<std::byte> encode_index(const ChunkIndex& index);

struct SegmentChunk {
  ChunkIndex index;
  std::uint64_t offset = 0; // of the zstd frame in the file
};

struct Segment {
  SegmentHead head;
  std::vector<SegmentChunk> chunks;
  std::uint64_t readable_bytes = 0; // what comes after them is not whole
};

// Reads everything but the chunks. What cannot be understood ends the segment. nullopt: there is no HEAD.
std::optional<Segment> read_segment(int fd);

// Compresses, and decompresses, one chunk at a time; keeps zstd's memory in between.
class ChunkPacker {
 public:
  ChunkPacker();
  ChunkPacker(const ChunkPacker&) = delete;
  ChunkPacker& operator=(const ChunkPacker&) = delete;
  ~ChunkPacker();
  // Valid until the next call. Empty: there is no memory.
  std::span<const std::byte> pack(std::span<const std::byte> raw);

 private:
  void* context_;
  std::vector<std::byte> packed_;
};
// Into `raw`. False: it is damaged or cannot be read.
bool read_chunk(int fd, const SegmentChunk& chunk, std::vector<std::byte>& raw);

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_SEGMENT_H
