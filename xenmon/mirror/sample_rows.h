// SPDX-License-Identifier: GPL-2.0-or-later
//
// One sample on a mirror's stream. Rows are written column by column, and each column as what is unexpected
// in it: that is small or 0, and what is alike stands together for the compressor.
#ifndef XENMON_XENMON_MIRROR_SAMPLE_ROWS_H
#define XENMON_XENMON_MIRROR_SAMPLE_ROWS_H

#include <cstdint>
#include <span>
#include <vector>

#include "mirror/tables.h"
#include "mirror/wire.h"
#include "xenmon/region.h"

namespace xenmon {

struct MirroredSample {
  std::uint64_t number = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t lost_records = 0;
  std::uint64_t records = 0;
  std::vector<xenmon_row> rows;
  std::vector<xenmon_io_row> io_rows;
  std::vector<xenmon_domain_row> domain_rows;
};

// `known` are the tables that the receiver has: by them it knows vCPUs' domains and pCPUs.
void write_sample(std::uint64_t number, const xenmon_sample& head, std::span<const xenmon_row> rows,
                  std::span<const xenmon_io_row> io_rows, std::span<const xenmon_domain_row> domain_rows,
                  const MirrorTables& known, WireWriter& out);
// False if the bytes make no sense. What the rows name may not exist.
bool read_sample(WireReader& in, const MirrorTables& known, MirroredSample& sample);

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_SAMPLE_ROWS_H
