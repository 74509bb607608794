// SPDX-License-Identifier: GPL-2.0-or-later
#include "region_stress.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "client/attachment.h"
#include "publish/text_field.h"

namespace xenmon::test {

namespace {

constexpr std::uint32_t kPcpus = 4;
constexpr std::uint32_t kIoCounts = 4; // of a domain's page exchanges
constexpr std::uint32_t kFirstDomains = 40;
constexpr std::uint32_t kMoreDomains = 60;
constexpr std::uint32_t kMostDomains = 300;
// A reader is at most so many times as fast as the writer.
constexpr std::uint64_t kReadsPerSample = 10;
// Each life has a stretch of the trace clock to itself.
constexpr std::uint64_t kLifeNs = std::uint64_t{1} << 56;

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33;
}

std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

// Two rows to a vCPU; together they have exactly the sample's length.
void fill_rows(std::vector<xenmon_row>& rows, std::uint64_t life, std::uint64_t number,
               const StressShape& shape) {
  rows.resize(shape.rows);
  std::uint64_t left = 0;
  for (std::uint32_t i = 0; i < shape.rows; ++i) {
    const std::uint64_t hash = mix(life << 48 ^ number << 16 ^ i);
    if (i % 2 == 0) left = shape.sample_ns;
    xenmon_row& row = rows[i];
    const auto take = [&](std::uint32_t part) {
      const std::uint64_t ns = (hash >> part * 8 & 0xffU) * (shape.sample_ns >> 13);
      left -= ns;
      return low(ns);
    };
    row.vcpu_slot = i / 2;
    row.domain_slot = i / 2 % kFirstDomains;
    row.pcpu = i % 2;
    row.running_ns = take(0);
    row.waited_wake_ns = take(1);
    row.waited_preempt_ns = take(2);
    row.blocked_ns = take(3);
    row.offline_ns = take(4);
    row.unknown_ns = i % 2 == 0 ? take(5) : low(left);
    row.executions = low(number);
    row.continues = low(hash);
    row.slice_count = low(hash >> 32);
    row.slice_min_ns = low(~hash);
    row.slice_sum_ns = hash;
    row.slice_max_ns = low(number + i);
  }
}

void fill_io_rows(std::vector<xenmon_io_row>& rows, std::uint64_t life, std::uint64_t number,
                  const StressShape& shape) {
  rows.resize(shape.io_rows);
  for (std::uint32_t i = 0; i < shape.io_rows; ++i) {
    const std::uint64_t hash = mix(~(life << 48 ^ number << 16 ^ i));
    rows[i] = {i % kFirstDomains, i % kPcpus, low(hash), low(hash >> 32), low(number), low(number + i), hash};
  }
}

std::uint64_t start_ns(std::uint64_t life, std::uint64_t number, const StressShape& shape) {
  return life * kLifeNs + number * shape.sample_ns;
}

} // namespace

// ---- writing

StressWriter::StressWriter(std::string path, const StressShape& shape)
    : path_(std::move(path)), shape_(shape) {
  start_again_at();
}

void StressWriter::start_again_at() {
  image_.reset(); // lets the lock go
  ++life_;
  number_ = 0;
  domains_ = 0;
  pcpu_table_.assign(kPcpus, {XENMON_PCPU_HAS_RECORDS, XENMON_NO_SLOT, 0, 0});
  domain_table_.clear();
  vcpu_table_.clear();
  RegionImage::Options options;
  options.place.path = path_;
  RegionFacts facts;
  facts.source_kind = XENMON_SOURCE_SCRIPTED;
  facts.sample_ns = shape_.sample_ns;
  facts.history_ns = shape_.history_ns;
  Result<RegionImage> made = RegionImage::create(options, facts);
  ASSERT_TRUE(made) << made.error().message;
  image_.emplace(std::move(*made));
  grow();
}

void StressWriter::grow() {
  const std::uint32_t more = domains_ == 0 ? kFirstDomains : kMoreDomains;
  // As many slots for vCPUs as rows name.
  vcpu_table_.resize(std::max(domains_ + more, (shape_.rows + 1) / 2));
  for (std::uint32_t i = 0; i < more; ++i, ++domains_) {
    xenmon_domain& domain = domain_table_.emplace_back();
    domain.flags = XENMON_DOMAIN_IN_USE;
    domain.domid = domains_;
    domain.uid = domains_ + 1;
    vcpu_table_[domains_].flags = XENMON_VCPU_IN_USE;
    vcpu_table_[domains_].domain_slot = domains_;
  }
}

