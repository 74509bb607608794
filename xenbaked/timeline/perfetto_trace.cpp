// SPDX-License-Identifier: GPL-2.0-or-later
#include "timeline/perfetto_trace.h"

#include <cerrno>
#include <protozero/pbf_writer.hpp>
#include <span>

namespace xenmon {
namespace {

using protozero::pbf_writer;

// Numbers of fields, by message.
namespace field {
constexpr std::uint32_t kTracePacket = 1;
constexpr std::uint32_t kPacketClocks = 6;
constexpr std::uint32_t kPacketTime = 8;
constexpr std::uint32_t kPacketSequence = 10;
constexpr std::uint32_t kPacketTrackEvent = 11;
constexpr std::uint32_t kPacketSequenceFlags = 13;
constexpr std::uint32_t kPacketTrack = 60;
constexpr std::uint32_t kPacketTaskState = 117;
constexpr std::uint32_t kPacketProcessTree = 122;
constexpr std::uint32_t kClocksClock = 1;
constexpr std::uint32_t kClocksPrimary = 2;
constexpr std::uint32_t kClockId = 1;
constexpr std::uint32_t kClockTime = 2;
constexpr std::uint32_t kStateCpu = 1;
constexpr std::uint32_t kStateTid = 3;
constexpr std::uint32_t kStateState = 4;
constexpr std::uint32_t kTreeProcess = 1;
constexpr std::uint32_t kTreeThread = 2;
constexpr std::uint32_t kProcessPid = 1;
constexpr std::uint32_t kProcessName = 3;
constexpr std::uint32_t kThreadTid = 1;
constexpr std::uint32_t kThreadPid = 2;
constexpr std::uint32_t kThreadName = 3;
constexpr std::uint32_t kThreadIsIdle = 5;
constexpr std::uint32_t kTrackUuid = 1;
constexpr std::uint32_t kTrackName = 2;
constexpr std::uint32_t kTrackParent = 5;
constexpr std::uint32_t kTrackCounter = 8;
constexpr std::uint32_t kCounterUnit = 3;
constexpr std::uint32_t kEventType = 9;
constexpr std::uint32_t kEventTrack = 11;
constexpr std::uint32_t kEventName = 23;
constexpr std::uint32_t kEventValue = 30;
} // namespace field

constexpr std::uint32_t kRealtime = 1;
constexpr std::uint32_t kBoottime = 6;
// Track events need one. All of ours are of the same.
constexpr std::uint32_t kSequence = 1;
constexpr std::uint32_t kStateCleared = 1; // the sequence begins

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

} // namespace

PerfettoTrace::PerfettoTrace(PendingFile& file) : file_(file) {
  bytes_.reserve(2 * kBufferBytes);
}

// The time of a packet without a clock is the primary one's.
void PerfettoTrace::wall_clock(std::uint64_t epoch_ns) {
  message_.clear();
  pbf_writer clocks(message_);
  for (const auto& [id, ns] : {std::pair(kBoottime, std::uint64_t{0}), std::pair(kRealtime, epoch_ns)}) {
    part_.clear();
    pbf_writer clock(part_);
    clock.add_uint32(field::kClockId, id);
    clock.add_uint64(field::kClockTime, ns);
    clocks.add_message(field::kClocksClock, part_);
  }
  clocks.add_enum(field::kClocksPrimary, static_cast<std::int32_t>(kBoottime));
  packet_.clear();
  pbf_writer packet(packet_);
  packet.add_uint64(field::kPacketTime, 0);
  packet.add_message(field::kPacketClocks, message_);
  add_packet();
}

void PerfettoTrace::process(std::uint64_t ns, std::int64_t pid, std::string_view name) {
  part_.clear();
  pbf_writer process(part_);
  process.add_int64(field::kProcessPid, pid);
  process.add_string(field::kProcessName, name.data(), name.size());
  message_.clear();
  pbf_writer(message_).add_message(field::kTreeProcess, part_);
  packet_.clear();
  pbf_writer packet(packet_);
  packet.add_uint64(field::kPacketTime, ns);
  packet.add_message(field::kPacketProcessTree, message_);
  add_packet();
}

void PerfettoTrace::thread(std::uint64_t ns, std::int64_t tid, std::int64_t pid, std::string_view name,
                           bool idle) {
  part_.clear();
  pbf_writer thread(part_);
  thread.add_int64(field::kThreadTid, tid);
  thread.add_int64(field::kThreadPid, pid);
  thread.add_string(field::kThreadName, name.data(), name.size());
  if (idle) thread.add_bool(field::kThreadIsIdle, true);
  message_.clear();
  pbf_writer(message_).add_message(field::kTreeThread, part_);
  packet_.clear();
  pbf_writer packet(packet_);
  packet.add_uint64(field::kPacketTime, ns);
  packet.add_message(field::kPacketProcessTree, message_);
  add_packet();
}

void PerfettoTrace::state(std::uint64_t ns, std::int64_t tid, State state, std::optional<std::uint32_t> cpu) {
  message_.clear();
  pbf_writer event(message_);
  if (cpu) event.add_int32(field::kStateCpu, static_cast<std::int32_t>(*cpu));
  event.add_int64(field::kStateTid, tid);
  event.add_enum(field::kStateState, static_cast<std::int32_t>(state));
  packet_.clear();
  pbf_writer packet(packet_);
  packet.add_uint64(field::kPacketTime, ns);
  packet.add_message(field::kPacketTaskState, message_);
  add_packet();
}

void PerfettoTrace::track(std::uint64_t uuid, std::uint64_t parent, std::string_view name) {
  describe(uuid, parent, name, std::nullopt);
}

void PerfettoTrace::counter_track(std::uint64_t uuid, std::uint64_t parent, std::string_view name,
                                  Unit unit) {
  describe(uuid, parent, name, unit);
}

void PerfettoTrace::describe(std::uint64_t uuid, std::uint64_t parent, std::string_view name,
                             std::optional<Unit> unit) {
  message_.clear();
  pbf_writer track(message_);
  track.add_uint64(field::kTrackUuid, uuid);
  track.add_string(field::kTrackName, name.data(), name.size());
  if (parent != 0) track.add_uint64(field::kTrackParent, parent);
  if (unit) {
    part_.clear();
    pbf_writer(part_).add_enum(field::kCounterUnit, static_cast<std::int32_t>(*unit));
    track.add_message(field::kTrackCounter, part_);
  }
  packet_.clear();
  pbf_writer(packet_).add_message(field::kPacketTrack, message_);
  add_packet();
}

void PerfettoTrace::begin_slice(std::uint64_t ns, std::uint64_t track, std::string_view name) {
  track_event(ns, track, EventType::kBegin, name, std::nullopt);
}

void PerfettoTrace::end_slice(std::uint64_t ns, std::uint64_t track) {
  track_event(ns, track, EventType::kEnd, {}, std::nullopt);
}

void PerfettoTrace::instant(std::uint64_t ns, std::uint64_t track, std::string_view name) {
  track_event(ns, track, EventType::kInstant, name, std::nullopt);
}

void PerfettoTrace::count(std::uint64_t ns, std::uint64_t track, std::uint64_t value) {
  track_event(ns, track, EventType::kCounter, {}, value);
}

void PerfettoTrace::track_event(std::uint64_t ns, std::uint64_t track, EventType type, std::string_view name,
                                std::optional<std::uint64_t> value) {
  message_.clear();
  pbf_writer event(message_);
  event.add_enum(field::kEventType, static_cast<std::int32_t>(type));
  event.add_uint64(field::kEventTrack, track);
  if (!name.empty()) event.add_string(field::kEventName, name.data(), name.size());
  if (value) event.add_int64(field::kEventValue, static_cast<std::int64_t>(*value));
  packet_.clear();
  pbf_writer packet(packet_);
  packet.add_uint64(field::kPacketTime, ns);
  packet.add_uint32(field::kPacketSequence, kSequence);
  if (!sequence_begun_) packet.add_uint32(field::kPacketSequenceFlags, kStateCleared);
  sequence_begun_ = true;
  packet.add_message(field::kPacketTrackEvent, message_);
  add_packet();
}

void PerfettoTrace::add_packet() {
  pbf_writer(bytes_).add_message(field::kTracePacket, packet_);
  if (bytes_.size() >= kBufferBytes) flush();
}

void PerfettoTrace::flush() {
  if (reason_ == 0) reason_ = file_.append(std::as_bytes(std::span(bytes_)));
  bytes_.clear();
}

Status PerfettoTrace::finish() {
  flush();
  if (reason_ == 0) return ok();
  errno = reason_;
  return system_error("Cannot write " + file_.name());
}

} // namespace xenmon
