// SPDX-License-Identifier: GPL-2.0-or-later
//
// Avoidable waiting and migrations, by records.
#include <gtest/gtest.h>

#include <array>

#include "baked.h"

namespace xenmon::test {
namespace {

// Domain 1 waits on pCPU 0 from 1300 to 1800; pCPU 1 is idle from 1100 to 1500, pCPU 2 from 1400 to 1600.
struct ThreePcpus {
  WindowBuilder a{0};
  WindowBuilder b{1};
  WindowBuilder c{2};
  ThreePcpus() {
    a.runstate(1000, 2, 0, kRunnableState, kRunningState)
        .runstate(1300, 1, 0, kBlockedState, kRunnableState)
        .runstate(1800, 2, 0, kRunningState, kRunnableState)
        .runstate(1800, 1, 0, kRunnableState, kRunningState)
        .record(0x22202, 2000, {});
    b.runstate(1100, kIdle, 1, kRunnableState, kRunningState)
        .runstate(1500, kIdle, 1, kRunningState, kRunnableState)
        .runstate(1500, 3, 0, kRunnableState, kRunningState);
    c.runstate(1400, kIdle, 2, kRunnableState, kRunningState)
        .runstate(1600, kIdle, 2, kRunningState, kRunnableState)
        .runstate(1600, 4, 0, kRunnableState, kRunningState);
  }
  Outcome bake_it() { return bake({&a, &b, &c}); }
};

TEST(BakerPools, AWaitIsAvoidableWhileAnyPcpuIsIdle) {
  const Outcome outcome = ThreePcpus().bake_it();
  EXPECT_EQ(outcome.vcpu(1).times[kWaitWake], 500U);
  EXPECT_EQ(outcome.vcpu(1).avoidable_ns, 300U);
  EXPECT_EQ(outcome.vcpu(2).times[kWaitPreempt], 200U);
  EXPECT_EQ(outcome.vcpu(2).avoidable_ns, 0U);
}

TEST(BakerPools, IdlePcpusOfAnotherPoolDoNotCount) {
  ThreePcpus three;
  Baker baker(plain_options());
  baker.set_pools(std::array<std::uint32_t, 3>{7, 7, 3});
  Merge merge;
  merge.append(pass_of({&three.a, &three.b, &three.c}));
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  for (const DomainTotals& domain : baker.totals()) {
    if (domain.domid != 1) continue;
    EXPECT_EQ(domain.vcpus[0].avoidable_ns, 200U); // of pCPU 1
  }
}

TEST(BakerPools, APcpuThatLosesRecordsIsNotIdle) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(1000, 2, 0, kRunnableState, kRunningState)
      .runstate(1500, 1, 0, kBlockedState, kRunnableState)
      .runstate(1700, 2, 0, kRunningState, kRunnableState)
      .runstate(1700, 1, 0, kRunnableState, kRunningState);
  b.runstate(1000, kIdle, 1, kRunnableState, kRunningState)
      .lost(1200, 1400, 3, kIdle, 1)
      .record(0x22202, 2000, {});
  EXPECT_EQ(bake({&a, &b}).vcpu(1).avoidable_ns, 0U);
}

TEST(BakerPools, ADispatchOnAnotherPcpuIsAMigration) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.runstate(1000, 1, 0, kBlockedState, kRunnableState) // woken here, and has not run yet
      .runstate(1200, 1, 0, kBlockedState, kRunnableState)
      .runstate(1250, 1, 0, kRunnableState, kRunningState)
      .runstate(1300, 1, 0, kRunningState, kRunnableState)
      .runstate(1350, 1, 0, kRunnableState, kRunningState);
  b.runstate(1050, 1, 0, kRunnableState, kRunningState).runstate(1100, 1, 0, kRunningState, kBlockedState);
  const Outcome outcome = bake({&a, &b});
  EXPECT_EQ(outcome.vcpu(1).executions, 3U);
  EXPECT_EQ(outcome.vcpu(1).migrations, 1U);
}

} // namespace
} // namespace xenmon::test
