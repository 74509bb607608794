// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long something took, as counts in the buckets that include/xenmon/region.h defines.
#ifndef XENMON_XENBAKED_BAKE_HISTOGRAM_H
#define XENMON_XENBAKED_BAKE_HISTOGRAM_H

#include <array>
#include <cstdint>
#include <span>

#include "xenmon/region.h"

namespace xenmon {

class Histogram {
 public:
  // Buckets that share one bit of dirty(): a cache line of 32-bit counters.
  static constexpr std::uint32_t kBucketsPerLine = XENMON_HIST_LINE_BUCKETS;
  static constexpr std::uint32_t kLines = XENMON_HIST_BUCKETS / kBucketsPerLine;
  static_assert(XENMON_HIST_BUCKETS % kBucketsPerLine == 0 && kLines <= 32);

  [[gnu::always_inline]] void add(std::uint64_t ns) {
    const std::uint32_t bucket = xenmon_hist_bucket(ns);
    ++counts_[bucket];
    dirty_ |= 1U << (bucket / kBucketsPerLine);
    sum_ns_ += ns;
    if (ns > max_) max_ = ns;
  }

  [[nodiscard]] std::span<const std::uint32_t, XENMON_HIST_BUCKETS> counts() const { return counts_; }
  // The longest, exactly; 0 if there is none.
  [[nodiscard]] std::uint64_t max() const { return max_; }

  [[nodiscard]] std::uint64_t sum_ns() const { return sum_ns_; }

  // Lines changed since the last clean(), one bit each.
  [[nodiscard]] std::uint32_t dirty() const { return dirty_; }
  // Lines that have any count, of those that are clean and those that are not.
  [[nodiscard]] std::uint32_t used() const { return used_ | dirty_; }
  void clean() {
    used_ |= dirty_;
    dirty_ = 0;
  }

 private:
  std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts_{};
  std::uint64_t max_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint32_t dirty_ = 0;
  std::uint32_t used_ = 0;
};

struct Percentiles {
  std::uint64_t p50 = 0;
  std::uint64_t p95 = 0;
  std::uint64_t p99 = 0;
  std::uint64_t max = 0;
};

// Over all the histograms together: the duration that p percent do not exceed, interpolated within its bucket
// (so at most 1/16 off) and never above the exact maximum. All 0 if they are empty.
Percentiles percentiles(std::span<const Histogram* const> histograms);

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_HISTOGRAM_H
