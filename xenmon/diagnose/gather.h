// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes evidence of a region as it is now.
#ifndef XENMON_XENMON_DIAGNOSE_GATHER_H
#define XENMON_XENMON_DIAGNOSE_GATHER_H

#include <cstdint>
#include <optional>

#include "client/latency.h"
#include "client/region_reader.h"
#include "diagnose/evidence.h"

namespace xenmon {

// Of the newest window_ns that the region remembers; less if there is less, and without the first second of
// the trace. Looks at the distributions: those since the last looks are used if they cover most of the
// window, those since the daemon began if that is not much longer ago, and otherwise there are none. Nothing
// while the region has no sample, or while the daemon keeps writing its tables.
std::optional<Evidence> gather_evidence(const RegionReader& reader, std::uint64_t window_ns,
                                        LatencyHistory& latency);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_GATHER_H
