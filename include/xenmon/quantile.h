// SPDX-License-Identifier: MIT
//
// The duration that a part of all those in a histogram do not exceed; one rule for the daemon's totals and
// for the screen.
#ifndef XENMON_QUANTILE_H
#define XENMON_QUANTILE_H

#include <algorithm>
#include <cstdint>
#include <span>

#include "xenmon/region.h"

namespace xenmon {

// In ns, interpolated within its bucket (so at most 1/16 off) and never above `max_ns`, the longest.
// `total` is the sum of the counts and not 0; `percent` is from 0 to 100.
inline std::uint64_t quantile(std::span<const std::uint64_t, XENMON_HIST_BUCKETS> counts, std::uint64_t total,
                              std::uint64_t percent, std::uint64_t max_ns) {
  // The rank of the wanted one, from 1: the smallest that covers `percent` of them.
  const std::uint64_t rank = std::max<std::uint64_t>((total * percent + 99) / 100, 1);
  std::uint64_t below = 0;
  for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
    if (below + counts[bucket] < rank) {
      below += counts[bucket];
      continue;
    }
    const std::uint64_t lower = xenmon_hist_lower(bucket);
    const std::uint64_t upper =
        bucket + 1 < XENMON_HIST_BUCKETS ? xenmon_hist_lower(bucket + 1) : std::max(max_ns, lower);
    const double within = static_cast<double>(rank - below) / static_cast<double>(counts[bucket]);
    const auto value = lower + static_cast<std::uint64_t>(static_cast<double>(upper - lower) * within);
    return std::min(value, max_ns);
  }
  return max_ns;
}

} // namespace xenmon

#endif // XENMON_QUANTILE_H
