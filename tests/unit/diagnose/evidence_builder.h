// SPDX-License-Identifier: GPL-2.0-or-later
//
// Evidence of ten seconds, written down in percent of a vCPU's time.
#ifndef XENMON_TESTS_DIAGNOSE_EVIDENCE_BUILDER_H
#define XENMON_TESTS_DIAGNOSE_EVIDENCE_BUILDER_H

#include <cstdint>
#include <string>
#include <vector>

#include "diagnose/evidence.h"

namespace xenmon::test {

inline constexpr std::uint64_t kWindowLength = 10'000'000'000;

inline std::uint64_t of_window(double percent) {
  return static_cast<std::uint64_t>(percent / 100 * static_cast<double>(kWindowLength));
}

// In percent of its time; what is left is blocked.
struct Share {
  double running = 0;
  double woken = 0; // waited after a wake
  double preempted = 0;
  double offline = 0;
  std::uint32_t pcpu = 0;
  double executions_per_s = 200;
};

class EvidenceBuilder {
 public:
  explicit EvidenceBuilder(std::uint32_t pcpus = 1, std::string scheduler = "credit2") {
    evidence.length_ns = kWindowLength;
    evidence.start_ns = 20'000'000'000;
    evidence.end_ns = evidence.start_ns + kWindowLength;
    evidence.scheduler = std::move(scheduler);
    evidence.io_kinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER | XENMON_IO_COPY;
    for (std::uint32_t id = 0; id < pcpus; ++id) {
      evidence.pcpus.push_back({id, 0, kWindowLength, {}});
    }
  }

  // The next domain, with a vCPU for each share. References stay valid for as long as no other domain is
  // added.
  DomainEvidence& domain(const std::string& name, const std::vector<Share>& shares) {
    DomainEvidence& domain = evidence.domains.emplace_back();
    domain.domid = static_cast<std::uint32_t>(evidence.domains.size() - 1);
    domain.uid = 100 + domain.domid;
    domain.name = name;
    for (const Share& share : shares) add_vcpu(domain, share);
    return domain;
  }

  DomainEvidence& of(const std::string& name) {
    for (DomainEvidence& domain : evidence.domains)
      if (domain.name == name) return domain;
    return evidence.domains.front();
  }

  // All pCPUs are in the first pool, and so are all domains.
  PoolSettings& pool() {
    PoolSettings& pool = evidence.pools.emplace_back();
    pool.scheduler = evidence.scheduler;
    for (const PcpuEvidence& pcpu : evidence.pcpus) pool.pcpus.push_back(pcpu.pcpu);
    for (DomainEvidence& domain : evidence.domains) domain.settings.pool = pool.id;
    return pool;
  }

  Evidence evidence;

 private:
  void add_vcpu(DomainEvidence& domain, const Share& share) {
    VcpuEvidence& vcpu = domain.vcpus.emplace_back();
    vcpu.vcpu = static_cast<std::uint32_t>(domain.vcpus.size() - 1);
    MetricSums& sums = vcpu.sums;
    sums.running_ns = of_window(share.running);
    sums.waited_wake_ns = of_window(share.woken);
    sums.waited_preempt_ns = of_window(share.preempted);
    sums.offline_ns = of_window(share.offline);
    sums.blocked_ns = kWindowLength - sums.running_ns - sums.waited_ns() - sums.offline_ns;
    sums.executions = static_cast<std::uint64_t>(share.executions_per_s * 10);
    domain.sums.add(sums);
    vcpu.on_pcpus.push_back({share.pcpu, sums.running_ns, sums.waited_ns()});
    PcpuEvidence& pcpu = evidence.pcpus.at(share.pcpu);
    pcpu.busy_ns += sums.running_ns;
    pcpu.idle_ns -= std::min(pcpu.idle_ns, sums.running_ns);
    domain.moments.push_back(
        {evidence.start_ns, evidence.end_ns, domain.sums.waited_ns(), domain.sums.offline_ns});
  }
};

// Waits with these percentiles, in us.
inline Quantiles waits_of(std::uint64_t p50_us, std::uint64_t p95_us, std::uint64_t p99_us) {
  return {1000, p50_us * 1000, p95_us * 1000, p99_us * 1000, p99_us * 1000};
}

} // namespace xenmon::test

#endif // XENMON_TESTS_DIAGNOSE_EVIDENCE_BUILDER_H
