// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the trace buffers are: struct t_info of Xen's public/trace.h, read and checked.
//
//   u16 tbuf_size                pages of each pCPU's buffer
//   u16 mfn_offset[]             by pCPU: where its list of pages begins, in u32 words from the start of
//                                t_info; 0: no buffer (not online when the buffers were made)
//   u32 ...                      the lists, tbuf_size machine frame numbers each
//
// The length of mfn_offset is not in it; pCPU ids are sparse, so it is one more than physinfo's
// max_cpu_id. The pages belong to Xen and never change once they exist, but they are input all the same.
#ifndef XENMON_XENBAKED_SOURCE_TRACE_RING_TABLE_H
#define XENMON_XENBAKED_SOURCE_TRACE_RING_TABLE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace xenmon {

struct RingPlace {
  std::uint32_t pcpu = 0;
  std::vector<std::uint64_t> frames; // machine frame numbers, in the buffer's order
};

struct RingTable {
  std::uint32_t pages_per_ring = 0;
  std::vector<RingPlace> rings; // ascending pCPU; at least one
};

// The most of t_info that 16-bit offsets and 16-bit lengths can reach, in bytes. Larger is never mapped.
inline constexpr std::size_t kMaxRingTableBytes = (65535u + 65535u) * sizeof(std::uint32_t);

// kNoTracing when the table cannot be what Xen makes: a list outside the table or inside its head, a
// frame number 0, no pages, no buffer at all.
Result<RingTable> parse_ring_table(std::span<const std::byte> t_info, std::uint32_t max_cpu_id);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_TRACE_RING_TABLE_H
