// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/domain_runstates.h"

#include <numeric>

namespace xenmon {

namespace {

// By groups of vCPUs that there are: bit 0 some run, bit 1 some wait, bit 2 some are blocked or offline, bit
// 3 the state of some is unknown. Without any vCPU nothing is known.
constexpr std::array<DomainState, 16> kStateOfGroups{
    kStateUnknown,      kFullRun,           kFullContention, kConcurrencyHazard, kAllBlocked,   kPartialRun,
    kPartialContention, kConcurrencyHazard, kStateUnknown,   kStateUnknown,      kStateUnknown, kStateUnknown,
    kStateUnknown,      kStateUnknown,      kStateUnknown,   kStateUnknown};

} // namespace

DomainTimes domain_times_of(const Times& vcpu) {
  DomainTimes times{};
  times[kFullRun] = vcpu[kRunning];
  times[kFullContention] = vcpu[kWaitWake] + vcpu[kWaitPreempt];
  times[kAllBlocked] = vcpu[kBlocked] + vcpu[kOffline];
  times[kStateUnknown] = vcpu[kUnknown];
  return times;
}

DomainTimes DomainRunstates::take(std::uint64_t now) {
  times_[groups_] += now;
  DomainTimes taken{};
  for (std::size_t groups = 0; groups < times_.size(); ++groups)
    taken[kStateOfGroups[groups]] += times_[groups];
  times_ = {};
  times_[groups_] = 0 - now;
  return taken;
}

void DomainRunstates::doubt(std::uint64_t now) {
  const DomainTimes doubtful = take(now);
  times_[groups_of(kUnclear)] += std::accumulate(doubtful.begin(), doubtful.end(), std::uint64_t{0});
}

} // namespace xenmon
