// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/capture.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "flight/cycles.h"
#include "source/pending_file.h"
#include "source/recording_metadata.h"
#include "text.h"

namespace xenmon {

namespace {

using Stretch = FlightRecording::Stretch;

Error cannot_write(const std::string& file, int reason) {
  return Error{"Cannot write " + file + ": " + std::strerror(reason) + ".", ExitStatus::kFailed};
}

Result<StretchReader::Counts> write_part(const FlightRecording& recording, const Stretch& stretch,
                                         const CaptureRange& range, const std::string& file) {
  Result<PendingFile> pending = PendingFile::create(file);
  if (!pending) return pending.error();
  StretchReader reader(recording, stretch, range);
  ChunkPacker packer;
  const bool packed = file.ends_with(".zst");
  std::vector<std::byte> bytes;
  while (reader.next(bytes)) {
    const std::span<const std::byte> out = packed ? packer.pack(bytes) : std::span<const std::byte>(bytes);
    if (const int reason = out.empty() ? ENOMEM : pending->append(out); reason != 0)
      return cannot_write(file, reason);
  }
  if (reader.counts().records == 0)
    return Error{"The flight recording has no records of that time.", ExitStatus::kFailed};
  Result<PendingFile> beside = write_metadata(file, recording.metadata(stretch, range));
  if (!beside) return beside.error();
  if (Status placed = beside->place(); !placed) return placed.error();
  if (Status placed = pending->place(); !placed) return placed.error();
  return reader.counts();
}

std::string number_of(std::uint64_t number, const char* what) {
  return std::to_string(number) + ' ' + what + (number == 1 ? "" : "s");
}

// Without a date the latest such time that was recorded. If none was, a time that has just passed is meant
// rather than yesterday's.
std::uint64_t wall_of(const DayTime& time, std::uint64_t first_ns, std::uint64_t end_ns) {
  constexpr std::uint64_t kHalfDayNs = std::uint64_t{12} * 3600 * 1'000'000'000;
  const std::uint64_t before = time.at_or_before(end_ns);
  if (before >= first_ns) return before;
  const std::uint64_t after = time.after(end_ns);
  return after > end_ns && after - end_ns < kHalfDayNs ? after : before;
}

} // namespace

Result<CapturePart> find_part(const FlightRecording& recording, const CaptureOptions& options) {
  const std::vector<Stretch>& all = recording.stretches();
  CapturePart part;
  part.stretch = all.size() - 1;
  const Stretch& newest = all.back();
  const std::uint64_t end_ns = newest.last_wall_ns();
  if (options.last_ns) {
    const std::uint64_t last = newest.last_tsc();
    const std::uint64_t cycles = ns_to_cycles(*options.last_ns, newest.khz);
    part.range = {last - std::min(last, cycles), last};
    if (part.range.from_tsc < newest.first_tsc())
      part.notice = "The flight recording begins only at " + wall_text(newest.first_wall_ns()) + ".";
    return part;
  }
  if (!options.since && !options.until) return part;
  // A time of day means the latest one that was recorded, and the end is after the beginning.
  std::optional<std::uint64_t> since;
  std::optional<std::uint64_t> until;
  const std::uint64_t first_ns = all.front().first_wall_ns();
  if (options.since) since = wall_of(*options.since, first_ns, end_ns);
  if (options.until) until = since ? options.until->after(*since) : wall_of(*options.until, first_ns, end_ns);
  if (since && until && *since >= *until)
    return Error{"--since is not before --until; give them in order.", ExitStatus::kUsage};
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::optional<std::uint64_t> from =
        since ? all[i].tsc_from(*since) : std::optional(all[i].first_tsc());
    const std::optional<std::uint64_t> to =
        until ? all[i].tsc_until(*until) : std::optional(all[i].last_tsc());
    if (!from || !to || *from > *to) continue;
    if (found) {
      return Error{"The host or its clock was restarted at " + wall_text(all[i].first_wall_ns()) +
                       "; capture what was before that or what was after it.",
                   ExitStatus::kFailed};
    }
    found = i;
    part.stretch = i;
    part.range = {*from, *to};
  }
  if (!found) {
    const std::string begin = wall_text(first_ns);
    if (since && *since > end_ns) {
      return Error{"The flight recording ends at " + wall_text(end_ns) + "; it has nothing after " +
                       wall_text(*since) + ".",
                   ExitStatus::kFailed};
    }
    if (until && *until < first_ns) {
      return Error{"The flight recording begins at " + begin + "; it has nothing before " +
                       wall_text(*until) + ": what was recorded then has been overwritten, or nothing was.",
                   ExitStatus::kFailed};
    }
    return Error{"The flight recording has no records of that time: nothing was recorded then.",
                 ExitStatus::kFailed};
  }
  const Stretch& stretch = all[part.stretch];
  const std::uint64_t begins_ns = stretch.first_wall_ns();
  const std::uint64_t ends_ns = stretch.last_wall_ns();
  if (since && *since < begins_ns)
    part.notice = "The flight recording begins only at " + wall_text(begins_ns) + ".";
  if (until && *until > ends_ns) {
    if (!part.notice.empty()) part.notice += ' ';
    part.notice += "The flight recording ends at " + wall_text(ends_ns) + ".";
  }
  return part;
}

