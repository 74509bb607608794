// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/view_metrics.h"

#include <array>

#include "format.h"
#include "model/host_lines.h"

namespace xenmon {
namespace {

constexpr double kNotableWait = 0.05; // of the vCPUs' time
constexpr double kAlarmingWait = 0.20;
constexpr double kNotableWaitNs = 10e6;
constexpr double kAlarmingWaitNs = 50e6;

constexpr std::array kOfDomains = {Metric::kId,      Metric::kName,      Metric::kGotten,     Metric::kWaited,
                                   Metric::kBlocked, Metric::kAllocated, Metric::kExecutions, Metric::kIo};
constexpr std::array kOfVcpus = {Metric::kId,
                                 Metric::kName,
                                 Metric::kGotten,
                                 Metric::kWaited,
                                 Metric::kWaitedWake,
                                 Metric::kWaitedPreempt,
                                 Metric::kBlocked,
                                 Metric::kOther,
                                 Metric::kExecutions,
                                 Metric::kGottenPerExecution,
                                 Metric::kWaitedPerExecution,
                                 Metric::kIo,
                                 Metric::kAvoidableWait,
                                 Metric::kMigrations,
                                 Metric::kConcurrencyHazard,
                                 Metric::kFullContention,
                                 Metric::kPartialContention,
                                 Metric::kFullRun,
                                 Metric::kPartialRun};
constexpr std::array kOfPcpus = {Metric::kId, Metric::kGotten, Metric::kWaited, Metric::kExecutions,
                                 Metric::kGottenPerExecution};
constexpr std::array kOfLatency = {
    Metric::kWakeP99,    Metric::kId,         Metric::kName,         Metric::kWakeCount,  Metric::kWakeP50,
    Metric::kWakeP95,    Metric::kWakeMax,    Metric::kPreemptCount, Metric::kPreemptP50, Metric::kPreemptP95,
    Metric::kPreemptP99, Metric::kPreemptMax, Metric::kRunCount,     Metric::kRunP50,     Metric::kRunP95,
    Metric::kRunP99,     Metric::kRunMax};

const Quantiles& quantiles_for(Metric metric, const LatencyModel& latency, bool since_start) {
  const auto& spreads = since_start ? latency.since_start : latency.recent;
  return spreads[static_cast<std::size_t>(spread_of(metric).value_or(Spread::kWakeWait))];
}

bool is_count(Metric metric) {
  return metric == Metric::kWakeCount || metric == Metric::kPreemptCount || metric == Metric::kRunCount;
}

bool is_contention(Metric metric) {
  return metric == Metric::kFullContention || metric == Metric::kPartialContention ||
         metric == Metric::kConcurrencyHazard;
}

bool is_waiting(Metric metric) {
  return metric == Metric::kWaited || metric == Metric::kWaitedWake || metric == Metric::kWaitedPreempt ||
         metric == Metric::kAvoidableWait;
}

Role role_of(double value, double notable, double alarming) {
  return value >= alarming ? Role::kAlarming : value >= notable ? Role::kNotable : Role::kText;
}

} // namespace

std::span<const Metric> metrics_of(View view) {
  switch (view) {
    case View::kVcpus:
      return kOfVcpus;
    case View::kPcpus:
      return kOfPcpus;
    case View::kLatency:
      return kOfLatency;
    case View::kDomains:
    case View::kHost:
    case View::kDiagnosis:
    case View::kHosts:
      break;
  }
  return kOfDomains;
}

std::vector<std::string> sort_names(View view) {
  std::vector<std::string> names;
  if (view == View::kHosts) {
    for (const HostKeyInfo& key : kHostKeys) names.emplace_back(key.name);
  } else {
    for (const Metric metric : metrics_of(view)) names.emplace_back(info_of(metric).name);
  }
  return names;
}

bool descending(Metric metric) {
  return metric != Metric::kId && metric != Metric::kName;
}

std::optional<Spread> spread_of(Metric metric) {
  if (info_of(metric).kind != MetricKind::kDistribution) return std::nullopt;
  return metric >= Metric::kRunCount       ? Spread::kRun
         : metric >= Metric::kPreemptCount ? Spread::kPreemptWait
                                           : Spread::kWakeWait;
}

double metric_value(Metric metric, const MetricSums& sums, std::uint64_t length_ns, Basis basis) {
  switch (info_of(metric).kind) {
    case MetricKind::kTime:
      return percent(metric, sums, basis == Basis::kPcpu ? length_ns : sums.online_ns());
    case MetricKind::kDomainTime:
      return percent(metric, sums, sums.lived_ns());
    case MetricKind::kCount:
      return per_second(metric, sums, length_ns);
    case MetricKind::kMean:
      return mean(metric, sums);
    case MetricKind::kLabel:
    case MetricKind::kDistribution:
      break;
  }
  return 0;
}

double metric_value(Metric metric, const LatencyModel& latency, bool since_start) {
  if (!spread_of(metric)) return 0;
  const Quantiles& q = quantiles_for(metric, latency, since_start);
  switch ((static_cast<int>(metric) - static_cast<int>(Metric::kWakeCount)) % 5) {
    case 0:
      return static_cast<double>(q.count);
    case 1:
      return static_cast<double>(q.p50_ns);
    case 2:
      return static_cast<double>(q.p95_ns);
    case 3:
      return static_cast<double>(q.p99_ns);
    default:
      return static_cast<double>(q.max_ns);
  }
}

std::string metric_text(Metric metric, const MetricSums& sums, std::uint64_t length_ns, Basis basis) {
  const double value = metric_value(metric, sums, length_ns, basis);
  switch (info_of(metric).kind) {
    case MetricKind::kTime:
      return percent_text(value, kMetricWidth - 1);
    case MetricKind::kDomainTime:
      return sums.lived_ns() == 0 ? "-" : percent_text(value, kMetricWidth - 1);
    case MetricKind::kCount:
      return rate_text(value, kMetricWidth);
    case MetricKind::kMean:
      return divisor(metric, sums) == 0 ? "-" : short_time_text(value);
    case MetricKind::kLabel:
    case MetricKind::kDistribution:
      break;
  }
  return "";
}

std::string metric_text(Metric metric, const LatencyModel& latency, bool since_start) {
  if (!spread_of(metric)) return "";
  const std::uint64_t count = quantiles_for(metric, latency, since_start).count;
  if (is_count(metric)) return count_text(static_cast<double>(count));
  if (count == 0) return "-";
  return short_time_text(metric_value(metric, latency, since_start));
}

Role metric_role(Metric metric, const MetricSums& sums) {
  if (is_waiting(metric)) {
    return role_of(quotient(total(metric, sums), sums.online_ns()), kNotableWait, kAlarmingWait);
  }
  if (is_contention(metric))
    return role_of(quotient(total(metric, sums), sums.lived_ns()), kNotableWait, kAlarmingWait);
  return metric == Metric::kGotten    ? Role::kRunning
         : metric == Metric::kBlocked ? Role::kBlocked
                                      : Role::kText;
}

Role metric_role(Metric metric, const LatencyModel& latency, bool since_start) {
  if (metric >= Metric::kRunCount || is_count(metric)) return Role::kText; // a long execution is no harm
  return role_of(metric_value(metric, latency, since_start), kNotableWaitNs, kAlarmingWaitNs);
}

Role wait_role(std::uint64_t percentile_ns) {
  return role_of(static_cast<double>(percentile_ns), kNotableWaitNs, kAlarmingWaitNs);
}

} // namespace xenmon
