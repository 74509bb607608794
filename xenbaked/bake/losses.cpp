// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes unknown when records are missing, late, or contradicted by what Xen says itself.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "bake/baker.h"

namespace xenmon {

// What that vCPU did since `from_ns` is not known, so what its domain did is not, either. That is not
// remembered change by change: all that has been accounted of it in this sample becomes unknown.
void Baker::doubt_domain(const Vcpu& vcpu, std::uint64_t from_ns, std::uint64_t now) {
  if (vcpu.domain_runstates == nullptr || vcpu.bucket == kUnknown || from_ns >= now) return;
  if (!vcpu.idle) {
    vcpu.domain_runstates->doubt(now);
  } else if (vcpu.counts_as_idle) {
    distrust_idle(*vcpu.pool, now);
  }
}

// Its time is accounted up to when it becomes unknown, which may be before now.
void Baker::make_unknown(Vcpu& vcpu) {
  doubt_domain(vcpu, vcpu.since_ns, now_ns_);
  transition(vcpu, kUnknown, vcpu.since_ns);
  vcpu.claimed = kUnknown;
}

// Records of that pCPU are missing from `from_ns` on, which may be before now: Xen reports a loss when it is
// over, and other pCPUs' records may have been accounted by then.
void Baker::lose(std::uint32_t pcpu, std::uint64_t from_ns, std::uint64_t now) {
  ++losses_;
  last_loss_ns_ = now;
  std::erase_if(known_, [&](std::uint32_t slot) {
    Vcpu& vcpu = *vcpus_[slot];
    const bool runs_elsewhere = !buffers_shared_ && vcpu.bucket == kRunning && vcpu.part.pcpu != pcpu;
    const bool idle_elsewhere = !buffers_shared_ && vcpu.idle && vcpu.vcpu_id != pcpu;
    if (runs_elsewhere || idle_elsewhere || vcpu.ended) return false;
    if (from_ns >= now) credit_if_waiting(vcpu, now);
    account(vcpu, std::clamp(from_ns, vcpu.since_ns, now));
    make_unknown(vcpu);
    vcpu.known = false;
    return true;
  });
  // A state that could not be trusted means nothing now.
  if (careful_ != 0) {
    for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
      if (vcpu) vcpu->claimed = kUnknown;
    }
  }
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain && domain->loss_ns > now) domain->loss_ns = std::clamp(from_ns, domain->born_ns, now);
  }
  nobody_runs(pcpu, now);
  presumed_[pcpu] = {};
  presume_no_silence();
}

// What was lost may have been the first record of a pCPU that seems to be silent.
void Baker::presume_no_silence() {
  for (const std::uint32_t pcpu : options_.pcpus) {
    if (Vcpu* vcpu = find_vcpu(XENMON_DOMID_IDLE << 16 | (pcpu & 0xffffU))) vcpu->silent = false;
  }
}

void Baker::lost_begin(std::uint32_t pcpu, std::uint64_t tsc) {
  if (tsc >= edge_tsc_) advance_to(tsc);
  PcpuState& state = pcpu_state(pcpu);
  if (!state.gap_open) {
    state.gap_open = true;
    ++careful_;
  }
  const std::uint64_t now = set_now(tsc);
  lose(pcpu, to_trace_ns(tsc), now);
}

void Baker::lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t domid,
                     std::uint32_t vcpu_id) {
  if (tsc >= edge_tsc_) advance_to(tsc);
  if (domid != event::kNobody) ++sample_records_;
  sample_lost_ += count;
  const std::uint64_t now = set_now(tsc);
  last_loss_ns_ = now;
  if (options_.watcher != nullptr) options_.watcher->on_lost(pcpu, now, count);
  PcpuState& state = pcpu_state(pcpu);
  if (state.gap_open) {
    state.gap_open = false;
    --careful_;
  }
  if (domid >= kFirstReservedDomid && domid != XENMON_DOMID_IDLE) return; // no vCPU is named
  Vcpu* vcpu = find_vcpu(domid << 16 | vcpu_id);
  if (vcpu == nullptr || (vcpu->idle && vcpu->vcpu_id != pcpu)) return;
  if (vcpu->bucket == kRunning) {
    ++counts_.state_conflicts; // seen running on another pCPU: that record says more than this one
    return;
  }
  // A record from another pCPU may have reported it within the gap; Xen's own statement is newer.
  if (vcpu->bucket == kUnknown) {
    account(*vcpu, now);
  } else {
    conflict(*vcpu, now);
  }
  // Within a switch Xen still names the vCPU that is about to leave. So it counts when its next record
  // agrees, unless another vCPU was seen here before.
  pcpu_state(pcpu).any_run = false;
  presumed_[pcpu] = {vcpu->slot, now};
}

