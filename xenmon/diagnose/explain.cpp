// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/explain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <vector>

#include "diagnose/neighbour.h"
#include "format.h"
#include "text.h"

namespace xenmon {
namespace {

using M = Measure;

constexpr std::uint32_t kUsualWeight = 256;       // Xen's default, under credit and credit2
constexpr std::uint32_t kUsualRateLimitUs = 1000; // and of the rate limit
constexpr std::uint32_t kShortSliceMs = 5;
constexpr double kLowestCap = 5; // of what is proposed; less stops a domain for long
constexpr std::size_t kLongestArgument = 64;

std::string number(double value, int decimals = 0) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string measured(Measure measure, const Place& place, int decimals = 0) {
  const std::optional<double> value = value_of(measure, place);
  return value ? number(*value, decimals) : "?";
}

// "xl sched-credit2"; "" under a scheduler without weights and caps.
std::string xl_scheduler(const Place& place) {
  const std::string scheduler = scheduler_of(place.evidence, place.domain);
  return scheduler == "credit" || scheduler == "credit2" ? "xl sched-" + scheduler : "";
}

// The part of a command that names the pool whose parameters are set; the first is xl's default.
std::string of_pool(const Place& place) {
  const PoolSettings* pool = pool_of(place.evidence, *place.domain);
  return pool == nullptr || pool->id == 0 ? " -s" : " -p " + std::to_string(pool->id) + " -s";
}

std::string set_weight(const Place& place, const DomainEvidence& domain, std::uint32_t weight) {
  const std::string xl = xl_scheduler(place);
  return xl.empty() ? "" : xl + " -d " + as_argument(domain) + " -w " + std::to_string(weight);
}

std::vector<std::uint32_t> all_pcpus(const Place& place) {
  std::vector<std::uint32_t> ids;
  if (const PoolSettings* pool = place.domain == nullptr ? nullptr : pool_of(place.evidence, *place.domain))
    return pool->pcpus;
  for (const PcpuEvidence& pcpu : place.evidence.pcpus) ids.push_back(pcpu.pcpu);
  return ids;
}

// Where a domain ran longest.
std::optional<std::uint32_t> main_pcpu(const DomainEvidence& domain) {
  std::map<std::uint32_t, std::uint64_t> running;
  for (const VcpuEvidence& vcpu : domain.vcpus)
    for (const OnPcpu& on : vcpu.on_pcpus) running[on.pcpu] += on.running_ns;
  const auto most = std::max_element(running.begin(), running.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == running.end() ? std::optional<std::uint32_t>() : most->first;
}

std::uint32_t usable_pcpus(const Place& place) {
  std::vector<std::uint32_t> usable;
  for (const VcpuEvidence& vcpu : place.domain->vcpus) {
    if (!vcpu.hard_affinity) return static_cast<std::uint32_t>(all_pcpus(place).size());
    usable.insert(usable.end(), vcpu.hard_affinity->begin(), vcpu.hard_affinity->end());
  }
  std::sort(usable.begin(), usable.end());
  return static_cast<std::uint32_t>(std::unique(usable.begin(), usable.end()) - usable.begin());
}

void explain_cap(const Place& place, Finding& finding) {
  const std::string who = called(*place.domain);
  const auto& cap = place.domain->settings.cap_percent;
  finding.sentence = who + " has reached its cap" +
                     (cap ? " of " + std::to_string(*cap) + " % of a pCPU" : "") + ": it got " +
                     measured(M::kGotten, place, 1) + " % and was kept from running for " +
                     measured(M::kOffline, place, 1) + " % of its vCPUs' time.";
  finding.remedy = "Remove the cap, or raise it.";
  if (const std::string xl = xl_scheduler(place); !xl.empty())
    finding.command = xl + " -d " + as_argument(*place.domain) + " -c 0";
}

void explain_affinity(const Place& place, Finding& finding) {
  const std::string vcpu = std::to_string(place.vcpu->vcpu);
  finding.sentence = "vCPU " + vcpu + " of " + called(*place.domain) + " waited for " +
                     measured(M::kVcpuWaited, place, 1) + " % of its time while other pCPUs were idle";
  if (place.vcpu->hard_affinity) {
    finding.sentence += "; it may run only on " + pcpu_argument(*place.vcpu->hard_affinity);
    finding.remedy = "Let it run on all pCPUs of its pool.";
  } else {
    finding.remedy = "Look at its affinity with xl vcpu-list, and let it run on all pCPUs of its pool.";
  }
  finding.sentence += ".";
  finding.command = "xl vcpu-pin " + as_argument(*place.domain) + " " + vcpu + " all";
}

void explain_vcpus(const Place& place, Finding& finding) {
  const std::uint32_t usable = std::max(1U, usable_pcpus(place));
  finding.sentence =
      called(*place.domain) + " uses more vCPUs than can run at once: " + measured(M::kSurplusVcpus, place) +
      " more than the " + std::to_string(usable) + " pCPUs that it may use. Its vCPUs waited for " +
      measured(M::kWaited, place, 1) + " % of their time, mostly for each other.";
  finding.remedy = "Give it no more vCPUs than pCPUs.";
  finding.command = "xl vcpu-set " + as_argument(*place.domain) + " " + std::to_string(usable);
}

void explain_rate_limit(const Place& place, Finding& finding) {
  const auto limit = static_cast<std::uint32_t>(value_of(M::kRateLimit, place).value_or(0));
  const std::string xl = xl_scheduler(place) + of_pool(place) + " -r ";
  if (std::string_view(finding.name) == "rate_limit_too_short") {
    finding.sentence = "The rate limit of " + std::to_string(limit) +
                       " us is short: " + called(*place.domain) +
                       " interrupts the others whenever it wakes, " + measured(M::kExecutions, place) +
                       " times a second with " + measured(M::kPagesPerExecution, place, 1) + " pages each.";
    finding.remedy = "Set the rate limit to Xen's default.";
    finding.command = xl + std::to_string(kUsualRateLimitUs);
    return;
  }
  finding.sentence = "When " + called(*place.domain) + " wakes it has to wait until the rate limit of " +
                     std::to_string(limit) + " us has passed: half of these waits took " +
                     measured(M::kWakeP50OfLimit, place) +
                     " % of the limit or more, and 95 of 100 ended within " +
                     measured(M::kWakeP95OfLimit, place) + " % of it.";
  finding.remedy = "Set a shorter rate limit.";
  finding.command = xl + std::to_string(limit > kUsualRateLimitUs ? kUsualRateLimitUs : limit / 2);
}

void explain_too_often(const Place& place, Finding& finding) {
  finding.sentence = called(*place.domain) +
                     " is dispatched too often for too little: " + measured(M::kExecutions, place) +
                     " times a second, with " + measured(M::kPagesPerExecution, place, 1) + " pages and " +
                     measured(M::kExecutionLength, place) + " us each, while others wait for up to " +
                     measured(M::kOthersWait, place, 1) +
                     " % of their time. It does not need more CPU: more weight makes this worse.";
  finding.remedy = "Give it no more weight than the others have.";
  finding.command = set_weight(place, *place.domain, kUsualWeight);
}

void explain_weight(const Place& place, Finding& finding) {
  finding.sentence = called(*place.domain) + " has " + measured(M::kWeightRatio, place, 1) +
                     " times the weight of the others, without effect: it got " +
                     measured(M::kOfEntitlement, place) + " % of what the weight promises, and waited for " +
                     measured(M::kWaited, place, 1) + " % of its vCPUs' time.";
  finding.remedy =
      "Do not rely on the weight: set it back, and give the domain pCPUs of its own if it must not wait.";
  finding.command = set_weight(place, *place.domain, kUsualWeight);
}

void explain_slices(const Place& place, Finding& finding) {
  const Neighbour neighbour = neighbour_of(place);
  finding.sentence =
      "When " + called(*place.domain) + " wakes it waits for the end of long time slices: 5 of 100 " +
      "waits took " + measured(M::kWakeP95, place) + " us or more, while " +
      (neighbour.domain != nullptr ? called(*neighbour.domain) : std::string("another domain")) +
      " ran for " + measured(M::kNeighbourRun, place) + " us at a time.";
  finding.remedy = "Set a shorter time slice.";
  finding.command = "xl sched-credit" + of_pool(place) + " -t " + std::to_string(kShortSliceMs);
}

// Dom0 is helped by a pCPU on which the other one does not run.
void explain_dom0(const Place& place, Finding& finding) {
  const Neighbour neighbour = neighbour_of(place);
  finding.sentence = called(*place.domain) + " is kept waiting: it ran for " +
                     measured(M::kRunning, place, 1) + " % of its vCPUs' time and waited for " +
                     measured(M::kWaited, place, 1) + " %";
  if (neighbour.domain != nullptr) {
    finding.sentence +=
        "; " + called(*neighbour.domain) + " had " + number(neighbour.share) + " % of the CPU time meanwhile";
  }
  finding.sentence += ". All domains' I/O waits with it.";
  const std::optional<double> ratio = value_of(M::kWeightRatio, place);
  std::vector<std::uint32_t> others = all_pcpus(place);
  const std::optional<std::uint32_t> own = main_pcpu(*place.domain);
  if (ratio && *ratio < 1) {
    const auto weight = static_cast<std::uint32_t>(std::lround(*place.domain->settings.weight / *ratio));
    finding.remedy = "Give Dom0 the same weight as the others.";
    finding.command = set_weight(place, *place.domain, weight);
  } else if (others.size() > 1 && own && neighbour.domain != nullptr) {
    others.erase(std::remove(others.begin(), others.end(), *own), others.end());
    finding.remedy = "Keep " + called(*neighbour.domain) + " off a pCPU of Dom0's.";
    finding.command = "xl vcpu-pin " + as_argument(*neighbour.domain) + " all " + pcpu_argument(others);
  } else {
    finding.remedy = "Dom0 has to share its only pCPU: move work to another host, or keep the weights equal.";
  }
}

void explain_neighbour(const Place& place, Finding& finding) {
  const Neighbour neighbour = neighbour_of(place);
  if (neighbour.domain == nullptr) return;
  const Place other{place.evidence, neighbour.domain};
  const double gotten = value_of(M::kGotten, other).value_or(0);
  finding.sentence = called(*neighbour.domain) + " takes the CPU from " + called(*place.domain) +
                     ": it had " + number(neighbour.share) + " % of the CPU time while " +
                     called(*place.domain) + " waited, and " + number(gotten, 1) + " % of a pCPU in all. " +
                     called(*place.domain) + " waited for " + measured(M::kWaited, place, 1) +
                     " % of its vCPUs' time.";
  const std::string xl = xl_scheduler(other);
  const double lost = 100 * quotient(place.domain->sums.waited_ns(), place.evidence.length_ns);
  finding.remedy = "Cap " + called(*neighbour.domain) + ", or give it pCPUs of its own.";
  if (!xl.empty()) {
    const double cap = std::max({kLowestCap, gotten / 2, gotten - lost});
    finding.command = xl + " -d " + as_argument(*neighbour.domain) + " -c " + number(cap);
  }
}

void explain_overload(const Place& place, Finding& finding) {
  const auto& domains = place.evidence.domains;
  const auto most = std::max_element(domains.begin(), domains.end(), [](const auto& a, const auto& b) {
    return a.sums.running_ns < b.sums.running_ns;
  });
  finding.sentence = "The host has more work than pCPUs: they were busy for " +
                     measured(M::kHostBusy, place, 1) + " % of the time, and " +
                     measured(M::kHostWaiting, place, 2) + " vCPUs waited for each of them on average.";
  finding.remedy = "Move work to another host, or add pCPUs; no setting of a scheduler makes more CPU time.";
  if (most != domains.end()) finding.remedy += " " + called(*most) + " got most.";
}

void explain_numa(const Place& place, Finding& finding) {
  finding.sentence = called(*place.domain) + " ran outside its main NUMA node for " +
                     measured(M::kOtherNodes, place, 1) +
                     " % of its running time, although its vCPUs fit into one.";
  std::map<std::uint32_t, std::uint64_t> running;
  std::map<std::uint32_t, std::vector<std::uint32_t>> pcpus;
  for (const PcpuEvidence& pcpu : place.evidence.pcpus) {
    if (!pcpu.place) continue;
    pcpus[pcpu.place->node].push_back(pcpu.pcpu);
    for (const VcpuEvidence& vcpu : place.domain->vcpus)
      for (const OnPcpu& on : vcpu.on_pcpus)
        running[pcpu.place->node] += on.pcpu == pcpu.pcpu ? on.running_ns : 0;
  }
  const auto main = std::max_element(running.begin(), running.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  finding.remedy = "Let it prefer the node on which its memory is.";
  if (main != running.end()) {
    finding.command =
        "xl vcpu-pin " + as_argument(*place.domain) + " all - " + pcpu_argument(pcpus[main->first]);
  }
}

void explain_siblings(const Place& place, Finding& finding) {
  finding.sentence = "vCPUs share a core while another core is free: siblings were both busy for at least " +
                     measured(M::kCoreShared, place, 1) + " % of the time.";
  finding.remedy =
      "Boot Xen with credit2_runqueue=core, or pin the busiest vCPUs to pCPUs of different cores.";
}

void explain_spinning(const Place& place, Finding& finding) {
  finding.sentence = "vCPU " + std::to_string(place.vcpu->vcpu) + " of " + called(*place.domain) +
                     " never blocks: it ran for " + measured(M::kVcpuRunning, place, 1) +
                     " % of the time. Either it computes all the time, or something in the guest spins.";
  finding.remedy = "Look inside the guest at what runs.";
  finding.command = "xl console " + as_argument(*place.domain);
}

} // namespace

std::string called(const DomainEvidence& domain) {
  return domain.name.empty() ? "domain " + std::to_string(domain.domid) : printable(domain.name);
}

std::string as_argument(const DomainEvidence& domain) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string& name = domain.name;
  // A name that begins otherwise may be an option or a number.
  const bool usable = !name.empty() && name.size() < kLongestArgument && letter(name.front()) &&
                      std::all_of(name.begin(), name.end(), harmless);
  return usable ? name : std::to_string(domain.domid);
}

std::string pcpu_argument(std::span<const std::uint32_t> ascending) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(ascending[i]);
    if (last > i) text += "-" + std::to_string(ascending[last]);
    i = last + 1;
  }
  return text;
}

