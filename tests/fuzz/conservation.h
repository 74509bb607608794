// SPDX-License-Identifier: GPL-2.0-or-later
//
// What must hold whatever the input is: every vCPU's times add up, in each sample and in all.
#ifndef XENMON_TESTS_FUZZ_CONSERVATION_H
#define XENMON_TESTS_FUZZ_CONSERVATION_H

#include <cstdlib>
#include <map>
#include <numeric>

#include "bake/baker.h"

namespace xenmon::test {

inline void require(bool holds) {
  if (!holds) std::abort();
}

class CheckedSamples final : public BakeSink {
 public:
  void on_sample(Baker& baker, const BakedSample& sample) override {
    require(sample.end_ns > sample.start_ns || sample.rows.empty());
    std::map<std::uint32_t, std::uint64_t> told;
    for (const xenmon_row& row : sample.rows) {
      require(row.vcpu_slot < baker.vcpus().size() && row.domain_slot < baker.domains().size());
      told[row.vcpu_slot] += std::uint64_t{row.running_ns} + row.waited_wake_ns + row.waited_preempt_ns +
                             row.blocked_ns + row.offline_ns + row.unknown_ns;
    }
    for (const auto& [slot, ns] : told) require(ns == sample.end_ns - sample.start_ns);
  }
};

inline void check_totals(const Baker& baker) {
  require(baker.counts().conservation_violations == 0);
  for (const DomainTotals& domain : baker.totals()) {
    for (const VcpuTotals& vcpu : domain.vcpus) {
      require(std::accumulate(vcpu.times.begin(), vcpu.times.end(), std::uint64_t{0}) == baker.now_ns());
      std::uint64_t running = 0;
      for (const auto& [pcpu, ns] : vcpu.running_by_pcpu) running += ns;
      require(running == vcpu.times[kRunning]);
      require(vcpu.continues <= vcpu.executions);
      require(vcpu.wait.p50 <= vcpu.wait.p99 && vcpu.wait.p99 <= vcpu.wait.max);
    }
  }
}

} // namespace xenmon::test

#endif // XENMON_TESTS_FUZZ_CONSERVATION_H
