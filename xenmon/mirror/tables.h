// SPDX-License-Identifier: GPL-2.0-or-later
//
// The region's tables on both sides of a mirror's stream. The receiver can work out most of what changes in
// them from the samples, so only where they differ from that is sent.
#ifndef XENMON_XENMON_MIRROR_TABLES_H
#define XENMON_XENMON_MIRROR_TABLES_H

#include <cstdint>
#include <span>
#include <vector>

#include "mirror/wire.h"
#include "xenmon/region.h"

namespace xenmon {

struct MirrorTables {
  std::vector<xenmon_pcpu> pcpus;
  std::vector<xenmon_domain> domains;
  std::vector<xenmon_vcpu> vcpus;

  // What the tables will be after a sample with these rows, as far as that is known. Both sides do the same.
  void expect(std::span<const xenmon_row> rows, std::span<const xenmon_io_row> io_rows,
              std::span<const xenmon_domain_row> domain_rows, std::uint64_t end_ns);
};

// How `now` differs from `expected`.
void write_changes(const MirrorTables& now, const MirrorTables& expected, WireWriter& out);
// Makes `tables`, which are what was expected, what they are. False if the bytes make no sense; then they are
// neither.
bool read_changes(WireReader& in, MirrorTables& tables);

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_TABLES_H
