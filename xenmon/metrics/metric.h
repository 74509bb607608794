// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of metrics: what is measured, in which unit, from which fields of the region, and what it is
// called in each place. Screen, logs, streams, plots, tables and totals take their names, units and sums from
// here. A new metric needs a row here, the baker's part that fills its field, and its words in
// docs/metrics.md.
//
// kSums are the fields of the region's rows that can be added up, over time, vCPUs and pCPUs. kMetrics are
// what people see: a sum, or sums added up, or one divided by another.
#ifndef XENMON_XENMON_METRICS_METRIC_H
#define XENMON_XENMON_METRICS_METRIC_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "metric_sums.h"

namespace xenmon {

// The order is that of kMetrics.
enum class Metric : std::uint8_t {
  // What a list can be sorted by, too.
  kId,
  kName,
  // Times and counts of a domain or a vCPU.
  kGotten,
  kWaited,
  kWaitedWake,
  kWaitedPreempt,
  kAvoidableWait,
  kBlocked,
  kOffline,
  kUnknown,
  kOther, // paused, or not known
  kExecutions,
  kMigrations,
  kAllocated,
  kIo,
  kIoMap,
  kIoUnmap,
  kIoTransfer,
  kIoCopy,
  kIoCopyBytes,
  // Times of a domain as a whole.
  kFullRun,
  kPartialRun,
  kFullContention,
  kPartialContention,
  kConcurrencyHazard,
  kDomainBlocked,
  kDomainUnknown,
  // Of one execution, or of one page exchange, on average.
  kGottenPerExecution,
  kWaitedPerExecution,
  kBlockedPerIo,
  kIoPerExecution,
  // Of the distributions, five of each in this order.
  kWakeCount,
  kWakeP50,
  kWakeP95,
  kWakeP99,
  kWakeMax,
  kPreemptCount,
  kPreemptP50,
  kPreemptP95,
  kPreemptP99,
  kPreemptMax,
  kRunCount,
  kRunP50,
  kRunP95,
  kRunP99,
  kRunMax,
};

enum class MetricKind : std::uint8_t {
  kLabel,        // no number of its own
  kTime,         // a state's time: shown as a share of some time, or per second
  kDomainTime,   // a state's time, of a domain as a whole: shown as a share of its life
  kCount,        // shown per second
  kMean,         // `of` divided by `per`
  kDistribution, // a percentile, the maximum or the number of entries of a distribution
};

enum class MetricUnit : std::uint8_t { kNone, kNanoseconds, kTimes, kPages, kBytes };

// Sums of which the total is meant; the list ends with the first null.
using Terms = std::array<std::uint64_t MetricSums::*, 4>;

// Texts are "" where the metric is not in that place.
struct MetricInfo {
  Metric metric = Metric::kId;
  MetricKind kind = MetricKind::kLabel;
  MetricUnit unit = MetricUnit::kNone;
  Terms of = {};
  Terms per = {}; // kMean only
  // One word, the same in all versions, for files: the settings, and the keys of --totals json.
  const char* name = "";
  const char* text = "";   // in --totals text
  const char* title = "";  // a column of the screen's tables, at most kMetricWidth long
  const char* row = "";    // a row of the view of domains
  const char* narrow = ""; // the same where there is less room
  const char* option = ""; // the option and the setting that show or hide that row; "": always shown
  const char* hides = "";  // the key that does
  const char* once = "";   // a column of --once
  const char* log = "";    // columns of the log files; times get (tot) or (%) appended
  const char* plot = "";   // --figure of xenmon plot
  const char* axis = "";   // what its picture is called there, with the unit
  const char* suffix = ""; // kMean: after the number on the screen
};

inline constexpr std::size_t kMetricWidth = 8;

constexpr MetricInfo distribution_metric(Metric metric, const char* name, const char* title) {
  return {.metric = metric, .kind = MetricKind::kDistribution, .name = name, .title = title};
}

inline constexpr std::array kMetrics = {
    MetricInfo{.metric = Metric::kId, .name = "id", .title = "id"},
    MetricInfo{.metric = Metric::kName, .name = "name", .title = "name"},
    MetricInfo{.metric = Metric::kGotten,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::running_ns},
               .name = "gotten",
               .text = "gotten",
               .title = "gotten",
               .row = "Gotten",
               .narrow = "Gotten",
               .once = "gotten",
               .log = "cpu",
               .plot = "gotten",
               .axis = "Gotten (% of one pCPU)"},
    MetricInfo{.metric = Metric::kWaited,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::waited_wake_ns, &MetricSums::waited_preempt_ns},
               .name = "waited",
               .title = "waited",
               .row = "Waited",
               .narrow = "Waited",
               .option = "waited",
               .hides = "w",
               .once = "waited",
               .log = "waited",
               .plot = "waited",
               .axis = "Waited (% of one pCPU)"},
    MetricInfo{.metric = Metric::kWaitedWake,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::waited_wake_ns},
               .name = "waited_wake",
               .text = "waited after wake",
               .title = "woken"},
    MetricInfo{.metric = Metric::kWaitedPreempt,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::waited_preempt_ns},
               .name = "waited_preempt",
               .text = "waited, preempted",
               .title = "preempt"},
    MetricInfo{.metric = Metric::kAvoidableWait,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::avoidable_wait_ns},
               .name = "avoidable_wait",
               .text = "avoidable waiting",
               .title = "avoid",
               .once = "avoidable"},
    MetricInfo{.metric = Metric::kBlocked,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::blocked_ns},
               .name = "blocked",
               .text = "blocked",
               .title = "blocked",
               .row = "Blocked",
               .narrow = "Blocked",
               .option = "blocked",
               .hides = "b",
               .once = "blocked",
               .log = "blocked",
               .plot = "blocked",
               .axis = "Blocked (% of one pCPU)"},
    MetricInfo{.metric = Metric::kOffline,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::offline_ns},
               .name = "offline",
               .text = "offline",
               .once = "offline"},
    MetricInfo{.metric = Metric::kUnknown,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::unknown_ns},
               .name = "unknown",
               .text = "unknown",
               .once = "unknown"},
    MetricInfo{.metric = Metric::kOther,
               .kind = MetricKind::kTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::offline_ns, &MetricSums::unknown_ns},
               .name = "other",
               .title = "other"},
    MetricInfo{.metric = Metric::kExecutions,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kTimes,
               .of = {&MetricSums::executions},
               .name = "executions",
               .text = "executions",
               .title = "exec/s",
               .row = "Execution count",
               .narrow = "Exec count",
               .option = "excount",
               .hides = "e",
               .once = "executions",
               .log = "ex/s",
               .plot = "executions",
               .axis = "Executions (per second)"},
    MetricInfo{.metric = Metric::kMigrations,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kTimes,
               .of = {&MetricSums::migrations},
               .name = "migrations",
               .text = "migrations",
               .title = "migr/s",
               .once = "migr/s"},
    MetricInfo{.metric = Metric::kAllocated,
               .kind = MetricKind::kMean,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::slice_sum_ns},
               .per = {&MetricSums::slice_count},
               .name = "allocated",
               .text = "allocated",
               .title = "slice",
               .row = "Allocated",
               .narrow = "Allocated",
               .option = "allocated",
               .hides = "a",
               .once = "allocated",
               .log = "allocated/ex",
               .suffix = "/ex"},
    MetricInfo{
        .metric = Metric::kIo,
        .kind = MetricKind::kCount,
        .unit = MetricUnit::kPages,
        .of = {&MetricSums::io_map, &MetricSums::io_unmap, &MetricSums::io_transfer, &MetricSums::io_copy},
        .name = "io",
        .text = "total",
        .title = "I/O",
        .row = "I/O count",
        .narrow = "I/O count",
        .option = "iocount",
        .hides = "i",
        .once = "I/O",
        .log = "io(tot)",
        .plot = "io",
        .axis = "I/O count (pages per second)"},
    MetricInfo{.metric = Metric::kIoMap,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kPages,
               .of = {&MetricSums::io_map},
               .name = "io_map",
               .text = "map"},
    MetricInfo{.metric = Metric::kIoUnmap,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kPages,
               .of = {&MetricSums::io_unmap},
               .name = "io_unmap",
               .text = "unmap"},
    MetricInfo{.metric = Metric::kIoTransfer,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kPages,
               .of = {&MetricSums::io_transfer},
               .name = "io_transfer",
               .text = "transfer"},
    MetricInfo{.metric = Metric::kIoCopy,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kPages,
               .of = {&MetricSums::io_copy},
               .name = "io_copy",
               .text = "copy"},
    MetricInfo{.metric = Metric::kIoCopyBytes,
               .kind = MetricKind::kCount,
               .unit = MetricUnit::kBytes,
               .of = {&MetricSums::io_copy_bytes},
               .name = "io_copy_bytes",
               .text = "copy_bytes"},
    MetricInfo{.metric = Metric::kFullRun,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::full_run_ns},
               .name = "full_run",
               .text = "full run",
               .title = "fullrun"},
    MetricInfo{.metric = Metric::kPartialRun,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::partial_run_ns},
               .name = "partial_run",
               .text = "partial run",
               .title = "partrun"},
    MetricInfo{.metric = Metric::kFullContention,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::full_contention_ns},
               .name = "full_contention",
               .text = "full contention",
               .title = "fullcont",
               .once = "full cont"},
    MetricInfo{.metric = Metric::kPartialContention,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::partial_contention_ns},
               .name = "partial_contention",
               .text = "partial contention",
               .title = "partcont",
               .once = "part cont"},
    MetricInfo{.metric = Metric::kConcurrencyHazard,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::concurrency_hazard_ns},
               .name = "concurrency_hazard",
               .text = "concurrency hazard",
               .title = "hazard",
               .once = "hazard"},
    MetricInfo{.metric = Metric::kDomainBlocked,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::domain_blocked_ns},
               .name = "domain_blocked",
               .text = "blocked"},
    MetricInfo{.metric = Metric::kDomainUnknown,
               .kind = MetricKind::kDomainTime,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::domain_unknown_ns},
               .name = "domain_unknown",
               .text = "not known"},
    MetricInfo{.metric = Metric::kGottenPerExecution,
               .kind = MetricKind::kMean,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::running_ns},
               .per = {&MetricSums::executions},
               .name = "gotten_per_execution",
               .title = "time/ex",
               .once = "gotten/ex",
               .log = "cpu/ex",
               .plot = "time-per-execution",
               .axis = "Time per execution (µs)",
               .suffix = "/ex"},
    MetricInfo{.metric = Metric::kWaitedPerExecution,
               .kind = MetricKind::kMean,
               .unit = MetricUnit::kNanoseconds,
               .of = {&MetricSums::waited_wake_ns, &MetricSums::waited_preempt_ns},
               .per = {&MetricSums::executions},
               .name = "waited_per_execution",
               .title = "wait/ex",
               .once = "waited/ex",
               .log = "waited/ex",
               .suffix = "/ex"},
    MetricInfo{
        .metric = Metric::kBlockedPerIo,
        .kind = MetricKind::kMean,
        .unit = MetricUnit::kNanoseconds,
        .of = {&MetricSums::blocked_ns},
        .per = {&MetricSums::io_map, &MetricSums::io_unmap, &MetricSums::io_transfer, &MetricSums::io_copy},
        .name = "blocked_per_io",
        .log = "blocked/io",
        .suffix = "/io"},
    MetricInfo{
        .metric = Metric::kIoPerExecution,
        .kind = MetricKind::kMean,
        .unit = MetricUnit::kPages,
        .of = {&MetricSums::io_map, &MetricSums::io_unmap, &MetricSums::io_transfer, &MetricSums::io_copy},
        .per = {&MetricSums::executions},
        .name = "io_per_execution",
        .once = "I/O/ex",
        .log = "io/ex",
        .plot = "io-per-execution",
        .axis = "I/O count per execution (pages)"},
    distribution_metric(Metric::kWakeCount, "wake_count", "count"),
    distribution_metric(Metric::kWakeP50, "wake_p50", "p50"),
    distribution_metric(Metric::kWakeP95, "wake_p95", "p95"),
    distribution_metric(Metric::kWakeP99, "wake_p99", "p99"),
    distribution_metric(Metric::kWakeMax, "wake_max", "max"),
    distribution_metric(Metric::kPreemptCount, "preempt_count", "count"),
    distribution_metric(Metric::kPreemptP50, "preempt_p50", "p50"),
    distribution_metric(Metric::kPreemptP95, "preempt_p95", "p95"),
    distribution_metric(Metric::kPreemptP99, "preempt_p99", "p99"),
    distribution_metric(Metric::kPreemptMax, "preempt_max", "max"),
    distribution_metric(Metric::kRunCount, "run_count", "count"),
    distribution_metric(Metric::kRunP50, "run_p50", "p50"),
    distribution_metric(Metric::kRunP95, "run_p95", "p95"),
    distribution_metric(Metric::kRunP99, "run_p99", "p99"),
    distribution_metric(Metric::kRunMax, "run_max", "max"),
};

