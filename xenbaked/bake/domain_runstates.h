// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a domain as a whole does, by what its vCPUs do at the same time. The states are those of xenalyze's
// domain_runstate() and of XenServer's runstate_* metrics; include/xenmon/region.h says what each means.
//
// DomainRunstates is for a domain with several vCPUs. What a domain with one vCPU does, that vCPU's own times
// say; so they also have what is learned later about an earlier time. Here time counts as it passes: as
// unknown while any vCPU's state is unknown, whatever may be learned later.
//
// changed() runs for nearly every record. The rest runs at the ends of samples, or seldom.
#ifndef XENMON_XENBAKED_BAKE_DOMAIN_RUNSTATES_H
#define XENMON_XENBAKED_BAKE_DOMAIN_RUNSTATES_H

#include <array>
#include <cstddef>
#include <cstdint>

#include "bake/buckets.h"

namespace xenmon {

enum DomainState : std::uint8_t {
  kFullRun,           // all run
  kPartialRun,        // some run, the others are blocked or offline
  kFullContention,    // all wait
  kPartialContention, // some wait, the others are blocked or offline
  kConcurrencyHazard, // some run while others wait
  kAllBlocked,        // all are blocked or offline
  kStateUnknown,      // the state of at least one is unknown
};
inline constexpr std::size_t kDomainStates = 7;
using DomainTimes = std::array<std::uint64_t, kDomainStates>; // ns

// The times of a domain that has one vCPU with these times.
[[nodiscard]] DomainTimes domain_times_of(const Times& vcpu);

class DomainRunstates {
 public:
  // The domain has no vCPU so far, and its time begins at `now`.
  explicit DomainRunstates(std::uint64_t now) { times_[0] = 0 - now; }

  // The domain has a further vCPU, in that state. At most 32,767 of them.
  void add(Bucket bucket, std::uint64_t now) { count(kOne[bucket], now); }
  // One of them changes its state. `now` never goes back.
  [[gnu::always_inline]] void changed(Bucket from, Bucket to, std::uint64_t now) {
    count(kOne[to] - kOne[from], now);
  }

  // The time since the last take(), or since the beginning. No time has passed after it.
  [[nodiscard]] DomainTimes take(std::uint64_t now);
  // What has been known since the last take() turns out to be doubtful: all of it is unknown.
  void doubt(std::uint64_t now);

 private:
  // How many vCPUs are in each group of states, in 16 bits each: running, waiting, blocked or offline,
  // unknown.
  static constexpr std::uint64_t kRun = 1;
  static constexpr std::uint64_t kWait = std::uint64_t{1} << 16;
  static constexpr std::uint64_t kRest = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kUnclear = std::uint64_t{1} << 48;
  static constexpr std::array<std::uint64_t, kBuckets> kOne{kRun, kWait, kWait, kRest, kRest, kUnclear};

  // Which of the four are not 0, as bits 0 to 3.
  static constexpr std::size_t groups_of(std::uint64_t counts) {
    constexpr std::uint64_t kTops = 0x8000'8000'8000'8000;
    // Any count but 0 reaches the top bit; the product has the four of them, in order, at its upper end.
    const std::uint64_t tops = (counts + (kTops - 0x0001'0001'0001'0001)) & kTops;
    return static_cast<std::size_t>((tops * 0x2000'4000'8001) >> 60);
  }

  // A time that has begun has its beginning subtracted already, and gets its end added.
  [[gnu::always_inline]] void count(std::uint64_t difference, std::uint64_t now) {
    times_[groups_] += now;
    counts_ += difference;
    groups_ = groups_of(counts_);
    times_[groups_] -= now;
  }

  std::uint64_t counts_ = 0;
  std::size_t groups_ = 0;
  std::array<std::uint64_t, 16> times_{}; // by groups_of(); ns
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_DOMAIN_RUNSTATES_H
