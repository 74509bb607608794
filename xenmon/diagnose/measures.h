// SPDX-License-Identifier: GPL-2.0-or-later
//
// The figures of which rules are made: each is a number about the host, a domain or a vCPU, computed from the
// evidence, or it is not known.
#ifndef XENMON_XENMON_DIAGNOSE_MEASURES_H
#define XENMON_XENMON_DIAGNOSE_MEASURES_H

#include <optional>

#include "diagnose/evidence.h"

namespace xenmon {

// What a figure is about. The domain and the vCPU are null above their level.
struct Place {
  const Evidence& evidence;
  const DomainEvidence* domain = nullptr;
  const VcpuEvidence* vcpu = nullptr;
};

enum class Measure {
  kNone, // an unused place in a rule
  // Of the host.
  kHostBusy,     // % of the pCPUs' time
  kHostWaiting,  // vCPUs that wait, on average, for each pCPU
  kHungryVcpus,  // vCPUs that nearly always want a pCPU, for each pCPU
  kWorstWait,    // %: the longest waiting of any domain
  kWorstWakeP99, // us
  kWorstOffline, // %: of a domain that runs
  kCoreShared,   // %: busy time of the busiest pair of siblings, if a whole core is free, else 0
  // Of a domain.
  kDomid,
  kRunning, // % of its vCPUs' time, as the next five
  kWaited,
  kWaitedWoken,
  kWaitedPreempted,
  kBlocked,
  kOffline,
  kDelayed,         // % of the time in which it wanted to run
  kGotten,          // % of one pCPU
  kExecutions,      // per second and vCPU
  kExecutionLength, // us on average
  kPages,           // page exchanges per second
  kPagesPerExecution,
  kCopiesCounted,    // 1 if this hypervisor reports all page exchanges
  kCap,              // % of one pCPU; 0: none
  kCapUsed,          // %: gotten of the cap
  kCapped,           // % of its vCPUs' time in which the cap kept it from running
  kRateLimit,        // us
  kWakeP50OfLimit,   // %: the median wait after a wake, of the rate limit
  kWakeP95OfLimit,   // %
  kWakeP95,          // us
  kSliceGranted,     // us: the mean time slice of the domain that took the CPU
  kNeighbourRun,     // us: that domain's mean execution
  kNeighbourShare,   // %: that domain's part of what ran while this one waited
  kNeighbourGotten,  // % of one pCPU: what that domain got
  kNeighbourDelayed, // % of the time in which that domain wanted to run
  kOwnShare,         // %: its own part of that
  kOthersWait,       // %: the longest waiting of any other domain that runs on the same pCPUs
  kLocalBusy,        // %: how busy the pCPUs are on which it ran or waited
  kWeightRatio,      // its weight, to the others' median
  kOfEntitlement,    // %: what it got, of what its weight promises
  kSurplusVcpus,     // vCPUs that are in use, less the pCPUs on which they may run
  kHazard,           // % of the time: some vCPU ran, and another one waited
  kOtherNodes,       // %: its running time outside its main NUMA node
  kFitsNode,         // 1 if its vCPUs are not more than a node's pCPUs
  // Of a vCPU; % of its time.
  kVcpuRunning,
  kVcpuWaited,
  kVcpuBlocked,
  kVcpuAvoidable,     // %: of its waiting
  kVcpuIdleElsewhere, // pCPUs of its pool that were idle, on average, of those on which it may not run
};

struct MeasureInfo {
  const char* name; // for programs: the same in all versions
  const char* text; // for people; "": a condition that is no figure
  const char* unit;
};
const MeasureInfo& info_of(Measure measure);

// Absent if the evidence does not have it.
std::optional<double> value_of(Measure measure, const Place& place);

// The pool in which a domain is; null while that is not known.
const PoolSettings* pool_of(const Evidence& evidence, const DomainEvidence& domain);
// The scheduler that decides about it; "" while unknown.
std::string scheduler_of(const Evidence& evidence, const DomainEvidence* domain);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_MEASURES_H
