// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_writer.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "flight/capture.h"
#include "flight/cycles.h"
#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kMostChunkBytes = std::size_t{4} << 20; // within a pass; one window more
constexpr std::uint64_t kChunkNs = kSecond;
constexpr std::uint64_t kSegments = 20;     // cover the time that is kept
constexpr std::uint64_t kFullSegments = 16; // have all the bytes
constexpr std::uint64_t kLeastBytes = std::uint64_t{4} << 20;
constexpr std::size_t kMostSegments = 512; // a process that is killed again and again leaves small ones
constexpr std::size_t kFrameBytes = 12;    // CPU_CHANGE

std::uint64_t monotonic_ns() {
  struct timespec now {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

bool disk_is_full(int reason) {
  return reason == ENOSPC || reason == EDQUOT;
}

// What append_window() made.
std::vector<Window> windows_of(std::span<const std::byte> bytes) {
  std::vector<Window> windows;
  while (bytes.size() >= kFrameBytes) {
    Window window;
    window.pcpu = load_word<std::uint32_t>(bytes.data() + 4);
    const std::size_t size = load_word<std::uint32_t>(bytes.data() + 8);
    bytes = bytes.subspan(kFrameBytes);
    window.first = bytes.first(std::min(size, bytes.size()));
    bytes = bytes.subspan(window.first.size());
    windows.push_back(window);
  }
  return windows;
}

std::uint64_t duration_of(const Segment& segment) {
  std::uint64_t cycles = 0;
  for (const SegmentChunk& chunk : segment.chunks) cycles += chunk.index.last_tsc - chunk.index.first_tsc;
  const std::uint32_t khz = segment.head.metadata.cpu_khz;
  return cycles_to_ns(cycles, khz == 0 ? kUnknownKhz : khz);
}

} // namespace

FlightWriter::FlightWriter(FlightDirectory directory, const FlightSettings& settings, const Origin& origin,
                           FlightWorld world, FlightDomains& domains)
    : directory_(std::move(directory)),
      settings_(settings),
      world_(std::move(world)),
      domains_(domains),
      wall_epoch_ns_(origin.kind == XENMON_SOURCE_LIVE ? 0 : origin.wall_epoch_ns),
      khz_(origin.cpu_khz == 0 ? kUnknownKhz : origin.cpu_khz) {
  most_bytes_ = settings.bounds.most_bytes;
  head_.boot_id = boot_id();
  head_.metadata.cpu_khz = origin.cpu_khz_assumed ? 0 : origin.cpu_khz;
  head_.metadata.xen_version = origin.xen_version;
  head_.metadata.scheduler = origin.scheduler;
  head_.metadata.event_mask = origin.event_mask;
  head_.metadata.pcpus = origin.facts.pcpus;
  for (const FlightDirectory::Entry& entry : directory_.segments()) {
    Old old{entry};
    const OwnedDescriptor file = directory_.open_segment(entry);
    const std::optional<Segment> segment = file.valid() ? read_segment(file.get()) : std::nullopt;
    if (segment) old.duration_ns = duration_of(*segment);
    old_bytes_ += old.entry.bytes;
    old_ns_ += old.duration_ns;
    next_sequence_ = entry.sequence + 1;
    old_.push_back(old);
  }
  head_.run = next_sequence_;
  forget_old();
  make_room(0);
}

std::uint64_t FlightWriter::ns(std::uint64_t cycles) const {
  return cycles_to_ns(cycles, khz_);
}

// ---- what is collected

void FlightWriter::take_pass(std::span<const std::byte> windows, bool gap, std::uint64_t wall_ns) {
  if (!windows.empty() || gap) take_windows(windows_of(windows), gap, wall_ns);
  if (chunk_is_due()) flush();
  keep_due(false);
}

void FlightWriter::take_windows(std::span<const Window> windows, bool gap, std::uint64_t wall_ns) {
  std::vector<WindowSpan> spans;
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  for (const Window& window : windows) {
    const WindowSpan& span = spans.emplace_back(span_of(window));
    if (span.first == 0) continue;
    first = std::min(first, span.first);
    last = std::max(last, span.last);
  }
  if (last != 0 && clock_restarted(newest_tsc_, last, khz_)) {
    // Another clock has another segment.
    flush();
    end_segment();
    framing_ = {};
    newest_tsc_ = 0;
  }
  if (last != 0 && newest_tsc_ == 0) {
    head_.run_first_tsc = first - std::min(first, ns_to_cycles(run_ns_, khz_));
    newest_tsc_ = first;
  }
  if (raw_.empty()) {
    before_chunk_ = framing_;
    chunk_begun_ns_ = run_ns_;
    chunk_begun_at_ = monotonic_ns();
  }
  if ((gap || gap_due_) && framing_.has_seen()) {
    framing_.append_gap(windows, raw_);
    ++index_.gaps;
    gap_due_ = false;
  }
  if (last != 0) note_time(last, wall_ns);
  for (std::size_t i = 0; i < windows.size(); ++i) take_window(windows[i], spans[i]);
  if (last != 0) note_time(last, wall_ns); // of the last chunk that it went to
}

void FlightWriter::take_window(const Window& window, const WindowSpan& span) {
  if (raw_.size() >= kMostChunkBytes) {
    flush();
    before_chunk_ = framing_;
  }
  append_window(window, raw_);
  framing_.note(window.pcpu, span);
  index_.records += span.records;
  index_.lost_records += span.lost;
  if (span.first == 0) return;
  index_.first_tsc = index_.first_tsc == 0 ? span.first : std::min(index_.first_tsc, span.first);
  index_.last_tsc = std::max(index_.last_tsc, span.last);
}

void FlightWriter::note_time(std::uint64_t tsc, std::uint64_t wall_ns) {
  if (tsc > newest_tsc_) {
    run_ns_ += ns(tsc - newest_tsc_);
    newest_tsc_ = tsc;
  }
  if (wall_ns == 0 && wall_epoch_ns_ != 0)
    wall_ns = wall_epoch_ns_ + ns(tsc - std::min(tsc, head_.run_first_tsc));
  if (index_.anchor_tsc == 0) {
    index_.anchor_tsc = tsc;
    index_.wall_ns = wall_ns;
    return;
  }
  // A pass is read some time after its newest record was written, never before: the least difference is
  // right.
  const auto before = static_cast<std::int64_t>(index_.wall_ns);
  const auto distance = static_cast<std::int64_t>(ns(tsc - std::min(tsc, index_.anchor_tsc)));
  if (static_cast<std::int64_t>(wall_ns) - distance < before) {
    index_.anchor_tsc = tsc;
    index_.wall_ns = wall_ns;
  }
}

bool FlightWriter::chunk_is_due() const {
  return !raw_.empty() && (raw_.size() >= kChunkBytes || run_ns_ - chunk_begun_ns_ >= kChunkNs ||
                           monotonic_ns() - chunk_begun_at_ >= kChunkNs);
}

// ---- what is written

void FlightWriter::flush() {
  if (raw_.empty()) return;
  // Records without a TSC belong to what comes after them.
  if (index_.last_tsc == 0) index_.first_tsc = index_.last_tsc = std::max<std::uint64_t>(newest_tsc_, 1);
  if (index_.anchor_tsc == 0) {
    index_.anchor_tsc = index_.last_tsc;
    index_.wall_ns = head_.end_wall_ns;
  }
  const std::span<const std::byte> packed = packer_.pack(raw_);
  index_.raw_bytes = static_cast<std::uint32_t>(raw_.size());
  index_.packed_bytes = static_cast<std::uint32_t>(packed.size());
  const int reason = packed.empty() ? ENOMEM : write_chunk(packed);
  if (reason != 0) {
    // As if it had never been read, but for a gap.
    framing_ = before_chunk_;
    gap_due_ = true;
    if (!said_full_) {
      report("The flight recorder cannot write to " + directory_.path() + ": " + std::strerror(reason) +
             "; some of the trace is missing in it: make room, or give --flight a smaller size.");
    }
    said_full_ = true;
  }
  raw_.clear();
  index_ = {};
  chunk_begun_ns_ = run_ns_;
  chunk_begun_at_ = monotonic_ns();
  const std::uint64_t segment_ns = run_ns_ - segment_begun_ns_;
  if (part_.valid() &&
      (segment_ns >= settings_.bounds.span_ns / kSegments || segment_bytes_ >= most_bytes_ / kFullSegments))
    end_segment();
}

int FlightWriter::write_chunk(std::span<const std::byte> packed) {
  int reason = 0;
  // A file that may not grow (a limit on its size) is completed; on a full disk the oldest segments go.
  for (bool again = true; again;) {
    again = false;
    if (!part_.valid()) reason = begin_segment();
    if (part_.valid()) {
      out_.clear();
      if (domains_.changes() != written_domains_ || segment_bytes_ == 0) {
        written_domains_ = domains_.changes();
        head_.domains = domains_of_segment();
        const std::vector<std::byte> head = encode_head(head_, false);
        out_.insert(out_.end(), head.begin(), head.end());
      }
      const std::vector<std::byte> index = encode_index(index_);
      out_.insert(out_.end(), index.begin(), index.end());
      out_.insert(out_.end(), packed.begin(), packed.end());
      make_room(out_.size());
      reason = append(out_);
    }
    if (reason == EFBIG && segment_bytes_ > 0) {
      end_segment();
      again = true;
    } else if (disk_is_full(reason) && (!old_.empty() || segment_bytes_ > 0)) {
      // There is less room than was allowed: smaller segments, so that the oldest is never all there is.
      most_bytes_ = std::min(most_bytes_, std::max(old_bytes_ + segment_bytes_, kLeastBytes));
      if (old_.empty()) end_segment();
      if (!said_full_) {
        report(
            "The disk of " + directory_.path() +
            " is full: the flight recorder removes its oldest records early; make room, or give --flight a "
            "smaller size.");
      }
      said_full_ = true;
      if (!old_.empty()) remove_oldest();
      again = true;
    }
  }
  if (reason != 0) return reason;
  head_.end_tsc = index_.last_tsc;
  head_.end_wall_ns = index_.wall_ns + ns(index_.last_tsc - std::min(index_.last_tsc, index_.anchor_tsc));
  head_.records += index_.records;
  head_.lost_records += index_.lost_records;
  head_.gaps += index_.gaps;
  return 0;
}

// All or nothing.
int FlightWriter::append(std::span<const std::byte> bytes) {
  int reason = world_.before_write ? world_.before_write() : 0;
  std::size_t written = 0;
  while (reason == 0 && written < bytes.size()) {
    const ssize_t now = write(part_.get(), bytes.data() + written, bytes.size() - written);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) {
      reason = now < 0 ? errno : ENOSPC;
    } else {
      written += static_cast<std::size_t>(now);
    }
  }
  if (reason == 0) {
    segment_bytes_ += bytes.size();
    return 0;
  }
  [[maybe_unused]] const int cut = ftruncate(part_.get(), static_cast<off_t>(segment_bytes_));
  lseek(part_.get(), static_cast<off_t>(segment_bytes_), SEEK_SET);
  return reason;
}