void StressWriter::publish() {
  ++number_;
  for (std::uint32_t slot = 0; slot < domains_; ++slot) {
    xenmon_domain& domain = domain_table_[slot];
    put_text(domain.name, "sample " + std::to_string(number_));
    domain.io_map = mix(number_) + slot * kIoCounts;
    domain.io_unmap = domain.io_map + 1;
    domain.io_transfer = domain.io_map + 2;
    domain.io_copy = domain.io_map + 3;
  }
  for (xenmon_pcpu& pcpu : pcpu_table_) pcpu.records = number_ + domains_;
  fill_rows(rows_, life_, number_, shape_);
  fill_io_rows(io_rows_, life_, number_, shape_);
  Snapshot snapshot;
  snapshot.pcpus = pcpu_table_;
  snapshot.domains = domain_table_;
  snapshot.vcpus = vcpu_table_;
  snapshot.sample = {.start_ns = start_ns(life_, number_, shape_),
                     .end_ns = start_ns(life_, number_, shape_) + shape_.sample_ns,
                     .lost_records = mix(number_),
                     .records = number_,
                     .rows = rows_,
                     .io_rows = io_rows_,
                     .domain_rows = {}};
  const Status done = image_->publish(snapshot);
  ASSERT_TRUE(done) << done.error().message;
  ++published_;
  if (published_ % 256 == 0) image_->heartbeat(published_, 0);
}

void write_until_read(StressWriter& writer, StressBoard& board, std::uint64_t grow_every,
                      const std::function<bool()>& failed) {
  std::uint64_t next_growth = grow_every;
  std::uint64_t burst = 1;
  while (!testing::Test::HasFatalFailure()) {
    burst = burst % 61 + 7; // 8 ... 67
    for (std::uint64_t i = 0; i < burst; ++i) writer.publish();
    if (grow_every != 0 && writer.published() >= next_growth) {
      next_growth += grow_every;
      if (writer.domains() < kMostDomains) {
        writer.grow();
      } else {
        writer.start_again_at();
      }
    }
    board.published.store(writer.published(), std::memory_order_release);
    // The readers' turn, unless all of them are ahead of us anyway.
    for (std::uint64_t spins = 0;; ++spins) {
      bool all_done = true;
      bool all_ahead = true;
      for (const StressTally& tally : board.tallies) {
        if (tally.done.load(std::memory_order_acquire)) continue;
        all_done = false;
        all_ahead = all_ahead && tally.attempts.load(std::memory_order_relaxed) + burst >= writer.published();
      }
      if (all_done) return;
      if (all_ahead) break;
      if (spins % 1024 == 1023 && failed()) return;
      sched_yield();
    }
  }
}

// ---- reading

std::uint64_t StressReader::next_random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

void StressReader::read(const RegionReader& reader) {
  const std::uint64_t newest = reader.newest_sample();
  if (newest < newest_seen_) ++tally_.backwards;
  newest_seen_ = newest;
  const std::uint64_t capacity = reader.header().sample.capacity;
  const std::uint64_t random = next_random();
  // Mostly where the writer is at work: the newest, and what is just being overwritten.
  std::uint64_t number = newest;
  switch (random % 4) {
    case 0:
      break;
    case 1:
      number = newest + 1;
      break;
    case 2:
      if (newest >= capacity) number = newest - capacity + 1 + (random >> 8) % 3;
      break;
    default:
      number = newest - std::min(newest, (random >> 8) % capacity);
      break;
  }
  switch (reader.read_sample(number, sample_)) {
    case ReadOutcome::kGone:
      ++tally_.gone;
      break;
    case ReadOutcome::kDamaged:
      ++tally_.damaged;
      break;
    case ReadOutcome::kCopied:
      ++tally_.samples;
      if (!whole(number, sample_)) ++tally_.torn_samples;
      break;
  }
  if (random >> 60 == 0) {
    if (!reader.read_tables(tables_)) {
      ++tally_.tables_missed;
    } else {
      ++tally_.tables;
      if (!whole(tables_)) ++tally_.torn_tables;
    }
  }
}

