// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/region_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include "text.h"

namespace xenmon {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the region is little-endian");

constexpr std::size_t kWord = sizeof(std::uint64_t);
// No more than anybody would want to read.
constexpr std::uint32_t kMostVerdicts = 256;
// A host with thousands of domains of many vCPUs.
constexpr std::uint32_t kMostSettings = 1U << 20;
// What a daemon can reach in years.
constexpr std::uint32_t kMostCarries = 65'536;

// Attempts after which a table is given up for this time, and what was read of it before is kept.
constexpr int kReadTries = 1000;

std::uint64_t load(const std::byte* address) {
  return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(address), __ATOMIC_ACQUIRE);
}

// Copies one record word by word. Each load has acquire order, so that it comes before the second
// look at the sequence; that needs no fence, which ThreadSanitizer would not understand.
template <class Record>
void copy_record(Record& to, const std::byte* from) {
  static_assert(std::is_trivially_copyable_v<Record> && sizeof(Record) % kWord == 0);
  std::uint64_t words[sizeof(Record) / kWord];
  for (std::size_t i = 0; i < std::size(words); ++i) words[i] = load(from + i * kWord);
  std::memcpy(&to, words, sizeof(Record));
}

// The same from a table whose records have `stride` bytes: what an older record does not have is 0.
template <class Record>
void copy_old_record(Record& to, const std::byte* from, std::uint32_t stride) {
  if (stride >= sizeof(Record)) {
    copy_record(to, from);
    return;
  }
  std::uint64_t words[sizeof(Record) / kWord] = {};
  for (std::size_t word = 0; word < stride / kWord; ++word) words[word] = load(from + word * kWord);
  std::memcpy(&to, words, sizeof(words));
}

// Copies `count` elements from ring position `first` on. The capacity is not 0.
template <class Record>
void copy_ring(std::vector<Record>& to, const std::byte* base, const xenmon_table& table, std::uint64_t first,
               std::uint32_t count) {
  if (to.size() < count) to.resize(count);
  std::uint64_t element = first % table.capacity;
  for (std::uint32_t i = 0; i < count; ++i) {
    copy_old_record(to[i], base + table.offset + element * table.stride, table.stride);
    if (++element == table.capacity) element = 0;
  }
}

template <class Record>
void copy_table(std::vector<Record>& to, const std::byte* base, const xenmon_table& table,
                std::uint32_t count) {
  to.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    copy_old_record(to[i], base + table.offset + std::uint64_t{i} * table.stride, table.stride);
  }
}

// A vCPU of 1.0 does not say which lines of its histograms are in use: all may be.
void copy_vcpus(std::vector<xenmon_vcpu>& to, const std::byte* base, const xenmon_table& table,
                std::uint32_t count) {
  copy_table(to, base, table, count);
  if (table.stride >= XENMON_VCPU_BYTES_1_1) return;
  for (xenmon_vcpu& vcpu : to) std::fill(std::begin(vcpu.hist_lines), std::end(vcpu.hist_lines), UINT32_MAX);
}

bool fits(const xenmon_table& table, std::size_t record_bytes, std::uint64_t header_bytes,
          std::uint64_t region_bytes) {
  if (table.stride < record_bytes || table.stride % kWord != 0) return false;
  if (table.offset < header_bytes || table.offset % kWord != 0 || table.offset > region_bytes) return false;
  if (table.count > table.capacity) return false;
  // 32 x 32 bits: the product cannot overflow.
  return std::uint64_t{table.capacity} * table.stride <= region_bytes - table.offset;
}

