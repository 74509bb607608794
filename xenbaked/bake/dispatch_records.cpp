// SPDX-License-Identifier: GPL-2.0-or-later
//
// The dispatch records of XenMon's patches to Xen, where they are not as expected.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

// If a trace contains both kinds of records and nothing announced it, Xen's own record has already given the
// slice that the very first dispatch record gives again.
bool Baker::has_slices(std::uint32_t who) {
  const Vcpu* vcpu = known_vcpu(who);
  if (vcpu == nullptr) return false;
  const auto any = [](const VcpuPart& part) { return part.slices.count != 0; };
  return vcpu->slices.count != 0 || any(vcpu->part) ||
         std::any_of(vcpu->parts.begin(), vcpu->parts.end(), any);
}

// A switch about which not everything was known before.
void Baker::switched_odd(std::uint32_t pcpu, const decoded::Switched& event, std::uint64_t now) {
  if (!settle_pcpu(event.pcpu, pcpu)) return;
  if (Vcpu* left = find_vcpu(event.left)) {
    if (left->bucket == kUnknown) learn(*left, pcpu, kRunning, event.ran.ns, now);
    change_state(*left, pcpu, XENMON_VCPU_RUNNING, hot::kStateOf[hot::kBucketAfter[event.ran.cause]], now);
  }
  Vcpu* came = find_vcpu(event.came);
  if (came == nullptr) return;
  if (event.slice_ns != 0) part_of(*came, pcpu).slices.add(event.slice_ns);
  const std::uint32_t cause = event.waited.cause;
  const bool woken = cause == event::kCauseWoken || cause == event::kCauseUnpaused;
  const bool waits = came->bucket == kWaitWake || came->bucket == kWaitPreempt;
  if (waits && !may_be_wait(now - came->entered_ns, event.waited.ns)) {
    // Records are missing; but Xen says how that time ended.
    ++counts_.waits_contradicted;
    ++counts_.state_conflicts;
    doubt_domain(*came, came->since_ns, now);
    transition(*came, kUnknown, came->entered_ns);
  }
  if (came->bucket == kUnknown && cause != event::kCauseNone)
    learn(*came, pcpu, woken ? kWaitWake : kWaitPreempt, event.waited.ns, now);
  // Schedulers take away a vCPU that has used up its cap, and return it without a record.
  const bool given_back = came->bucket == kOffline && cause == event::kCauseNone;
  change_state(*came, pcpu, given_back ? XENMON_VCPU_OFFLINE : XENMON_VCPU_RUNNABLE, XENMON_VCPU_RUNNING,
               now);
}

void Baker::continued(std::uint32_t pcpu, const decoded::Continued& event, std::uint64_t now) {
  PcpuState& state = pcpu_state(pcpu);
  if (!state.pending.empty()) credit_pending(pcpu, state);
  Vcpu* const vcpu = find_vcpu(event.who);
  if (vcpu == nullptr) return;
  if (event.slice_ns != 0) part_of(*vcpu, pcpu).slices.add(event.slice_ns);
  if (vcpu->bucket == kRunning && vcpu->part.pcpu == pcpu) {
    continue_known(*vcpu, now);
  } else {
    continue_running_odd(pcpu, event.who, now);
  }
}

// No record had given the vCPU's state, but Xen now says in which state it has been, and for how long. The
// part in a published sample stays unknown.
void Baker::learn(Vcpu& vcpu, std::uint32_t pcpu, Bucket bucket, std::uint64_t for_ns, std::uint64_t now) {
  if (vcpu.ended) return;
  if (vcpu.idle) pcpu = vcpu.vcpu_id;
  const std::uint64_t entered = now > for_ns ? now - for_ns : 0;
  account(vcpu, std::clamp(entered, vcpu.since_ns, now));
  if (bucket == kRunning) {
    displace(vcpu, pcpu, now);
    credit_to(vcpu, pcpu);
    vcpu.has_run = true;
    PcpuState& state = pcpu_state(pcpu);
    state.current = vcpu.slot;
    state.any_run = true;
    state.recent.begin(vcpu.slot, entered);
  }
  transition(vcpu, bucket, entered);
  vcpu.observed = true;
}

// The counts from now on repeat those of the execution that has not ended yet: anything not credited yet does
// not count.
void Baker::count_exchanges_from(ExchangesFrom records) {
  if (exchanges_from_ == records) [[likely]]
    return;
  exchanges_from_ = records;
  exchanges_ = {};
  for (PcpuState& state : pcpus_) state.pending.clear();
}

void Baker::credit_all() {
  for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) credit_pending(pcpu, pcpus_[pcpu]);
  credit_exchanges();
}

void Baker::credit_pending(std::uint32_t pcpu, PcpuState& state) {
  for (const auto& [granter, exchanges] : state.pending)
    exchanges_with(granter, kBackend, pcpu).add(exchanges);
  state.pending.clear();
}

} // namespace xenmon
