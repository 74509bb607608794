// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which families there are for a host's figures, with which labels.
#ifndef XENMON_XENMON_EXPORT_EXPOSITION_H
#define XENMON_XENMON_EXPORT_EXPOSITION_H

#include <cstdint>

#include "export/encoder.h"
#include "export/host_figures.h"

namespace xenmon {

// What the exporter itself has used.
struct OwnCost {
  std::uint64_t cpu_ns = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t start_ns = 0; // since 1970
};
// Of this process. The start is the moment of the first call.
OwnCost own_cost();

void write_exposition(const HostFigures& figures, const OwnCost& cost, Encoder& encoder);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_EXPOSITION_H
