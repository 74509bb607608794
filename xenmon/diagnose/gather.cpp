// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/gather.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "client/domain_directory.h"
#include "client/sample_feed.h"
#include "client/wait_feed.h"
#include "diagnose/apply_settings.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kLongestSampleNs = UINT32_MAX; // whatever a region claims
// In the beginning of a trace the state of a vCPU is not known until its first record. So the first second is
// left out, if there is enough after it.
constexpr std::uint64_t kUnsettledNs = 1'000'000'000;
constexpr std::uint64_t kEnoughNs = 1'000'000'000;
// Of what ran during a long wait without being named.
constexpr std::uint64_t kUnnamed = UINT64_MAX;

std::string field_text(const char* field, std::size_t bytes) {
  return whole_field(field, bytes);
}

// Adds samples up, by domain, vCPU and pCPU.
class Collector final : public SampleSink {
 public:
  explicit Collector(const DomainDirectory& directory) : directory_(directory) {}

  void add(const Sample& sample) override {
    if (evidence_.length_ns == 0) evidence_.start_ns = sample.start_ns;
    evidence_.length_ns += sample.length_ns();
    evidence_.end_ns = sample.end_ns;
    evidence_.lost_records += sample.lost_records;
    // What was overwritten before the window began is not missing in it.
    if (any_) evidence_.missed_samples += sample.missed_before;
    any_ = true;
    for (const xenmon_row& row : sample.rows) add(sample, row);
    for (const xenmon_io_row& row : sample.io_rows) {
      if (directory_[row.domain_slot].domid != XENMON_DOMID_IDLE) domain_of(row.domain_slot).sums.add(row);
    }
    for (const xenmon_domain_row& row : sample.domain_rows) {
      if (directory_[row.domain_slot].domid != XENMON_DOMID_IDLE) domain_of(row.domain_slot).sums.add(row);
    }
  }

  // With the domains and vCPUs in order.
  Evidence take() {
    for (auto& [order, gathered] : domains_) {
      for (auto& [id, vcpu] : gathered.vcpus) {
        for (const auto& [pcpu, on] : vcpu.on) vcpu.evidence.on_pcpus.push_back(on);
        gathered.evidence.vcpus.push_back(std::move(vcpu.evidence));
      }
      evidence_.domains.push_back(std::move(gathered.evidence));
    }
    for (const auto& [id, pcpu] : pcpus_) evidence_.pcpus.push_back(pcpu);
    return std::move(evidence_);
  }

  void see_pcpu(std::uint32_t id) { pcpus_[id].pcpu = id; }

 private:
  struct GatheredVcpu {
    VcpuEvidence evidence;
    std::map<std::uint32_t, OnPcpu> on;
  };
  struct GatheredDomain {
    DomainEvidence evidence;
    std::map<std::uint32_t, GatheredVcpu> vcpus;
  };

  GatheredDomain& gathered(DomainIndex index) {
    const DomainEntry& entry = directory_[index];
    GatheredDomain& domain = domains_[{entry.domid, entry.uid}];
    domain.evidence.domid = entry.domid;
    domain.evidence.uid = entry.uid;
    domain.evidence.name = entry.name;
    domain.evidence.ended = entry.ended;
    return domain;
  }
  DomainEvidence& domain_of(DomainIndex index) { return gathered(index).evidence; }

