// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/host_figures.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>
#include <utility>

#include "export/bucket_bounds.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kReadTries = 3;
constexpr std::uint32_t kAllLines = (1U << (XENMON_HIST_BUCKETS / XENMON_HIST_LINE_BUCKETS)) - 1;

StateTimes times_of(const xenmon_vcpu& vcpu) {
  return {vcpu.running_ns, vcpu.waited_wake_ns, vcpu.waited_preempt_ns,
          vcpu.blocked_ns, vcpu.offline_ns,     vcpu.unknown_ns};
}

std::string source_name(std::uint32_t kind) {
  if (kind == XENMON_SOURCE_LIVE) return "live";
  return kind == XENMON_SOURCE_RECORDING ? "recording" : "scripted";
}

const std::uint32_t* counts_of(const xenmon_histograms& histograms, std::size_t which) {
  return which == 0 ? histograms.wake_wait : which == 1 ? histograms.preempt_wait : histograms.run;
}

template <class Visit>
void for_each_line(std::uint32_t lines, const Visit& visit) {
  for (; lines != 0; lines &= lines - 1)
    visit(static_cast<std::uint32_t>(std::countr_zero(lines)) * XENMON_HIST_LINE_BUCKETS);
}

} // namespace

const HostFigures& FigureReader::read() {
  attachment_.poll();
  HostFigures& figures = figures_;
  figures.health = attachment_.health();
  figures.current = figures.health.current() || figures.health.kind == Health::Kind::kRecordingOver;
  figures.quiet_ns = figures.health.quiet_ns;
  figures.domains.clear();
  figures.vcpus.clear();
  figures.pcpus.clear();
  figures.buckets.clear();
  figures.has_region = attachment_.reader() != nullptr;
  if (!figures.has_region) {
    figures.current = false;
    return figures;
  }
  const RegionReader& reader = *attachment_.reader();
  read_host(reader);
  if (!read_tables(reader)) figures.current = false;
  if (!figures.current) {
    figures.domains.clear();
    figures.vcpus.clear();
    figures.pcpus.clear();
    figures.buckets.clear();
  }
  return figures;
}

void FigureReader::read_host(const RegionReader& reader) {
  const xenmon_region_header& header = reader.header();
  figures_.xen_version = printable_field(header.xen_version, sizeof header.xen_version);
  figures_.scheduler = printable_field(header.scheduler, sizeof header.scheduler);
  figures_.source = source_name(header.source_kind);
  figures_.io_kinds = header.io_kinds;
  figures_.slow_wait_ns = header.slow_wait_ns;
  figures_.has_waits = reader.has_waits();
  figures_.has_runstates = reader.has_domain_rows();
  figures_.has_migrations = reader.has_migrations();
  if (daemon_start_ != header.daemon_start) {
    daemon_start_ = header.daemon_start;
    figures_.wall_epoch_ns = reader.wall_epoch_ns();
  }
  figures_.counters = reader.counters();
  figures_.long_waits = reader.newest_wait();
  if (reader.read_verdicts(verdicts_)) figures_.verdicts = verdicts_.size();
  xenmon_sample newest;
  figures_.trace_ns =
      reader.read_sample_head(reader.newest_sample(), newest) == ReadOutcome::kCopied ? newest.end_ns : 0;
}

// The tables are of one moment, the histograms come after it. A slot gets a new owner only when the history
// has passed, so what was read within that time belongs to the vCPUs that the tables name. If a count has
// passed 2^32 meanwhile, all of it is read again.
bool FigureReader::read_tables(const RegionReader& reader) {
  const std::uint64_t samples =
      reader.header().history_ns / 2 / std::max<std::uint64_t>(reader.header().sample_ns, 1);
  for (int i = 0; i < kReadTries; ++i) {
    const std::uint64_t before = reader.newest_sample();
    if (!reader.read_tables(tables_, true)) return false;
    if (!figures_.current) return true;
    sort_vcpus();
    add_pcpus();
    add_domains(reader);
    if (reader.newest_sample() - before <= samples && same_carries(reader)) return true;
    figures_.domains.clear();
    figures_.vcpus.clear();
    figures_.pcpus.clear();
    figures_.buckets.clear();
  }
  return false;
}

