// SPDX-License-Identifier: GPL-2.0-or-later
//
// Adds what is set on a host, as the region has it, to evidence about it.
#ifndef XENMON_XENMON_DIAGNOSE_APPLY_SETTINGS_H
#define XENMON_XENMON_DIAGNOSE_APPLY_SETTINGS_H

#include <span>

#include "diagnose/evidence.h"
#include "xenmon/region.h"

namespace xenmon {

// The evidence has its domains, vCPUs and pCPUs. A domid means the domain that has not ended. Kinds that are
// not known, and settings of what the evidence does not have, are passed over; without settings nothing
// changes.
void apply_settings(std::span<const xenmon_setting> settings, Evidence& evidence);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_APPLY_SETTINGS_H
