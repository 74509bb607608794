// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/region_layout.h"

#include <algorithm>
#include <limits>

namespace xenmon {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kTableAlignment = 64;
constexpr std::uint64_t kCapacityStep = 16;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

enum class Kind { kSlots, kRing };

// Returns where the next table may begin.
std::uint64_t place_table(xenmon_table& table, std::uint64_t offset, std::size_t stride,
                          std::uint32_t capacity, Kind kind) {
  table.offset = offset;
  table.stride = static_cast<std::uint32_t>(stride);
  table.capacity = capacity;
  table.count = kind == Kind::kRing ? capacity : 0;
  return round_up(offset + stride * capacity, kTableAlignment);
}

} // namespace

std::uint64_t lay_out(xenmon_region_header& header, const RegionCapacities& capacities) {
  std::uint64_t at = kPage;
  at = place_table(header.pcpu, at, sizeof(xenmon_pcpu), capacities.pcpu, Kind::kSlots);
  at = place_table(header.domain, at, sizeof(xenmon_domain), capacities.domain, Kind::kSlots);
  at = place_table(header.vcpu, at, sizeof(xenmon_vcpu), capacities.vcpu, Kind::kSlots);
  at = place_table(header.hist, at, sizeof(xenmon_histograms), capacities.vcpu, Kind::kSlots);
  at = place_table(header.sample, at, sizeof(xenmon_sample), capacities.sample, Kind::kRing);
  at = place_table(header.row, at, sizeof(xenmon_row), capacities.row, Kind::kRing);
  at = place_table(header.io_row, at, sizeof(xenmon_io_row), capacities.io_row, Kind::kRing);
  at = place_table(header.wait, at, sizeof(xenmon_wait), capacities.wait, Kind::kRing);
  at = place_table(header.verdict, at, sizeof(xenmon_verdict), capacities.verdict, Kind::kSlots);
  at = place_table(header.carry, at, sizeof(xenmon_carry), capacities.carry, Kind::kSlots);
  at = place_table(header.domain_row, at, sizeof(xenmon_domain_row), capacities.domain_row, Kind::kRing);
  at = place_table(header.setting, at, sizeof(xenmon_setting), capacities.setting, Kind::kSlots);
  return round_up(at, kPage);
}

std::uint64_t bytes_for(const RegionCapacities& capacities) {
  xenmon_region_header scratch{};
  return lay_out(scratch, capacities);
}

std::uint32_t grown(std::uint32_t capacity, std::uint64_t needed) {
  if (needed <= capacity) return capacity;
  std::uint64_t next = capacity;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max() / kCapacityStep * kCapacityStep;
  needed = std::min(needed, kMost);
  while (next < needed) next += std::max<std::uint64_t>(next < 1024 ? next / 2 : next / 8, 1);
  return static_cast<std::uint32_t>(std::min(round_up(next, kCapacityStep), kMost));
}

} // namespace xenmon