// The name of the first thing wrong in the header, if any.
std::optional<std::string> damage(const xenmon_region_header& header) {
  if (header.header_bytes < XENMON_HEADER_BYTES_1_0 || header.header_bytes % kWord != 0 ||
      header.header_bytes > header.region_bytes) {
    return "header length";
  }
  if (header.generation == 0 || header.daemon_start == 0) return "generation";
  const struct {
    const char* name;
    const xenmon_table& table;
    std::size_t record_bytes;
    bool may_be_empty;
  } tables[] = {
      {"pCPU table", header.pcpu, sizeof(xenmon_pcpu), true},
      {"domain table", header.domain, XENMON_DOMAIN_BYTES_1_0, true},
      {"vCPU table", header.vcpu, XENMON_VCPU_BYTES_1_0, true},
      {"histogram table", header.hist, sizeof(xenmon_histograms), true},
      {"sample ring", header.sample, XENMON_SAMPLE_BYTES_1_0, false},
      {"row ring", header.row, XENMON_ROW_BYTES_1_0, false},
      {"I/O row ring", header.io_row, sizeof(xenmon_io_row), true},
      {"wait ring", header.wait, sizeof(xenmon_wait), true},
      {"verdict table", header.verdict, sizeof(xenmon_verdict), true},
      {"carry table", header.carry, sizeof(xenmon_carry), true},
      {"domain row ring", header.domain_row, sizeof(xenmon_domain_row), true},
      {"setting table", header.setting, sizeof(xenmon_setting), true},
  };
  for (const auto& entry : tables) {
    const bool empty = entry.table.capacity == 0;
    if (empty && !entry.may_be_empty) return entry.name;
    if (!empty && !fits(entry.table, entry.record_bytes, header.header_bytes, header.region_bytes)) {
      return entry.name;
    }
  }
  return std::nullopt;
}

} // namespace

Result<RegionReader> RegionReader::make(std::span<const std::byte> bytes, const std::string& name) {
  const std::string shown = printable(name);
  const Error foreign{shown +
                      " is not a XenMon region; name the region of a running xenbaked with --region."};
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kWord != 0) {
    return Error{shown + " is not aligned to 8 bytes and cannot be read in place."};
  }

  // The start of the header is the same in every version.
  xenmon_region_header header = {};
  const std::size_t known = std::min(bytes.size(), sizeof(header)) / kWord * kWord;
  std::uint64_t words[sizeof(header) / kWord] = {};
  for (std::size_t i = 0; i < known / kWord; ++i) words[i] = load(bytes.data() + i * kWord);
  std::memcpy(&header, words, sizeof(header));

  if (known < offsetof(xenmon_region_header, header_bytes) || header.magic != XENMON_MAGIC) return foreign;
  if (header.version_major != XENMON_VERSION_MAJOR) {
    return Error{shown + " is a XenMon region of version " + std::to_string(header.version_major) +
                 "; this xenmon reads version " + std::to_string(XENMON_VERSION_MAJOR) +
                 ": install matching packages."};
  }
  // A file that is shorter than its header must have at least the length of an old header.
  const std::uint64_t least = std::max<std::uint64_t>(header.region_bytes, XENMON_HEADER_BYTES_1_0);
  if (bytes.size() < least) {
    return Error{"the XenMon region " + shown + " is truncated: it should have " + std::to_string(least) +
                 " bytes and has " + std::to_string(bytes.size()) + "; restart xenbaked."};
  }
  // What follows an old header is no part of it.
  if (header.header_bytes < XENMON_HEADER_BYTES_1_1) {
    header.wait = {};
    header.slow_wait_ns = header.newest_wait = 0;
  }
  if (header.header_bytes < sizeof(header)) header.domain_row = header.setting = {};
  if (header.header_bytes < XENMON_HEADER_BYTES_1_3) header.carry = {};
  if (header.header_bytes < XENMON_HEADER_BYTES_1_2) {
    header.verdict = {};
    std::fill(std::begin(header.bad_records_by), std::end(header.bad_records_by), 0);
    std::fill(std::begin(header.source_faults), std::end(header.source_faults), 0);
  }
  if (const auto what = damage(header)) {
    return Error{"the XenMon region " + shown + " is damaged (" + *what + "); restart xenbaked."};
  }
  return RegionReader(bytes.data(), header);
}

std::uint64_t RegionReader::word(std::size_t offset) const {
  return load(base_ + offset);
}

std::uint64_t RegionReader::state() const {
  return word(offsetof(xenmon_region_header, state));
}
std::uint64_t RegionReader::flags() const {
  return word(offsetof(xenmon_region_header, flags));
}
std::uint64_t RegionReader::heartbeat_ns() const {
  return word(offsetof(xenmon_region_header, heartbeat_ns));
}
std::uint64_t RegionReader::newest_sample() const {
  return word(offsetof(xenmon_region_header, newest_sample));
}

std::uint64_t RegionReader::newest_wait() const {
  return has_waits() ? word(offsetof(xenmon_region_header, newest_wait)) : 0;
}

std::uint64_t RegionReader::wall_epoch_ns() const {
  return word(offsetof(xenmon_region_header, wall_epoch_ns));
}

