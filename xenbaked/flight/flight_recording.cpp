// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_recording.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <ranges>
#include <utility>

#include "flight/cycles.h"
#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

namespace {

constexpr std::size_t kFrameBytes = 12; // CPU_CHANGE
constexpr std::uint32_t kFrameHeader = event::kCpuChange | (2U << 28);

// The windows of a chunk, up to where it makes no sense.
std::vector<Window> windows_of(std::span<const std::byte> raw) {
  std::vector<Window> windows;
  while (raw.size() >= kFrameBytes && load_word<std::uint32_t>(raw.data()) == kFrameHeader) {
    Window window;
    window.pcpu = load_word<std::uint32_t>(raw.data() + 4);
    const std::size_t bytes = load_word<std::uint32_t>(raw.data() + 8);
    raw = raw.subspan(kFrameBytes);
    if (bytes > raw.size()) break;
    window.first = raw.first(bytes);
    raw = raw.subspan(bytes);
    windows.push_back(window);
  }
  return windows;
}

} // namespace

// ---- a stretch

std::uint64_t FlightRecording::Stretch::first_tsc() const {
  // pCPUs are read one after the other, so the next chunk may begin earlier.
  const std::uint64_t first = chunks.front().data.index.first_tsc;
  return chunks.size() == 1 ? first : std::min(first, chunks[1].data.index.first_tsc);
}

std::uint64_t FlightRecording::Stretch::last_tsc() const {
  std::uint64_t last = 0;
  for (const Chunk& chunk : chunks) last = std::max(last, chunk.data.index.last_tsc);
  return last;
}

std::uint64_t FlightRecording::Stretch::wall_ns(const Chunk& chunk, std::uint64_t tsc) const {
  const ChunkIndex& index = chunk.data.index;
  return tsc >= index.anchor_tsc ? index.wall_ns + cycles_to_ns(tsc - index.anchor_tsc, khz)
                                 : index.wall_ns - cycles_to_ns(index.anchor_tsc - tsc, khz);
}

std::uint64_t FlightRecording::Stretch::tsc_at(const Chunk& chunk, std::uint64_t wall_ns) const {
  const ChunkIndex& index = chunk.data.index;
  return wall_ns >= index.wall_ns ? index.anchor_tsc + ns_to_cycles(wall_ns - index.wall_ns, khz)
                                  : index.anchor_tsc - ns_to_cycles(index.wall_ns - wall_ns, khz);
}

std::uint64_t FlightRecording::Stretch::last_wall_ns() const {
  return wall_ns(chunks.back(), chunks.back().data.index.last_tsc);
}