int FlightWriter::begin_segment() {
  part_ = directory_.make_part(next_sequence_);
  if (!part_.valid()) return errno;
  head_.sequence = next_sequence_++;
  head_.begin_tsc = index_.first_tsc;
  const std::uint64_t before_ns = ns(index_.anchor_tsc - std::min(index_.anchor_tsc, index_.first_tsc));
  head_.begin_wall_ns = index_.wall_ns - std::min(index_.wall_ns, before_ns);
  head_.records = head_.lost_records = head_.gaps = 0;
  segment_bytes_ = 0;
  segment_begun_ns_ = chunk_begun_ns_;
  return 0;
}

// Without the HEAD of its end it is as good as what a killed process leaves.
void FlightWriter::end_segment() {
  if (!part_.valid()) return;
  if (segment_bytes_ == 0) {
    directory_.remove(FlightDirectory::Entry{head_.sequence, false, 0});
    part_ = {};
    return;
  }
  head_.domains = domains_of_segment();
  const std::vector<std::byte> head = encode_head(head_, true);
  [[maybe_unused]] const int ended = append(head);
  fdatasync(part_.get());
  part_ = {};
  if (const int reason = directory_.complete(head_.sequence); reason != 0)
    report("Cannot complete a segment in " + directory_.path() + ": " + std::strerror(reason) + ".");
  const std::uint64_t duration_ns = run_ns_ - segment_begun_ns_;
  old_.push_back({{head_.sequence, true, segment_bytes_}, duration_ns});
  old_bytes_ += segment_bytes_;
  old_ns_ += duration_ns;
  segment_bytes_ = 0;
  segment_begun_ns_ = run_ns_;
  forget_old();
}

