// SPDX-License-Identifier: GPL-2.0-or-later
//
// The domains and vCPUs that there are: when they come and go.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

// When the last domain of that number ended; 0 if none has.
std::uint64_t Baker::end_of_previous(std::uint32_t domid) const {
  std::uint64_t end_ns = 0;
  for (const std::uint32_t slot : ended_domains_) {
    if (domains_[slot]->domid == domid) end_ns = std::max(end_ns, domains_[slot]->ended_ns);
  }
  for (const DomainTotals& ended : ended_totals_) {
    if (ended.domid == domid) end_ns = std::max(end_ns, ended.ended_ns);
  }
  return end_ns;
}

Domain& Baker::make_domain(std::uint32_t domid, bool born, std::uint64_t now) {
  std::uint32_t slot;
  if (free_domains_.empty()) {
    slot = static_cast<std::uint32_t>(domains_.size());
    domains_.emplace_back();
  } else {
    slot = free_domains_.back();
    free_domains_.pop_back();
  }
  domains_[slot] = std::make_unique<Domain>();
  Domain& domain = *domains_[slot];
  domain.slot = slot;
  domain.domid = domid;
  domain.uid = next_uid_++;
  domain.born = born;
  domain.born_ns = now;
  // If records are being lost at that moment, the next ones about it may be among them.
  if (born && gaps_open() != 0) domain.loss_ns = now;
  if (!born) domain.not_before_ns = end_of_previous(domid);
  domain.lives_from_ns = born ? now : domain.not_before_ns;
  // What no sample can have any more.
  if (domain.lives_from_ns < start_ns_ && domid != XENMON_DOMID_IDLE)
    domain.times[kStateUnknown] = start_ns_ - domain.lives_from_ns;
  domain_by_id_[domid] = slot;
  if (options_.watcher != nullptr) options_.watcher->on_domain(domain);
  return domain;
}

// Null if no record has named it.
Vcpu* Baker::known_vcpu(std::uint32_t who) {
  const Domain* domain = find_domain(who >> 16);
  const std::uint32_t vcpu_id = who & 0xffffU;
  if (domain == nullptr || vcpu_id >= domain->vcpus.size() || domain->vcpus[vcpu_id] == XENMON_NO_SLOT)
    return nullptr;
  return vcpus_[domain->vcpus[vcpu_id]].get();
}

Vcpu* Baker::look_up_vcpu(std::uint32_t who) {
  Vcpu* vcpu = known_vcpu(who);
  if (vcpu == nullptr) vcpu = make_vcpu(who >> 16, who & 0xffffU);
  if (vcpu != nullptr) cache_[cache_index(who)] = {who, vcpu};
  return vcpu;
}

void Baker::grow_cache() {
  --cache_shift_;
  cache_.assign(std::size_t{1} << (32 - cache_shift_), Cached{});
}

// nullptr if there can be no such vCPU; that is counted.
Vcpu* Baker::make_vcpu(std::uint32_t domid, std::uint32_t vcpu_id) {
  const bool idle = domid == XENMON_DOMID_IDLE;
  if ((domid >= kFirstReservedDomid && !idle) || vcpu_id >= kMaxVcpuId ||
      vcpus_.size() - free_vcpus_.size() >= kMaxVcpus) {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return nullptr;
  }
  Domain* domain = find_domain(domid);
  if (domain == nullptr) domain = &make_domain(domid, false, now_ns_);
  std::uint32_t slot;
  if (free_vcpus_.empty()) {
    slot = static_cast<std::uint32_t>(vcpus_.size());
    vcpus_.emplace_back();
    // Half full, so that few of them are in each other's place.
    if (2 * vcpus_.size() > cache_.size() && cache_shift_ > 32 - kMostCachedBits) grow_cache();
  } else {
    slot = free_vcpus_.back();
    free_vcpus_.pop_back();
  }
  vcpus_[slot] = std::make_unique<Vcpu>();
  Vcpu& vcpu = *vcpus_[slot];
  vcpu.slot = slot;
  vcpu.domain_slot = domain->slot;
  vcpu.vcpu_id = vcpu_id;
  vcpu.idle = idle;
  vcpu.pool = &pool_of(vcpu);
  if (idle) vcpu.domain_runstates = &of_idle_vcpus_;
  // Xen makes vCPUs offline (xen/common/sched/core.c, sched_init_vcpu), so a domain whose creation was
  // seen has had this one offline until now, or until records were lost.
  const bool offline = domain->born && domain->loss_ns == ~std::uint64_t{0};
  const std::uint64_t offline_ns = domain->born ? std::min(domain->loss_ns, now_ns_) : 0;
  vcpu.since_ns = start_ns_;
  transition(vcpu, offline ? kOffline : kUnknown, start_ns_);
  vcpu.times[kOffline] = std::min(offline_ns, start_ns_);
  vcpu.times[kUnknown] = start_ns_ - vcpu.times[kOffline];
  if (options_.watcher != nullptr) report_new(vcpu, *domain);
  if (!offline && offline_ns > start_ns_) {
    account_as(vcpu, kOffline, offline_ns);
    vcpu.entered_ns = offline_ns;
  }
  if (domain->not_before_ns > start_ns_) {
    account_as(vcpu, kUnknown, domain->not_before_ns);
    vcpu.entered_ns = domain->not_before_ns;
  }
  if (offline) {
    vcpu.known = true;
    known_.push_back(slot);
  }
  if (domain->vcpus.size() <= vcpu_id) domain->vcpus.resize(vcpu_id + 1, XENMON_NO_SLOT);
  if (!idle && domain->vcpu_count != 0) share_runstates(*domain, vcpu);
  domain->vcpus[vcpu_id] = slot;
  ++domain->vcpu_count;
  return &vcpu;
}

