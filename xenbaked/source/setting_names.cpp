// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>

#include "source/host_settings.h"

namespace xenmon {
namespace {

struct Named {
  std::uint32_t kind;
  std::string_view name;
};
constexpr std::array kNames = {Named{XENMON_SETTING_DOMAIN_POOL, "domain_pool"},
                               Named{XENMON_SETTING_DOMAIN_VCPUS, "domain_vcpus"},
                               Named{XENMON_SETTING_DOMAIN_WEIGHT, "domain_weight"},
                               Named{XENMON_SETTING_DOMAIN_CAP, "domain_cap_percent"},
                               Named{XENMON_SETTING_VCPU_HARD, "vcpu_hard_affinity"},
                               Named{XENMON_SETTING_VCPU_SOFT, "vcpu_soft_affinity"},
                               Named{XENMON_SETTING_POOL_SCHEDULER, "pool_scheduler"},
                               Named{XENMON_SETTING_POOL_RATE_LIMIT, "pool_rate_limit_us"},
                               Named{XENMON_SETTING_POOL_SLICE, "pool_slice_us"},
                               Named{XENMON_SETTING_POOL_PCPUS, "pool_pcpus"},
                               Named{XENMON_SETTING_PCPU_SOCKET, "pcpu_socket"},
                               Named{XENMON_SETTING_PCPU_CORE, "pcpu_core"},
                               Named{XENMON_SETTING_PCPU_NODE, "pcpu_node"}};

} // namespace

std::string_view setting_name(std::uint32_t kind) {
  for (const Named& named : kNames)
    if (named.kind == kind) return named.name;
  return "";
}

std::uint32_t setting_kind(std::string_view name) {
  for (const Named& named : kNames)
    if (named.name == name) return named.kind;
  return 0;
}

} // namespace xenmon
