// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is known of the whole trace.
#include <algorithm>
#include <array>
#include <utility>

#include "bake/baker.h"

namespace xenmon {

DomainTotals Baker::totals_of(const Domain& domain) const {
  DomainTotals totals;
  totals.domid = domain.domid;
  totals.uid = domain.uid;
  totals.ended_ns = domain.ended_ns;
  totals.name = domain.name;
  totals.times = domain.times;
  totals.io = domain.io;
  totals.io_copy_bytes = domain.io_copy_bytes;
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    const Vcpu& vcpu = *vcpus_[slot];
    VcpuTotals& out = totals.vcpus.emplace_back();
    out.vcpu_id = vcpu.vcpu_id;
    out.times = vcpu.times;
    out.executions = vcpu.executions;
    out.continues = vcpu.continues;
    out.migrations = vcpu.migrations;
    out.avoidable_ns = vcpu.avoidable_ns;
    out.slices = vcpu.slices;
    out.running_by_pcpu = vcpu.running_by_pcpu;
    std::sort(out.running_by_pcpu.begin(), out.running_by_pcpu.end());
    if (vcpu.histograms) {
      const std::array waits{&std::as_const(vcpu.histograms->wake_wait),
                             &std::as_const(vcpu.histograms->preempt_wait)};
      out.wait = percentiles(waits);
      out.wake_wait = percentiles(std::span(waits).first(1));
      out.preempt_wait = percentiles(std::span(waits).last(1));
      const std::array runs{&std::as_const(vcpu.histograms->run)};
      out.run = percentiles(runs);
    }
    totals.executions += vcpu.executions;
  }
  return totals;
}

std::vector<DomainTotals> Baker::totals() const {
  std::vector<DomainTotals> all = ended_totals_;
  // An ended domain's vCPUs have been offline since.
  for (DomainTotals& domain : all) {
    for (VcpuTotals& vcpu : domain.vcpus) {
      std::uint64_t told = 0;
      for (const std::uint64_t time : vcpu.times) told += time;
      vcpu.times[kOffline] += now_ns_ - told;
    }
  }
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain) all.push_back(totals_of(*domain));
  }
  std::sort(all.begin(), all.end(), [](const DomainTotals& a, const DomainTotals& b) {
    return a.domid != b.domid ? a.domid < b.domid : a.uid < b.uid;
  });
  return all;
}

} // namespace xenmon
