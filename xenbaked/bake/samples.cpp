// SPDX-License-Identifier: GPL-2.0-or-later
//
// When time passes: the edges of samples, silences, and what a sample publishes.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

void Baker::start(std::uint64_t tsc) {
  started_ = true;
  base_tsc_ = std::min(base_tsc_, tsc);
  make_unheard_pcpus();
  set_edge(options_.sample_ns != 0 ? options_.sample_ns : kSilenceEndsWithinNs);
}

// pCPUs that may have no records at all, but exist.
void Baker::make_unheard_pcpus() {
  for (const std::uint32_t pcpu : options_.pcpus) {
    Vcpu* vcpu = find_vcpu(XENMON_DOMID_IDLE << 16 | (pcpu & 0xffffU));
    if (vcpu == nullptr) continue;
    pcpu_state(pcpu);
    credit_to(*vcpu, pcpu);
    vcpu->silent = true;
  }
}

// It has run since the trace began, except for the time that has been published already.
void Baker::believe_silence(Vcpu& vcpu) {
  vcpu.silent = false;
  if (pcpu_state(vcpu.vcpu_id).any_run) return; // another one has been seen there
  transition(vcpu, kRunning, vcpu.since_ns);
  vcpu.known = true;
  known_.push_back(vcpu.slot);
  PcpuState& state = pcpu_state(vcpu.vcpu_id);
  state.current = vcpu.slot;
  state.recent.begin(vcpu.slot, vcpu.since_ns);
}

void Baker::set_edge(std::uint64_t ns) {
  edge_ns_ = ns;
  const std::uint64_t cycles = scale_.to_cycles(ns);
  // Beyond the range of the clock there is no edge.
  edge_tsc_ = cycles == ClockScale::kNever || cycles > kNoEdge - base_tsc_ ? kNoEdge : base_tsc_ + cycles;
  if (next_unrecorded_ < options_.unrecorded_after.size())
    edge_tsc_ = std::min(edge_tsc_, options_.unrecorded_after[next_unrecorded_] + 1);
}

bool Baker::anybody_waits() const {
  return std::any_of(known_.begin(), known_.end(), [&](std::uint32_t slot) {
    const Vcpu& vcpu = *vcpus_[slot];
    return !vcpu.idle && (vcpu.bucket == kWaitWake || vcpu.bucket == kWaitPreempt);
  });
}

// The next record is at `next_ns`. Was anything recorded since the last one?
void Baker::notice_silence(std::uint64_t next_ns) {
  const std::uint64_t silent_ns = next_ns > now_ns_ ? next_ns - now_ns_ : 0;
  bool unrecorded = silent_ns > kMaxSilenceNs || (silent_ns > kMaxSilentWaitNs && anybody_waits());
  while (next_unrecorded_ < options_.unrecorded_after.size() &&
         to_trace_ns(options_.unrecorded_after[next_unrecorded_]) < next_ns) {
    now_ns_ = std::max(now_ns_, to_trace_ns(options_.unrecorded_after[next_unrecorded_]));
    ++next_unrecorded_;
    unrecorded = true;
  }
  if (!unrecorded) return;
  if (silences_.size() < kSilencesKept) silences_.push_back({now_ns_, next_ns});
  discontinuity();
}

void Baker::advance_to(std::uint64_t tsc) {
  if (!started_) start(tsc);
  if (tsc < edge_tsc_ || edge_tsc_ == kNoEdge) return;
  const std::uint64_t ns = to_trace_ns(tsc);
  notice_silence(ns);
  if (options_.sample_ns == 0) {
    // A record that changes no state ends a silence, too.
    now_ns_ = std::max(now_ns_, ns);
    set_edge(ns + kSilenceEndsWithinNs);
    if (now_ns_ >= settle_ns_) account_domains(now_ns_);
    return;
  }
  if (ns < edge_ns_) {
    set_edge(edge_ns_); // it was not an edge of a sample
    return;
  }
  while (tsc >= edge_tsc_ && edge_tsc_ != kNoEdge) {
    const std::uint64_t whole = (ns - edge_ns_) / options_.sample_ns;
    now_ns_ = std::max(now_ns_, edge_ns_);
    close_sample(edge_ns_, true);
    if (whole > kMaxEmptySamples) {
      // One step instead of very many samples in which nothing happens.
      now_ns_ = edge_ns_ + whole * options_.sample_ns;
      close_sample(now_ns_, false);
    }
    set_edge(start_ns_ + options_.sample_ns);
  }
}

void Baker::reach(std::uint64_t ns, std::uint64_t next_tsc) {
  if (!started_ || options_.sample_ns == 0) return;
  notice_silence(to_trace_ns(next_tsc));
  while (edge_ns_ <= ns && edge_tsc_ != kNoEdge) {
    const std::uint64_t whole = (ns - edge_ns_) / options_.sample_ns;
    now_ns_ = std::max(now_ns_, edge_ns_);
    close_sample(edge_ns_, true);
    if (whole > kMaxEmptySamples) {
      // Also one step, but the samples before `ns` are wanted.
      now_ns_ = edge_ns_ + (whole - kMaxEmptySamples) * options_.sample_ns;
      close_sample(now_ns_, false);
    }
    set_edge(start_ns_ + options_.sample_ns);
  }
}

