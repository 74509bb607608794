// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/region_layout.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace xenmon {
namespace {

TEST(RegionLayout, TablesAreInTheFileAndDoNotOverlap) {
  RegionCapacities capacities;
  capacities.sample = 111;
  capacities.pcpu = 3; // an odd number of bytes for the table after it
  xenmon_region_header header{};
  const std::uint64_t bytes = lay_out(header, capacities);
  EXPECT_EQ(bytes, bytes_for(capacities));
  EXPECT_EQ(bytes % 4096, 0U);
  std::uint64_t end = sizeof header;
  for (const xenmon_table* table :
       {&header.pcpu, &header.domain, &header.vcpu, &header.hist, &header.sample, &header.row, &header.io_row,
        &header.wait, &header.verdict, &header.carry, &header.domain_row}) {
    EXPECT_GE(table->offset, end);
    EXPECT_EQ(table->offset % 64, 0U);
    end = table->offset + std::uint64_t{table->stride} * table->capacity;
  }
  EXPECT_LE(end, bytes);
  EXPECT_EQ(header.hist.capacity, capacities.vcpu);
  EXPECT_EQ(header.domain.count, 0U);
  EXPECT_EQ(header.row.count, capacities.row);
}

TEST(RegionLayout, ATableGrowsOnlyWhenItIsFullAndThenByAnEighthAtLeast) {
  EXPECT_EQ(grown(100, 100), 100U);
  EXPECT_EQ(grown(64, 65), 96U);
  EXPECT_EQ(grown(4096, 4097), 4608U);
  EXPECT_GE(grown(64, 100'000), 100'000U);
  EXPECT_EQ(grown(64, 100'000) % 16, 0U);
  EXPECT_EQ(grown(64, UINT64_MAX), UINT32_MAX - 15);
}

TEST(RegionLayout, RecordsAreFoundByTheirTablesStride) {
  alignas(8) std::byte region[256] = {};
  const xenmon_table table{16, 40, 4, 0, 0};
  record_at<std::uint64_t>(region, table, 2) = 7;
  EXPECT_EQ(*reinterpret_cast<const std::uint64_t*>(region + 96), 7U);
  const std::byte* const same = region;
  EXPECT_EQ(record_at<std::uint64_t>(same, table, 2), 7U);
}

} // namespace
} // namespace xenmon
