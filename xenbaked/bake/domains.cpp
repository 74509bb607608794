// SPDX-License-Identifier: GPL-2.0-or-later
//
// What domains do as a whole. For every domain but the idle one, the times of a sample add up to the part of
// the sample in which it lived.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

namespace {

void add(DomainTimes& to, const DomainTimes& times) {
  for (std::size_t i = 0; i < kDomainStates; ++i) to[i] += times[i];
}

std::uint64_t sum_of(const DomainTimes& times) {
  std::uint64_t sum = 0;
  for (const std::uint64_t time : times) sum += time;
  return sum;
}

xenmon_domain_row row_of(std::uint32_t domain_slot, const DomainTimes& times) {
  const auto narrow = [&](DomainState state) { return static_cast<std::uint32_t>(times[state]); };
  xenmon_domain_row row{};
  row.domain_slot = domain_slot;
  row.full_run_ns = narrow(kFullRun);
  row.partial_run_ns = narrow(kPartialRun);
  row.full_contention_ns = narrow(kFullContention);
  row.partial_contention_ns = narrow(kPartialContention);
  row.concurrency_hazard_ns = narrow(kConcurrencyHazard);
  row.blocked_ns = narrow(kAllBlocked);
  row.unknown_ns = narrow(kStateUnknown);
  return row;
}

} // namespace

// In this sample, of a domain that is alive and has one known vCPU at most.
DomainTimes Baker::times_of_sole_vcpu(const Domain& domain, std::uint64_t until_ns) const {
  const std::uint64_t from_ns = std::max(start_ns_, domain.lives_from_ns);
  DomainTimes times{};
  if (until_ns <= from_ns) return times;
  const auto slot = std::find_if(domain.vcpus.begin(), domain.vcpus.end(),
                                 [](std::uint32_t of) { return of != XENMON_NO_SLOT; });
  if (slot == domain.vcpus.end()) {
    // Xen makes vCPUs offline; records of what they did then may be missing.
    const std::uint64_t known_until_ns =
        domain.born ? std::clamp(domain.loss_ns, from_ns, until_ns) : from_ns;
    times[kAllBlocked] = known_until_ns - from_ns;
    times[kStateUnknown] = until_ns - known_until_ns;
    return times;
  }
  const Vcpu& vcpu = *vcpus_[*slot];
  Times of_vcpu = vcpu.part.times;
  for (const VcpuPart& part : vcpu.parts) {
    for (std::size_t i = 0; i < kBuckets; ++i) of_vcpu[i] += part.times[i];
  }
  of_vcpu[vcpu.bucket] += until_ns - vcpu.since_ns;
  // A vCPU's time is all of the sample, and the domain's is its life. What a damaged trace says of a vCPU
  // before that is not of this domain.
  std::uint64_t before_life_ns = from_ns - start_ns_;
  for (const Bucket bucket :
       {domain.born ? kOffline : kUnknown, kUnknown, kOffline, kBlocked, kWaitPreempt, kWaitWake, kRunning}) {
    const std::uint64_t taken_ns = std::min(of_vcpu[bucket], before_life_ns);
    of_vcpu[bucket] -= taken_ns;
    before_life_ns -= taken_ns;
  }
  return domain_times_of(of_vcpu);
}

void Baker::account_domain(Domain& domain, std::uint64_t until_ns) {
  if (domain.runstates) {
    add(domain.part_times, domain.runstates->take(until_ns));
  } else if (!domain.ended && domain.domid != XENMON_DOMID_IDLE) {
    domain.part_times = times_of_sole_vcpu(domain, until_ns);
  }
}

// Where the whole trace is one sample: what was done until then stays as it is.
void Baker::account_domains(std::uint64_t until_ns) {
  settle_ns_ = until_ns + kDomainsSettleNs;
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain && domain->runstates) account_domain(*domain, until_ns);
  }
}

void Baker::close_domains(std::uint64_t end_ns, bool publish) {
  domain_rows_.clear();
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (!domain) continue;
    account_domain(*domain, end_ns);
    if (sink_ != nullptr && publish && sum_of(domain->part_times) != 0)
      domain_rows_.push_back(row_of(domain->slot, domain->part_times));
    fold_domain(*domain, end_ns);
  }
}

// What is accounted of this sample, which ends at `end_ns` or earlier for this domain, is added to the
// totals.
void Baker::fold_domain(Domain& domain, std::uint64_t end_ns) {
  if (domain.domid == XENMON_DOMID_IDLE) return;
  const std::uint64_t lived_from_ns = std::max(start_ns_, domain.lives_from_ns);
  const std::uint64_t lived_until_ns = domain.ended ? std::min(domain.ended_ns, end_ns) : end_ns;
  const std::uint64_t lived_ns = lived_until_ns > lived_from_ns ? lived_until_ns - lived_from_ns : 0;
  if (sum_of(domain.part_times) != lived_ns) ++counts_.conservation_violations;
  add(domain.times, domain.part_times);
  domain.part_times = {};
}

// The domain has had one known vCPU, or more; now it gets a further one.
void Baker::share_runstates(Domain& domain, Vcpu& added) {
  if (!domain.runstates) {
    account_domain(domain, now_ns_);
    domain.runstates = std::make_unique<DomainRunstates>(now_ns_);
    for (const std::uint32_t slot : domain.vcpus) {
      if (slot == XENMON_NO_SLOT) continue;
      domain.runstates->add(vcpus_[slot]->bucket, now_ns_);
      vcpus_[slot]->domain_runstates = domain.runstates.get();
    }
  }
  domain.runstates->add(added.bucket, now_ns_);
  added.domain_runstates = domain.runstates.get();
}

} // namespace xenmon
