// SPDX-License-Identifier: GPL-2.0-or-later
//
// The domains of a run, with their names and lifetimes, for the segments in which they existed. The daemon's
// thread learns of them, and the one that writes asks.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_DOMAINS_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_DOMAINS_H

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "flight/segment.h"
#include "source/source.h"

namespace xenmon {

class FlightDomains {
 public:
  // See RecordKeeper.
  void see(const DomidUse& domain, std::uint64_t since_ns, std::uint64_t earlier_until_ns);
  void name(const DomidUse& domain, const std::string& name);

  // Those that existed at that trace time or later. Those that ended before it are forgotten.
  std::vector<FlightDomain> since(std::uint64_t trace_ns);
  // Differs from an earlier value if anything has changed since.
  [[nodiscard]] std::uint64_t changes() const;

 private:
  mutable std::mutex mutex_;                                                // guards the rest
  std::map<std::pair<std::uint32_t, std::uint32_t>, FlightDomain> domains_; // by domid and use
  std::uint64_t changes_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_DOMAINS_H
