// SPDX-License-Identifier: GPL-2.0-or-later
//
// Changes of runstate that are not as expected; the likely ones are in baker_hot.h.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

// Figures that are credited to another pCPU than the time is.
VcpuPart& Baker::make_part(Vcpu& vcpu, std::uint32_t pcpu) {
  VcpuPart& made = vcpu.parts.emplace_back();
  made.pcpu = pcpu;
  return made;
}

// While records of some pCPU are being lost, or clocks differ.
void Baker::change_state_in_doubt(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to,
                                  std::uint64_t now) {
  if ((careful_ & kSkewed) != 0 && !measure_across_clocks(vcpu, pcpu, now)) return;
  change_state_as(vcpu, pcpu, from, to, now, [&](Bucket bucket) { return doubt(vcpu, bucket); });
  // What is being lost may be about this pCPU as well.
  if (buffers_shared_ && gaps_open() != 0 && vcpu.bucket == kRunning) {
    nobody_runs(vcpu.part.pcpu, now);
    transition(vcpu, kUnknown, now);
  }
}

// What a record says of the vCPU's state while records of some pCPU are being lost: that one may pick up this
// vCPU at any moment, unless it runs here.
Bucket Baker::doubt(Vcpu& vcpu, Bucket bucket) {
  vcpu.claimed = kUnknown;
  vcpu.observed = true;
  if (gaps_open() == 0 || (!buffers_shared_ && (bucket == kRunning || vcpu.idle))) return bucket;
  vcpu.claimed = bucket;
  return kUnknown;
}

// A record has told its state.
void Baker::get_to_know(Vcpu& vcpu) {
  vcpu.observed = true;
  if (vcpu.bucket == kUnknown) return;
  vcpu.known = true;
  known_.push_back(vcpu.slot);
}

// The time since the last change was not spent, or not completely, in the known state.
void Baker::conflict(Vcpu& vcpu, std::uint64_t now) {
  ++counts_.state_conflicts;
  if (vcpu.bucket == kRunning && pcpu_state(vcpu.part.pcpu).current == vcpu.slot)
    nobody_runs(vcpu.part.pcpu, now);
  doubt_domain(vcpu, vcpu.since_ns, now);
  account_as(vcpu, kUnknown, now);
  transition(vcpu, kUnknown, vcpu.entered_ns);
  vcpu.claimed = kUnknown;
}

// The running vCPU of a pCPU that was named by LOST_RECORDS, or has had no records so far. True if what is
// known about it up to now has been accounted.
bool Baker::believe_presumed(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  if (vcpu.silent) {
    vcpu.silent = false;
    if (vcpu.vcpu_id != pcpu || now < kIdleIsSilentNs || pcpu_state(pcpu).any_run) return false;
    account_as(vcpu, kRunning, now);
    return true;
  }
  const Presumed presumed = pcpu < presumed_.size() ? presumed_[pcpu] : Presumed{};
  if (presumed.slot != vcpu.slot || pcpu_state(pcpu).any_run) return false;
  presumed_[pcpu] = {};
  account(vcpu, std::clamp(presumed.since_ns, vcpu.since_ns, now));
  credit_to(vcpu, pcpu);
  vcpu.has_run = true;
  account_as(vcpu, kRunning, now);
  ++vcpu.part.executions; // whose start was lost
  return true;
}

// reconcile() where the record's old state, or its pCPU, is not what was known.
bool Baker::reconcile_odd(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint64_t now) {
  if (from == XENMON_VCPU_RUNNING) {
    if (vcpu.bucket == kUnknown) believe_presumed(vcpu, pcpu, now);
    pcpu_state(pcpu).any_run = true;
    displace(vcpu, pcpu, now);
  }
  if (vcpu.bucket == kUnknown) {
    account(vcpu, now);
    return true;
  }
  if (vcpu.bucket == kRunning && from != XENMON_VCPU_RUNNING && vcpu.part.pcpu != pcpu) {
    // It already runs elsewhere: two pCPUs' TSCs differ slightly, and this record is the older one.
    ++counts_.state_conflicts;
    return false;
  }
  conflict(vcpu, now);
  return true;
}

// `vcpu` runs, or ran until now, on that pCPU: then no other vCPU does.
void Baker::displace(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  const std::uint32_t slot = pcpu_state(pcpu).current;
  if (slot == XENMON_NO_SLOT || slot == vcpu.slot) return;
  // With core scheduling one pCPU reports all vCPUs of a unit, which belong to one domain and start together.
  // Otherwise the end of the other's execution was not seen.
  Vcpu* current = vcpus_[slot].get();
  if (current != nullptr && current->bucket == kRunning && current->part.pcpu == pcpu &&
      (current->domain_slot != vcpu.domain_slot || now - current->entered_ns > kTogetherNs)) {
    conflict(*current, now);
    transition(*current, kUnknown, now);
  }
}

// From now on no vCPU is known to run there.
void Baker::nobody_runs(std::uint32_t pcpu, std::uint64_t now) {
  PcpuState& state = pcpu_state(pcpu);
  state.current = XENMON_NO_SLOT;
  state.recent.begin(XENMON_NO_SLOT, now);
}

// Handles waits that were not short. An idle vCPU waits whenever another vCPU runs, which means nothing.
[[gnu::cold, gnu::noinline]] void Baker::slow_wait(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  if (vcpu.idle) return;
  const std::uint32_t before = vcpu.part.pcpu;
  std::array<const RecentExecutions*, 2> concerned{};
  std::size_t count = 0;
  // The later look-up may move what the earlier one found.
  if (before != XENMON_NO_PCPU) pcpu_state(before);
  concerned[count++] = &pcpu_state(pcpu).recent;
  if (before != XENMON_NO_PCPU && before != pcpu) concerned[count++] = &pcpu_state(before).recent;
  const std::span meanwhile = std::span(concerned).first(count);
  const std::uint64_t left_out = slow_waits_.left_out();
  slow_waits_.add(vcpu, pcpu, now, meanwhile, vcpus_, domains_);
  if (options_.watcher == nullptr) return;
  if (slow_waits_.left_out() == left_out)
    options_.watcher->on_wait(vcpu, slow_waits_.waits().back(), meanwhile);
  if (sink_ == nullptr) slow_waits_.clear();
}

void Baker::continue_running_odd(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now) {
  Vcpu* found = find_vcpu(who);
  if (found == nullptr) return;
  Vcpu& vcpu = *found;
  if (vcpu.idle) pcpu = vcpu.vcpu_id;
  PcpuState& state = pcpu_state(pcpu);
  const bool first_here = !state.any_run;
  state.any_run = true;
  if (vcpu.bucket == kRunning && vcpu.part.pcpu == pcpu) { // an idle one, reported by another pCPU
    continue_known(vcpu, now);
    return;
  }
  if (!vcpu.observed && first_here && losses_ == 0 && !interrupted_ && vcpu.bucket == kUnknown) {
    // No other vCPU has run here since this pCPU's records start: it has, all the time.
    const std::uint64_t begin = state.first_tsc > base_tsc_ ? scale_.to_ns(state.first_tsc - base_tsc_) : 0;
    const std::uint64_t since = std::clamp(begin, vcpu.since_ns, now);
    account(vcpu, since);
    start_running(vcpu, pcpu, since);
    account(vcpu, now);
    return;
  }
  if (!reconcile(vcpu, pcpu, XENMON_VCPU_RUNNING, now)) return;
  start_running(vcpu, pcpu, now);
}

} // namespace xenmon
