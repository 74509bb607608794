// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/sample_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace xenmon {
namespace {

// What a row has, as far as is known before it is read: whose domain the vCPU has, where it ran last.
struct Known {
  std::uint32_t domain_slot = 0;
  std::uint32_t pcpu = 0;
};
Known known_of(const MirrorTables& tables, std::uint32_t slot) {
  if (slot >= tables.vcpus.size()) return {};
  return {tables.vcpus[slot].domain_slot, tables.vcpus[slot].last_pcpu};
}

std::int64_t minus(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}

// Columns whose numbers are written as they are.
constexpr std::uint32_t xenmon_row::*kPlain[] = {
    &xenmon_row::running_ns, &xenmon_row::waited_wake_ns, &xenmon_row::waited_preempt_ns,
    &xenmon_row::offline_ns, &xenmon_row::unknown_ns,     &xenmon_row::executions,
    &xenmon_row::continues,  &xenmon_row::migrations,     &xenmon_row::avoidable_wait_ns,
};
constexpr std::uint32_t xenmon_io_row::*kPlainIo[] = {&xenmon_io_row::map, &xenmon_io_row::unmap,
                                                      &xenmon_io_row::transfer, &xenmon_io_row::copy};

// The rest of the sample's length is being blocked.
constexpr std::uint32_t xenmon_domain_row::*kPlainDomain[] = {
    &xenmon_domain_row::full_run_ns,           &xenmon_domain_row::partial_run_ns,
    &xenmon_domain_row::full_contention_ns,    &xenmon_domain_row::partial_contention_ns,
    &xenmon_domain_row::concurrency_hazard_ns, &xenmon_domain_row::unknown_ns};

constexpr std::size_t kRowColumns = std::size(kPlain) + 8;
constexpr std::size_t kIoRowColumns = std::size(kPlainIo) + 3;
constexpr std::size_t kDomainRowColumns = std::size(kPlainDomain) + 2;

std::uint64_t rest_of(const xenmon_domain_row& row, std::uint64_t length_ns) {
  std::uint64_t used_ns = 0;
  for (const auto column : kPlainDomain) used_ns += row.*column;
  return length_ns - std::min(length_ns, used_ns);
}

// The rest of the sample's length that the rows of one vCPU leave for being blocked.
class Rest {
 public:
  explicit Rest(std::uint64_t length_ns) : length_ns_(length_ns) {}
  // Before row.blocked_ns counts.
  std::uint64_t of(const xenmon_row& row) {
    if (row.vcpu_slot != slot_) used_ns_ = 0;
    slot_ = row.vcpu_slot;
    used_ns_ += std::uint64_t{row.running_ns} + row.waited_wake_ns + row.waited_preempt_ns + row.offline_ns +
                row.unknown_ns;
    return length_ns_ - std::min(length_ns_, used_ns_);
  }
  void was(std::uint32_t blocked_ns) { used_ns_ += blocked_ns; }

 private:
  std::uint64_t length_ns_;
  std::uint32_t slot_ = UINT32_MAX;
  std::uint64_t used_ns_ = 0;
};

} // namespace

