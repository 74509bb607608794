// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sees what Baker accounts for, interval by interval, and not only the sums of it. For a Baker without a
// watcher this costs one comparison for each interval.
//
// The intervals of a vCPU follow each other without gaps, and each has the state that its time is added to in
// the totals. So an interval that a later record explains, or makes unknown, is reported once that record has
// been seen: intervals of different vCPUs come in no order.
#ifndef XENMON_XENBAKED_BAKE_BAKE_WATCHER_H
#define XENMON_XENBAKED_BAKE_BAKE_WATCHER_H

#include <cstdint>
#include <span>

#include "bake/recent_executions.h"
#include "bake/vcpu.h"
#include "xenmon/region.h"

namespace xenmon {

// All times are ns of the trace. References are valid during the call only.
class BakeWatcher {
 public:
  BakeWatcher() = default;
  BakeWatcher(const BakeWatcher&) = delete;
  BakeWatcher& operator=(const BakeWatcher&) = delete;
  virtual ~BakeWatcher() = default;

  // It has just been met, and nothing has been reported about it. Its slot may have been another one's.
  virtual void on_domain(const Domain& domain) = 0;
  virtual void on_vcpu(const Vcpu& vcpu, const Domain& domain) = 0;
  // Its vCPUs are offline from now on. What comes after this and has its slot is another domain.
  virtual void on_domain_end(const Domain& domain, std::uint64_t now) = 0;

  // In that state (while running, on vcpu.part.pcpu) from one moment to a later one.
  virtual void on_time(const Vcpu& vcpu, Bucket bucket, std::uint64_t from_ns, std::uint64_t to_ns) = 0;

  // A wait of at least Options::slow_wait_ns has ended. `meanwhile`: what ran on the pCPU on which the vCPU
  // runs now, and then, if it is another one, on that on which it ran before.
  virtual void on_wait(const Vcpu& vcpu, const xenmon_wait& wait,
                       std::span<const RecentExecutions* const> meanwhile) = 0;

  // A loss on a pCPU is over; so many records are gone.
  virtual void on_lost(std::uint32_t pcpu, std::uint64_t now, std::uint32_t count) = 0;
  // Something is missing and no record says how much. pcpu: XENMON_NO_PCPU if all of them.
  virtual void on_gap(std::uint32_t pcpu, std::uint64_t now) = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_BAKE_WATCHER_H
