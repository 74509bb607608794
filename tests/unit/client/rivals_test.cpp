// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/rivals.h"

#include <gtest/gtest.h>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

TEST(Contenders, SumsUpWhoRanMeanwhile) {
  ScriptedRegion region;
  region.set_domain(0, 1, 101, "web");
  const auto reader = RegionReader::make(region.bytes(), "R");
  const auto wait = [&](std::uint64_t end_ms, std::uint32_t vcpu, std::uint32_t kind, std::uint64_t batch_ms,
                        std::uint64_t others_ms) {
    xenmon_wait one = {};
    one.start_ns = (end_ms - 5) * kMs;
    one.end_ns = end_ms * kMs;
    one.domain_uid = 101;
    one.domid = 1;
    one.vcpu_id = vcpu;
    one.pcpu_before = XENMON_NO_PCPU;
    one.kind = kind;
    one.runners[0] = {102, 2, 0, batch_ms * kMs};
    one.others_ns = others_ms * kMs;
    region.add_wait(one);
  };
  wait(500, 0, XENMON_WAIT_WOKEN, 3, 1);
  wait(11'500, 0, XENMON_WAIT_PREEMPTED, 4, 1);
  wait(11'900, 1, XENMON_WAIT_PREEMPTED, 5, 0);

  Contenders contenders;
  contenders.look(*reader, 12'000 * kMs, 10'000 * kMs);
  RivalSums of_web = contenders.of({101, {}});
  EXPECT_TRUE(of_web.known && of_web.whole_span);
  EXPECT_EQ(of_web.woken, 0U); // too long ago
  EXPECT_EQ(of_web.preempted, 2U);
  ASSERT_EQ(of_web.contenders.size(), 1U);
  EXPECT_EQ(of_web.contenders[0].uid, 102U);
  EXPECT_EQ(of_web.contenders[0].ran_ns, 9 * kMs);
  EXPECT_EQ(of_web.others_ns, 1 * kMs);
  EXPECT_EQ(of_web.ran_ns(), 10 * kMs);
  EXPECT_EQ(of_web.longest_start_ns, 11'495 * kMs);
  EXPECT_EQ(of_web.longest_end_ns, 11'500 * kMs);
  EXPECT_EQ(contenders.of({102, {}}).longest_end_ns, 0U);
  EXPECT_EQ(contenders.of({101, 1}).preempted, 1U);
  EXPECT_EQ(contenders.of({102, {}}).preempted, 0U);
  contenders.look(*reader, 21'600 * kMs, 10'000 * kMs);
  EXPECT_EQ(contenders.of({101, {}}).preempted, 1U);
}

TEST(Contenders, KnowsSinceWhenItKnows) {
  ScriptedRegion region;
  const auto reader = RegionReader::make(region.bytes(), "R");
  const std::uint64_t capacity = region.header().wait.capacity;
  for (std::uint64_t i = 1; i <= capacity + 10; ++i) {
    xenmon_wait one = {};
    one.start_ns = i * kMs;
    one.end_ns = (i + 1) * kMs;
    one.domain_uid = 101;
    one.pcpu_before = XENMON_NO_PCPU;
    one.kind = XENMON_WAIT_WOKEN;
    region.add_wait(one);
  }
  Contenders contenders;
  const std::uint64_t now_ms = capacity + 20;
  contenders.look(*reader, now_ms * kMs, 10'000 * kMs);
  const RivalSums of_web = contenders.of({101, {}});
  EXPECT_EQ(of_web.woken, capacity);
  EXPECT_FALSE(of_web.whole_span);
  EXPECT_EQ(of_web.span_ns, (now_ms - 12) * kMs); // the first that is there ended in the twelfth millisecond
}

} // namespace
} // namespace xenmon::test
