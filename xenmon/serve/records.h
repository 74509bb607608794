// SPDX-License-Identifier: GPL-2.0-or-later
//
// What xenmon.Host answers, as JSON texts: the types of xenmon.Host.varlink, field by field.
#ifndef XENMON_XENMON_SERVE_RECORDS_H
#define XENMON_XENMON_SERVE_RECORDS_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/attachment.h"
#include "client/latency.h"
#include "client/region_reader.h"
#include "metric_sums.h"

namespace xenmon {

const char* state_name(Health::Kind kind);

// Interval.
struct IntervalRecord {
  std::uint64_t length_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t wall_epoch_ns = 0; // 0: not known
  std::uint64_t lost_records = 0;
  std::uint64_t missed_samples = 0;
  std::uint64_t restarts = 0;
};
std::string interval_json(const IntervalRecord& interval);

// Figures.
struct FiguresRecord {
  std::uint32_t domid = 0;
  std::string_view domain; // "" while unknown
  std::uint64_t domain_uid = 0;
  std::optional<std::uint32_t> vcpu;
  std::optional<std::int64_t> pcpu;
  MetricSums sums;
  std::uint64_t slice_min_ns = 0;
  std::uint64_t slice_max_ns = 0;
  std::optional<std::uint32_t> vcpus;
  std::optional<std::uint32_t> state; // XENMON_VCPU_*
  std::uint32_t last_pcpu = XENMON_NO_PCPU;
};
std::string figures_json(const FiguresRecord& figures);

// PcpuFigures.
struct PcpuRecord {
  std::uint32_t pcpu = 0;
  std::uint64_t running_ns = 0;
  std::uint64_t idle_ns = 0;
  std::uint64_t unknown_ns = 0;
  std::optional<std::uint64_t> executions;
  std::uint64_t records = 0;
  std::uint64_t lost_records = 0;
};
std::string pcpu_json(const PcpuRecord& pcpu);

// Distribution; with its buckets or without.
std::string distribution_json(const Distribution& distribution, bool buckets);

// Host. The reader is null while there is no region.
std::string host_json(const Health& health, const RegionReader* reader);

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_RECORDS_H
