// SPDX-License-Identifier: GPL-2.0-or-later
//
// The states among which a vCPU's time is divided.
#ifndef XENMON_XENBAKED_BAKE_BUCKETS_H
#define XENMON_XENBAKED_BAKE_BUCKETS_H

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenmon {

// Where a vCPU's time goes: its runstate, with runnable split by what was before it.
enum Bucket : std::uint8_t { kRunning, kWaitWake, kWaitPreempt, kBlocked, kOffline, kUnknown };
inline constexpr std::size_t kBuckets = 6;
using Times = std::array<std::uint64_t, kBuckets>; // ns

constexpr bool is_wait(Bucket bucket) {
  return bucket == kWaitWake || bucket == kWaitPreempt;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_BUCKETS_H
