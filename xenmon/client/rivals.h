// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which domains ran while others waited: sums over the recent long waits, which the daemon records one by
// one.
#ifndef XENMON_XENMON_CLIENT_RIVALS_H
#define XENMON_XENMON_CLIENT_RIVALS_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "client/wait_feed.h"

namespace xenmon {

// Whose waits: those of all vCPUs of a domain, or of one.
struct Waiters {
  std::uint64_t domain_uid = 0;
  std::optional<std::uint64_t> vcpu;
};

// The long waits of a domain or a vCPU. Times in ns.
struct RivalSums {
  struct Contender {
    std::uint64_t uid = 0; // of its domain
    std::uint32_t domid = 0;
    std::uint64_t ran_ns = 0;
  };

  bool known = false;            // the daemon records waits
  std::uint64_t at_least_ns = 0; // what it takes for a long one
  std::uint64_t woken = 0;       // how many waited after having slept
  std::uint64_t preempted = 0;
  std::vector<Contender> contenders; // whose vCPUs ran meanwhile on the CPUs concerned, the longest first
  std::uint64_t others_ns = 0;       // of those that are not named one by one
  // The longest of them, on the trace's clock; both 0 if there is none.
  std::uint64_t longest_start_ns = 0;
  std::uint64_t longest_end_ns = 0;
  // What the waits are of; less than was asked for where earlier ones are not there any more.
  std::uint64_t span_ns = 0;
  bool whole_span = true;

  std::uint64_t ran_ns() const;
};

class Contenders final : private WaitSink {
 public:
  // Forgets everything; reads again what a region still has.
  void clear();
  // Waits that made no sense and were skipped.
  std::uint64_t damaged() const { return feed_.damaged(); }
  // Reads new waits, and forgets those that ended more than window_ns before now_ns.
  void look(const RegionReader& reader, std::uint64_t now_ns, std::uint64_t window_ns);
  RivalSums of(const Waiters& waiters) const;

 private:
  void add(const xenmon_wait& wait) override;

  WaitFeed feed_;
  std::deque<xenmon_wait> waits_; // in the order of their ends
  // At most this many are remembered, the newest.
  static constexpr std::size_t kMostWaits = 8192;

  std::uint64_t since_ns_ = 0;
  std::uint64_t now_ns_ = 0;
  std::uint64_t known_since_ns_ = 0; // from here on all are there
  std::uint64_t missed_ = 0;
  std::uint64_t at_least_ns_ = 0;
  bool started_ = false;
  bool known_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_RIVALS_H