std::optional<std::uint64_t> FlightRecording::Stretch::tsc_from(std::uint64_t wall) const {
  for (const Chunk& chunk : chunks) {
    const ChunkIndex& index = chunk.data.index;
    if (wall_ns(chunk, index.last_tsc) < wall) continue;
    if (wall_ns(chunk, index.first_tsc) >= wall) return index.first_tsc;
    return std::clamp(tsc_at(chunk, wall), index.first_tsc, index.last_tsc);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> FlightRecording::Stretch::tsc_until(std::uint64_t wall) const {
  for (const Chunk& chunk : std::ranges::reverse_view(chunks)) {
    const ChunkIndex& index = chunk.data.index;
    if (wall_ns(chunk, index.first_tsc) > wall) continue;
    if (wall_ns(chunk, index.last_tsc) <= wall) return index.last_tsc;
    return std::clamp(tsc_at(chunk, wall), index.first_tsc, index.last_tsc);
  }
  return std::nullopt;
}

// ---- the directory

Result<FlightRecording> FlightRecording::open(const FlightDirectory& directory) {
  FlightRecording recording;
  for (const FlightDirectory::Entry& entry : directory.segments()) {
    OwnedDescriptor file = directory.open_segment(entry);
    if (!file.valid()) {
      if (errno == EACCES) {
        return Error{"The flight recording in " + directory.path() +
                         " may not be read; join the group xenmon or use sudo.",
                     ExitStatus::kNotPermitted};
      }
      if (errno != ENOENT) return system_error("Cannot open the flight recording in " + directory.path());
      continue; // it was the oldest, and has gone
    }
    std::optional<Segment> segment = read_segment(file.get());
    if (segment && !segment->chunks.empty()) recording.add(std::move(*segment), std::move(file));
  }
  if (recording.stretches_.empty()) {
    return Error{
        "There is no flight recording in " + directory.path() +
            ": nothing has been recorded there yet; start 'xenbaked --flight 10m', or wait a second.",
        ExitStatus::kFailed};
  }
  return recording;
}

void FlightRecording::add(Segment segment, OwnedDescriptor file) {
  const SegmentHead& head = segment.head;
  const std::uint32_t khz = head.metadata.cpu_khz == 0 ? kUnknownKhz : head.metadata.cpu_khz;
  const bool is_first = segments_.empty();
  const SegmentHead* const before = is_first ? nullptr : &segments_.back().segment.head;
  const bool continues =
      before != nullptr && before->run == head.run && before->sequence + 1 == head.sequence;
  const bool same_clock = before != nullptr && before->boot_id == head.boot_id &&
                          !clock_restarted(stretches_.back().chunks.back().data.index.last_tsc,
                                           segment.chunks.front().index.last_tsc, khz);
  if (!same_clock) stretches_.emplace_back().khz = khz;
  std::vector<Chunk>& chunks = stretches_.back().chunks;
  for (const SegmentChunk& data : segment.chunks)
    chunks.push_back({segments_.size(), data, !continues && &data == segment.chunks.data()});
  segments_.push_back({std::move(segment), std::move(file)});
}

bool FlightRecording::read(const Chunk& chunk, std::vector<std::byte>& raw) const {
  return read_chunk(segments_[chunk.segment].file.get(), chunk.data, raw);
}

// A replay numbers the domains of a domid in the order in which it meets them in the part, so they are
// numbered here in the same way. A domain that ended before the part is not in it.
RecordingMetadata FlightRecording::metadata(const Stretch& stretch, const CaptureRange& range) const {
  struct Use {
    std::uint64_t run;
    FlightDomain domain;
  };
  std::map<std::uint32_t, std::vector<Use>> by_domid;
  RecordingMetadata out;
  std::size_t last_segment = SIZE_MAX;
  for (const Chunk& chunk : stretch.chunks) {
    if (chunk.segment == last_segment || chunk.data.index.last_tsc < range.from_tsc ||
        chunk.data.index.first_tsc > range.to_tsc)
      continue;
    last_segment = chunk.segment;
    const SegmentHead& head = segments_[chunk.segment].segment.head;
    const auto run_ns = [&](std::uint64_t tsc) {
      return cycles_to_ns(tsc - std::min(tsc, head.run_first_tsc), stretch.khz);
    };
    out = head.metadata;
    for (const FlightDomain& domain : head.domains) {
      if (domain.until_ns && *domain.until_ns < run_ns(range.from_tsc)) continue;
      if (range.to_tsc != UINT64_MAX && domain.since_ns > run_ns(range.to_tsc)) continue;
      std::vector<Use>& uses = by_domid[domain.id.domid];
      const auto same = std::find_if(uses.begin(), uses.end(), [&](const Use& use) {
        return use.run == head.run && use.domain.id.use == domain.id.use;
      });
      if (same != uses.end()) {
        same->domain = domain; // a later HEAD knows more
      } else if (!uses.empty() && uses.back().run != head.run) {
        // Another xenbaked counts from the start. A replay takes a domain whose creation it does not see for
        // the one before: if that is known to be wrong, no name is better than a wrong one.
        if (uses.back().domain.name.empty()) uses.back().domain.name = domain.name;
        if (!domain.name.empty() && uses.back().domain.name != domain.name) uses.back().domain.name.clear();
        uses.back().run = head.run;
        uses.back().domain.id = domain.id;
      } else {
        uses.push_back({head.run, domain});
      }
    }
  }
  for (const auto& [domid, uses] : by_domid) {
    std::uint32_t number = 0;
    for (const Use& use : uses) {
      ++number;
      if (!use.domain.name.empty()) out.names[{domid, number}] = use.domain.name;
    }
  }
  const std::optional<Chunk> first = [&]() -> std::optional<Chunk> {
    for (const Chunk& chunk : stretch.chunks) {
      if (chunk.data.index.last_tsc >= range.from_tsc) return chunk;
    }
    return std::nullopt;
  }();
  if (first && first->data.index.wall_ns != 0)
    out.wall_epoch_ns = stretch.wall_ns(*first, std::max(range.from_tsc, stretch.first_tsc()));
  return out;
}

// ---- the bytes

bool StretchReader::next(std::vector<std::byte>& bytes) {
  bytes.clear();
  while (bytes.empty() && next_ < stretch_.chunks.size()) {
    const FlightRecording::Chunk& chunk = stretch_.chunks[next_++];
    const ChunkIndex& index = chunk.data.index;
    gap_ = gap_ || chunk.gap_before;
    if (index.last_tsc < range_.from_tsc || index.first_tsc > range_.to_tsc) continue;
    if (!recording_.read(chunk, raw_)) {
      ++counts_.damaged_chunks;
      gap_ = true;
      continue;
    }
    cut_.clear();
    for (const Window& window : windows_of(raw_)) cut(window.pcpu, window.first);
    if (cut_.empty()) continue;
    const std::vector<Window> windows = windows_of(cut_);
    if (gap_ && framing_.has_seen()) {
      framing_.append_gap(windows, bytes);
      ++counts_.gaps;
    }
    gap_ = false;
    for (const Window& window : windows) {
      const WindowSpan span = span_of(window);
      framing_.note(window.pcpu, span);
      counts_.records += span.records;
      counts_.lost_records += span.lost;
      if (span.first == 0) continue;
      counts_.first_tsc = counts_.first_tsc == 0 ? span.first : std::min(counts_.first_tsc, span.first);
      counts_.last_tsc = std::max(counts_.last_tsc, span.last);
    }
    bytes.insert(bytes.end(), cut_.begin(), cut_.end());
  }
  return !bytes.empty();
}

// A window's records that are in the range. Within a pCPU, TSCs ascend.
void StretchReader::cut(std::uint32_t pcpu, std::span<const std::byte> records) {
  struct Shortened {
    const std::byte* at;
    std::uint64_t tsc;
    std::uint64_t begun;
  };
  std::vector<Shortened> losses;
  const std::byte* const end = records.data() + records.size();
  const std::byte* from = nullptr; // of what is wanted
  const std::byte* until = nullptr;
  const std::byte* waiting = records.data(); // records without a TSC belong to the next one that has one
  Record record;
  for (const std::byte* at = records.data(); decode_record(at, end, record); at += record.bytes()) {
    if (!record.has_tsc()) continue;
    std::uint64_t tsc = record.tsc;
    if (record.event() == event::kLostRecords && record.extra_words() >= 4) {
      const auto begun = load_word<std::uint64_t>(record.extra + 8);
      if (begun <= range_.to_tsc && tsc >= range_.from_tsc &&
          (begun < range_.from_tsc || tsc > range_.to_tsc)) {
        tsc = std::min(tsc, range_.to_tsc);
        losses.push_back({at, tsc, std::max(begun, range_.from_tsc)});
      }
    }
    if (tsc >= range_.from_tsc && tsc <= range_.to_tsc) {
      if (from == nullptr) from = waiting;
      until = at + record.bytes();
    }
    waiting = at + record.bytes();
    if (tsc > range_.to_tsc) break;
  }
  if (range_.from_tsc == 0 && range_.to_tsc == UINT64_MAX) {
    from = records.data(); // with what has no TSC
    until = end;
  }
  if (from == nullptr) return;
  append_frame(pcpu, static_cast<std::size_t>(until - from), cut_);
  const std::size_t begin = cut_.size();
  cut_.insert(cut_.end(), from, until);
  for (const Shortened& loss : losses) {
    std::byte* const copy = cut_.data() + begin + (loss.at - from);
    std::memcpy(copy + 4, &loss.tsc, sizeof loss.tsc);
    std::memcpy(copy + 4 + 8 + 8, &loss.begun, sizeof loss.begun);
  }
}

} // namespace xenmon
