// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/apply_settings.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace xenmon {
namespace {

// XEN_SCHEDULER_* of Xen's public/domctl.h, by the names that xl and the hypervisor's sched= take.
std::string scheduler_of_id(std::uint64_t id) {
  switch (id) {
    case 5:
      return "credit";
    case 6:
      return "credit2";
    case 7:
      return "arinc653";
    case 8:
      return "rtds";
    case 9:
      return "null";
    default:
      return "";
  }
}

constexpr std::uint64_t kMostPcpus = 65'536; // whatever a region claims

std::optional<std::uint32_t> narrow(std::uint64_t value) {
  return value <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(value)) : std::nullopt;
}

void add_pcpus(const xenmon_setting& setting, std::vector<std::uint32_t>& pcpus) {
  const std::uint64_t first = std::uint64_t{setting.part} * XENMON_SETTING_MASK_BITS;
  if (first >= kMostPcpus) return;
  for (std::uint32_t bit = 0; bit < XENMON_SETTING_MASK_BITS; ++bit)
    if ((setting.value >> bit & 1) != 0) pcpus.push_back(static_cast<std::uint32_t>(first) + bit);
}

void make_ascending(std::vector<std::uint32_t>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

class Application {
 public:
  explicit Application(Evidence& evidence) : evidence_(evidence) {
    for (DomainEvidence& domain : evidence.domains)
      if (!domain.ended) domains_[domain.domid] = &domain;
  }

  void take(const xenmon_setting& setting) {
    switch (setting.kind) {
      case XENMON_SETTING_POOL_SCHEDULER:
        pool(setting.index).scheduler = scheduler_of_id(setting.value);
        return;
      case XENMON_SETTING_POOL_RATE_LIMIT:
        pool(setting.index).rate_limit_us = narrow(setting.value);
        return;
      case XENMON_SETTING_POOL_SLICE:
        pool(setting.index).slice_us = narrow(setting.value);
        return;
      case XENMON_SETTING_POOL_PCPUS:
        add_pcpus(setting, pool(setting.index).pcpus);
        return;
      case XENMON_SETTING_PCPU_SOCKET:
      case XENMON_SETTING_PCPU_CORE:
      case XENMON_SETTING_PCPU_NODE:
        take_place(setting);
        return;
      default:
        take_of_domain(setting);
    }
  }

  void finish() {
    for (auto& [id, found] : pools_) {
      make_ascending(found.pcpus);
      evidence_.pools.push_back(found);
    }
    for (PcpuEvidence& pcpu : evidence_.pcpus) {
      const auto found = places_.find(pcpu.pcpu);
      // A place of which a part is missing is none.
      if (found == places_.end() || !found->second.socket || !found->second.core || !found->second.node)
        continue;
      pcpu.place = PcpuPlace{*found->second.socket, *found->second.core, *found->second.node};
    }
    for (DomainEvidence& domain : evidence_.domains)
      for (VcpuEvidence& vcpu : domain.vcpus)
        if (vcpu.hard_affinity) make_ascending(*vcpu.hard_affinity);
  }

 private:
  struct Parts {
    std::optional<std::uint32_t> socket;
    std::optional<std::uint32_t> core;
    std::optional<std::uint32_t> node;
  };

  PoolSettings& pool(std::uint32_t id) {
    PoolSettings& found = pools_[id];
    found.id = id;
    return found;
  }

  void take_place(const xenmon_setting& setting) {
    Parts& parts = places_[setting.index];
    (setting.kind == XENMON_SETTING_PCPU_SOCKET ? parts.socket
     : setting.kind == XENMON_SETTING_PCPU_CORE ? parts.core
                                                : parts.node) = narrow(setting.value);
  }

  void take_of_domain(const xenmon_setting& setting) {
    const auto found = domains_.find(setting.domid);
    if (found == domains_.end()) return;
    DomainEvidence& domain = *found->second;
    switch (setting.kind) {
      case XENMON_SETTING_DOMAIN_POOL:
        domain.settings.pool = narrow(setting.value);
        return;
      case XENMON_SETTING_DOMAIN_WEIGHT:
        domain.settings.weight = narrow(setting.value);
        return;
      case XENMON_SETTING_DOMAIN_CAP:
        domain.settings.cap_percent = narrow(setting.value);
        return;
      case XENMON_SETTING_VCPU_HARD:
        for (VcpuEvidence& vcpu : domain.vcpus) {
          if (vcpu.vcpu != setting.index) continue;
          if (!vcpu.hard_affinity) vcpu.hard_affinity.emplace();
          add_pcpus(setting, *vcpu.hard_affinity);
        }
        return;
      default:
        return;
    }
  }

  Evidence& evidence_;
  std::map<std::uint32_t, DomainEvidence*> domains_; // by domid
  std::map<std::uint32_t, PoolSettings> pools_;
  std::map<std::uint32_t, Parts> places_; // by pCPU
};

} // namespace

void apply_settings(std::span<const xenmon_setting> settings, Evidence& evidence) {
  Application application(evidence);
  for (const xenmon_setting& setting : settings) application.take(setting);
  application.finish();
}

} // namespace xenmon
