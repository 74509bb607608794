// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the region's rows say, added up over time, vCPUs and pCPUs. The lower half of the table of metrics.
#ifndef XENMON_XENMON_METRICS_METRIC_SUMS_H
#define XENMON_XENMON_METRICS_METRIC_SUMS_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "xenmon/region.h"

namespace xenmon {

// Times in ns.
struct MetricSums {
  std::uint64_t running_ns = 0;
  std::uint64_t waited_wake_ns = 0;    // for a pCPU, after having been blocked or offline
  std::uint64_t waited_preempt_ns = 0; // the same, after having been running
  std::uint64_t avoidable_wait_ns = 0; // of these two, while a pCPU of the same cpupool was idle
  std::uint64_t blocked_ns = 0;
  std::uint64_t offline_ns = 0;
  std::uint64_t unknown_ns = 0;
  std::uint64_t executions = 0;
  std::uint64_t continues = 0;   // executions of a vCPU that ran already
  std::uint64_t migrations = 0;  // executions that began on another pCPU than the one before
  std::uint64_t slice_count = 0; // slices granted that had a limit
  std::uint64_t slice_sum_ns = 0;
  std::uint64_t io_map = 0; // page exchanges
  std::uint64_t io_unmap = 0;
  std::uint64_t io_transfer = 0;
  std::uint64_t io_copy = 0;
  std::uint64_t io_copy_bytes = 0;
  // What the domain as a whole did, of which no pCPU is known; xenmon_domain says what each means.
  std::uint64_t full_run_ns = 0;
  std::uint64_t partial_run_ns = 0;
  std::uint64_t full_contention_ns = 0;
  std::uint64_t partial_contention_ns = 0;
  std::uint64_t concurrency_hazard_ns = 0;
  std::uint64_t domain_blocked_ns = 0;
  std::uint64_t domain_unknown_ns = 0;

  void add(const xenmon_row& row);
  void add(const xenmon_io_row& row);
  void add(const xenmon_domain_row& row);
  void subtract(const xenmon_io_row& row);
  void subtract(const xenmon_domain_row& row);
  void add(const MetricSums& other);

  constexpr std::uint64_t waited_ns() const { return waited_wake_ns + waited_preempt_ns; }
  // Page exchanges of all kinds.
  constexpr std::uint64_t io() const { return io_map + io_unmap + io_transfer + io_copy; }
  // The time of the vCPUs that could have run: their number times the length.
  constexpr std::uint64_t online_ns() const { return running_ns + waited_ns() + blocked_ns + unknown_ns; }
  // The time that the domain existed; 0 if nothing of it as a whole is known.
  constexpr std::uint64_t lived_ns() const {
    return full_run_ns + partial_run_ns + full_contention_ns + partial_contention_ns + concurrency_hazard_ns +
           domain_blocked_ns + domain_unknown_ns;
  }
  // True if it ran, waited, was blocked, was dispatched or did I/O.
  constexpr bool active() const { return (running_ns | waited_ns() | blocked_ns | executions | io()) != 0; }

  bool operator==(const MetricSums&) const = default;
};

// Where a sum comes from: one of the fields is not null.
struct SumSource {
  std::uint32_t xenmon_row::*row = nullptr;
  std::uint64_t xenmon_row::*wide_row = nullptr;
  std::uint32_t xenmon_io_row::*io_row = nullptr;
  std::uint64_t xenmon_io_row::*wide_io_row = nullptr;
  std::uint32_t xenmon_domain_row::*domain_row = nullptr;

