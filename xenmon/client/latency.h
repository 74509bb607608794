// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long waits and executions took, as distributions: since the daemon began, and recently.
//
// The region's histograms only ever grow. What is recent is the difference to what they were, taken at each
// look: so it is as old as the looks reach back, and the first look knows nothing recent.
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

// Which lines of 16 buckets may have a count, a bit for each: what is in no line is not looked at.
using Lines = std::uint32_t;

// Counts by the buckets of xenmon/region.h, and the longest in ns: exact for what is since the start,
// the end of the last bucket in use for what is recent.
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
  // What the recent part reaches back. Forgets everything.
  void set_window(std::uint64_t length_ns);
  void clear();

  // Looks at all vCPUs in use but the idle ones, as of trace time now_ns. `tables` has the vCPUs and is of
  // the same region.
  void look(const RegionReader& reader, const TablesCopy& tables, std::uint64_t now_ns);

  // Adds one of a vCPU slot: nothing for one that was not there at the last look.
  void add_since_start(std::uint32_t slot, Spread spread, Distribution& sum) const;
  void add_recent(std::uint32_t slot, Spread spread, Distribution& sum) const;
  // What is recent is of this: 0 after the first look.
  std::uint64_t recent_ns() const;

 private:
  // How often one more was counted in a bucket between two looks.
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
    std::uint64_t uid = 0; // of its domain; 0: nobody
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