std::vector<FlightDomain> FlightWriter::domains_of_segment() {
  return domains_.since(segment_begun_ns_);
}

// ---- what goes

void FlightWriter::remove_oldest() {
  old_bytes_ -= old_.front().entry.bytes;
  old_ns_ -= old_.front().duration_ns;
  directory_.remove(old_.front().entry);
  old_.pop_front();
}

void FlightWriter::make_room(std::uint64_t bytes) {
  while (!old_.empty() && old_bytes_ + segment_bytes_ + bytes > settings_.bounds.most_bytes) {
    remove_oldest();
  }
}

void FlightWriter::forget_old() {
  while (!old_.empty() &&
         (old_ns_ - old_.front().duration_ns >= settings_.bounds.span_ns || old_.size() >= kMostSegments)) {
    remove_oldest();
  }
}

// ---- what is kept

void FlightWriter::keep(std::uint64_t from_ns, std::uint64_t to_ns) {
  keeps_.push_back({from_ns, to_ns});
}

void FlightWriter::keep_due(bool all) {
  while (!keeps_.empty() && (all || keeps_.front().to_ns <= run_ns_)) {
    flush();
    keep_now(keeps_.front());
    keeps_.pop_front();
  }
}

void FlightWriter::keep_now(const Keep& keep) {
  CaptureRange range;
  range.from_tsc = head_.run_first_tsc + ns_to_cycles(keep.from_ns, khz_);
  range.to_tsc = head_.run_first_tsc + ns_to_cycles(keep.to_ns, khz_);
  const Result<std::uint64_t> kept = keep_recording(directory_, range);
  if (!kept) {
    if (!said_keep_) report(kept.error().message);
    said_keep_ = true;
    return;
  }
  // All recordings that were kept have as much room as all segments.
  std::vector<FlightDirectory::Kept> all = directory_.kept();
  std::uint64_t bytes = 0;
  for (const FlightDirectory::Kept& each : all) bytes += each.bytes;
  for (std::size_t i = 0; i + 1 < all.size() && bytes > settings_.bounds.most_bytes; ++i) {
    bytes -= all[i].bytes;
    directory_.remove(all[i]);
  }
}

void FlightWriter::finish() {
  flush();
  end_segment();
  keep_due(true);
}

void FlightWriter::report(std::string text) {
  const std::lock_guard lock(error_mutex_);
  if (!error_) error_ = Error{std::move(text), ExitStatus::kFailed};
}

std::optional<Error> FlightWriter::take_error() {
  const std::lock_guard lock(error_mutex_);
  return std::exchange(error_, std::nullopt);
}

} // namespace xenmon