  void add(const Sample& sample, const xenmon_row& row) {
    if (directory_[row.domain_slot].domid == XENMON_DOMID_IDLE) {
      if (row.pcpu != XENMON_NO_PCPU) {
        see_pcpu(row.pcpu);
        pcpus_[row.pcpu].idle_ns += row.running_ns;
      }
      return;
    }
    GatheredDomain& domain = gathered(row.domain_slot);
    GatheredVcpu& vcpu = domain.vcpus[row.vcpu_slot];
    vcpu.evidence.vcpu = row.vcpu_slot;
    vcpu.evidence.sums.add(row);
    domain.evidence.sums.add(row);
    if (row.slice_count > 0) domain.evidence.slices.add({row.slice_min_ns, row.slice_max_ns});
    const std::uint64_t waited = std::uint64_t{row.waited_wake_ns} + row.waited_preempt_ns;
    std::vector<Moment>& moments = domain.evidence.moments;
    if (moments.empty() || moments.back().start_ns != sample.start_ns)
      moments.push_back({sample.start_ns, sample.end_ns, 0, 0});
    moments.back().waited_ns += waited;
    moments.back().offline_ns += row.offline_ns;
    if (row.pcpu == XENMON_NO_PCPU) return;
    see_pcpu(row.pcpu);
    pcpus_[row.pcpu].busy_ns += row.running_ns;
    OnPcpu& on = vcpu.on[row.pcpu];
    on.pcpu = row.pcpu;
    on.running_ns += row.running_ns;
    on.waited_ns += waited;
  }

  const DomainDirectory& directory_;
  Evidence evidence_;
  bool any_ = false;
  std::map<std::pair<std::uint32_t, std::uint64_t>, GatheredDomain> domains_; // by domid and uid
  std::map<std::uint32_t, PcpuEvidence> pcpus_;
};

DomainEvidence* find_domain(Evidence& evidence, std::uint64_t uid) {
  const auto found = std::find_if(evidence.domains.begin(), evidence.domains.end(),
                                  [uid](const DomainEvidence& domain) { return domain.uid == uid; });
  return found == evidence.domains.end() ? nullptr : &*found;
}

// Long waits that ended within the window.
class LongWaits final : public WaitSink {
 public:
  explicit LongWaits(Evidence& evidence) : evidence_(evidence) {}

  void add(const xenmon_wait& wait) override {
    if (wait.end_ns < evidence_.start_ns) return;
    DomainEvidence* domain = find_domain(evidence_, wait.domain_uid);
    if (domain == nullptr) return;
    domain->long_wait_ns += wait.end_ns - std::max(wait.start_ns, evidence_.start_ns);
    for (const xenmon_runner& runner : wait.runners)
      if (runner.ns > 0 && runner.domid != XENMON_DOMID_IDLE)
        add_rival(*domain, runner.domain_uid, runner.ns);
    if (wait.others_ns > 0) add_rival(*domain, kUnnamed, wait.others_ns);
  }

 private:
  static void add_rival(DomainEvidence& domain, std::uint64_t uid, std::uint64_t ns) {
    const auto found = std::find_if(domain.long_wait_rivals.begin(), domain.long_wait_rivals.end(),
                                    [uid](const Rival& rival) { return rival.uid == uid; });
    if (found == domain.long_wait_rivals.end()) {
      domain.long_wait_rivals.push_back({uid, ns});
    } else {
      found->ran_ns += ns;
    }
  }

  Evidence& evidence_;
};

void add_distributions(const TablesCopy& tables, const LatencyHistory& latency, bool recent,
                       Evidence& evidence) {
  struct Sum {
    Distribution wake;
    Distribution preempt;
  };
  std::map<std::uint64_t, Sum> sums;
  for (std::uint32_t slot = 0; slot < tables.vcpus.size(); ++slot) {
    const xenmon_vcpu& vcpu = tables.vcpus[slot];
    if ((vcpu.flags & XENMON_VCPU_IN_USE) == 0 || vcpu.domain_slot >= tables.domains.size()) continue;
    const xenmon_domain& domain = tables.domains[vcpu.domain_slot];
    if ((domain.flags & XENMON_DOMAIN_IN_USE) == 0 || domain.domid == XENMON_DOMID_IDLE) continue;
    Sum& sum = sums[domain.uid];
    if (recent) {
      latency.add_recent(slot, Spread::kWakeWait, sum.wake);
      latency.add_recent(slot, Spread::kPreemptWait, sum.preempt);
    } else {
      latency.add_since_start(slot, Spread::kWakeWait, sum.wake);
      latency.add_since_start(slot, Spread::kPreemptWait, sum.preempt);
    }
  }
  for (const auto& [uid, sum] : sums) {
    DomainEvidence* domain = find_domain(evidence, uid);
    if (domain == nullptr) continue;
    domain->wake_wait = quantiles(sum.wake);
    domain->preempt_wait = quantiles(sum.preempt);
  }
}

