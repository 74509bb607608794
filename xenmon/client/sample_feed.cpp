// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/sample_feed.h"

#include <algorithm>

namespace xenmon {
namespace {

// Row times are 32 bits wide, so a longer sample is impossible.
constexpr std::uint64_t kLongestSampleNs = UINT32_MAX;

// The lowest number that the ring can still hold.
std::uint64_t oldest_number(const RegionReader& reader) {
  const std::uint64_t newest = reader.newest_sample();
  const std::uint64_t capacity = reader.header().sample.capacity;
  return newest > capacity ? newest - capacity + 1 : 1;
}

} // namespace

void SampleFeed::start(const RegionReader& reader, From from) {
  directory_.clear();
  missed_pending_ = missed_total_ = damaged_ = 0;
  last_end_ns_ = 0;
  if (from == From::kNow && reader.newest_sample() > 0) {
    next_ = reader.newest_sample() + 1;
    xenmon_sample head;
    if (reader.read_sample_head(next_ - 1, head) == ReadOutcome::kCopied) last_end_ns_ = head.end_ns;
  } else {
    rewind(reader);
  }
}

void SampleFeed::resume(const RegionReader& reader) {
  // Numbers may start again in a new file; the trace clock goes on.
  const std::uint64_t oldest = oldest_number(reader);
  next_ = reader.newest_sample() + 1;
  while (next_ > oldest) {
    xenmon_sample head;
    if (reader.read_sample_head(next_ - 1, head) != ReadOutcome::kCopied) break;
    if (head.start_ns < last_end_ns_) break;
    --next_;
  }
}

void SampleFeed::rewind(const RegionReader& reader) {
  next_ = oldest_number(reader);
  missed_pending_ = 0;
  // What the daemon dropped before we attached, for whatever reason, was not missed by us.
  xenmon_sample head;
  while (next_ < reader.newest_sample() && reader.read_sample_head(next_, head) == ReadOutcome::kGone)
    ++next_;
}

void SampleFeed::rewind(const RegionReader& reader, std::uint64_t from_ns) {
  const std::uint64_t oldest = oldest_number(reader);
  next_ = reader.newest_sample() + 1;
  missed_pending_ = 0;
  xenmon_sample head;
  while (next_ > oldest && reader.read_sample_head(next_ - 1, head) == ReadOutcome::kCopied &&
         head.start_ns >= from_ns) {
    --next_;
  }
}

std::uint64_t SampleFeed::drain(const RegionReader& reader, SampleSink& sink, std::uint64_t most) {
  const std::uint64_t newest = reader.newest_sample();
  if (newest < next_) return 0;
  // The tables are read after the newest number and before the samples: a slot is not reused while a sample
  // that refers to it is still there, so these tables fit every sample that can be read below.
  if (!reader.read_tables(tables_, vcpus_ == Vcpus::kResolve)) return 0;
  directory_.update(tables_.domains, last_end_ns_);
  pcpu_limit_ = reader.header().pcpu.capacity;

  const std::uint64_t oldest = std::max(next_, oldest_number(reader));
  missed_pending_ += oldest - next_;
  missed_total_ += oldest - next_;
  next_ = oldest;
  // Counted down: `newest` is what the region claims, and may be the largest possible number.
  const std::uint64_t count = std::min(newest - oldest + 1, most);
  for (std::uint64_t left = count; left > 0; --left, ++next_) {
    switch (reader.read_sample(next_, copy_)) {
      case ReadOutcome::kGone:
        ++missed_pending_;
        ++missed_total_;
        break;
      case ReadOutcome::kDamaged:
        ++damaged_;
        break;
      case ReadOutcome::kCopied:
        hand_on(sink);
        break;
    }
  }
  return count;
}

void SampleFeed::hand_on(SampleSink& sink) {
  const xenmon_sample& head = copy_.head();
  if (head.end_ns <= head.start_ns || head.end_ns - head.start_ns > kLongestSampleNs) {
    ++damaged_;
    return;
  }
  const std::uint64_t length_ns = head.end_ns - head.start_ns;

  const auto rows = copy_.rows();
  std::size_t kept = 0;
  for (xenmon_row& row : rows) {
    const DomainIndex domain = directory_.find(row.domain_slot);
    if (domain == kNoDomain || !believable(row, length_ns) || !resolve_vcpu(row)) {
      ++damaged_;
      continue;
    }
    rows[kept] = row;
    rows[kept++].domain_slot = domain;
  }
  const auto io_rows = copy_.io_rows();
  std::size_t kept_io = 0;
  for (const xenmon_io_row& row : io_rows) {
    const DomainIndex domain = directory_.find(row.domain_slot);
    if (domain == kNoDomain) {
      ++damaged_;
      continue;
    }
    io_rows[kept_io] = row;
    io_rows[kept_io++].domain_slot = domain;
  }
  const auto domain_rows = copy_.domain_rows();
  std::size_t kept_domains = 0;
  for (const xenmon_domain_row& row : domain_rows) {
    const DomainIndex domain = directory_.find(row.domain_slot);
    if (domain == kNoDomain || !believable(row, length_ns)) {
      ++damaged_;
      continue;
    }
    domain_rows[kept_domains] = row;
    domain_rows[kept_domains++].domain_slot = domain;
  }

  Sample sample;
  sample.start_ns = head.start_ns;
  sample.end_ns = head.end_ns;
  sample.lost_records = head.lost_records;
  sample.missed_before = missed_pending_;
  sample.rows = rows.first(kept);
  sample.io_rows = io_rows.first(kept_io);
  sample.domain_rows = domain_rows.first(kept_domains);
  missed_pending_ = 0;
  last_end_ns_ = head.end_ns;
  sink.add(sample);
}

// Before the row's domain_slot is replaced.
bool SampleFeed::resolve_vcpu(xenmon_row& row) const {
  if (vcpus_ == Vcpus::kLeave) return true;
  if (row.vcpu_slot >= tables_.vcpus.size()) return false;
  const xenmon_vcpu& vcpu = tables_.vcpus[row.vcpu_slot];
  if ((vcpu.flags & XENMON_VCPU_IN_USE) == 0 || vcpu.domain_slot != row.domain_slot) return false;
  row.vcpu_slot = vcpu.vcpu_id;
  return true;
}

bool SampleFeed::believable(const xenmon_row& row, std::uint64_t length_ns) const {
  const std::uint64_t sum = std::uint64_t{row.running_ns} + row.waited_wake_ns + row.waited_preempt_ns +
                            row.blocked_ns + row.offline_ns + row.unknown_ns;
  return sum <= length_ns && (row.pcpu == XENMON_NO_PCPU || row.pcpu < pcpu_limit_);
}

bool SampleFeed::believable(const xenmon_domain_row& row, std::uint64_t length_ns) {
  const std::uint64_t sum = std::uint64_t{row.full_run_ns} + row.partial_run_ns + row.full_contention_ns +
                            row.partial_contention_ns + row.concurrency_hazard_ns + row.blocked_ns +
                            row.unknown_ns;
  return sum <= length_ns;
}

} // namespace xenmon
