// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many streams' records of a short time, put into their order all at once. With one stream after another the
// cost of a record grows with the number of streams, and each record's data come as a surprise to the
// processor's caches. A batch is sorted by digits of the TSC, in a time that does not depend on the number of
// streams, and it is known in advance which records come next.
//
// Used by Merge alone: begin(), then add() for each stream in the order of pCPU numbers, then sort() what is
// to be handed over. Memory is kept from batch to batch.
#ifndef XENMON_XENBAKED_MERGE_BATCH_H
#define XENMON_XENBAKED_MERGE_BATCH_H

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace xenmon {

class Batch {
 public:
  // As many as stay in a second-level cache together with what they are about.
  static constexpr std::size_t kRecords = 8192;

  struct Entry {
    std::uint32_t after_base; // cycles
    std::uint16_t pcpu;       // below kMaxPcpus
    // How many records of the same stream just before this one the sink ignores. kKept: none, but the stream
    // has kept untimed records that belong to this one.
    std::uint16_t passed_over;
    const std::byte* at; // the record, or the first of the untimed records in front of it
  };
  static constexpr std::uint64_t kMaxSpan = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint16_t kKept = std::numeric_limits<std::uint16_t>::max();

  void begin(std::uint64_t base_tsc) {
    base_tsc_ = base_tsc;
    entries_.clear();
    untimed_after_.clear();
  }
  [[nodiscard]] std::uint64_t base_tsc() const { return base_tsc_; }
  [[nodiscard]] std::vector<Entry>& entries() { return entries_; }
  [[nodiscard]] std::uint64_t tsc(const Entry& entry) const { return base_tsc_ + entry.after_base; }

  // For each entry with untimed records in front, in the order in which they were added: the TSC of the
  // record before those. A stream's are next to each other.
  [[nodiscard]] std::vector<std::uint64_t>& untimed_after() { return untimed_after_; }

  // By TSC; of equal TSCs in the order in which they were added.
  [[nodiscard]] std::span<const Entry> sort();

 private:
  std::uint32_t sort_by_digit(unsigned shift);

  std::uint64_t base_tsc_ = 0;
  std::vector<Entry> entries_;
  std::vector<Entry> sorted_;
  std::vector<std::uint64_t> untimed_after_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_MERGE_BATCH_H
