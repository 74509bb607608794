// SPDX-License-Identifier: GPL-2.0-or-later
//
// Cpupools: which pCPUs a waiting vCPU could have run on, and when one of them was idle.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

IdleClock& Baker::pool_of(std::uint32_t pcpu) {
  if (pool_by_pcpu_.empty()) return *pools_.front();
  const std::uint32_t pool = pcpu < pool_by_pcpu_.size() ? pool_by_pcpu_[pcpu] : XENMON_NO_PCPU;
  return pool == XENMON_NO_PCPU ? no_pool_ : *pools_[pool];
}

// The clock that an idle vCPU keeps, or by which another one waits.
IdleClock& Baker::pool_of(const Vcpu& vcpu) {
  IdleClock& pool = pool_of(vcpu.idle ? vcpu.vcpu_id : vcpu.part.pcpu);
  return vcpu.idle && &pool == &no_pool_ ? nobodys_ : pool;
}

void Baker::set_pools(std::span<const std::uint32_t> pool_by_pcpu) {
  // What has been waited so far was in the pools that there were.
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (vcpu) credit_if_waiting(*vcpu, now_ns_);
  }
  std::vector<std::uint32_t> numbers(pool_by_pcpu.begin(), pool_by_pcpu.end());
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::erase(numbers, XENMON_NO_PCPU);
  pool_by_pcpu_.clear();
  for (const std::uint32_t pool : pool_by_pcpu) {
    const auto found = std::lower_bound(numbers.begin(), numbers.end(), pool);
    pool_by_pcpu_.push_back(pool == XENMON_NO_PCPU ? pool
                                                   : static_cast<std::uint32_t>(found - numbers.begin()));
  }
  pools_.clear();
  nobodys_ = {};
  for (std::size_t i = 0; i < std::max<std::size_t>(numbers.size(), 1); ++i)
    pools_.push_back(std::make_unique<IdleClock>());
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (!vcpu) continue;
    vcpu->pool = &pool_of(*vcpu);
    if (vcpu->counts_as_idle) vcpu->pool->begin(now_ns_);
  }
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (vcpu) vcpu->idle_reading = vcpu->pool->reading(now_ns_);
  }
}

// A pCPU of that pool may not have been idle when it was thought to be: what is being waited since then, or
// since the current sample began, has not been avoidable.
void Baker::distrust_idle(const IdleClock& pool, std::uint64_t now) {
  for (const std::uint32_t slot : known_) {
    Vcpu& vcpu = *vcpus_[slot];
    if (vcpu.pool == &pool && is_wait(vcpu.bucket)) vcpu.idle_reading = pool.reading(now);
  }
}

} // namespace xenmon
