// SPDX-License-Identifier: GPL-2.0-or-later
//
// The diagnosis: from what is known to what it means. A pure function; no region, no clock, no terminal.
#ifndef XENMON_XENMON_DIAGNOSE_DIAGNOSE_H
#define XENMON_XENMON_DIAGNOSE_DIAGNOSE_H

#include <vector>

#include "diagnose/evidence.h"
#include "diagnose/finding.h"

namespace xenmon {

// The most definite first; empty if there is nothing to say. If the data as a whole are not complete there is
// one finding, which says why. A domain whose own data are not complete has such a finding and no other.
std::vector<Finding> diagnose(const Evidence& evidence);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_DIAGNOSE_H