constexpr bool metrics_are_in_order() {
  for (std::size_t i = 0; i < kMetrics.size(); ++i)
    if (static_cast<std::size_t>(kMetrics[i].metric) != i) return false;
  return true;
}
static_assert(metrics_are_in_order());

constexpr const MetricInfo& info_of(Metric metric) {
  return kMetrics[static_cast<std::size_t>(metric)];
}

constexpr std::uint64_t total(const Terms& terms, const MetricSums& sums) {
  std::uint64_t sum = 0;
  for (const auto term : terms) {
    if (term == nullptr) break;
    sum += sums.*term;
  }
  return sum;
}
constexpr std::uint64_t total(Metric metric, const MetricSums& sums) {
  return total(info_of(metric).of, sums);
}
// What a kMean is divided by.
constexpr std::uint64_t divisor(Metric metric, const MetricSums& sums) {
  return total(info_of(metric).per, sums);
}

// False where the idle domain has nothing, since its vCPUs wait for nobody.
constexpr bool idle_has(Metric metric) {
  for (const auto term : info_of(metric).of)
    for (const SumInfo& info : kSums)
      if (term != nullptr && info.sum == term && !info.idle) return false;
  return true;
}

// Of sums over `length_ns` of the trace. 0 where there is nothing to divide by.
double per_second(Metric metric, const MetricSums& sums, std::uint64_t length_ns);
double percent(Metric metric, const MetricSums& sums, std::uint64_t whole_ns);
double mean(Metric metric, const MetricSums& sums);

