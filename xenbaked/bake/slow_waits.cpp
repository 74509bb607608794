// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/slow_waits.h"

#include <algorithm>

namespace xenmon {

void SlowWaits::add(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now,
                    std::span<const RecentExecutions* const> meanwhile, Vcpus vcpus, Domains domains) {
  if (waits_.size() == capacity_) {
    ++left_out_;
    return;
  }
  if (waits_.capacity() == 0) waits_.reserve(capacity_);
  if (ran_ns_.size() < vcpus.size()) ran_ns_.resize(vcpus.size());

  const Domain& domain = *domains[vcpu.domain_slot];
  xenmon_wait& wait = waits_.emplace_back();
  wait.start_ns = vcpu.entered_ns;
  wait.end_ns = now;
  wait.domain_uid = domain.uid;
  wait.domid = domain.domid;
  wait.vcpu_id = vcpu.vcpu_id;
  wait.pcpu = pcpu;
  wait.pcpu_before = vcpu.part.pcpu;
  wait.kind = vcpu.bucket == kWaitWake ? XENMON_WAIT_WOKEN : XENMON_WAIT_PREEMPTED;
  for (const RecentExecutions* executions : meanwhile) {
    std::uint32_t successor = XENMON_NO_SLOT;
    const auto visit = [&](std::uint32_t slot, std::uint64_t ns) {
      // It does not run while it waits: this is the switch from it to its successor.
      if (slot == vcpu.slot) slot = successor;
      successor = slot;
      if (slot == XENMON_NO_SLOT || !vcpus[slot]) {
        wait.flags |= XENMON_WAIT_UNKNOWN;
      } else {
        count(slot, ns);
      }
    };
    if (!executions->between(wait.start_ns, now, visit)) wait.flags |= XENMON_WAIT_FORGOTTEN;
  }
  name_runners(wait, vcpus, domains);
}

void SlowWaits::count(std::uint32_t vcpu_slot, std::uint64_t ns) {
  if (ran_ns_[vcpu_slot] == 0) runners_.push_back(vcpu_slot);
  ran_ns_[vcpu_slot] += ns;
}

void SlowWaits::name_runners(xenmon_wait& wait, Vcpus vcpus, Domains domains) {
  const auto named = static_cast<std::ptrdiff_t>(std::min<std::size_t>(runners_.size(), XENMON_WAIT_RUNNERS));
  std::partial_sort(runners_.begin(), runners_.begin() + named, runners_.end(),
                    [&](std::uint32_t a, std::uint32_t b) {
                      return ran_ns_[a] != ran_ns_[b] ? ran_ns_[a] > ran_ns_[b] : a < b;
                    });
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    const std::uint64_t ns = ran_ns_[runners_[i]];
    ran_ns_[runners_[i]] = 0;
    if (i >= XENMON_WAIT_RUNNERS) {
      wait.others_ns += ns;
      continue;
    }
    const Vcpu& vcpu = *vcpus[runners_[i]];
    const Domain& domain = *domains[vcpu.domain_slot];
    wait.runners[i] = {domain.uid, domain.domid, vcpu.vcpu_id, ns};
  }
  runners_.clear();
}

} // namespace xenmon
