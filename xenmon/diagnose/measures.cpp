// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/measures.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "diagnose/neighbour.h"

namespace xenmon {
namespace {

using Value = std::optional<double>;

// A vCPU that is blocked for less than this much of its time nearly always wants a pCPU.
constexpr double kHungryBlockedPercent = 10;
// A vCPU that wants to run for less than this is not in use.
constexpr double kInUsePercent = 5;
// A domain that is offline and never runs is paused, and lacks nothing.
constexpr double kRunsAtAllPercent = 1;
// A pCPU that is idle for this much of its time is free.
constexpr double kFreePercent = 80;
constexpr double kBusyPercent = 80;

Value ratio(double part, double whole) {
  if (whole <= 0) return {};
  return part / whole;
}

Value percent(std::uint64_t part, std::uint64_t whole) {
  const Value value = ratio(static_cast<double>(part), static_cast<double>(whole));
  return value ? Value(100 * *value) : value;
}

// All that a vCPU did, also while it was offline.
std::uint64_t whole_ns(const MetricSums& sums) {
  return sums.online_ns() + sums.offline_ns;
}

double percent_of_online(std::uint64_t part, const MetricSums& sums) {
  return percent(part, sums.online_ns()).value_or(0);
}

bool is_hungry(const VcpuEvidence& vcpu) {
  return percent_of_online(vcpu.sums.running_ns + vcpu.sums.waited_ns(), vcpu.sums) >=
         100 - kHungryBlockedPercent;
}

bool is_in_use(const VcpuEvidence& vcpu) {
  return percent_of_online(vcpu.sums.running_ns + vcpu.sums.waited_ns(), vcpu.sums) >= kInUsePercent;
}

// Of the vCPUs that are in use: one that always sleeps would make the others' waiting look small. Of all, if
// none is.
MetricSums used_sums(const DomainEvidence& domain) {
  MetricSums sums;
  bool any = false;
  for (const VcpuEvidence& vcpu : domain.vcpus) {
    if (!is_in_use(vcpu)) continue;
    sums.add(vcpu.sums);
    any = true;
  }
  return any ? sums : domain.sums;
}

bool runs_at_all(const Evidence& evidence, const DomainEvidence& domain) {
  return percent(domain.sums.running_ns, evidence.length_ns).value_or(0) >= kRunsAtAllPercent;
}

// The pCPUs' time within the window.
std::uint64_t pcpus_ns(const Evidence& evidence) {
  return evidence.length_ns * evidence.pcpus.size();
}

Value host_busy(const Evidence& evidence) {
  std::uint64_t busy = 0;
  for (const PcpuEvidence& pcpu : evidence.pcpus) busy += pcpu.busy_ns;
  return percent(busy, pcpus_ns(evidence));
}

Value host_waiting(const Evidence& evidence) {
  std::uint64_t waited = 0;
  for (const DomainEvidence& domain : evidence.domains) waited += domain.sums.waited_ns();
  return ratio(static_cast<double>(waited), static_cast<double>(pcpus_ns(evidence)));
}

// A domain counts for no more vCPUs than there are pCPUs: what is beyond that is its own doing.
Value hungry_vcpus(const Evidence& evidence) {
  std::size_t hungry = 0;
  for (const DomainEvidence& domain : evidence.domains) {
    const auto count =
        static_cast<std::size_t>(std::count_if(domain.vcpus.begin(), domain.vcpus.end(), is_hungry));
    hungry += std::min(count, evidence.pcpus.size());
  }
  return ratio(static_cast<double>(hungry), static_cast<double>(evidence.pcpus.size()));
}

// The largest of what `measure` says of the domains that run.
template <class Of>
Value largest(const Evidence& evidence, const Of& of) {
  double worst = 0;
  for (const DomainEvidence& domain : evidence.domains) {
    if (!runs_at_all(evidence, domain)) continue;
    const Value value = of(domain);
    if (!value) return {};
    worst = std::max(worst, *value);
  }
  return worst;
}

Value core_shared(const Evidence& evidence) {
  struct Core {
    double least_busy = 100;
    double most_busy = 0;
    std::size_t pcpus = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Core> cores;
  for (const PcpuEvidence& pcpu : evidence.pcpus) {
    if (!pcpu.place) return {};
    const double busy = percent(pcpu.busy_ns, evidence.length_ns).value_or(0);
    Core& core = cores[{pcpu.place->socket, pcpu.place->core}];
    core.least_busy = std::min(core.least_busy, busy);
    core.most_busy = std::max(core.most_busy, busy);
    ++core.pcpus;
  }
  double shared = 0;
  bool free = false;
  for (const auto& [place, core] : cores) {
    if (core.most_busy <= 100 - kFreePercent) free = true;
    if (core.pcpus > 1 && core.least_busy >= kBusyPercent) shared = std::max(shared, core.least_busy);
  }
  return free ? shared : 0;
}

// The pCPUs on which a domain ran or waited.
std::set<std::uint32_t> pcpus_of(const DomainEvidence& domain) {
  std::set<std::uint32_t> pcpus;
  for (const VcpuEvidence& vcpu : domain.vcpus) {
    for (const OnPcpu& on : vcpu.on_pcpus)
      if (on.running_ns + on.waited_ns > 0) pcpus.insert(on.pcpu);
  }
  return pcpus;
}

double waited_percent(const DomainEvidence& domain) {
  const MetricSums sums = used_sums(domain);
  return percent_of_online(sums.waited_ns(), sums);
}

Value others_wait(const Place& place) {
  const std::set<std::uint32_t> pcpus = pcpus_of(*place.domain);
  double worst = 0;
  for (const DomainEvidence& other : place.evidence.domains) {
    if (&other == place.domain || !runs_at_all(place.evidence, other)) continue;
    const std::set<std::uint32_t> theirs = pcpus_of(other);
    const bool meets =
        std::any_of(theirs.begin(), theirs.end(), [&](std::uint32_t id) { return pcpus.contains(id); });
    if (meets) worst = std::max(worst, waited_percent(other));
  }
  return worst;
}

// Each pCPU counts for as much as the domain ran or waited there.
Value local_busy(const Place& place) {
  std::map<std::uint32_t, double> busy;
  for (const PcpuEvidence& pcpu : place.evidence.pcpus)
    busy[pcpu.pcpu] = percent(pcpu.busy_ns, place.evidence.length_ns).value_or(0);
  double sum = 0;
  double weights = 0;
  for (const VcpuEvidence& vcpu : place.domain->vcpus) {
    for (const OnPcpu& on : vcpu.on_pcpus) {
      const auto weight = static_cast<double>(on.running_ns + on.waited_ns);
      sum += weight * busy[on.pcpu];
      weights += weight;
    }
  }
  return ratio(sum, weights);
}

// Those with which a domain competes: the domains that run in its pool. Nothing if a weight is not known.
std::optional<std::vector<const DomainEvidence*>> competitors(const Place& place) {
  if (!place.domain->settings.weight) return {};
  std::vector<const DomainEvidence*> others;
  for (const DomainEvidence& other : place.evidence.domains) {
    if (&other == place.domain || !runs_at_all(place.evidence, other)) continue;
    if (other.settings.pool != place.domain->settings.pool) continue;
    if (!other.settings.weight) return {};
    others.push_back(&other);
  }
  return others;
}

Value weight_ratio(const Place& place) {
  const auto others = competitors(place);
  if (!others || others->empty()) return {};
  std::vector<std::uint32_t> weights;
  for (const DomainEvidence* other : *others) weights.push_back(*other->settings.weight);
  std::sort(weights.begin(), weights.end());
  return ratio(*place.domain->settings.weight, weights[weights.size() / 2]);
}

// What its weight promises is its part of the pool's pCPUs, but no more than it wanted.
Value of_entitlement(const Place& place) {
  const auto others = competitors(place);
  if (!others || others->empty()) return {};
  const double own = *place.domain->settings.weight;
  double all = own;
  for (const DomainEvidence* other : *others) all += *other->settings.weight;
  const PoolSettings* pool = pool_of(place.evidence, *place.domain);
  if (pool == nullptr) return {};
  const double promised = own / all * static_cast<double>(pool->pcpus.size() * place.evidence.length_ns);
  const auto wanted = static_cast<double>(place.domain->sums.running_ns + place.domain->sums.waited_ns());
  const Value part = ratio(static_cast<double>(place.domain->sums.running_ns), std::min(promised, wanted));
  return part ? Value(100 * *part) : part;
}

// On how many pCPUs a domain may run: all, if nothing says otherwise.
double usable_pcpus(const Place& place) {
  std::set<std::uint32_t> usable;
  const PoolSettings* pool = pool_of(place.evidence, *place.domain);
  for (const VcpuEvidence& vcpu : place.domain->vcpus) {
    if (vcpu.hard_affinity) {
      usable.insert(vcpu.hard_affinity->begin(), vcpu.hard_affinity->end());
    } else if (pool != nullptr) {
      usable.insert(pool->pcpus.begin(), pool->pcpus.end());
    } else {
      for (const PcpuEvidence& pcpu : place.evidence.pcpus) usable.insert(pcpu.pcpu);
    }
  }
  return static_cast<double>(usable.size());
}

Value surplus_vcpus(const Place& place) {
  const auto& vcpus = place.domain->vcpus;
  const auto used = std::count_if(vcpus.begin(), vcpus.end(), is_in_use);
  return static_cast<double>(used) - usable_pcpus(place);
}

// Running time of a domain by NUMA node.
std::optional<std::map<std::uint32_t, std::uint64_t>> by_node(const Place& place) {
  std::map<std::uint32_t, std::uint32_t> node_of;
  for (const PcpuEvidence& pcpu : place.evidence.pcpus) {
    if (!pcpu.place) return {};
    node_of[pcpu.pcpu] = pcpu.place->node;
  }
  std::map<std::uint32_t, std::uint64_t> nodes;
  for (const VcpuEvidence& vcpu : place.domain->vcpus) {
    for (const OnPcpu& on : vcpu.on_pcpus) {
      const auto node = node_of.find(on.pcpu);
      if (node == node_of.end()) return {};
      nodes[node->second] += on.running_ns;
    }
  }
  return nodes;
}

Value other_nodes(const Place& place) {
  const auto nodes = by_node(place);
  if (!nodes) return {};
  std::uint64_t main = 0;
  std::uint64_t all = 0;
  for (const auto& [node, ns] : *nodes) {
    main = std::max(main, ns);
    all += ns;
  }
  return percent(all - main, all);
}

Value fits_node(const Place& place) {
  std::map<std::uint32_t, std::size_t> pcpus;
  for (const PcpuEvidence& pcpu : place.evidence.pcpus) {
    if (!pcpu.place) return {};
    ++pcpus[pcpu.place->node];
  }
  for (const auto& [node, count] : pcpus)
    if (place.domain->vcpus.size() <= count) return 1;
  return 0;
}

template <class Number>
Value add_up(const DomainEvidence& domain, std::optional<Number> VcpuEvidence::*part) {
  double sum = 0;
  for (const VcpuEvidence& vcpu : domain.vcpus) {
    if (!(vcpu.*part)) return {};
    sum += static_cast<double>(*(vcpu.*part));
  }
  return sum;
}

Value rate_limit_us(const Place& place) {
  const PoolSettings* pool = pool_of(place.evidence, *place.domain);
  if (pool == nullptr || !pool->rate_limit_us) return {};
  return *pool->rate_limit_us;
}

Value of_rate_limit(const Place& place, std::uint64_t Quantiles::*quantile) {
  const Value limit = rate_limit_us(place);
  if (!limit || !place.domain->wake_wait || place.domain->wake_wait->count == 0) return {};
  const Value part = ratio(static_cast<double>((*place.domain->wake_wait).*quantile), 1000 * *limit);
  return part ? Value(100 * *part) : part;
}

Value wake_us(const DomainEvidence& domain, std::uint64_t Quantiles::*quantile) {
  if (!domain.wake_wait) return {};
  return static_cast<double>((*domain.wake_wait).*quantile) / 1000;
}

Value per_second(const Evidence& evidence, std::uint64_t count) {
  return ratio(1e9 * static_cast<double>(count), static_cast<double>(evidence.length_ns));
}

Value mean_us(std::uint64_t sum_ns, std::uint64_t count) {
  return ratio(static_cast<double>(sum_ns) / 1000, static_cast<double>(count));
}

Value of_host(Measure measure, const Evidence& evidence) {
  switch (measure) {
    case Measure::kHostBusy:
      return host_busy(evidence);
    case Measure::kHostWaiting:
      return host_waiting(evidence);
    case Measure::kHungryVcpus:
      return hungry_vcpus(evidence);
    case Measure::kWorstWait:
      return largest(evidence, [](const DomainEvidence& domain) { return Value(waited_percent(domain)); });
    case Measure::kWorstWakeP99:
      return largest(evidence,
                     [](const DomainEvidence& domain) { return wake_us(domain, &Quantiles::p99_ns); });
    case Measure::kWorstOffline:
      return largest(evidence, [](const DomainEvidence& domain) {
        // One that comes or goes within the window was offline before or after.
        return domain.ended ? Value(0) : percent(domain.sums.offline_ns, whole_ns(domain.sums));
      });
    case Measure::kCoreShared:
      return core_shared(evidence);
    default:
      return {};
  }
}

Value of_times(Measure measure, const MetricSums& sums) {
  switch (measure) {
    case Measure::kRunning:
    case Measure::kVcpuRunning:
      return percent(sums.running_ns, sums.online_ns());
    case Measure::kWaited:
    case Measure::kVcpuWaited:
      return percent(sums.waited_ns(), sums.online_ns());
    case Measure::kWaitedWoken:
      return percent(sums.waited_wake_ns, sums.online_ns());
    case Measure::kWaitedPreempted:
      return percent(sums.waited_preempt_ns, sums.online_ns());
    case Measure::kBlocked:
    case Measure::kVcpuBlocked:
      return percent(sums.blocked_ns, sums.online_ns());
    case Measure::kOffline:
      return percent(sums.offline_ns, whole_ns(sums));
    case Measure::kDelayed:
      return percent(sums.waited_ns(), sums.running_ns + sums.waited_ns());
    default:
      return {};
  }
}

Value of_neighbour(Measure measure, const Place& place) {
  const Neighbour neighbour = neighbour_of(place);
  if (neighbour.domain == nullptr) return {};
  const MetricSums& sums = neighbour.domain->sums;
  switch (measure) {
    case Measure::kSliceGranted:
      return mean_us(sums.slice_sum_ns, sums.slice_count);
    case Measure::kNeighbourRun:
      // A vCPU that continues was not interrupted.
      return mean_us(sums.running_ns, sums.executions - std::min(sums.executions, sums.continues));
    case Measure::kNeighbourShare:
      return neighbour.share;
    case Measure::kNeighbourGotten:
      return percent(sums.running_ns, place.evidence.length_ns);
    case Measure::kNeighbourDelayed:
      return of_times(Measure::kDelayed, sums);
    default:
      return {};
  }
}

Value of_settings(Measure measure, const Place& place) {
  const DomainSettings& settings = place.domain->settings;
  const Value gotten = percent(place.domain->sums.running_ns, place.evidence.length_ns);
  switch (measure) {
    case Measure::kCap:
      return settings.cap_percent ? Value(*settings.cap_percent) : Value();
    case Measure::kCapUsed: {
      if (!settings.cap_percent || *settings.cap_percent == 0 || !gotten) return {};
      return 100 * *gotten / *settings.cap_percent;
    }
    case Measure::kCapped: {
      const Value capped = add_up(*place.domain, &VcpuEvidence::capped_ns);
      const Value part = capped ? ratio(*capped, static_cast<double>(whole_ns(place.domain->sums))) : Value();
      return part ? Value(100 * *part) : part;
    }
    case Measure::kRateLimit:
      return rate_limit_us(place);
    case Measure::kWakeP50OfLimit:
      return of_rate_limit(place, &Quantiles::p50_ns);
    case Measure::kWakeP95OfLimit:
      return of_rate_limit(place, &Quantiles::p95_ns);
    case Measure::kWeightRatio:
      return weight_ratio(place);
    case Measure::kOfEntitlement:
      return of_entitlement(place);
    case Measure::kSurplusVcpus:
      return surplus_vcpus(place);
    case Measure::kOtherNodes:
      return other_nodes(place);
    case Measure::kFitsNode:
      return fits_node(place);
    default:
      return {};
  }
}

Value of_domain(Measure measure, const Place& place) {
  const DomainEvidence& domain = *place.domain;
  const MetricSums& sums = domain.sums;
  if (const Value value = of_times(measure, used_sums(domain))) return value;
  if (const Value value = of_neighbour(measure, place)) return value;
  switch (measure) {
    case Measure::kDomid:
      return domain.domid;
    case Measure::kGotten:
      return percent(sums.running_ns, place.evidence.length_ns);
    case Measure::kExecutions: {
      const Value rate = per_second(place.evidence, sums.executions);
      return rate && !domain.vcpus.empty() ? Value(*rate / static_cast<double>(domain.vcpus.size()))
                                           : Value();
    }
    case Measure::kExecutionLength:
      return mean_us(sums.running_ns, sums.executions);
    case Measure::kPages:
      return per_second(place.evidence, sums.io());
    case Measure::kPagesPerExecution:
      return ratio(static_cast<double>(sums.io()), static_cast<double>(sums.executions));
    case Measure::kCopiesCounted:
      return (place.evidence.io_kinds & XENMON_IO_COPY) != 0 ? 1 : 0;
    case Measure::kWakeP95:
      return wake_us(domain, &Quantiles::p95_ns);
    case Measure::kOwnShare:
      return own_share_of(place);
    case Measure::kOthersWait:
      return others_wait(place);
    case Measure::kLocalBusy:
      return local_busy(place);
    case Measure::kHazard:
      if (!domain.runstates) return {};
      return percent(domain.runstates->concurrency_hazard_ns, place.evidence.length_ns);
    default:
      return of_settings(measure, place);
  }
}

Value idle_elsewhere(const Place& place) {
  if (!place.vcpu->hard_affinity) return {};
  const auto& allowed = *place.vcpu->hard_affinity;
  const PoolSettings* pool = pool_of(place.evidence, *place.domain);
  double idle = 0;
  for (const PcpuEvidence& pcpu : place.evidence.pcpus) {
    if (std::binary_search(allowed.begin(), allowed.end(), pcpu.pcpu)) continue;
    if (pool != nullptr && !std::binary_search(pool->pcpus.begin(), pool->pcpus.end(), pcpu.pcpu)) continue;
    idle +=
        ratio(static_cast<double>(pcpu.idle_ns), static_cast<double>(place.evidence.length_ns)).value_or(0);
  }
  return idle;
}

Value of_vcpu(Measure measure, const Place& place) {
  if (const Value value = of_times(measure, place.vcpu->sums)) return value;
  switch (measure) {
    case Measure::kVcpuAvoidable:
      if (!place.vcpu->avoidable_ns) return {};
      return percent(*place.vcpu->avoidable_ns, place.vcpu->sums.waited_ns());
    case Measure::kVcpuIdleElsewhere:
      return idle_elsewhere(place);
    default:
      return {};
  }
}

bool is_of_host(Measure measure) {
  return measure < Measure::kDomid;
}
bool is_of_vcpu(Measure measure) {
  return measure >= Measure::kVcpuRunning;
}

} // namespace

std::optional<double> value_of(Measure measure, const Place& place) {
  if (is_of_host(measure)) return of_host(measure, place.evidence);
  if (is_of_vcpu(measure)) return place.vcpu == nullptr ? Value() : of_vcpu(measure, place);
  return place.domain == nullptr ? Value() : of_domain(measure, place);
}

const PoolSettings* pool_of(const Evidence& evidence, const DomainEvidence& domain) {
  if (!domain.settings.pool) return nullptr;
  for (const PoolSettings& pool : evidence.pools)
    if (pool.id == *domain.settings.pool) return &pool;
  return nullptr;
}

std::string scheduler_of(const Evidence& evidence, const DomainEvidence* domain) {
  const PoolSettings* pool = domain == nullptr ? nullptr : pool_of(evidence, *domain);
  return pool != nullptr && !pool->scheduler.empty() ? pool->scheduler : evidence.scheduler;
}

} // namespace xenmon
