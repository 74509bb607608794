// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_domains.h"

namespace xenmon {

void FlightDomains::see(const DomidUse& domain, std::uint64_t since_ns, std::uint64_t earlier_until_ns) {
  const std::lock_guard lock(mutex_);
  FlightDomain& entry = domains_[{domain.domid, domain.use}];
  entry.id = domain;
  entry.since_ns = since_ns;
  ++changes_;
  if (domain.use == 1) return;
  const auto earlier = domains_.find({domain.domid, domain.use - 1});
  if (earlier != domains_.end()) earlier->second.until_ns = earlier_until_ns;
}

void FlightDomains::name(const DomidUse& domain, const std::string& name) {
  const std::lock_guard lock(mutex_);
  FlightDomain& entry = domains_[{domain.domid, domain.use}];
  entry.id = domain;
  if (entry.name == name) return;
  entry.name = name;
  ++changes_;
}

std::vector<FlightDomain> FlightDomains::since(std::uint64_t trace_ns) {
  const std::lock_guard lock(mutex_);
  std::erase_if(domains_,
                [&](const auto& each) { return each.second.until_ns && *each.second.until_ns < trace_ns; });
  std::vector<FlightDomain> found;
  found.reserve(domains_.size());
  for (const auto& [id, domain] : domains_) found.push_back(domain);
  return found;
}

std::uint64_t FlightDomains::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

} // namespace xenmon