  constexpr bool of_vcpu() const { return row != nullptr || wide_row != nullptr; } // else of a whole domain
  constexpr bool of_pcpu() const { return domain_row == nullptr; } // else of all pCPUs together
};

struct SumInfo {
  const char* name; // its column in CSV, its key in JSON: the same in all versions
  std::uint64_t MetricSums::*sum;
  SumSource source;
  bool idle = true;   // means something for the idle domain, whose vCPUs wait for nothing
  bool later = false; // is not in the first version of the streams: its column comes after all of those
};

// In the order of the streams' columns, in which those of vCPUs come first, and those that were added come
// last.
inline constexpr std::array kSums = {
    SumInfo{"running_ns", &MetricSums::running_ns, {.row = &xenmon_row::running_ns}},
    SumInfo{"waited_wake_ns", &MetricSums::waited_wake_ns, {.row = &xenmon_row::waited_wake_ns}, false},
    SumInfo{
        "waited_preempt_ns", &MetricSums::waited_preempt_ns, {.row = &xenmon_row::waited_preempt_ns}, false},
    SumInfo{"blocked_ns", &MetricSums::blocked_ns, {.row = &xenmon_row::blocked_ns}, false},
    SumInfo{"offline_ns", &MetricSums::offline_ns, {.row = &xenmon_row::offline_ns}},
    SumInfo{"unknown_ns", &MetricSums::unknown_ns, {.row = &xenmon_row::unknown_ns}},
    SumInfo{"executions", &MetricSums::executions, {.row = &xenmon_row::executions}},
    SumInfo{"continues", &MetricSums::continues, {.row = &xenmon_row::continues}},
    SumInfo{"slice_count", &MetricSums::slice_count, {.row = &xenmon_row::slice_count}},
    SumInfo{"slice_sum_ns", &MetricSums::slice_sum_ns, {.wide_row = &xenmon_row::slice_sum_ns}},
    SumInfo{"io_map_pages", &MetricSums::io_map, {.io_row = &xenmon_io_row::map}},
    SumInfo{"io_unmap_pages", &MetricSums::io_unmap, {.io_row = &xenmon_io_row::unmap}},
    SumInfo{"io_transfer_pages", &MetricSums::io_transfer, {.io_row = &xenmon_io_row::transfer}},
    SumInfo{"io_copy_pages", &MetricSums::io_copy, {.io_row = &xenmon_io_row::copy}},
    SumInfo{"io_copy_bytes", &MetricSums::io_copy_bytes, {.wide_io_row = &xenmon_io_row::copy_bytes}},
    SumInfo{"migrations", &MetricSums::migrations, {.row = &xenmon_row::migrations}, false, true},
    SumInfo{"avoidable_wait_ns",
            &MetricSums::avoidable_wait_ns,
            {.row = &xenmon_row::avoidable_wait_ns},
            false,
            true},
    SumInfo{"full_run_ns",
            &MetricSums::full_run_ns,
            {.domain_row = &xenmon_domain_row::full_run_ns},
            false,
            true},
    SumInfo{"partial_run_ns",
            &MetricSums::partial_run_ns,
            {.domain_row = &xenmon_domain_row::partial_run_ns},
            false,
            true},
    SumInfo{"full_contention_ns",
            &MetricSums::full_contention_ns,
            {.domain_row = &xenmon_domain_row::full_contention_ns},
            false,
            true},
    SumInfo{"partial_contention_ns",
            &MetricSums::partial_contention_ns,
            {.domain_row = &xenmon_domain_row::partial_contention_ns},
            false,
            true},
    SumInfo{"concurrency_hazard_ns",
            &MetricSums::concurrency_hazard_ns,
            {.domain_row = &xenmon_domain_row::concurrency_hazard_ns},
            false,
            true},
    SumInfo{"domain_blocked_ns",
            &MetricSums::domain_blocked_ns,
            {.domain_row = &xenmon_domain_row::blocked_ns},
            false,
            true},
    SumInfo{"domain_unknown_ns",
            &MetricSums::domain_unknown_ns,
            {.domain_row = &xenmon_domain_row::unknown_ns},
            false,
            true},
};
static_assert(sizeof(MetricSums) == kSums.size() * sizeof(std::uint64_t), "a sum is not in the table");

constexpr std::size_t count_sums(bool (*counts)(const SumSource& source)) {
  std::size_t count = 0;
  for (const SumInfo& info : kSums) count += counts(info.source) ? 1 : 0;
  return count;
}
inline constexpr std::size_t kNarrowSums =
    count_sums([](const SumSource& from) { return from.row != nullptr; });
inline constexpr std::size_t kWideSums =
    count_sums([](const SumSource& from) { return from.wide_row != nullptr; });

// A vCPU's row of a sample without what it is of: what is remembered of each sample.
struct RowValues {
  std::array<std::uint32_t, kNarrowSums> narrow;
  std::array<std::uint64_t, kWideSums> wide;

  static RowValues of(const xenmon_row& row);
  void add_to(MetricSums& sums) const;
  void subtract_from(MetricSums& sums) const;
};

// Shortest and longest slice granted, in ns; both 0 when there was none.
struct SliceRange {
  std::uint32_t min_ns = 0;
  std::uint32_t max_ns = 0;

  void add(const SliceRange& other) {
    if (other.max_ns == 0) return;
    min_ns = max_ns == 0 ? other.min_ns : std::min(min_ns, other.min_ns);
    max_ns = std::max(max_ns, other.max_ns);
  }
};

} // namespace xenmon

#endif // XENMON_XENMON_METRICS_METRIC_SUMS_H
