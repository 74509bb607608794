// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which vCPUs ran on one pCPU, as far back as is remembered: a ring of the moments at which a vCPU started to
// run. It runs until the next one starts, so a switch is one entry, whichever kind of record reported it.
#ifndef XENMON_XENBAKED_BAKE_RECENT_EXECUTIONS_H
#define XENMON_XENBAKED_BAKE_RECENT_EXECUTIONS_H

#include <array>
#include <cstdint>
#include <memory>

#include "xenmon/region.h"

namespace xenmon {

class RecentExecutions {
 public:
  // Half a second at a thousand switches per second, in 8 KiB; allocated once the pCPU has run a vCPU.
  static constexpr std::uint32_t kRemembered = 512;

  // From `now` on that vCPU runs; with XENMON_NO_SLOT, it is not known which one does.
  [[gnu::always_inline]] void begin(std::uint32_t vcpu_slot, std::uint64_t now) {
    if (!ring_) [[unlikely]]
      ring_ = std::make_unique<Ring>();
    (*ring_)[next_++ % kRemembered] = {now, vcpu_slot};
  }

  // These slots are about to be reused: their previous vCPUs are no longer known.
  template <class Slots>
  void forget(Slots are_meant) {
    if (!ring_) return;
    for (Entry& entry : *ring_) {
      if (entry.vcpu_slot != XENMON_NO_SLOT && are_meant(entry.vcpu_slot)) entry.vcpu_slot = XENMON_NO_SLOT;
    }
  }

  // Calls visit(vcpu_slot, ns) for everything that is remembered between the two moments, the newest first.
  // False if that does not reach back to the first moment.
  template <class Visit>
  bool between(std::uint64_t from_ns, std::uint64_t to_ns, Visit visit) const {
    std::uint64_t until = to_ns;
    for (std::uint32_t back = 1; ring_ && back <= kRemembered; ++back) {
      const Entry& entry = (*ring_)[(next_ - back) % kRemembered];
      const std::uint64_t since = entry.since_ns > from_ns ? entry.since_ns : from_ns;
      if (since < until) {
        visit(entry.vcpu_slot, until - since);
        until = since;
      }
      if (entry.since_ns <= from_ns) return true;
    }
    if (ring_) return false;
    if (from_ns < to_ns) visit(XENMON_NO_SLOT, to_ns - from_ns);
    return true;
  }

 private:
  // The first entries stand for the time before any record.
  struct Entry {
    std::uint64_t since_ns = 0;
    std::uint32_t vcpu_slot = XENMON_NO_SLOT;
  };
  using Ring = std::array<Entry, kRemembered>;
  static_assert(kRemembered != 0 && (kRemembered & (kRemembered - 1)) == 0, "next_ may wrap around");

  std::unique_ptr<Ring> ring_;
  std::uint32_t next_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_RECENT_EXECUTIONS_H