bool StressReader::whole(std::uint64_t number, SampleCopy& copy) const {
  thread_local std::vector<xenmon_row> rows;
  thread_local std::vector<xenmon_io_row> io_rows;
  const xenmon_sample& head = copy.head();
  const std::uint64_t life = head.start_ns / kLifeNs;
  if (head.seq != number || head.start_ns != start_ns(life, number, shape_) ||
      head.end_ns != head.start_ns + shape_.sample_ns || head.lost_records != mix(number) ||
      head.records != number || head.row_count != shape_.rows || head.io_row_count != shape_.io_rows) {
    return false;
  }
  fill_rows(rows, life, number, shape_);
  fill_io_rows(io_rows, life, number, shape_);
  return std::memcmp(rows.data(), copy.rows().data(), rows.size() * sizeof(xenmon_row)) == 0 &&
         std::memcmp(io_rows.data(), copy.io_rows().data(), io_rows.size() * sizeof(xenmon_io_row)) == 0;
}

// All domains are as of one sample, and so are all pCPUs.
bool StressReader::whole(const TablesCopy& tables) const {
  if (tables.domains.empty()) return true; // nothing published yet
  std::uint64_t number = 0;
  const char* digits = tables.domains[0].name + 7;
  std::from_chars(digits, tables.domains[0].name + XENMON_NAME_BYTES, number);
  std::uint64_t expected = mix(number);
  for (const xenmon_domain& domain : tables.domains) {
    if (domain.flags != XENMON_DOMAIN_IN_USE ||
        std::memcmp(domain.name, tables.domains[0].name, XENMON_NAME_BYTES) != 0 ||
        domain.io_map != expected || domain.io_unmap != expected + 1 || domain.io_transfer != expected + 2 ||
        domain.io_copy != expected + 3) {
      return false;
    }
    expected += kIoCounts;
  }
  if (tables.pcpus.size() != kPcpus) return false;
  return std::all_of(tables.pcpus.begin(), tables.pcpus.end(), [&](const xenmon_pcpu& pcpu) {
    return pcpu.seen == 1 && pcpu.records == number + tables.domains.size();
  });
}

namespace {

// After each attempt: so that the writer and the readers stay together.
void keep_pace(StressBoard& board, StressTally& tally) {
  const std::uint64_t attempts = tally.attempts.load(std::memory_order_relaxed) + 1;
  tally.attempts.store(attempts, std::memory_order_relaxed);
  while (attempts > (board.published.load(std::memory_order_acquire) + 64) * kReadsPerSample) sched_yield();
}

} // namespace

void read_there(const RegionReader& region, const StressShape& shape, StressBoard& board, std::size_t self,
                std::uint64_t samples) {
  StressTally& tally = board.tallies[self];
  StressReader reader(shape, tally, self + 1);
  while (tally.samples < samples) {
    reader.read(region);
    keep_pace(board, tally);
  }
  tally.done.store(true, std::memory_order_release);
}

void read_at_path(const std::string& path, const StressShape& shape, StressBoard& board, std::size_t self,
                  std::uint64_t samples) {
  StressTally& tally = board.tallies[self];
  Attachment attachment(path);
  StressReader reader(shape, tally, self + 1);
  while (tally.samples < samples || tally.superseded == 0 || tally.restarted < 2) {
    if (tally.attempts.load(std::memory_order_relaxed) % 64 == 0 || attachment.reader() == nullptr) {
      switch (attachment.poll()) {
        case Attachment::Change::kNone:
          break;
        case Attachment::Change::kSuperseded:
          ++tally.superseded;
          reader.forget();
          break;
        case Attachment::Change::kNewDaemon:
          ++tally.restarted;
          reader.forget();
          break;
      }
    }
    if (attachment.reader() == nullptr) { // not yet
      sched_yield();
      continue;
    }
    reader.read(*attachment.reader());
    keep_pace(board, tally);
  }
  tally.done.store(true, std::memory_order_release);
}

} // namespace xenmon::test
