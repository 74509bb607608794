// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/histogram.h"

#include <algorithm>

#include "xenmon/quantile.h"

namespace xenmon {

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
