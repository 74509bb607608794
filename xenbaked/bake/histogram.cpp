// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/histogram.h"

#include <algorithm>

#include "base/quantile.h"

namespace xenmon {

namespace {

std::uint64_t quantile(const std::array<std::uint64_t, XENMON_HIST_BUCKETS>& counts, std::uint64_t total,
                       std::uint64_t percent, std::uint64_t max) {
  const std::uint64_t rank = quantile_rank(total, percent);
  std::uint64_t below = 0;
  for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
    if (below + counts[bucket] >= rank) return quantile_in_bucket(bucket, rank - below, counts[bucket], max);
    below += counts[bucket];
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
