// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hands on each new sample of a region exactly once and in order, checked, with the domains resolved.
#ifndef XENMON_XENMON_CLIENT_SAMPLE_FEED_H
#define XENMON_XENMON_CLIENT_SAMPLE_FEED_H

#include <cstdint>
#include <span>

#include "client/domain_directory.h"
#include "client/region_reader.h"

namespace xenmon {

// A sample that passed the checks: start_ns < end_ns, in every row domain_slot has been replaced by a
// DomainIndex that exists, and no time is longer than the sample. If the feed resolves vCPUs, vcpu_slot has
// been replaced by the vCPU's number in its domain.
struct Sample {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t lost_records = 0;
  std::uint64_t missed_before = 0; // samples between the previous one handed on and this one
  std::span<const xenmon_row> rows;
  std::span<const xenmon_io_row> io_rows;
  std::span<const xenmon_domain_row> domain_rows;

  std::uint64_t length_ns() const { return end_ns - start_ns; }
};

class SampleSink {
 public:
  virtual ~SampleSink() = default;
  virtual void add(const Sample& sample) = 0; // the spans are valid during the call only
};

class SampleFeed {
 public:
  enum class From {
    kOldest, // everything that the region still holds
    kNow,    // only new samples
  };

  enum class Vcpus { kLeave, kResolve };

  explicit SampleFeed(DomainDirectory& directory, Vcpus vcpus = Vcpus::kLeave)
      : directory_(directory), vcpus_(vcpus) {}

  // Starts with a region of a daemon that was not read before.
  void start(const RegionReader& reader, From from);
  // Continues in another file of the same daemon, after the last sample that was handed on.
  void resume(const RegionReader& reader);
  // Goes back to the oldest sample that the region still holds, for a sink that starts again.
  void rewind(const RegionReader& reader);
  // The same, but not before the oldest of the samples that begin at `from_ns` or later without a gap up to
  // the newest.
  void rewind(const RegionReader& reader, std::uint64_t from_ns);

  // All samples that are new since the last call, but not more than `most`. None if the daemon keeps writing
  // its tables; they come with the next call. Returns how many have been handed on or skipped.
  std::uint64_t drain(const RegionReader& reader, SampleSink& sink, std::uint64_t most = UINT64_MAX);

  // Number of the last sample that was handed on or skipped for good; 0 before the first.
  std::uint64_t passed() const { return next_ - 1; }
  // The tables as of the last drain() that found a new sample.
  const TablesCopy& tables() const { return tables_; }
  const DomainDirectory& directory() const { return directory_; }

  // Totals since start().
  std::uint64_t missed_samples() const { return missed_total_; }
  // Samples and rows that made no sense and were skipped.
  std::uint64_t damaged() const { return damaged_; }

 private:
  void hand_on(SampleSink& sink);
  bool believable(const xenmon_row& row, std::uint64_t length_ns) const;
  static bool believable(const xenmon_domain_row& row, std::uint64_t length_ns);
  bool resolve_vcpu(xenmon_row& row) const;

  DomainDirectory& directory_;
  Vcpus vcpus_;
  TablesCopy tables_;
  SampleCopy copy_;
  std::uint64_t next_ = 1;        // number of the first sample not yet handed on
  std::uint64_t last_end_ns_ = 0; // trace time up to which all was handed on
  std::uint32_t pcpu_limit_ = 0;  // pCPU ids are below this
  std::uint64_t missed_pending_ = 0;
  std::uint64_t missed_total_ = 0;
  std::uint64_t damaged_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_SAMPLE_FEED_H