Result<std::string> capture(const CaptureOptions& options) {
  const Result<FlightDirectory> directory = FlightDirectory::open_to_read(options.directory);
  if (!directory) return directory.error();
  const Result<FlightRecording> recording = FlightRecording::open(*directory);
  if (!recording) return recording.error();
  const Result<CapturePart> part = find_part(*recording, options);
  if (!part) return part.error();
  const Stretch& stretch = recording->stretches()[part->stretch];
  const Result<StretchReader::Counts> counts = write_part(*recording, stretch, part->range, options.file);
  if (!counts) return counts.error();
  const auto wall_of = [&](std::uint64_t tsc) {
    const auto chunk =
        std::find_if(stretch.chunks.begin(), stretch.chunks.end(),
                     [&](const FlightRecording::Chunk& each) { return each.data.index.last_tsc >= tsc; });
    return wall_text(stretch.wall_ns(chunk == stretch.chunks.end() ? stretch.chunks.back() : *chunk, tsc));
  };
  std::string text = printable(options.file) + ": " + wall_of(counts->first_tsc) + " to " +
                     wall_of(counts->last_tsc) + ", " + number_of(counts->records, "record") + ", " +
                     std::to_string(counts->lost_records) + " lost, " + number_of(counts->gaps, "gap") +
                     ".\n";
  if (!part->notice.empty()) text += part->notice + '\n';
  if (counts->damaged_chunks > 0) {
    text += number_of(counts->damaged_chunks, "part") +
            " of the flight recording cannot be read; there is a gap instead of each.\n";
  }
  return text;
}

Result<std::uint64_t> keep_recording(const FlightDirectory& directory, const CaptureRange& range) {
  const Result<FlightRecording> recording = FlightRecording::open(directory);
  if (!recording) return recording.error();
  const Stretch& stretch = recording->stretches().back();
  // By the time of its middle, where the wait is.
  const std::uint64_t middle = range.from_tsc + (range.to_tsc - range.from_tsc) / 2;
  const std::optional<std::uint64_t> tsc = std::min(middle, stretch.last_tsc());
  const auto chunk =
      std::find_if(stretch.chunks.begin(), stretch.chunks.end(),
                   [&](const FlightRecording::Chunk& each) { return each.data.index.last_tsc >= *tsc; });
  const std::string name =
      directory.path() + "/wait-" +
      wall_name(stretch.wall_ns(chunk == stretch.chunks.end() ? stretch.chunks.back() : *chunk, *tsc));
  constexpr int kMostOfASecond = 9;
  std::string file = name + ".xentrace.zst";
  struct stat status {};
  for (int i = 2; i <= kMostOfASecond && lstat(file.c_str(), &status) == 0; ++i)
    file = name + '-' + std::to_string(i) + ".xentrace.zst";
  const Result<StretchReader::Counts> counts = write_part(*recording, stretch, range, file);
  if (!counts) return counts.error();
  return counts->records;
}

} // namespace xenmon