// What has been added up of it already is of the samples before this one.
void Baker::report_new(const Vcpu& vcpu, const Domain& domain) const {
  const std::uint64_t offline_ns = vcpu.times[kOffline];
  options_.watcher->on_vcpu(vcpu, domain);
  if (offline_ns > 0) options_.watcher->on_time(vcpu, kOffline, 0, offline_ns);
  if (vcpu.since_ns > offline_ns) options_.watcher->on_time(vcpu, kUnknown, offline_ns, vcpu.since_ns);
}

void Baker::domain_added(std::uint32_t domid, std::uint64_t now) {
  if (domid >= kFirstReservedDomid) return; // Xen's own: idle, I/O, xen
  credit_all();                             // to the previous owner of the number
  std::uint32_t due = 0;
  std::uint32_t in_doubt = 0;
  if (Domain* previous = find_domain(domid)) {
    // Xen destroys a domain's scheduling data only after a grace period, so its DOM_REM may come after the
    // DOM_ADD of a successor with the same number.
    due = previous->removals_due;
    in_doubt = previous->removals_in_doubt;
    ++(removal_is_due(*previous) ? due : in_doubt);
    end_domain(*previous, now);
  }
  Domain& domain = make_domain(domid, true, now);
  domain.removals_due = due;
  domain.removals_in_doubt = in_doubt;
}

// Whether the DOM_REM of a domain whose number another one has taken is still to come. It is not if it has
// been lost, and it may have been lost if records were lost after the last record about the domain.
bool Baker::removal_is_due(const Domain& domain) const {
  if (losses_ == 0 && !interrupted_) return true;
  if (domain.removal_in_doubt) return false;
  std::uint64_t told_ns = domain.born_ns;
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot != XENMON_NO_SLOT) told_ns = std::max(told_ns, vcpus_[slot]->entered_ns);
  }
  return told_ns > last_loss_ns_;
}

void Baker::domain_removed(std::uint32_t domid, std::uint64_t now) {
  if (domid >= kFirstReservedDomid) return;
  credit_all();
  Domain* domain = find_domain(domid);
  if (domain == nullptr) return;
  if (domain->removals_due > 0) {
    --domain->removals_due;
    return;
  }
  if (domain->removals_in_doubt > 0) {
    // Whether it is this domain that has ended, its next records will show, or the next creation.
    --domain->removals_in_doubt;
    domain->removal_in_doubt = true;
    forget_states(*domain, now);
    return;
  }
  end_domain(*domain, now);
}

// Nobody knows what its vCPUs do from now on.
void Baker::forget_states(Domain& domain, std::uint64_t now) {
  domain.loss_ns = std::min(domain.loss_ns, now);
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    Vcpu& vcpu = *vcpus_[slot];
    account(vcpu, now);
    if (vcpu.bucket == kRunning && pcpu_state(vcpu.part.pcpu).current == slot)
      nobody_runs(vcpu.part.pcpu, now);
    make_unknown(vcpu);
    if (vcpu.known) std::erase(known_, slot);
    vcpu.known = false;
  }
}

void Baker::end_domain(Domain& domain, std::uint64_t now) {
  account_domain(domain, now);
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    Vcpu& vcpu = *vcpus_[slot];
    account(vcpu, now);
    if (vcpu.bucket == kRunning) {
      stop_running(vcpu, now);
      if (pcpu_state(vcpu.part.pcpu).current == XENMON_NO_SLOT) nobody_runs(vcpu.part.pcpu, now);
    }
    vcpu.domain_runstates = nullptr;
    credit_if_waiting(vcpu, now);
    enter(vcpu, kOffline, now);
    vcpu.claimed = kUnknown;
    vcpu.ended = true;
  }
  domain.runstates.reset();
  domain.ended = true;
  domain.ended_ns = now;
  if (options_.watcher != nullptr) options_.watcher->on_domain_end(domain, now);
  std::fill(cache_.begin(), cache_.end(), Cached{});
  domain_by_id_[domain.domid] = XENMON_NO_SLOT;
  if (options_.sample_ns != 0) {
    ended_domains_.push_back(domain.slot);
    return;
  }
  // Without samples nothing refers to it any more: keep the figures, free the memory.
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot != XENMON_NO_SLOT) fold(*vcpus_[slot], false);
  }
  fold_domain(domain, now);
  ended_totals_.push_back(totals_of(domain));
  free_domain(domain);
}

void Baker::collect_ended(std::uint64_t end_ns) {
  std::erase_if(ended_domains_, [&](std::uint32_t slot) {
    Domain& domain = *domains_[slot];
    if (domain.ended_ns + options_.linger_ns > end_ns) return false;
    free_domain(domain);
    return true;
  });
}

void Baker::free_domain(Domain& domain) {
  const auto is_of_domain = [&](std::uint32_t slot) { return vcpus_[slot]->domain_slot == domain.slot; };
  for (PcpuState& pcpu : pcpus_) pcpu.recent.forget(is_of_domain);
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    if (vcpus_[slot]->known) std::erase(known_, slot);
    vcpus_[slot].reset();
    free_vcpus_.push_back(slot);
  }
  free_domains_.push_back(domain.slot);
  domains_[domain.slot].reset();
}

} // namespace xenmon