bool FigureReader::same_carries(const RegionReader& reader) {
  const auto same = [](const xenmon_carry& a, const xenmon_carry& b) {
    return a.vcpu_slot == b.vcpu_slot && a.bucket == b.bucket && a.passed == b.passed;
  };
  return reader.read_carries(carries_) &&
         std::equal(carries_.begin(), carries_.end(), tables_.carries.begin(), tables_.carries.end(), same);
}

void FigureReader::sort_vcpus() {
  by_domain_.clear();
  for (std::uint32_t slot = 0; slot < tables_.vcpus.size(); ++slot) {
    const xenmon_vcpu& vcpu = tables_.vcpus[slot];
    if ((vcpu.flags & XENMON_VCPU_IN_USE) == 0) continue;
    by_domain_.push_back({vcpu.domain_slot, vcpu.vcpu_id, slot});
  }
  std::sort(by_domain_.begin(), by_domain_.end(), [](const VcpuOf& a, const VcpuOf& b) {
    return std::tie(a.domain_slot, a.vcpu_id, a.slot) < std::tie(b.domain_slot, b.vcpu_id, b.slot);
  });
}

void FigureReader::add_domains(const RegionReader& reader) {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < tables_.domains.size(); ++slot) {
    const xenmon_domain& domain = tables_.domains[slot];
    const bool alive = (domain.flags & (XENMON_DOMAIN_IN_USE | XENMON_DOMAIN_DEAD)) == XENMON_DOMAIN_IN_USE;
    if (alive && domain.domid != XENMON_DOMID_IDLE) slots.push_back(slot);
  }
  const auto& domains = tables_.domains;
  std::sort(slots.begin(), slots.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::tie(domains[a].domid, domains[a].uid) < std::tie(domains[b].domid, domains[b].uid);
  });
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const bool replaced = i + 1 < slots.size() && domains[slots[i + 1]].domid == domains[slots[i]].domid;
    if (!replaced) add_domain(reader, slots[i]);
  }
}

void FigureReader::add_domain(const RegionReader& reader, std::uint32_t slot) {
  const xenmon_domain& from = tables_.domains[slot];
  DomainFigures& domain = figures_.domains.emplace_back();
  domain.domid = from.domid;
  domain.uid = from.uid;
  domain.name = whole_field(from.name, sizeof from.name);
  domain.start_ns = (from.flags & XENMON_DOMAIN_BORN) != 0 ? from.born_ns : 0;
  domain.exchanges = {from.io_map, from.io_unmap, from.io_transfer, from.io_copy};
  domain.copy_bytes = from.io_copy_bytes;
  domain.runstates = {
      from.full_run_ns,           from.partial_run_ns, from.full_contention_ns, from.partial_contention_ns,
      from.concurrency_hazard_ns, from.blocked_ns,     from.unknown_ns};

  auto next = std::lower_bound(by_domain_.begin(), by_domain_.end(), slot,
                               [](const VcpuOf& of, std::uint32_t s) { return of.domain_slot < s; });
  for (; next != by_domain_.end() && next->domain_slot == slot; ++next) {
    const xenmon_vcpu& vcpu = tables_.vcpus[next->slot];
    StateTimes times = times_of(vcpu);
    // The region counts a vCPU as offline before the creation of its domain.
    times[kIsOffline] -= std::min(times[kIsOffline], domain.start_ns);
    for (std::size_t i = 0; i < kVcpuStates; ++i) domain.times[i] += times[i];
    domain.executions += vcpu.executions;
    domain.migrations += vcpu.migrations;
    domain.avoidable_ns += vcpu.avoidable_wait_ns;
    ++domain.vcpus;
    if (with_vcpus_)
      figures_.vcpus.push_back({figures_.domains.size() - 1, vcpu.vcpu_id, times, vcpu.executions,
                                vcpu.migrations, vcpu.avoidable_wait_ns});
    add_histograms(reader, vcpu, next->slot);
  }
  take_histograms(domain, reader.has_sums());
}

