// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/tables.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace xenmon {
namespace {

// More than any host has: Xen has at most 32,752 domains.
constexpr std::size_t kMostSlots = std::size_t{1} << 17;

template <class Record>
using Words = std::array<std::uint32_t, sizeof(Record) / sizeof(std::uint32_t)>;

template <class Record>
void write_table(const std::vector<Record>& now, const std::vector<Record>& expected, WireWriter& out) {
  using Array = Words<Record>;
  static_assert(sizeof(Array) == sizeof(Record) && std::tuple_size_v<Array> <= 64);
  out.number(now.size());
  std::size_t next = 0; // the first record that has not been written about
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto after = std::bit_cast<Array>(now[i]);
    const auto before = i < expected.size() ? std::bit_cast<Array>(expected[i]) : Array{};
    std::uint64_t changed = 0;
    for (std::size_t word = 0; word < after.size(); ++word)
      if (after[word] != before[word]) changed |= std::uint64_t{1} << word;
    if (changed == 0) continue;
    out.number(i - next + 1);
    next = i + 1;
    out.number(changed);
    for (; changed != 0; changed &= changed - 1) {
      const auto word = static_cast<std::size_t>(std::countr_zero(changed));
      out.difference(static_cast<std::int32_t>(after[word] - before[word]));
    }
  }
  out.number(0);
}

template <class Record>
bool read_table(WireReader& in, std::vector<Record>& table) {
  using Array = Words<Record>;
  const std::uint64_t size = in.number();
  if (!in.ok() || size > kMostSlots || size < table.size()) return false;
  table.resize(size);
  std::uint64_t next = 0;
  while (const std::uint64_t gap = in.number()) {
    if (gap > size - next) return false;
    const std::uint64_t at = next + gap - 1;
    next = at + 1;
    auto words = std::bit_cast<Array>(table[at]);
    std::uint64_t changed = in.number();
    if (words.size() < 64 && (changed >> words.size()) != 0) return false;
    for (; changed != 0; changed &= changed - 1)
      words[static_cast<std::size_t>(std::countr_zero(changed))] +=
          static_cast<std::uint32_t>(in.difference());
    table[at] = std::bit_cast<Record>(words);
  }
  return in.ok();
}

} // namespace

void MirrorTables::expect(std::span<const xenmon_row> rows, std::span<const xenmon_io_row> io_rows,
                          std::span<const xenmon_domain_row> domain_rows, std::uint64_t end_ns) {
  for (const xenmon_row& row : rows) {
    if (row.vcpu_slot >= vcpus.size()) continue;
    xenmon_vcpu& vcpu = vcpus[row.vcpu_slot];
    vcpu.end_ns = end_ns;
    vcpu.running_ns += row.running_ns;
    vcpu.waited_wake_ns += row.waited_wake_ns;
    vcpu.waited_preempt_ns += row.waited_preempt_ns;
    vcpu.blocked_ns += row.blocked_ns;
    vcpu.offline_ns += row.offline_ns;
    vcpu.unknown_ns += row.unknown_ns;
    vcpu.executions += row.executions;
    vcpu.continues += row.continues;
    vcpu.migrations += row.migrations;
    vcpu.avoidable_wait_ns += row.avoidable_wait_ns;
    if (row.slice_count > 0) {
      const std::uint64_t shortest = row.slice_min_ns;
      vcpu.slice_min_ns = vcpu.slice_count == 0 ? shortest : std::min(vcpu.slice_min_ns, shortest);
      vcpu.slice_max_ns = std::max<std::uint64_t>(vcpu.slice_max_ns, row.slice_max_ns);
      vcpu.slice_count += row.slice_count;
      vcpu.slice_sum_ns += row.slice_sum_ns;
    }
    if (row.running_ns > 0) vcpu.last_pcpu = row.pcpu;
    // Of waits and executions that have ended; most do in the sample in which they began.
    vcpu.wake_wait_sum_ns += row.waited_wake_ns;
    vcpu.preempt_wait_sum_ns += row.waited_preempt_ns;
    vcpu.run_sum_ns += row.running_ns;
  }
  for (const xenmon_io_row& row : io_rows) {
    if (row.domain_slot >= domains.size()) continue;
    xenmon_domain& domain = domains[row.domain_slot];
    domain.io_map += row.map;
    domain.io_unmap += row.unmap;
    domain.io_transfer += row.transfer;
    domain.io_copy += row.copy;
    domain.io_copy_bytes += row.copy_bytes;
  }
  for (const xenmon_domain_row& row : domain_rows) {
    if (row.domain_slot >= domains.size()) continue;
    xenmon_domain& domain = domains[row.domain_slot];
    domain.full_run_ns += row.full_run_ns;
    domain.partial_run_ns += row.partial_run_ns;
    domain.full_contention_ns += row.full_contention_ns;
    domain.partial_contention_ns += row.partial_contention_ns;
    domain.concurrency_hazard_ns += row.concurrency_hazard_ns;
    domain.blocked_ns += row.blocked_ns;
    domain.unknown_ns += row.unknown_ns;
  }
}

void write_changes(const MirrorTables& now, const MirrorTables& expected, WireWriter& out) {
  write_table(now.pcpus, expected.pcpus, out);
  write_table(now.domains, expected.domains, out);
  write_table(now.vcpus, expected.vcpus, out);
}

bool read_changes(WireReader& in, MirrorTables& tables) {
  return read_table(in, tables.pcpus) && read_table(in, tables.domains) && read_table(in, tables.vcpus);
}

} // namespace xenmon