void explain(const Place& place, Finding& finding) {
  switch (finding.cause) {
    case Cause::kCap:
      return explain_cap(place, finding);
    case Cause::kAffinity:
      return explain_affinity(place, finding);
    case Cause::kTooManyVcpus:
      return explain_vcpus(place, finding);
    case Cause::kRateLimit:
      return explain_rate_limit(place, finding);
    case Cause::kTooOften:
      return explain_too_often(place, finding);
    case Cause::kWeight:
      return explain_weight(place, finding);
    case Cause::kLongSlices:
      return explain_slices(place, finding);
    case Cause::kDom0Waits:
      return explain_dom0(place, finding);
    case Cause::kNeighbour:
      return explain_neighbour(place, finding);
    case Cause::kOverload:
      return explain_overload(place, finding);
    case Cause::kNuma:
      return explain_numa(place, finding);
    case Cause::kSiblings:
      return explain_siblings(place, finding);
    case Cause::kNeverBlocks:
      return explain_spinning(place, finding);
    case Cause::kNoShortage:
      finding.sentence =
          "No shortage of CPU time: no domain waited for more than " + measured(M::kWorstWait, place, 1) +
          " % of its vCPUs' time. If something is slow, look elsewhere: at disks, the network, "
          "memory, or inside the guest.";
      return;
    case Cause::kIncomplete:
      return; // has its words already
  }
}

} // namespace xenmon
