// SPDX-License-Identifier: GPL-2.0-or-later
#include "recording.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

#include "trace/events.h"
#include "xenmon/region.h"

namespace xenmon::model {

namespace {

template <class Word>
void put(std::vector<std::byte>& bytes, Word word) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof word);
  std::memcpy(bytes.data() + at, &word, sizeof word);
}

void put_record(std::vector<std::byte>& bytes, const TraceRecord& record) {
  put(bytes, record.event | std::uint32_t{record.words} << 28 | (record.timed ? 1U << 31 : 0U));
  if (record.timed) put(bytes, record.tsc);
  for (std::uint32_t i = 0; i < record.words; ++i) put(bytes, record.word[i]);
}

std::uint64_t first_lost(const TraceRecord& lost) {
  return std::uint64_t{lost.word[3]} << 32 | lost.word[2];
}

// When the rounds begin, in order; the last one after everything.
std::vector<std::uint64_t> moments(const Trace& trace, Random& random) {
  std::vector<std::uint64_t> all;
  for (const std::vector<TraceRecord>& records : trace.records) {
    for (const TraceRecord& record : records) all.push_back(record.tsc);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::uint64_t> result;
  if (!all.empty()) {
    const std::uint64_t rounds = random.chance(30) ? random.below(all.size() + 1) : random.below(12);
    for (std::uint64_t i = 0; i < rounds; ++i) {
      result.push_back(random.chance(50) ? all[random.below(all.size())]
                                         : random.between(all.front(), all.back()));
    }
  }
  std::sort(result.begin(), result.end());
  result.push_back(std::numeric_limits<std::uint64_t>::max());
  return result;
}

} // namespace

Schedule make_schedule(const Trace& trace, std::uint64_t seed) {
  Random random(seed ^ 0x5eed);
  Schedule schedule;
  std::vector<std::uint64_t> visited(trace.records.size(), 0);
  const std::uint64_t slowness =
      random.chance(40) ? 0 : random.below(random.chance(20) ? 50'000'000 : 20'000);
  for (std::uint64_t moment : moments(trace, random)) {
    for (std::uint64_t& each : visited) {
      // A round begins after the one before has ended.
      moment = std::max(moment, visited.back());
      each = moment;
      if (moment < std::numeric_limits<std::uint64_t>::max() - slowness) moment += random.below(slowness + 1);
    }
    schedule.push_back(visited);
  }
  return schedule;
}

Rounds make_rounds(const Trace& trace, const Schedule& schedule, std::uint64_t seed) {
  Random random(seed ^ 0x3a9);
  Rounds result;
  std::vector<std::size_t> taken(trace.records.size(), 0);
  for (const std::vector<std::uint64_t>& visited : schedule) {
    std::vector<Rounds::Part>& round = result.rounds.emplace_back();
    for (std::size_t i = 0; i < trace.records.size(); ++i) {
      Rounds::Part part;
      part.pcpu = trace.setup->pcpus[i].number;
      const std::vector<TraceRecord>& records = trace.records[i];
      while (taken[i] < records.size() && records[taken[i]].tsc <= visited[i])
        put_record(part.bytes, records[taken[i]++]);
      if (part.bytes.empty()) continue;
      part.full = taken[i] < records.size() && records[taken[i]].event == event::kLostRecords &&
                  first_lost(records[taken[i]]) <= visited[i];
      part.wrap = random.chance(30) ? random.below(part.bytes.size() / 4) * 4 : part.bytes.size();
      round.push_back(std::move(part));
    }
  }
  return result;
}

std::string recording_of(const Rounds& rounds) {
  std::string file;
  const auto append = [&](const std::vector<std::byte>& bytes) {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (const std::vector<Rounds::Part>& round : rounds.rounds) {
    for (const Rounds::Part& part : round) {
      std::vector<std::byte> frame;
      put(frame, event::kCpuChange | 2U << 28);
      put(frame, part.pcpu);
      put(frame, static_cast<std::uint32_t>(part.bytes.size()));
      append(frame);
      append(part.bytes);
    }
  }
  return file;
}

bool write_plain(const std::string& path, const std::string& recording) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = std::fwrite(recording.data(), 1, recording.size(), file) == recording.size();
  return std::fclose(file) == 0 && written;
}

bool write_xz(const std::string& path, const std::string& recording) {
  archive* out = archive_write_new();
  archive_entry* entry = archive_entry_new();
  archive_write_add_filter_xz(out);
  archive_write_set_format_raw(out);
  archive_write_set_filter_option(out, "xz", "compression-level", "0");
  archive_entry_set_pathname(entry, "recording");
  archive_entry_set_filetype(entry, AE_IFREG);
  const bool written = archive_write_open_filename(out, path.c_str()) == ARCHIVE_OK &&
                       archive_write_header(out, entry) == ARCHIVE_OK &&
                       archive_write_data(out, recording.data(), recording.size()) ==
                           static_cast<la_ssize_t>(recording.size()) &&
                       archive_write_close(out) == ARCHIVE_OK;
  archive_entry_free(entry);
  archive_write_free(out);
  return written;
}

LiveRounds::LiveRounds(const Rounds& rounds, std::uint32_t cpu_khz, std::uint32_t event_mask,
                       bool has_dispatches)
    : rounds_(rounds), event_fd_(eventfd(1, EFD_CLOEXEC)) {
  origin_.kind = XENMON_SOURCE_LIVE;
  origin_.cpu_khz = cpu_khz;
  origin_.event_mask = event_mask;
  origin_.patched = origin_.facts.has_dispatches = origin_.facts.has_page_counts = has_dispatches;
}

LiveRounds::~LiveRounds() {
  ::close(event_fd_);
}

Status LiveRounds::read_pass(Pass& pass) {
  pass.clear();
  if (next_ < rounds_.rounds.size()) {
    for (const Rounds::Part& part : rounds_.rounds[next_]) {
      const std::span<const std::byte> bytes(part.bytes);
      pass.windows.push_back({part.pcpu, bytes.first(part.wrap), bytes.subspan(part.wrap), part.full});
    }
    ++next_;
  }
  pass.last = next_ >= rounds_.rounds.size();
  return ok();
}

} // namespace xenmon::model
