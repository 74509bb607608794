// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long waits and executions took, as distributions: since the daemon began, and recently.
//
// The region's histograms only grow. What is recent is the difference to earlier counts, taken at each look.
// So it reaches back as far as the looks do, and at the first look there is nothing recent.
#ifndef XENMON_XENMON_CLIENT_LATENCY_H
#define XENMON_XENMON_CLIENT_LATENCY_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "client/region_reader.h"

namespace xenmon {

enum class Spread { kWakeWait, kPreemptWait, kRun };
inline constexpr std::size_t kSpreads = 3;

// Which lines of 16 buckets may have a count, one bit each: buckets in no such line are not examined.
using Lines = std::uint32_t;

// Counts by the buckets of xenmon/region.h, and the longest in ns: exact since the start, the end of the last
// bucket in use for recent counts.
struct Distribution {
  std::array<std::uint64_t, XENMON_HIST_BUCKETS> counts = {};
  Lines lines = 0;
  std::uint64_t max_ns = 0;

  void add(std::uint32_t bucket, std::uint64_t count);
  void clear();
};
using Distributions = std::array<Distribution, kSpreads>; // by Spread

struct Quantiles {
  std::uint64_t count = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p95_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
};
Quantiles quantiles(const Distribution& distribution);

class LatencyHistory {
 public:
  // How far the recent part reaches back. Forgets everything.
  void set_window(std::uint64_t length_ns);
  void clear();

  // Looks at all vCPUs in use except the idle ones, as of trace time now_ns. `tables` has the vCPUs and comes
  // from the same region.
  void look(const RegionReader& reader, const TablesCopy& tables, std::uint64_t now_ns);

  // Adds the distribution of a vCPU slot; nothing if it was not there at the last look.
  void add_since_start(std::uint32_t slot, Spread spread, Distribution& sum) const;
  void add_recent(std::uint32_t slot, Spread spread, Distribution& sum) const;
  // Length of time that the recent part covers: 0 after the first look.
  std::uint64_t recent_ns() const;

 private:
  // By how much the count of a bucket grew between two looks.
  struct Growth {
    std::uint32_t slot;
    std::uint16_t spread;
    std::uint16_t bucket;
    std::uint32_t count;
  };
  struct Look {
    std::uint64_t start_ns = 0;
    std::uint64_t end_ns = 0;
    std::vector<Growth> growth;
  };
  struct Vcpu {
    std::uint64_t uid = 0; // of its domain; 0: not in use
    std::uint32_t vcpu_id = 0;
    xenmon_histograms last = {};
    xenmon_histograms recent = {};
    std::array<Lines, kSpreads> lines = {}; // in use in either
    std::array<std::uint64_t, kSpreads> max_ns = {};
  };

  void forget(std::uint32_t slot);
  void leave(const Look& look);

  std::uint64_t window_ns_ = 10'000'000'000;
  std::uint64_t last_look_ns_ = 0;
  bool looked_ = false;
  std::vector<std::unique_ptr<Vcpu>> vcpus_; // by slot
  std::vector<Look> looks_;                  // oldest first
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_LATENCY_H
