// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which domains ran while one waited.
#ifndef XENMON_XENMON_DIAGNOSE_NEIGHBOUR_H
#define XENMON_XENMON_DIAGNOSE_NEIGHBOUR_H

#include <optional>

#include "diagnose/evidence.h"
#include "diagnose/measures.h"

namespace xenmon {

// All of these are about place.domain, which is not null.

// The domain that ran longest while this one waited, and is another one; null if none did. Its part of what
// ran, in percent, the idle domain left out.
struct Neighbour {
  const DomainEvidence* domain = nullptr;
  double share = 0;
};
Neighbour neighbour_of(const Place& place);

// Its own part of what ran while its vCPUs waited, in percent; absent if nothing is known to have run.
std::optional<double> own_share_of(const Place& place);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_NEIGHBOUR_H
