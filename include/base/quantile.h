// SPDX-License-Identifier: MIT
//
// The duration that a given share of the durations in a histogram do not exceed. One rule for the daemon's
// totals and for the screen.
#ifndef XENMON_QUANTILE_H
#define XENMON_QUANTILE_H

#include <algorithm>
#include <cstdint>

#include "xenmon/region.h"

namespace xenmon {

// The rank, from 1: the smallest that covers `percent` of the durations.
inline std::uint64_t quantile_rank(std::uint64_t total, std::uint64_t percent) {
  return std::max<std::uint64_t>((total * percent + 99) / 100, 1);
}

// In ns: the duration of rank `within`, from 1, among the `count` in a bucket. Interpolated (so at most 1/16
// off), and never above `max_ns`, the longest of the whole histogram.
inline std::uint64_t quantile_in_bucket(std::uint32_t bucket, std::uint64_t within, std::uint64_t count,
                                        std::uint64_t max_ns) {
  const std::uint64_t lower = xenmon_hist_lower(bucket);
  const std::uint64_t upper =
      bucket + 1 < XENMON_HIST_BUCKETS ? xenmon_hist_lower(bucket + 1) : std::max(max_ns, lower);
  const double part = static_cast<double>(within) / static_cast<double>(count);
  const auto value = lower + static_cast<std::uint64_t>(static_cast<double>(upper - lower) * part);
  return std::min(value, max_ns);
}

} // namespace xenmon

#endif // XENMON_QUANTILE_H
