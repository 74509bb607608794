// SPDX-License-Identifier: GPL-2.0-or-later
//
// Records in, the whole trace's totals out, for tests of the accounting.
#ifndef XENMON_TESTS_UNIT_BAKED_H
#define XENMON_TESTS_UNIT_BAKED_H

#include <gtest/gtest.h>

#include <initializer_list>
#include <numeric>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "trace_builder.h"

namespace xenmon::test {

// 1 GHz: a cycle is a nanosecond.
inline Baker::Options plain_options() {
  Baker::Options options;
  options.cpu_khz = 1'000'000;
  return options;
}

struct Outcome {
  std::vector<DomainTotals> totals;
  Baker::Counts counts;
  Merge::Counts merged;
  std::uint64_t duration = 0;

  const VcpuTotals& vcpu(std::uint32_t domid, std::uint32_t id = 0, std::size_t incarnation = 0) const {
    for (const DomainTotals& domain : totals) {
      if (domain.domid != domid || incarnation-- != 0) continue;
      for (const VcpuTotals& vcpu : domain.vcpus) {
        if (vcpu.vcpu_id == id) return vcpu;
      }
    }
    static const VcpuTotals kNone;
    ADD_FAILURE() << "no vCPU " << id << " in domain " << domid;
    return kNone;
  }
  const DomainTotals& domain(std::uint32_t domid) const {
    for (const DomainTotals& domain : totals) {
      if (domain.domid == domid) return domain;
    }
    static const DomainTotals kNone;
    ADD_FAILURE() << "no domain " << domid;
    return kNone;
  }
};

inline Outcome bake(std::initializer_list<const WindowBuilder*> windows,
                    Baker::Options options = plain_options()) {
  Baker baker(options);
  Merge merge;
  merge.append(pass_of(windows));
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  Outcome outcome{baker.totals(), baker.counts(), merge.counts(), baker.now_ns()};
  EXPECT_EQ(outcome.counts.conservation_violations, 0U);
  for (const DomainTotals& domain : outcome.totals) {
    for (const VcpuTotals& vcpu : domain.vcpus) {
      EXPECT_EQ(std::accumulate(vcpu.times.begin(), vcpu.times.end(), std::uint64_t{0}), outcome.duration)
          << "d" << domain.domid << "v" << vcpu.vcpu_id;
    }
  }
  return outcome;
}

} // namespace xenmon::test

#endif // XENMON_TESTS_UNIT_BAKED_H
