// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes the flight recorder's segments. Whatever may wait for a disk is here; on a live host a thread of its
// own calls it, one call after the other.
//
// Records are collected for a second, or until there is a MiB of them. That becomes a chunk, and is lost if
// the process is killed meanwhile. A segment is complete after a twentieth of the time that is kept, or a
// sixteenth of the bytes. The oldest segments go: when those after them cover the time, when all together
// exceed the bytes, and when the disk is full. What cannot be written is a gap, and is reported once.
//
// Order is the order of the segments' sequence numbers, and time is the TSC's. The time of day is only noted:
// for each chunk, which TSC it had.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_WRITER_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_WRITER_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "flight/descriptor.h"
#include "flight/flight_directory.h"
#include "flight/flight_domains.h"
#include "flight/flight_settings.h"
#include "flight/segment.h"
#include "source/pass_framing.h"
#include "source/source.h"

namespace xenmon {

class FlightWriter {
 public:
  // `domains` outlives it.
  FlightWriter(FlightDirectory directory, const FlightSettings& settings, const Origin& origin,
               FlightWorld world, FlightDomains& domains);
  // Completes nothing: what is there is what a killed process would leave.
  ~FlightWriter() = default;
  FlightWriter(const FlightWriter&) = delete;
  FlightWriter& operator=(const FlightWriter&) = delete;

  // A pass as append_window() writes it; empty: only time has passed. `gap`: something is missing before it.
  // `wall_ns`: the time of day at which it had been read; 0 for a recording that knows its own.
  void take_pass(std::span<const std::byte> windows, bool gap, std::uint64_t wall_ns);
  // Keep that part, in trace time, once it has been recorded.
  void keep(std::uint64_t from_ns, std::uint64_t to_ns);
  // Completes the segment and keeps what is to be kept. Nothing comes after it.
  void finish();

  // What the administrator must know; once. May be called by another thread.
  std::optional<Error> take_error();

 private:
  struct Old {
    FlightDirectory::Entry entry;
    std::uint64_t duration_ns = 0;
  };
  struct Keep {
    std::uint64_t from_ns = 0;
    std::uint64_t to_ns = 0;
  };
  void take_windows(std::span<const Window> windows, bool gap, std::uint64_t wall_ns);
  void take_window(const Window& window, const WindowSpan& span);
  void note_time(std::uint64_t tsc, std::uint64_t wall_ns);
  [[nodiscard]] bool chunk_is_due() const;
  void flush();
  [[nodiscard]] int write_chunk(std::span<const std::byte> packed);
  [[nodiscard]] int append(std::span<const std::byte> bytes);
  [[nodiscard]] int begin_segment();
  void end_segment();
  void remove_oldest(); // there is one
  void make_room(std::uint64_t bytes);
  void forget_old();
  void keep_due(bool all);
  void keep_now(const Keep& keep);
  [[nodiscard]] std::vector<FlightDomain> domains_of_segment();
  [[nodiscard]] std::uint64_t ns(std::uint64_t cycles) const;
  void report(std::string text);

  FlightDirectory directory_;
  FlightSettings settings_;
  FlightWorld world_;
  FlightDomains& domains_;
  std::uint64_t wall_epoch_ns_; // of a recording; 0: not known, or live
  std::uint32_t khz_;
  ChunkPacker packer_;

  // The run.
  PassFraming framing_;
  std::uint64_t run_ns_ = 0; // trace time up to which records have come
  std::uint64_t newest_tsc_ = 0;
  bool gap_due_ = false; // a chunk could not be written

  // The chunk that is being collected.
  std::vector<std::byte> raw_;
  ChunkIndex index_;
  std::uint64_t chunk_begun_ns_ = 0; // run_ns_
  std::uint64_t chunk_begun_at_ = 0; // on the monotonic clock
  PassFraming before_chunk_;         // framing_, in case it cannot be written
  std::vector<std::byte> out_;       // scratch

  // The segment that is being written.
  OwnedDescriptor part_;
  SegmentHead head_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t segment_begun_ns_ = 0; // run_ns_
  std::uint64_t segment_bytes_ = 0;
  std::uint64_t written_domains_ = 0; // FlightDomains::changes()

  std::deque<Old> old_; // complete segments, the oldest first
  std::uint64_t old_bytes_ = 0;
  std::uint64_t old_ns_ = 0;
  std::uint64_t most_bytes_ = 0; // as far as is known: those that are allowed, or that the disk has
  std::deque<Keep> keeps_;

  std::mutex error_mutex_;
  std::optional<Error> error_;
  bool said_full_ = false;
  bool said_keep_ = false;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_WRITER_H
