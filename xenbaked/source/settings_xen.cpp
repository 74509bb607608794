// SPDX-License-Identifier: GPL-2.0-or-later
//
// The settings of a real Xen, by libxenctrl. Every call that fails leaves out what it would have told.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

#include "source/host_settings.h"
#include "source/hypervisor_log.h"

// Xen's headers do not say by themselves that they are C.
extern "C" {
#include <xenctrl.h>
}

namespace xenmon {
namespace {

constexpr std::uint32_t kUsPerMs = 1000;
constexpr std::uint32_t kDomainsAtOnce = 64;
constexpr std::uint32_t kMostPools = 1024; // more is a mistake
constexpr std::uint32_t kMostVcpus = 8192;

struct CloseControl {
  void operator()(xc_interface* handle) const { xc_interface_close(handle); }
};
struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
struct FreePool {
  xc_interface* control;
  void operator()(xc_cpupoolinfo_t* pool) const { xc_cpupool_infofree(control, pool); }
};

// A mask of pCPUs in words, as the region has it.
using Mask = std::vector<std::uint64_t>;

class XenSettings {
 public:
  bool open() {
    control_.reset(xc_interface_open(log_.logger(), log_.logger(), 0));
    return control_ != nullptr;
  }

  std::vector<xenmon_setting> read() {
    settings_.clear();
    pools_.clear();
    mask_bytes_ = std::max(0, xc_get_cpumap_size(control_.get()));
    read_topology();
    read_pools();
    read_domains();
    return settings_;
  }

 private:
  struct Pool {
    std::uint32_t scheduler = 0;
    Mask pcpus;
  };

  void add(std::uint32_t kind, std::uint32_t domid, std::uint32_t index, std::uint64_t value) {
    settings_.push_back({kind, domid, index, 0, value});
  }

  void add_mask(std::uint32_t kind, std::uint32_t domid, std::uint32_t index, const Mask& mask) {
    for (std::uint32_t part = 0; part < mask.size(); ++part)
      if (mask[part] != 0) settings_.push_back({kind, domid, index, part, mask[part]});
  }