std::uint32_t RegionReader::live_count(std::size_t table_offset, std::uint32_t capacity) const {
  static_assert(offsetof(xenmon_table, count) % kWord == 0);
  const auto count = static_cast<std::uint32_t>(word(table_offset + offsetof(xenmon_table, count)));
  return std::min(count, capacity);
}

ReadOutcome RegionReader::read_sample_head(std::uint64_t number, xenmon_sample& head) const {
  const xenmon_table& ring = header_.sample;
  const std::byte* entry = base_ + ring.offset + number % ring.capacity * ring.stride;
  if (number == 0 || load(entry) != number) return ReadOutcome::kGone;
  copy_old_record(head, entry, ring.stride);
  if (load(entry) != number) return ReadOutcome::kGone;
  return ReadOutcome::kCopied;
}

ReadOutcome RegionReader::read_wait(std::uint64_t number, xenmon_wait& wait) const {
  static_assert(offsetof(xenmon_wait, seq) == 0);
  const xenmon_table& ring = header_.wait;
  const std::byte* entry = base_ + ring.offset + number % ring.capacity * ring.stride;
  if (number == 0 || load(entry) != number) return ReadOutcome::kGone;
  copy_record(wait, entry);
  if (load(entry) != number) return ReadOutcome::kGone;
  return ReadOutcome::kCopied;
}

ReadOutcome RegionReader::read_sample(std::uint64_t number, SampleCopy& copy) const {
  static_assert(offsetof(xenmon_sample, seq) == 0);
  const ReadOutcome outcome = read_sample_head(number, copy.head_);
  if (header_.domain_row.capacity == 0) copy.head_.domain_row_count = 0;
  if (outcome != ReadOutcome::kCopied ||
      (copy.head_.row_count > header_.row.capacity || copy.head_.io_row_count > header_.io_row.capacity ||
       copy.head_.domain_row_count > header_.domain_row.capacity)) {
    copy.head_ = {};
    return outcome == ReadOutcome::kCopied ? ReadOutcome::kDamaged : outcome;
  }
  copy_ring(copy.rows_, base_, header_.row, copy.head_.first_row, copy.head_.row_count);
  if (copy.head_.io_row_count > 0) {
    copy_ring(copy.io_rows_, base_, header_.io_row, copy.head_.first_io_row, copy.head_.io_row_count);
  }
  if (copy.head_.domain_row_count > 0) {
    copy_ring(copy.domain_rows_, base_, header_.domain_row, copy.head_.first_domain_row,
              copy.head_.domain_row_count);
  }
  const std::byte* entry =
      base_ + header_.sample.offset + number % header_.sample.capacity * header_.sample.stride;
  if (load(entry) != number) {
    copy.head_ = {};
    return ReadOutcome::kGone;
  }
  return ReadOutcome::kCopied;
}

bool RegionReader::read_tables(TablesCopy& copy, bool with_vcpus) const {
  for (int i = 0; i < kReadTries; ++i) {
    const std::uint64_t before = word(offsetof(xenmon_region_header, tables_seq));
    if (before % 2 != 0) continue;
    copy.all_pcpus = (flags() & XENMON_FLAG_ALL_PCPUS) != 0;
    copy_table(copy.pcpus, base_, header_.pcpu,
               live_count(offsetof(xenmon_region_header, pcpu), header_.pcpu.capacity));
    copy_table(copy.domains, base_, header_.domain,
               live_count(offsetof(xenmon_region_header, domain), header_.domain.capacity));
    if (with_vcpus) {
      copy_vcpus(copy.vcpus, base_, header_.vcpu,
                 live_count(offsetof(xenmon_region_header, vcpu), header_.vcpu.capacity));
      copy_carries(copy.carries);
    }
    if (word(offsetof(xenmon_region_header, tables_seq)) == before) return true;
  }
  return false;
}

void RegionReader::copy_carries(std::vector<xenmon_carry>& to) const {
  const std::uint32_t capacity = header_.carry.capacity;
  const std::uint32_t count =
      capacity == 0 ? 0 : live_count(offsetof(xenmon_region_header, carry), std::min(capacity, kMostCarries));
  copy_table(to, base_, header_.carry, count);
}

bool RegionReader::read_carries(std::vector<xenmon_carry>& carries) const {
  for (int i = 0; i < kReadTries; ++i) {
    const std::uint64_t before = word(offsetof(xenmon_region_header, tables_seq));
    if (before % 2 != 0) continue;
    copy_carries(carries);
    if (word(offsetof(xenmon_region_header, tables_seq)) == before) return true;
  }
  return false;
}