// Some of the metrics.
class MetricSet {
 public:
  constexpr MetricSet() = default;
  constexpr MetricSet(std::initializer_list<Metric> metrics) {
    for (const Metric metric : metrics) set(metric, true);
  }
  constexpr bool contains(Metric metric) const { return (bits_ & bit(metric)) != 0; }
  constexpr void set(Metric metric, bool in) { bits_ = in ? bits_ | bit(metric) : bits_ & ~bit(metric); }
  constexpr void flip(Metric metric) { bits_ ^= bit(metric); }

  bool operator==(const MetricSet&) const = default;

 private:
  static constexpr std::uint64_t bit(Metric metric) {
    return std::uint64_t{1} << static_cast<unsigned>(metric);
  }
  static_assert(kMetrics.size() <= 64);

  std::uint64_t bits_ = 0;
};

// The rows of the view of domains, from the top; those with an option may be hidden.
inline constexpr std::array kDomainRows = {Metric::kGotten, Metric::kAllocated,  Metric::kBlocked,
                                           Metric::kWaited, Metric::kExecutions, Metric::kIo};
constexpr MetricSet all_domain_rows() {
  MetricSet all;
  for (const Metric metric : kDomainRows) all.set(metric, true);
  return all;
}

} // namespace xenmon

#endif // XENMON_XENMON_METRICS_METRIC_H