void FigureReader::add_histograms(const RegionReader& reader, const xenmon_vcpu& vcpu, std::uint32_t slot) {
  if (!reader.read_histograms(slot, vcpu.hist_lines, histograms_)) return;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    Sum& sum = sums_[i];
    const std::uint32_t* counts = counts_of(histograms_, i);
    const std::uint32_t lines = vcpu.hist_lines[i] & kAllLines;
    sum.lines |= lines;
    for_each_line(lines, [&](std::uint32_t first) {
      for (std::uint32_t bucket = first; bucket < first + XENMON_HIST_LINE_BUCKETS; ++bucket)
        sum.counts[bucket] += counts[bucket];
    });
    sum.sum_ns += i == 0 ? vcpu.wake_wait_sum_ns : i == 1 ? vcpu.preempt_wait_sum_ns : vcpu.run_sum_ns;
  }
  for (const xenmon_carry& carry : tables_.carries) {
    if (carry.vcpu_slot != slot || carry.bucket >= sums_.size() * XENMON_HIST_BUCKETS) continue;
    Sum& sum = sums_[carry.bucket / XENMON_HIST_BUCKETS];
    const std::uint32_t bucket = carry.bucket % XENMON_HIST_BUCKETS;
    sum.counts[bucket] += carry.passed << 32;
    sum.lines |= 1U << (bucket / XENMON_HIST_LINE_BUCKETS);
  }
}

void FigureReader::take_histograms(DomainFigures& domain, bool has_sums) {
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    Sum& sum = sums_[i];
    HistogramFigures& out = domain.histograms[i];
    out.first_bucket = figures_.buckets.size();
    double estimated_ns = 0;
    for_each_line(sum.lines, [&](std::uint32_t first) {
      for (std::uint32_t bucket = first; bucket < first + XENMON_HIST_LINE_BUCKETS; ++bucket) {
        const std::uint64_t count = std::exchange(sum.counts[bucket], 0);
        if (count == 0) continue;
        figures_.buckets.push_back({bucket, count});
        out.count += count;
        estimated_ns += static_cast<double>(count) * bucket_midpoint_ns(bucket);
      }
    });
    out.buckets = figures_.buckets.size() - out.first_bucket;
    out.sum_ns = has_sums ? sum.sum_ns : static_cast<std::uint64_t>(std::llround(estimated_ns));
    sum.lines = 0;
    sum.sum_ns = 0;
  }
}

// A pCPU's idle vCPU runs when no other does, and is ready to run while another one runs.
void FigureReader::add_pcpus() {
  figures_.pcpus_known = 0;
  for (const xenmon_pcpu& pcpu : tables_.pcpus) figures_.pcpus_known += pcpu.seen != 0 ? 1 : 0;
  for (const VcpuOf& of : by_domain_) {
    if (of.domain_slot >= tables_.domains.size()) continue;
    const xenmon_domain& domain = tables_.domains[of.domain_slot];
    if ((domain.flags & XENMON_DOMAIN_IN_USE) == 0 || domain.domid != XENMON_DOMID_IDLE) continue;
    const xenmon_vcpu& vcpu = tables_.vcpus[of.slot];
    figures_.pcpus.push_back({.pcpu = of.vcpu_id,
                              .busy_ns = vcpu.waited_wake_ns + vcpu.waited_preempt_ns,
                              .idle_ns = vcpu.running_ns,
                              .offline_ns = vcpu.blocked_ns + vcpu.offline_ns,
                              .unknown_ns = vcpu.unknown_ns});
  }
}

} // namespace xenmon