bool RegionReader::read_settings(std::vector<xenmon_setting>& settings) const {
  settings.clear();
  if (header_.setting.capacity == 0) return true;
  for (int i = 0; i < kReadTries; ++i) {
    const std::uint64_t before = word(offsetof(xenmon_region_header, tables_seq));
    if (before % 2 != 0) continue;
    const std::uint32_t most = std::min(header_.setting.capacity, kMostSettings);
    copy_table(settings, base_, header_.setting, live_count(offsetof(xenmon_region_header, setting), most));
    if (word(offsetof(xenmon_region_header, tables_seq)) == before) return true;
  }
  return false;
}

bool RegionReader::read_histograms(std::uint32_t slot, std::span<const std::uint32_t, 3> lines,
                                   xenmon_histograms& copy) const {
  if (slot >= header_.hist.capacity) return false;
  const std::byte* from = base_ + header_.hist.offset + std::uint64_t{slot} * header_.hist.stride;
  std::uint32_t* const to[] = {copy.wake_wait, copy.preempt_wait, copy.run};
  constexpr std::size_t kLineBytes = XENMON_HIST_LINE_BUCKETS * sizeof(std::uint32_t);
  constexpr std::uint32_t kAllLines = (1U << (XENMON_HIST_BUCKETS / XENMON_HIST_LINE_BUCKETS)) - 1;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::uint32_t left = lines[i] & kAllLines; left != 0; left &= left - 1) {
      const auto line = static_cast<std::size_t>(std::countr_zero(left));
      const std::byte* source = from + i * sizeof(copy.run) + line * kLineBytes;
      std::uint64_t words[kLineBytes / kWord];
      for (std::size_t word = 0; word < std::size(words); ++word) words[word] = load(source + word * kWord);
      std::memcpy(to[i] + line * XENMON_HIST_LINE_BUCKETS, words, kLineBytes);
    }
  }
  return true;
}

xenmon_counters RegionReader::counters() const {
  xenmon_counters counters = {};
  copy_record(counters, base_ + offsetof(xenmon_region_header, counters));
  return counters;
}

FaultCounts RegionReader::faults() const {
  FaultCounts counts;
  if (header_.header_bytes < XENMON_HEADER_BYTES_1_2) return counts;
  for (std::size_t i = 0; i < counts.bad_by.size(); ++i)
    counts.bad_by[i] = word(offsetof(xenmon_region_header, bad_records_by) + i * kWord);
  for (std::size_t i = 0; i < counts.source.size(); ++i)
    counts.source[i] = word(offsetof(xenmon_region_header, source_faults) + i * kWord);
  return counts;
}

// False when the daemon was writing at each attempt.
bool RegionReader::copy_verdicts(std::vector<xenmon_verdict>& verdicts) const {
  verdicts.clear();
  if (header_.verdict.capacity == 0) return true;
  for (int i = 0; i < kReadTries; ++i) {
    const std::uint64_t before = word(offsetof(xenmon_region_header, tables_seq));
    if (before % 2 != 0) continue;
    const std::uint32_t most = std::min(header_.verdict.capacity, kMostVerdicts);
    copy_table(verdicts, base_, header_.verdict, live_count(offsetof(xenmon_region_header, verdict), most));
    if (word(offsetof(xenmon_region_header, tables_seq)) == before) return true;
  }
  return false;
}

bool RegionReader::read_verdicts(std::vector<std::string>& sentences) const {
  sentences.clear();
  std::vector<xenmon_verdict> verdicts;
  if (!copy_verdicts(verdicts)) return false;
  for (const xenmon_verdict& verdict : verdicts)
    sentences.push_back(printable_field(verdict.text, sizeof(verdict.text)));
  return true;
}

std::optional<std::string> RegionReader::damage_verdict() const {
  std::vector<xenmon_verdict> verdicts;
  if (!copy_verdicts(verdicts)) return std::nullopt;
  for (const xenmon_verdict& verdict : verdicts) {
    if (verdict.kind == XENMON_VERDICT_DAMAGED) return printable_field(verdict.text, sizeof(verdict.text));
  }
  return std::nullopt;
}

Result<RegionFile> RegionFile::open(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  auto reader = RegionReader::make(file->bytes(), path);
  if (!reader) return reader.error();
  return RegionFile(std::move(*file), *reader);
}

} // namespace xenmon