void Baker::gap(std::uint32_t pcpu, std::uint64_t tsc) {
  if (!started_) return;
  if (tsc >= edge_tsc_) advance_to(tsc);
  const std::uint64_t now = set_now(tsc);
  if (options_.watcher != nullptr) options_.watcher->on_gap(pcpu, now);
  lose(pcpu, now, now);
}

void Baker::discontinuity() {
  if (options_.watcher != nullptr) options_.watcher->on_gap(XENMON_NO_PCPU, now_ns_);
  for (const std::uint32_t slot : known_) {
    Vcpu& vcpu = *vcpus_[slot];
    vcpu.known = false;
    if (vcpu.ended) continue;
    credit_if_waiting(vcpu, now_ns_);
    account(vcpu, now_ns_);
    make_unknown(vcpu);
  }
  known_.clear();
  for (PcpuState& pcpu : pcpus_) {
    pcpu.current = XENMON_NO_SLOT;
    pcpu.recent.begin(XENMON_NO_SLOT, now_ns_);
    if (pcpu.gap_open) --careful_;
    pcpu.gap_open = false;
  }
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (vcpu) vcpu->claimed = kUnknown;
  }
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain && domain->loss_ns > now_ns_) domain->loss_ns = now_ns_;
  }
  std::fill(presumed_.begin(), presumed_.end(), Presumed{});
  presume_no_silence();
  interrupted_ = true;
  last_loss_ns_ = now_ns_;
}

void Baker::clock_restarted(std::uint64_t tsc) {
  if (!started_) return;
  if (tsc >= edge_tsc_) advance_to(tsc);
  set_now(tsc);
  if (clock_restarts_.size() < kSilencesKept) clock_restarts_.push_back(now_ns_);
  discontinuity();
}

void Baker::make_late(std::uint32_t who, std::uint64_t now) {
  Vcpu* vcpu = find_vcpu(who);
  if (vcpu == nullptr || vcpu->ended) return;
  conflict(*vcpu, now);
  transition(*vcpu, kUnknown, now);
}

// It is about to run. If Xen's statement agrees with what was assumed, that was right; if it is less than
// what is known, records are missing.
void Baker::check_told_wait(Vcpu& vcpu, std::uint64_t told, std::uint64_t now) {
  const std::uint64_t measured = now - vcpu.entered_ns;
  if (measured > 0xffffffffU) return; // longer than the word can hold
  if (vcpu.bucket == kUnknown) {
    const std::uint64_t apart = measured > told ? measured - told : told - measured;
    // The word says exactly this only for a wait that started when the vCPU left its pCPU.
    if (apart > kWaitToleranceNs + (measured >> 16) || vcpu.claimed != kWaitPreempt) return;
    // Only what the word covers.
    const std::uint64_t since = std::max(vcpu.entered_ns, now - std::min(now, told));
    account(vcpu, std::clamp(since, vcpu.since_ns, now));
    transition(vcpu, std::exchange(vcpu.claimed, kUnknown), vcpu.entered_ns);
    return;
  }
  if (may_be_wait(measured, told) || (vcpu.bucket != kWaitWake && vcpu.bucket != kWaitPreempt)) return;
  ++counts_.waits_contradicted;
  conflict(vcpu, now);
}

// If two clocks differ, it is not known exactly how much time passed between them: as much as they may differ
// by is unknown. False: nor is it known which of the two records was first, and so what the vCPU does now.
bool Baker::measure_across_clocks(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  const auto ahead = [&](std::uint32_t of) {
    return of < options_.clock_ahead_ns.size() ? options_.clock_ahead_ns[of] : 0;
  };
  const std::uint32_t before = std::exchange(vcpu.told_by, pcpu);
  if (before == XENMON_NO_PCPU || vcpu.idle || ahead(before) == ahead(pcpu)) return true;
  const auto apart = static_cast<std::uint64_t>(std::abs(ahead(before) - ahead(pcpu)));
  const bool ordered = now - vcpu.entered_ns > 2 * apart;
  if (vcpu.bucket == kRunning && pcpu_state(vcpu.part.pcpu).current == vcpu.slot)
    nobody_runs(vcpu.part.pcpu, now);
  // Whatever the difference really is, it is hardly more than twice the estimate.
  if (ordered) account(vcpu, std::clamp(now - 2 * apart, vcpu.since_ns, now));
  doubt_domain(vcpu, vcpu.since_ns, now);
  account_as(vcpu, kUnknown, now);
  transition(vcpu, kUnknown, ordered ? vcpu.entered_ns : now);
  if (!ordered) {
    ++counts_.state_conflicts;
    vcpu.claimed = kUnknown;
  }
  return ordered;
}

} // namespace xenmon