  [[nodiscard]] Mask words_of(const std::uint8_t* map) const {
    Mask mask((static_cast<std::size_t>(mask_bytes_) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    for (std::size_t byte = 0; byte < static_cast<std::size_t>(mask_bytes_); ++byte)
      mask[byte / sizeof(std::uint64_t)] |= std::uint64_t{map[byte]} << (8 * (byte % sizeof(std::uint64_t)));
    return mask;
  }

  void read_topology() {
    unsigned count = 0;
    if (xc_cputopoinfo(control_.get(), &count, nullptr) != 0) return;
    std::vector<xc_cputopo_t> topology(count);
    if (xc_cputopoinfo(control_.get(), &count, topology.data()) != 0) return;
    for (std::uint32_t pcpu = 0; pcpu < std::min<std::size_t>(count, topology.size()); ++pcpu) {
      const xc_cputopo_t& place = topology[pcpu];
      if (place.core == XEN_INVALID_CORE_ID) continue; // offline
      add(XENMON_SETTING_PCPU_CORE, 0, pcpu, place.core);
      if (place.socket != XEN_INVALID_SOCKET_ID) add(XENMON_SETTING_PCPU_SOCKET, 0, pcpu, place.socket);
      if (place.node != XEN_INVALID_NODE_ID) add(XENMON_SETTING_PCPU_NODE, 0, pcpu, place.node);
    }
  }

  void read_pools() {
    // Each call returns the pool of that number, or the next one.
    for (std::uint32_t id = 0; pools_.size() < kMostPools;) {
      const std::unique_ptr<xc_cpupoolinfo_t, FreePool> pool(xc_cpupool_getinfo(control_.get(), id),
                                                             FreePool{control_.get()});
      if (!pool) return;
      const std::uint32_t number = pool->cpupool_id;
      Pool& known = pools_[number];
      known.scheduler = pool->sched_id;
      known.pcpus = words_of(pool->cpumap);
      add(XENMON_SETTING_POOL_SCHEDULER, 0, number, pool->sched_id);
      add_mask(XENMON_SETTING_POOL_PCPUS, 0, number, known.pcpus);
      read_parameters(number, pool->sched_id);
      if (number == UINT32_MAX) return;
      id = number + 1;
    }
  }

  void read_parameters(std::uint32_t pool, std::uint32_t scheduler) {
    if (scheduler == XEN_SCHEDULER_CREDIT) {
      xen_sysctl_credit_schedule parameters{};
      if (xc_sched_credit_params_get(control_.get(), pool, &parameters) != 0) return;
      add(XENMON_SETTING_POOL_RATE_LIMIT, 0, pool, parameters.ratelimit_us);
      add(XENMON_SETTING_POOL_SLICE, 0, pool, std::uint64_t{parameters.tslice_ms} * kUsPerMs);
    } else if (scheduler == XEN_SCHEDULER_CREDIT2) {
      xen_sysctl_credit2_schedule parameters{};
      if (xc_sched_credit2_params_get(control_.get(), pool, &parameters) != 0) return;
      add(XENMON_SETTING_POOL_RATE_LIMIT, 0, pool, parameters.ratelimit_us);
    }
  }

  void read_domains() {
    std::vector<xc_domaininfo_t> domains(kDomainsAtOnce);
    std::uint32_t first = 0;
    for (;;) {
      const int count = xc_domain_getinfolist(control_.get(), first, kDomainsAtOnce, domains.data());
      if (count <= 0) return;
      for (int i = 0; i < count; ++i) read_domain(domains[static_cast<std::size_t>(i)]);
      first = domains[static_cast<std::size_t>(count) - 1].domain + 1U;
      if (static_cast<std::uint32_t>(count) < kDomainsAtOnce) return;
    }
  }

  void read_domain(const xc_domaininfo_t& domain) {
    if ((domain.flags & XEN_DOMINF_dying) != 0) return;
    const std::uint32_t domid = domain.domain;
    add(XENMON_SETTING_DOMAIN_POOL, domid, 0, domain.cpupool);
    add(XENMON_SETTING_DOMAIN_VCPUS, domid, 0, std::uint64_t{domain.max_vcpu_id} + 1);
    const auto pool = pools_.find(domain.cpupool);
    if (pool == pools_.end()) return;
    read_weight(domid, pool->second.scheduler);
    for (std::uint32_t vcpu = 0; vcpu <= domain.max_vcpu_id && vcpu < kMostVcpus; ++vcpu)
      read_affinity(domid, vcpu, pool->second);
  }

  void read_weight(std::uint32_t domid, std::uint32_t scheduler) {
    if (scheduler == XEN_SCHEDULER_CREDIT) {
      xen_domctl_sched_credit parameters{};
      if (xc_sched_credit_domain_get(control_.get(), domid, &parameters) != 0) return;
      add(XENMON_SETTING_DOMAIN_WEIGHT, domid, 0, parameters.weight);
      add(XENMON_SETTING_DOMAIN_CAP, domid, 0, parameters.cap);
    } else if (scheduler == XEN_SCHEDULER_CREDIT2) {
      xen_domctl_sched_credit2 parameters{};
      if (xc_sched_credit2_domain_get(control_.get(), domid, &parameters) != 0) return;
      add(XENMON_SETTING_DOMAIN_WEIGHT, domid, 0, parameters.weight);
      add(XENMON_SETTING_DOMAIN_CAP, domid, 0, parameters.cap);
    }
  }

  // An affinity that excludes no pCPU of the pool says nothing, and is left out.
  void read_affinity(std::uint32_t domid, std::uint32_t vcpu, const Pool& pool) {
    const std::unique_ptr<std::uint8_t, Free> hard(xc_cpumap_alloc(control_.get()));
    const std::unique_ptr<std::uint8_t, Free> soft(xc_cpumap_alloc(control_.get()));
    if (!hard || !soft) return;
    if (xc_vcpu_getaffinity(control_.get(), domid, static_cast<int>(vcpu), hard.get(), soft.get(),
                            XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT) != 0) {
      return;
    }
    for (const auto& [kind, map] :
         {std::pair{XENMON_SETTING_VCPU_HARD, hard.get()}, std::pair{XENMON_SETTING_VCPU_SOFT, soft.get()}}) {
      Mask mask = words_of(map);
      bool excludes = false;
      for (std::size_t word = 0; word < mask.size() && word < pool.pcpus.size(); ++word) {
        mask[word] &= pool.pcpus[word];
        excludes |= mask[word] != pool.pcpus[word];
      }
      if (excludes) add_mask(kind, domid, vcpu, mask);
    }
  }

  HypervisorLog log_; // outlives the handle, which points to it
  std::unique_ptr<xc_interface, CloseControl> control_;
  std::vector<xenmon_setting> settings_;
  std::map<std::uint32_t, Pool> pools_;
  int mask_bytes_ = 0;
};

} // namespace

SettingsLookup make_xen_settings_lookup() {
  auto xen = std::make_shared<XenSettings>();
  if (!xen->open()) return {};
  return [xen] { return xen->read(); };
}

} // namespace xenmon