// What the sums have is known only if the daemon measures it.
void add_measures(const RegionReader& reader, Evidence& evidence) {
  for (DomainEvidence& domain : evidence.domains) {
    // A hazard in a part of its life that is not known would not count.
    if (reader.has_domain_rows() && domain.sums.lived_ns() > 0 && domain.sums.domain_unknown_ns == 0)
      domain.runstates = DomainRunstates{domain.sums.concurrency_hazard_ns};
    if (!reader.has_migrations()) continue;
    for (VcpuEvidence& vcpu : domain.vcpus) {
      vcpu.avoidable_ns = vcpu.sums.avoidable_wait_ns;
      vcpu.migrations = vcpu.sums.migrations;
    }
  }
}

} // namespace

std::optional<Evidence> gather_evidence(const RegionReader& reader, std::uint64_t window_ns,
                                        LatencyHistory& latency) {
  xenmon_sample newest;
  if (reader.newest_sample() == 0 ||
      reader.read_sample_head(reader.newest_sample(), newest) != ReadOutcome::kCopied)
    return {};
  TablesCopy tables;
  if (!reader.read_tables(tables, true)) return {};
  DomainDirectory directory(0);
  SampleFeed feed(directory, SampleFeed::Vcpus::kResolve);
  Collector collector(directory);
  feed.start(reader, SampleFeed::From::kNow);
  // To the nearest sample, and at least one.
  const std::uint64_t sample_ns = std::min(reader.header().sample_ns, kLongestSampleNs);
  const std::uint64_t reach_ns = std::max(window_ns, sample_ns) + sample_ns / 2;
  std::uint64_t from_ns = newest.end_ns - std::min(newest.end_ns, reach_ns);
  if (newest.end_ns >= kUnsettledNs + kEnoughNs) from_ns = std::max(from_ns, kUnsettledNs);
  feed.rewind(reader, from_ns);
  feed.drain(reader, collector);
  for (std::uint32_t id = 0; id < tables.pcpus.size(); ++id)
    if (tables.pcpus[id].seen != 0) collector.see_pcpu(id);
  Evidence evidence = collector.take();
  if (evidence.length_ns == 0) return {};

  const xenmon_region_header& header = reader.header();
  evidence.scheduler = field_text(header.scheduler, sizeof header.scheduler);
  evidence.io_kinds = header.io_kinds;
  evidence.damaged = feed.damaged();
  evidence.khz_assumed = (reader.flags() & XENMON_FLAG_KHZ_ASSUMED) != 0;
  if (!reader.read_verdicts(evidence.verdicts)) return {};
  add_measures(reader, evidence);
  std::vector<xenmon_setting> settings;
  if (!reader.read_settings(settings)) return {};
  apply_settings(settings, evidence);
  evidence.waits_known = reader.has_waits();
  if (evidence.waits_known) {
    LongWaits waits(evidence);
    WaitFeed wait_feed;
    wait_feed.start(reader, WaitFeed::From::kOldest);
    wait_feed.drain(reader, evidence.end_ns, waits);
  }
  latency.look(reader, tables, evidence.end_ns);
  const bool recent = latency.recent_ns() >= evidence.length_ns / 2;
  if (recent || evidence.end_ns <= 2 * evidence.length_ns + kUnsettledNs)
    add_distributions(tables, latency, recent, evidence);
  return evidence;
}

} // namespace xenmon
