// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/baker_snapshot.h"

#include <algorithm>

#include "publish/text_field.h"

namespace xenmon {

namespace {

// What the records of XenMon's patches tell of page exchanges.
constexpr std::uint32_t kPageCountKinds =
    XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER | XENMON_IO_COPY;

void put(xenmon_domain& out, const Domain& domain) {
  out.flags = XENMON_DOMAIN_IN_USE;
  if (domain.ended) out.flags |= XENMON_DOMAIN_DEAD;
  if (domain.born) out.flags |= XENMON_DOMAIN_BORN;
  out.domid = domain.domid;
  out.uid = domain.uid;
  out.born_ns = domain.born ? domain.born_ns : 0;
  out.died_ns = domain.ended_ns;
  put_text(out.name, domain.name);
  out.io_map = domain.io[kIoMap];
  out.io_unmap = domain.io[kIoUnmap];
  out.io_transfer = domain.io[kIoTransfer];
  out.io_copy = domain.io[kIoCopy];
  out.io_copy_bytes = domain.io_copy_bytes;
  out.full_run_ns = domain.times[kFullRun];
  out.partial_run_ns = domain.times[kPartialRun];
  out.full_contention_ns = domain.times[kFullContention];
  out.partial_contention_ns = domain.times[kPartialContention];
  out.concurrency_hazard_ns = domain.times[kConcurrencyHazard];
  out.blocked_ns = domain.times[kAllBlocked];
  out.unknown_ns = domain.times[kStateUnknown];
}

// All fields, and none of them by way of a copy: there are thousands of vCPUs in every sample.
void put(xenmon_vcpu& out, const Vcpu& vcpu, std::uint64_t end_ns) {
  out.flags = XENMON_VCPU_IN_USE;
  out.domain_slot = vcpu.domain_slot;
  out.vcpu_id = vcpu.vcpu_id;
  constexpr std::uint32_t kStates[] = {XENMON_VCPU_RUNNING, XENMON_VCPU_RUNNABLE, XENMON_VCPU_RUNNABLE,
                                       XENMON_VCPU_BLOCKED, XENMON_VCPU_OFFLINE,  XENMON_VCPU_UNKNOWN};
  out.state = kStates[vcpu.bucket];
  out.last_pcpu = vcpu.part.pcpu;
  out.reserved = 0;
  out.end_ns = vcpu.ended ? vcpu.since_ns : end_ns;
  out.running_ns = vcpu.times[kRunning];
  out.waited_wake_ns = vcpu.times[kWaitWake];
  out.waited_preempt_ns = vcpu.times[kWaitPreempt];
  out.blocked_ns = vcpu.times[kBlocked];
  out.offline_ns = vcpu.times[kOffline];
  out.unknown_ns = vcpu.times[kUnknown];
  out.executions = vcpu.executions;
  out.continues = vcpu.continues;
  out.migrations = vcpu.migrations;
  out.avoidable_wait_ns = vcpu.avoidable_ns;
  out.slice_count = vcpu.slices.count;
  out.slice_sum_ns = vcpu.slices.sum_ns;
  out.slice_min_ns = vcpu.slices.min_ns;
  out.slice_max_ns = vcpu.slices.max_ns;
  out.reserved2 = 0;
  const VcpuHistograms* of = vcpu.histograms.get();
  out.wake_wait_max_ns = of != nullptr ? of->wake_wait.max() : 0;
  out.preempt_wait_max_ns = of != nullptr ? of->preempt_wait.max() : 0;
  out.run_max_ns = of != nullptr ? of->run.max() : 0;
  out.hist_lines[0] = of != nullptr ? of->wake_wait.used() : 0;
  out.hist_lines[1] = of != nullptr ? of->preempt_wait.used() : 0;
  out.hist_lines[2] = of != nullptr ? of->run.used() : 0;
  out.wake_wait_sum_ns = of != nullptr ? of->wake_wait.sum_ns() : 0;
  out.preempt_wait_sum_ns = of != nullptr ? of->preempt_wait.sum_ns() : 0;
  out.run_sum_ns = of != nullptr ? of->run.sum_ns() : 0;
}

} // namespace

void BakerSnapshot::set_present_pcpus(std::span<const std::uint32_t> pcpus) {
  present_pcpus_.clear();
  for (const std::uint32_t pcpu : pcpus) {
    if (pcpu < kMaxPcpus) present_pcpus_.push_back(pcpu);
  }
  std::sort(present_pcpus_.begin(), present_pcpus_.end());
}

std::uint32_t BakerSnapshot::pcpu_limit(const Merge& merge) const {
  return std::max(merge.pcpu_limit(), present_pcpus_.empty() ? 0 : present_pcpus_.back() + 1);
}

// A recording need not say what hypervisor it is of; its records do.
std::uint32_t BakerSnapshot::io_kinds(const Baker& baker) const {
  return baker.by_page_counts() ? kPageCountKinds : io_kinds_;
}

SnapshotSize BakerSnapshot::size(const Baker& baker, const BakedSample& sample, const Merge& merge) const {
  return {.pcpus = pcpu_limit(merge),
          .domains = baker.domains().size(),
          .vcpus = baker.vcpus().size(),
          .rows = sample.rows.size(),
          .io_rows = sample.io_rows.size(),
          .domain_rows = sample.domain_rows.size(),
          .waits = sample.waits.size() + sample.waits_left_out,
          .io_kinds = io_kinds(baker)};
}

const Snapshot& BakerSnapshot::take(Baker& baker, const BakedSample& sample, const Merge& merge) {
  take_pcpus(baker, merge);
  take_domains(baker);
  take_vcpus(baker, sample.end_ns);
  take_counters(baker, merge);
  snapshot_.waits = sample.waits;
  snapshot_.waits_left_out = sample.waits_left_out;
  snapshot_.sample = {.start_ns = sample.start_ns,
                      .end_ns = sample.end_ns,
                      .lost_records = sample.lost_records,
                      .records = sample.records,
                      .rows = sample.rows,
                      .io_rows = sample.io_rows,
                      .domain_rows = sample.domain_rows};
  if (baker.by_dispatch_records()) {
    flags_ |= XENMON_FLAG_PATCHED_XEN;
    flags_ &= ~std::uint64_t{XENMON_FLAG_NO_ALLOCATION};
  }
  snapshot_.flags = flags_;
  snapshot_.io_kinds = io_kinds_ = io_kinds(baker);
  return snapshot_;
}

void BakerSnapshot::take_pcpus(const Baker& baker, const Merge& merge) {
  pcpus_.assign(pcpu_limit(merge), xenmon_pcpu{});
  for (const std::uint32_t pcpu : present_pcpus_)
    pcpus_[pcpu] = {XENMON_PCPU_NO_RECORDS, baker.running_on(pcpu), 0, 0};
  for (std::uint32_t pcpu = 0; pcpu < merge.pcpu_limit(); ++pcpu) {
    if (const PcpuStream* stream = merge.stream(pcpu)) {
      pcpus_[pcpu] = {XENMON_PCPU_HAS_RECORDS, baker.running_on(pcpu), stream->records(),
                      stream->lost_records()};
    }
  }
  snapshot_.pcpus = pcpus_;
}

void BakerSnapshot::take_domains(const Baker& baker) {
  const auto domains = baker.domains();
  domains_.resize(domains.size());
  for (std::size_t slot = 0; slot < domains.size(); ++slot) {
    if (domains[slot]) {
      put(domains_[slot], *domains[slot]);
    } else {
      domains_[slot] = {};
    }
  }
  snapshot_.domains = domains_;
}

void BakerSnapshot::take_vcpus(Baker& baker, std::uint64_t end_ns) {
  const std::size_t slots = baker.vcpus().size();
  vcpus_.resize(slots);
  histograms_.clear();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    Vcpu* vcpu = baker.vcpu(slot);
    if (vcpu == nullptr) {
      vcpus_[slot] = {};
      continue;
    }
    put(vcpus_[slot], *vcpu, end_ns);
    if (vcpu->histograms) take_histograms(slot, *vcpu->histograms);
  }
  snapshot_.vcpus = vcpus_;
  snapshot_.histograms = histograms_;
}

void BakerSnapshot::take_histograms(std::uint32_t vcpu_slot, VcpuHistograms& of) {
  const HistogramChange change{
      vcpu_slot,
      {of.wake_wait.dirty(), of.preempt_wait.dirty(), of.run.dirty()},
      {of.wake_wait.counts().data(), of.preempt_wait.counts().data(), of.run.counts().data()}};
  if ((change.lines[0] | change.lines[1] | change.lines[2]) == 0) return;
  histograms_.push_back(change);
  of.wake_wait.clean();
  of.preempt_wait.clean();
  of.run.clean();
}

void BakerSnapshot::take_counters(const Baker& baker, const Merge& merge) {
  const Merge::Counts merged = merge.counts();
  xenmon_counters& counters = snapshot_.counters;
  counters.records = merged.records;
  counters.bytes = merged.bytes;
  counters.lost_records = merged.lost_records;
  counters.bad_records = merged.bad_records + baker.counts().bad.total();
  counters.late_records = merged.late_records;
  counters.state_conflicts = baker.counts().state_conflicts;
  counters.conservation_violations = baker.counts().conservation_violations;
  snapshot_.bad_records_by = health_.bad_by;
  snapshot_.source_faults = health_.faults;
}

} // namespace xenmon