void write_sample(std::uint64_t number, const xenmon_sample& head, std::span<const xenmon_row> rows,
                  std::span<const xenmon_io_row> io_rows, std::span<const xenmon_domain_row> domain_rows,
                  const MirrorTables& known, WireWriter& out) {
  out.number(number);
  out.number(head.start_ns);
  out.difference(minus(head.end_ns, head.start_ns));
  out.number(head.lost_records);
  out.number(head.records);
  out.number(rows.size());
  std::uint32_t slot = 0;
  for (const xenmon_row& row : rows) out.difference(minus(row.vcpu_slot, std::exchange(slot, row.vcpu_slot)));
  for (const xenmon_row& row : rows)
    out.difference(minus(row.domain_slot, known_of(known, row.vcpu_slot).domain_slot));
  for (const xenmon_row& row : rows) out.difference(minus(row.pcpu, known_of(known, row.vcpu_slot).pcpu));
  for (const auto column : kPlain)
    for (const xenmon_row& row : rows) out.number(row.*column);
  Rest rest(head.end_ns - head.start_ns);
  for (const xenmon_row& row : rows) {
    out.difference(minus(row.blocked_ns, rest.of(row)));
    rest.was(row.blocked_ns);
  }
  for (const xenmon_row& row : rows) out.difference(minus(row.slice_count, row.executions));
  for (const xenmon_row& row : rows) out.number(row.slice_min_ns);
  for (const xenmon_row& row : rows) out.difference(minus(row.slice_max_ns, row.slice_min_ns));
  for (const xenmon_row& row : rows)
    out.difference(minus(row.slice_sum_ns, std::uint64_t{row.slice_count} * row.slice_min_ns));

  out.number(io_rows.size());
  slot = 0;
  for (const xenmon_io_row& row : io_rows)
    out.difference(minus(row.domain_slot, std::exchange(slot, row.domain_slot)));
  std::uint32_t pcpu = 0;
  for (const xenmon_io_row& row : io_rows) out.difference(minus(row.pcpu, std::exchange(pcpu, row.pcpu)));
  for (const auto column : kPlainIo)
    for (const xenmon_io_row& row : io_rows) out.number(row.*column);
  for (const xenmon_io_row& row : io_rows) out.number(row.copy_bytes);

  out.number(domain_rows.size());
  slot = 0;
  for (const xenmon_domain_row& row : domain_rows)
    out.difference(minus(row.domain_slot, std::exchange(slot, row.domain_slot)));
  for (const auto column : kPlainDomain)
    for (const xenmon_domain_row& row : domain_rows) out.number(row.*column);
  for (const xenmon_domain_row& row : domain_rows)
    out.difference(minus(row.blocked_ns, rest_of(row, head.end_ns - head.start_ns)));
}

bool read_sample(WireReader& in, const MirrorTables& known, MirroredSample& sample) {
  const auto plus = [&in](std::uint64_t expected) {
    return expected + static_cast<std::uint64_t>(in.difference());
  };
  const auto plus32 = [&](std::uint64_t expected) { return static_cast<std::uint32_t>(plus(expected)); };
  sample.number = in.number();
  sample.start_ns = in.number();
  sample.end_ns = plus(sample.start_ns);
  sample.lost_records = in.number();
  sample.records = in.number();
  auto& rows = sample.rows;
  rows.assign(in.count(kRowColumns), xenmon_row{});
  std::uint32_t slot = 0;
  for (xenmon_row& row : rows) row.vcpu_slot = slot = plus32(slot);
  for (xenmon_row& row : rows) row.domain_slot = plus32(known_of(known, row.vcpu_slot).domain_slot);
  for (xenmon_row& row : rows) row.pcpu = plus32(known_of(known, row.vcpu_slot).pcpu);
  for (const auto column : kPlain)
    for (xenmon_row& row : rows) row.*column = in.number32();
  Rest rest(sample.end_ns - sample.start_ns);
  for (xenmon_row& row : rows) {
    row.blocked_ns = plus32(rest.of(row));
    rest.was(row.blocked_ns);
  }
  for (xenmon_row& row : rows) row.slice_count = plus32(row.executions);
  for (xenmon_row& row : rows) row.slice_min_ns = in.number32();
  for (xenmon_row& row : rows) row.slice_max_ns = plus32(row.slice_min_ns);
  for (xenmon_row& row : rows) row.slice_sum_ns = plus(std::uint64_t{row.slice_count} * row.slice_min_ns);

  auto& io_rows = sample.io_rows;
  io_rows.assign(in.count(kIoRowColumns), xenmon_io_row{});
  slot = 0;
  for (xenmon_io_row& row : io_rows) row.domain_slot = slot = plus32(slot);
  std::uint32_t pcpu = 0;
  for (xenmon_io_row& row : io_rows) row.pcpu = pcpu = plus32(pcpu);
  for (const auto column : kPlainIo)
    for (xenmon_io_row& row : io_rows) row.*column = in.number32();
  for (xenmon_io_row& row : io_rows) row.copy_bytes = in.number();

  auto& domain_rows = sample.domain_rows;
  domain_rows.assign(in.count(kDomainRowColumns), xenmon_domain_row{});
  slot = 0;
  for (xenmon_domain_row& row : domain_rows) row.domain_slot = slot = plus32(slot);
  for (const auto column : kPlainDomain)
    for (xenmon_domain_row& row : domain_rows) row.*column = in.number32();
  for (xenmon_domain_row& row : domain_rows)
    row.blocked_ns = plus32(rest_of(row, sample.end_ns - sample.start_ns));
  return in.ok();
}

} // namespace xenmon
