// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/bucket_bounds.h"

#include <cmath>

#include "export/encoder.h"

namespace xenmon {
namespace {

// 2^23 and 2^25 ns because slices of 10 and 30 ms are between their neighbours.
constexpr std::array<unsigned, kClassicBounds> kPowers = {10, 12, 14, 16, 18, 20, 22, 23, 24, 25, 27, 30};

std::array<std::int32_t, XENMON_HIST_BUCKETS> make_native() {
  std::array<std::int32_t, XENMON_HIST_BUCKETS> of = {};
  for (std::uint32_t bucket = 0; bucket < of.size(); ++bucket) {
    const double octaves = std::log2(bucket_midpoint_ns(bucket) / 1e9);
    of[bucket] = static_cast<std::int32_t>(std::ceil(octaves * (1 << kNativeSchema)));
  }
  return of;
}

std::array<ClassicBound, kClassicBounds> make_classic() {
  std::array<ClassicBound, kClassicBounds> bounds;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const std::uint64_t end_ns = std::uint64_t{1} << kPowers[i];
    bounds[i].buckets = xenmon_hist_bucket(end_ns);
    bounds[i].seconds = static_cast<double>(end_ns - 1) / 1e9;
    Amount::real(bounds[i].seconds).append_to(bounds[i].label);
  }
  return bounds;
}

} // namespace

double bucket_midpoint_ns(std::uint32_t bucket) {
  const std::uint64_t end = bucket + 1 < XENMON_HIST_BUCKETS ? xenmon_hist_lower(bucket + 1)
                                                             : std::uint64_t{1} << XENMON_HIST_LAST_BITS;
  return static_cast<double>(xenmon_hist_lower(bucket) + end - 1) / 2;
}

std::span<const std::int32_t, XENMON_HIST_BUCKETS> native_buckets() {
  static const auto kNative = make_native();
  return kNative;
}

std::span<const ClassicBound, kClassicBounds> classic_bounds() {
  static const auto kClassic = make_classic();
  return kClassic;
}

} // namespace xenmon
