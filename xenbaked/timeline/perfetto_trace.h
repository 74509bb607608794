// SPDX-License-Identifier: GPL-2.0-or-later
//
// A file for Perfetto's viewer: a sequence of packets, each a protobuf message. What is used of the format:
//
//   generic kernel events    processes, threads and their states, from which the viewer makes the rows of
//                            CPUs and threads. They are meant for kernels that are not Linux.
//   track events             slices, instants and counters, on tracks of our own.
//
// Knows the format and nothing about Xen. Packets may come in any order of time: the viewer sorts them. Those
// of one thread, and those of one track, must be in order, as must those of the same time that depend on each
// other.
//
// Memory: one buffer, whatever the length of the file is. A change of state allocates nothing.
#ifndef XENMON_XENBAKED_TIMELINE_PERFETTO_TRACE_H
#define XENMON_XENBAKED_TIMELINE_PERFETTO_TRACE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/pending_file.h"

namespace xenmon {

class PerfettoTrace {
 public:
  // The numbers are the format's. kDestroyed ends the thread: what comes after it with the same number is
  // another one.
  enum class State : std::uint8_t {
    kRunnable = 2,
    kRunning = 3,
    kSleeping = 4,
    kStopped = 6,
    kDestroyed = 8
  };
  enum class Unit : std::uint8_t { kCount = 2, kBytes = 3 };

  // The file lives longer than this.
  explicit PerfettoTrace(PendingFile& file);

  // What time of day it was at time 0, in ns; before anything else.
  void wall_clock(std::uint64_t epoch_ns);

  // Before the first event of a thread, and as often as its name changes. Thread 0 is the format's own.
  void process(std::uint64_t ns, std::int64_t pid, std::string_view name);
  void thread(std::uint64_t ns, std::int64_t tid, std::int64_t pid, std::string_view name, bool idle);
  // `cpu`: on which it runs, or has run until now. Two states of a thread are never at the same time, and
  // never both kRunning if they follow each other.
  void state(std::uint64_t ns, std::int64_t tid, State state, std::optional<std::uint32_t> cpu);

  // Tracks may be described after their events. parent: 0 if there is none.
  void track(std::uint64_t uuid, std::uint64_t parent, std::string_view name);
  void counter_track(std::uint64_t uuid, std::uint64_t parent, std::string_view name, Unit unit);
  void begin_slice(std::uint64_t ns, std::uint64_t track, std::string_view name);
  void end_slice(std::uint64_t ns, std::uint64_t track);
  void instant(std::uint64_t ns, std::uint64_t track, std::string_view name);
  void count(std::uint64_t ns, std::uint64_t track, std::uint64_t value);

  // Writes what is still in the buffer. An Error: something could not be written, now or before.
  Status finish();
  [[nodiscard]] bool failed() const { return reason_ != 0; }

 private:
  enum class EventType : std::uint8_t { kBegin = 1, kEnd = 2, kInstant = 3, kCounter = 4 };

  void track_event(std::uint64_t ns, std::uint64_t track, EventType type, std::string_view name,
                   std::optional<std::uint64_t> value);
  void describe(std::uint64_t uuid, std::uint64_t parent, std::string_view name, std::optional<Unit> unit);
  void add_packet();
  void flush();

  PendingFile& file_;
  int reason_ = 0; // the system's, of the first failure
  bool sequence_begun_ = false;
  std::string bytes_;   // whole packets
  std::string packet_;  // the one that is being made, without its header
  std::string message_; // in it
  std::string part_;    // in that
};

} // namespace xenmon

#endif // XENMON_XENBAKED_TIMELINE_PERFETTO_TRACE_H
