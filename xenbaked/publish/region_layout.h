// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the tables of a region are, and how large they must be.
//
// Every table begins at a multiple of 64 bytes, so that records of 64 bytes, and the lines of a histogram,
// share no cache line with another one.
#ifndef XENMON_XENBAKED_PUBLISH_REGION_LAYOUT_H
#define XENMON_XENBAKED_PUBLISH_REGION_LAYOUT_H

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "xenmon/region.h"

namespace xenmon {

// Records that there is room for. The histograms have as many as there are vCPUs.
struct RegionCapacities {
  std::uint32_t pcpu = 64;
  std::uint32_t domain = 64;
  std::uint32_t vcpu = 128;
  std::uint32_t sample = 0;
  std::uint32_t row = 4096;
  std::uint32_t io_row = 1024;
  std::uint32_t wait = 4096; // half a MiB: sixteen thousand waits a second for a reader that looks four times
  std::uint32_t verdict = 32; // more than there are kinds
  std::uint32_t carry = 64;
  std::uint32_t domain_row = 4096;
  std::uint32_t setting = 256;
};

// Fills in the header's tables. Returns the bytes of the whole file, whole pages.
std::uint64_t lay_out(xenmon_region_header& header, const RegionCapacities& capacities);
[[nodiscard]] std::uint64_t bytes_for(const RegionCapacities& capacities);

// `capacity` if that is enough, else the next one: larger by an eighth, or by half below 1,024, as often as
// it takes, in steps of 16. More than a table can have ends at what it can.
[[nodiscard]] std::uint32_t grown(std::uint32_t capacity, std::uint64_t needed);

// A record of the region that begins at `region`, by its table's stride, which may be longer than the record.
template <class Record, class Byte>
[[nodiscard]] auto& record_at(Byte* region, const xenmon_table& table, std::uint64_t index) {
  using Wanted = std::conditional_t<std::is_const_v<Byte>, const Record, Record>;
  return *reinterpret_cast<Wanted*>(region + table.offset + index * table.stride);
}

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_REGION_LAYOUT_H
