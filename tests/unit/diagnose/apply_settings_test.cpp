// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/apply_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "diagnose/diagnose.h"
#include "diagnose/evidence_builder.h"

namespace xenmon {
namespace {

using test::EvidenceBuilder;
using testing::ElementsAre;

EvidenceBuilder host() {
  EvidenceBuilder builder(2);
  builder.domain("Domain-0", {{.running = 10}});
  builder.domain("web", {{.running = 59, .offline = 35}, {.running = 1, .pcpu = 1}});
  return builder;
}

TEST(ApplySettings, PutsEachWhereItBelongs) {
  EvidenceBuilder builder = host();
  apply_settings(std::vector<xenmon_setting>{{XENMON_SETTING_DOMAIN_POOL, 1, 0, 0, 2},
                                             {XENMON_SETTING_DOMAIN_WEIGHT, 1, 0, 0, 512},
                                             {XENMON_SETTING_DOMAIN_CAP, 1, 0, 0, 60},
                                             {XENMON_SETTING_VCPU_HARD, 1, 1, 1, 5},
                                             {XENMON_SETTING_VCPU_HARD, 1, 1, 0, 2},
                                             {XENMON_SETTING_POOL_SCHEDULER, 0, 2, 0, 5},
                                             {XENMON_SETTING_POOL_RATE_LIMIT, 0, 2, 0, 1000},
                                             {XENMON_SETTING_POOL_SLICE, 0, 2, 0, 30000},
                                             {XENMON_SETTING_POOL_PCPUS, 0, 2, 0, 3},
                                             {XENMON_SETTING_PCPU_SOCKET, 0, 1, 0, 0},
                                             {XENMON_SETTING_PCPU_CORE, 0, 1, 0, 4},
                                             {XENMON_SETTING_PCPU_NODE, 0, 1, 0, 1},
                                             {XENMON_SETTING_PCPU_CORE, 0, 0, 0, 4}},
                 builder.evidence);
  const DomainEvidence& web = builder.of("web");
  EXPECT_EQ(web.settings.pool, 2U);
  EXPECT_EQ(web.settings.weight, 512U);
  EXPECT_EQ(web.settings.cap_percent, 60U);
  EXPECT_FALSE(web.vcpus[0].hard_affinity);
  EXPECT_THAT(*web.vcpus[1].hard_affinity, ElementsAre(1, 64, 66));
  ASSERT_EQ(builder.evidence.pools.size(), 1U);
  EXPECT_EQ(builder.evidence.pools[0].scheduler, "credit");
  EXPECT_EQ(builder.evidence.pools[0].rate_limit_us, 1000U);
  EXPECT_EQ(builder.evidence.pools[0].slice_us, 30000U);
  EXPECT_THAT(builder.evidence.pools[0].pcpus, ElementsAre(0, 1));
  EXPECT_FALSE(builder.evidence.pcpus[0].place); // a part of it is not known
  ASSERT_TRUE(builder.evidence.pcpus[1].place);
  EXPECT_EQ(builder.evidence.pcpus[1].place->core, 4U);
  EXPECT_FALSE(builder.of("Domain-0").settings.weight);
  EXPECT_EQ(diagnose(builder.evidence).front().command, "xl sched-credit -d web -c 0");
}

TEST(ApplySettings, PassesOverWhatItDoesNotKnow) {
  EvidenceBuilder builder = host();
  apply_settings(std::vector<xenmon_setting>{{0, 0, 0, 0, 0},
                                             {99, 1, 0, 0, 1},
                                             {XENMON_SETTING_DOMAIN_WEIGHT, 77, 0, 0, 512},
                                             {XENMON_SETTING_DOMAIN_WEIGHT, 1, 0, 0, UINT64_MAX},
                                             {XENMON_SETTING_VCPU_HARD, 1, 9, 0, 1},
                                             {XENMON_SETTING_POOL_PCPUS, 0, 0, UINT32_MAX, UINT64_MAX},
                                             {XENMON_SETTING_PCPU_NODE, 0, 500, 0, 1}},
                 builder.evidence);
  EXPECT_FALSE(builder.of("web").settings.weight);
  ASSERT_EQ(builder.evidence.pools.size(), 1U);
  EXPECT_TRUE(builder.evidence.pools[0].pcpus.empty());
}

TEST(ApplySettings, AnEndedDomainHasNone) {
  EvidenceBuilder builder = host();
  builder.of("web").ended = true;
  apply_settings(std::vector<xenmon_setting>{{XENMON_SETTING_DOMAIN_CAP, 1, 0, 0, 60}}, builder.evidence);
  EXPECT_FALSE(builder.of("web").settings.cap_percent);
}

} // namespace
} // namespace xenmon
