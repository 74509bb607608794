// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/neighbour.h"

#include <map>

namespace xenmon {
namespace {

// From here on, single waits say more about who ran than the pCPUs' shares of time do.
constexpr double kEnoughLongWaits = 0.5;
std::uint64_t running_on(const DomainEvidence& domain, std::uint32_t pcpu,
                         const VcpuEvidence* except = nullptr) {
  std::uint64_t running = 0;
  for (const VcpuEvidence& vcpu : domain.vcpus) {
    if (&vcpu == except) continue;
    for (const OnPcpu& on : vcpu.on_pcpus) running += on.pcpu == pcpu ? on.running_ns : 0;
  }
  return running;
}

// How long each domain ran while this one waited: by its long waits if they are most of its waiting, else by
// who ran on the pCPUs on which it waited.
std::map<std::uint64_t, double> rivals_of(const Place& place) {
  const DomainEvidence& domain = *place.domain;
  std::map<std::uint64_t, double> ran;
  const auto waited = static_cast<double>(domain.sums.waited_ns());
  if (place.evidence.waits_known && static_cast<double>(domain.long_wait_ns) >= kEnoughLongWaits * waited) {
    for (const Rival& rival : domain.long_wait_rivals) ran[rival.uid] += static_cast<double>(rival.ran_ns);
    return ran;
  }
  for (const VcpuEvidence& vcpu : domain.vcpus) {
    for (const OnPcpu& on : vcpu.on_pcpus) {
      if (on.waited_ns == 0) continue;
      for (const DomainEvidence& other : place.evidence.domains) {
        const std::uint64_t running = running_on(other, on.pcpu, &vcpu);
        ran[other.uid] += static_cast<double>(running) * static_cast<double>(on.waited_ns) /
                          static_cast<double>(place.evidence.length_ns);
      }
    }
  }
  return ran;
}

double sum_of(const std::map<std::uint64_t, double>& ran) {
  double sum = 0;
  for (const auto& [uid, ns] : ran) sum += ns;
  return sum;
}

} // namespace

Neighbour neighbour_of(const Place& place) {
  const std::map<std::uint64_t, double> ran = rivals_of(place);
  const double all = sum_of(ran);
  Neighbour neighbour;
  for (const DomainEvidence& other : place.evidence.domains) {
    const auto found = ran.find(other.uid);
    if (&other == place.domain || found == ran.end() || found->second <= 0) continue;
    const double share = 100 * found->second / all;
    if (share > neighbour.share) neighbour = {&other, share};
  }
  return neighbour;
}

std::optional<double> own_share_of(const Place& place) {
  const std::map<std::uint64_t, double> ran = rivals_of(place);
  const double all = sum_of(ran);
  if (all <= 0) return {};
  const auto own = ran.find(place.domain->uid);
  return own == ran.end() ? 0 : 100 * own->second / all;
}

} // namespace xenmon
