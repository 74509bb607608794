// SPDX-License-Identifier: GPL-2.0-or-later
//
// How much ran and waited over the last minutes, one point per second of the trace: the data of the graphs.
#ifndef XENMON_XENMON_MODEL_TREND_H
#define XENMON_XENMON_MODEL_TREND_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/history.h"

namespace xenmon {

// From 0 to 1. For a domain: of its online vCPUs' time. For the host: running, of the pCPUs' time; waiting,
// of all domains' vCPUs' time.
struct TrendPoint {
  float running = 0;
  float waiting = 0;
};

class Trend {
 public:
  // As many points as the widest graph has columns.
  static constexpr std::size_t kPoints = 256;

  // A domain's recent activity.
  struct Lately {
    std::uint64_t uid = 0;
    MetricSums sums;
  };
  // Adds one point for the host and for each of these domains; the others are forgotten. pcpu_ns is the time
  // that the pCPUs had meanwhile.
  void add(std::span<const Lately> domains, std::uint64_t pcpu_ns);
  void clear();

  std::span<const TrendPoint> host() const { return host_; } // oldest first
  std::span<const TrendPoint> domain(std::uint64_t uid) const;

 private:
  struct OfDomain {
    std::vector<TrendPoint> points;
    std::uint64_t round = 0; // of its newest point
  };

  std::vector<TrendPoint> host_;
  std::unordered_map<std::uint64_t, OfDomain> domains_; // by uid
  std::uint64_t round_ = 0;
};

// Bars of `width` columns from the newest points, right-aligned; row 0 of `height` is the top one. Each
// value is from 0 to 1.
enum class TrendPart { kRunning, kWaiting };
std::u32string trend_row(std::span<const TrendPoint> points, TrendPart part, std::size_t width, int row,
                         int height, bool unicode);
// A column that is filled to a part of its height, from 0 to 1, in the same way.
char32_t bar_cell(double fraction, int row, int height, bool unicode);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_TREND_H
