// SPDX-License-Identifier: GPL-2.0-or-later
//
// The figures that a call asks for, from a region as it is now: over its newest samples, or since the trace
// began.
#ifndef XENMON_XENMON_SERVE_FIGURES_H
#define XENMON_XENMON_SERVE_FIGURES_H

#include <cstdint>
#include <optional>
#include <string>

#include "client/region_reader.h"
#include "serve/records.h"
#include "serve/window_sums.h"

namespace xenmon {

struct FiguresAnswer {
  IntervalRecord interval;
  std::string records; // a JSON array
};

// `tables` has the vCPUs and comes from the same region. A window ends with the newest sample and has at
// least that one; it is shorter than was asked if no more is remembered.
FiguresAnswer window_figures(const RegionReader& reader, const TablesCopy& tables, const Grouping& grouping,
                             std::uint64_t length_ns);
FiguresAnswer figures_since_start(const RegionReader& reader, const TablesCopy& tables,
                                  const Grouping& grouping);

FiguresAnswer window_pcpus(const RegionReader& reader, const TablesCopy& tables, std::uint64_t length_ns);
FiguresAnswer pcpus_since_start(const RegionReader& reader, const TablesCopy& tables);

struct LatencyWish {
  bool vcpus = false; // else by domain
  bool buckets = false;
  std::optional<std::uint32_t> domid;
};
FiguresAnswer latencies_since_start(const RegionReader& reader, const TablesCopy& tables,
                                    const LatencyWish& wish);

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_FIGURES_H
