// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/histogram.h"

#include <algorithm>

namespace xenmon {

namespace {

std::uint64_t quantile(const std::array<std::uint64_t, XENMON_HIST_BUCKETS>& counts, std::uint64_t total,
                       std::uint64_t percent, std::uint64_t max) {
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
        bucket + 1 < XENMON_HIST_BUCKETS ? xenmon_hist_lower(bucket + 1) : std::max(max, lower);
    const double within = static_cast<double>(rank - below) / static_cast<double>(counts[bucket]);
    const auto value = lower + static_cast<std::uint64_t>(static_cast<double>(upper - lower) * within);
    return std::min(value, max);
  }
  return max;
}

} // namespace

Percentiles percentiles(std::span<const Histogram* const> histograms) {
  std::array<std::uint64_t, XENMON_HIST_BUCKETS> counts{};
  std::uint64_t total = 0;
  Percentiles result;
  for (const Histogram* histogram : histograms) {
    result.max = std::max(result.max, histogram->max());
    for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
      counts[bucket] += histogram->counts()[bucket];
      total += histogram->counts()[bucket];
    }
  }
  if (total == 0) return result;
  result.p50 = quantile(counts, total, 50, result.max);
  result.p95 = quantile(counts, total, 95, result.max);
  result.p99 = quantile(counts, total, 99, result.max);
  return result;
}

} // namespace xenmon
