// SPDX-License-Identifier: GPL-2.0-or-later
//
// XenMon's buckets of durations as Prometheus has them.
//
// Durations are whole nanoseconds, so our bucket [lower, upper) is Prometheus' (.., upper - 1 ns]. A bucket
// is never divided over several of Prometheus': its parts would have to be guessed again at each scrape, and
// a counter could fall.
//
//   - Classic histograms have kClassicBounds upper bounds. They are powers of two of nanoseconds, less one,
//     where our buckets end, too: their counts are exact.
//   - Native histograms have schema 5, 32 buckets for each power of two: bucket i is (2^((i-1)/32), 2^(i/32)]
//     seconds. Each of our buckets, of which there are 16 for each power of two, is the native one that its
//     midpoint is in. No two of ours are the same native one. With the other half of a bucket's width this
//     makes a quantile at most 1/16 wrong, as XenMon's own are.
#ifndef XENMON_XENMON_EXPORT_BUCKET_BOUNDS_H
#define XENMON_XENMON_EXPORT_BUCKET_BOUNDS_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "xenmon/region.h"

namespace xenmon {

inline constexpr std::int32_t kNativeSchema = 5;
// What Prometheus' own clients use: nothing that is not 0 is below it.
inline constexpr double kNativeZeroThreshold = 0x1p-128;

// By bucket of xenmon/region.h. Ascending.
std::span<const std::int32_t, XENMON_HIST_BUCKETS> native_buckets();

inline constexpr std::size_t kClassicBounds = 12;
struct ClassicBound {
  std::uint32_t buckets; // how many of ours are at or below it
  double seconds;
  std::string label; // as the value of `le`, the same in all formats
};
// Ascending, from 1.023 us to 1.07 s, closest together where schedulers' time slices are. +Inf is not among
// them.
std::span<const ClassicBound, kClassicBounds> classic_bounds();

// The mean of the shortest and the longest duration in a bucket, in ns. The last bucket also has what is
// longer than all buckets: it counts as if it ended where its octave does.
double bucket_midpoint_ns(std::uint32_t bucket);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_BUCKET_BOUNDS_H