void Baker::finish(std::uint64_t tsc) {
  if (!started_) return;
  advance_to(tsc);
  const std::uint64_t end = set_now(tsc);
  for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) credit_pending(pcpu, pcpus_[pcpu]);
  // If the clock has no more edges, a sample may be too long for its rows.
  if (end > start_ns_ || options_.sample_ns == 0) close_sample(end, end - start_ns_ <= kMaxSampleNs);
}

// `publish` false: the time is accounted, but no sink gets it.
void Baker::close_sample(std::uint64_t end_ns, bool publish) {
  if (exchanges_from_ == ExchangesFrom::kPageOps) { // then these are all of this sample
    for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) credit_pending(pcpu, pcpus_[pcpu]);
  }
  credit_exchanges();
  rows_.clear();
  io_rows_.clear();
  close_domains(end_ns, publish);
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (!vcpu || (vcpu->ended && vcpu->since_ns <= start_ns_ && vcpu->part.empty())) continue;
    if (vcpu->silent && end_ns >= kIdleIsSilentNs) [[unlikely]]
      believe_silence(*vcpu);
    credit_if_waiting(*vcpu, end_ns);
    account(*vcpu, end_ns);
    fold(*vcpu, publish);
  }
  if (sink_ != nullptr && publish) {
    for (const std::unique_ptr<Domain>& domain : domains_) {
      if (!domain || domain->io_parts.empty()) continue;
      for (IoPart& part : domain->io_parts) {
        if (part.exchanges.empty()) continue;
        xenmon_io_row row{};
        row.domain_slot = domain->slot;
        row.pcpu = part.pcpu;
        row.map = static_cast<std::uint32_t>(part.exchanges.counts[kIoMap]);
        row.unmap = static_cast<std::uint32_t>(part.exchanges.counts[kIoUnmap]);
        row.transfer = static_cast<std::uint32_t>(part.exchanges.counts[kIoTransfer]);
        row.copy = static_cast<std::uint32_t>(part.exchanges.counts[kIoCopy]);
        row.copy_bytes = part.exchanges.copy_bytes;
        io_rows_.push_back(row);
        part.exchanges = {};
      }
    }
    BakedSample sample;
    sample.start_ns = start_ns_;
    sample.end_ns = end_ns;
    sample.lost_records = sample_lost_;
    sample.records = sample_records_;
    sample.rows = rows_;
    sample.io_rows = io_rows_;
    sample.domain_rows = domain_rows_;
    sample.waits = slow_waits_.waits();
    sample.waits_left_out = slow_waits_.left_out();
    sink_->on_sample(*this, sample);
    slow_waits_.clear();
    ++counts_.samples;
    sample_records_ = sample_lost_ = 0;
  }
  start_ns_ = end_ns;
  collect_ended(end_ns);
}

// Closes a vCPU's part of the sample: adds it to the totals and the rows, and clears it for the next.
void Baker::fold(Vcpu& vcpu, bool publish) {
  std::uint64_t total = 0;
  const auto take = [&](VcpuPart& part) {
    if (part.empty()) return;
    if (vcpu.idle) part.avoidable_ns = 0; // it waits for nothing
    if (sink_ != nullptr && publish) emit(vcpu, part);
    for (std::size_t i = 0; i < kBuckets; ++i) {
      vcpu.times[i] += part.times[i];
      total += part.times[i];
    }
    vcpu.executions += part.executions;
    vcpu.continues += part.continues;
    vcpu.migrations += part.migrations;
    vcpu.avoidable_ns += part.avoidable_ns;
    vcpu.slices.add(part.slices);
    if (part.times[kRunning] != 0) {
      auto& by_pcpu = vcpu.running_by_pcpu;
      auto at =
          std::find_if(by_pcpu.begin(), by_pcpu.end(), [&](const auto& e) { return e.first == part.pcpu; });
      if (at == by_pcpu.end()) at = by_pcpu.insert(at, {part.pcpu, 0});
      at->second += part.times[kRunning];
    }
    part.reset();
  };
  take(vcpu.part);
  for (VcpuPart& part : vcpu.parts) take(part);
  // Keep the pCPUs of this sample: the next sample probably has the same. A vCPU that ran on many starts
  // again.
  if (vcpu.parts.size() > 8) vcpu.parts.clear();
  if (total != vcpu.since_ns - start_ns_) ++counts_.conservation_violations;
}

void Baker::emit(const Vcpu& vcpu, const VcpuPart& part) {
  const auto narrow = [](std::uint64_t ns) { return static_cast<std::uint32_t>(ns); };
  xenmon_row row{};
  row.vcpu_slot = vcpu.slot;
  row.domain_slot = vcpu.domain_slot;
  row.pcpu = part.pcpu;
  row.running_ns = narrow(part.times[kRunning]);
  row.waited_wake_ns = narrow(part.times[kWaitWake]);
  row.waited_preempt_ns = narrow(part.times[kWaitPreempt]);
  row.blocked_ns = narrow(part.times[kBlocked]);
  row.offline_ns = narrow(part.times[kOffline]);
  row.unknown_ns = narrow(part.times[kUnknown]);
  row.executions = narrow(part.executions);
  row.continues = narrow(part.continues);
  row.slice_count = narrow(part.slices.count);
  row.slice_sum_ns = part.slices.sum_ns;
  row.slice_min_ns = part.slices.min_ns;
  row.slice_max_ns = part.slices.max_ns;
  row.migrations = part.migrations;
  row.avoidable_wait_ns = narrow(part.avoidable_ns);
  rows_.push_back(row);
}

} // namespace xenmon
