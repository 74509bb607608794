// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/measure.h"

#include <array>

#include "format.h"

namespace xenmon {
namespace {

constexpr double kNotableWait = 0.05; // of the vCPUs' time
constexpr double kAlarmingWait = 0.20;
constexpr double kNotableWaitNs = 10e6;
constexpr double kAlarmingWaitNs = 50e6;

constexpr std::array kOfDomains = {Measure::kId,         Measure::kName,    Measure::kGotten,
                                   Measure::kWaited,     Measure::kBlocked, Measure::kAllocated,
                                   Measure::kExecutions, Measure::kIo};
constexpr std::array kOfVcpus = {Measure::kId,
                                 Measure::kName,
                                 Measure::kGotten,
                                 Measure::kWaited,
                                 Measure::kWaitedWake,
                                 Measure::kWaitedPreempt,
                                 Measure::kBlocked,
                                 Measure::kOther,
                                 Measure::kExecutions,
                                 Measure::kGottenPerExecution,
                                 Measure::kWaitedPerExecution,
                                 Measure::kIo};
constexpr std::array kOfPcpus = {Measure::kId, Measure::kGotten, Measure::kWaited, Measure::kExecutions,
                                 Measure::kGottenPerExecution};
constexpr std::array kOfLatency = {Measure::kWakeP99,    Measure::kId,           Measure::kName,
                                   Measure::kWakeCount,  Measure::kWakeP50,      Measure::kWakeP95,
                                   Measure::kWakeMax,    Measure::kPreemptCount, Measure::kPreemptP50,
                                   Measure::kPreemptP95, Measure::kPreemptP99,   Measure::kPreemptMax,
                                   Measure::kRunCount,   Measure::kRunP50,       Measure::kRunP95,
                                   Measure::kRunP99,     Measure::kRunMax};

const Quantiles& quantiles_for(Measure measure, const LatencyModel& latency, bool since_start) {
  const auto& spreads = since_start ? latency.since_start : latency.recent;
  return spreads[static_cast<std::size_t>(spread_of(measure).value_or(Spread::kWakeWait))];
}

std::uint64_t time_of(Measure measure, const Figures& figures) {
  switch (measure) {
    case Measure::kGotten:
      return figures.running_ns;
    case Measure::kWaited:
      return figures.waited_ns();
    case Measure::kWaitedWake:
      return figures.waited_wake_ns;
    case Measure::kWaitedPreempt:
      return figures.waited_preempt_ns;
    case Measure::kBlocked:
      return figures.blocked_ns;
    case Measure::kOther:
      return figures.offline_ns + figures.unknown_ns;
    default:
      return 0;
  }
}

bool is_count(Measure measure) {
  return measure == Measure::kWakeCount || measure == Measure::kPreemptCount || measure == Measure::kRunCount;
}

Role role_of(double value, double notable, double alarming) {
  return value >= alarming ? Role::kAlarming : value >= notable ? Role::kNotable : Role::kText;
}

struct Words {
  const char* name;
  const char* title;
};
// In the order of Measure.
constexpr std::array kWords = {
    Words{"id", "id"},
    Words{"name", "name"},
    Words{"gotten", "gotten"},
    Words{"waited", "waited"},
    Words{"waited_wake", "woken"},
    Words{"waited_preempt", "preempt"},
    Words{"blocked", "blocked"},
    Words{"other", "other"},
    Words{"executions", "exec/s"},
    Words{"gotten_per_execution", "time/ex"},
    Words{"waited_per_execution", "wait/ex"},
    Words{"allocated", "slice"},
    Words{"io", "I/O"},
    Words{"wake_count", "count"},
    Words{"wake_p50", "p50"},
    Words{"wake_p95", "p95"},
    Words{"wake_p99", "p99"},
    Words{"wake_max", "max"},
    Words{"preempt_count", "count"},
    Words{"preempt_p50", "p50"},
    Words{"preempt_p95", "p95"},
    Words{"preempt_p99", "p99"},
    Words{"preempt_max", "max"},
    Words{"run_count", "count"},
    Words{"run_p50", "p50"},
    Words{"run_p95", "p95"},
    Words{"run_p99", "p99"},
    Words{"run_max", "max"},
};

} // namespace

const char* measure_name(Measure measure) {
  return kWords[static_cast<std::size_t>(measure)].name;
}

const char* measure_title(Measure measure) {
  return kWords[static_cast<std::size_t>(measure)].title;
}

std::span<const Measure> sort_measures(View view) {
  switch (view) {
    case View::kVcpus:
      return kOfVcpus;
    case View::kPcpus:
      return kOfPcpus;
    case View::kLatency:
      return kOfLatency;
    case View::kDomains:
    case View::kHost:
      break;
  }
  return kOfDomains;
}

bool descending(Measure measure) {
  return measure != Measure::kId && measure != Measure::kName;
}

std::optional<Spread> spread_of(Measure measure) {
  if (measure < Measure::kWakeCount) return std::nullopt;
  return measure >= Measure::kRunCount       ? Spread::kRun
         : measure >= Measure::kPreemptCount ? Spread::kPreemptWait
                                             : Spread::kWakeWait;
}

double measure_value(Measure measure, const Figures& figures, std::uint64_t length_ns, Basis basis) {
  switch (measure) {
    case Measure::kGotten:
    case Measure::kWaited:
    case Measure::kWaitedWake:
    case Measure::kWaitedPreempt:
    case Measure::kBlocked:
    case Measure::kOther:
      return 100 *
             quotient(time_of(measure, figures), basis == Basis::kPcpu ? length_ns : figures.online_ns());
    case Measure::kExecutions:
      return 1e9 * quotient(figures.executions, length_ns);
    case Measure::kGottenPerExecution:
      return quotient(figures.running_ns, figures.executions);
    case Measure::kWaitedPerExecution:
      return quotient(figures.waited_ns(), figures.executions);
    case Measure::kAllocated:
      return quotient(figures.slice_sum_ns, figures.slice_count);
    case Measure::kIo:
      return 1e9 * quotient(figures.io, length_ns);
    default:
      return 0;
  }
}

double measure_value(Measure measure, const LatencyModel& latency, bool since_start) {
  if (measure < Measure::kWakeCount) return 0;
  const Quantiles& q = quantiles_for(measure, latency, since_start);
  switch ((static_cast<int>(measure) - static_cast<int>(Measure::kWakeCount)) % 5) {
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

std::string measure_text(Measure measure, const Figures& figures, std::uint64_t length_ns, Basis basis) {
  const double value = measure_value(measure, figures, length_ns, basis);
  switch (measure) {
    case Measure::kGotten:
    case Measure::kWaited:
    case Measure::kWaitedWake:
    case Measure::kWaitedPreempt:
    case Measure::kBlocked:
    case Measure::kOther:
      return percent_text(value, kMeasureWidth - 1);
    case Measure::kExecutions:
    case Measure::kIo:
      return rate_text(value, kMeasureWidth);
    case Measure::kGottenPerExecution:
    case Measure::kWaitedPerExecution:
      return figures.executions == 0 ? "-" : short_time_text(value);
    case Measure::kAllocated:
      return figures.slice_count == 0 ? "-" : short_time_text(value);
    default:
      return "";
  }
}

std::string measure_text(Measure measure, const LatencyModel& latency, bool since_start) {
  if (measure < Measure::kWakeCount) return "";
  const std::uint64_t count = quantiles_for(measure, latency, since_start).count;
  if (is_count(measure)) return count_text(static_cast<double>(count));
  if (count == 0) return "-";
  return short_time_text(measure_value(measure, latency, since_start));
}

Role measure_role(Measure measure, const Figures& figures) {
  switch (measure) {
    case Measure::kGotten:
      return Role::kRunning;
    case Measure::kBlocked:
      return Role::kBlocked;
    case Measure::kWaited:
    case Measure::kWaitedWake:
    case Measure::kWaitedPreempt:
      return role_of(quotient(time_of(measure, figures), figures.online_ns()), kNotableWait, kAlarmingWait);
    default:
      return Role::kText;
  }
}

Role measure_role(Measure measure, const LatencyModel& latency, bool since_start) {
  if (measure >= Measure::kRunCount || is_count(measure)) return Role::kText; // a long execution is no harm
  return role_of(measure_value(measure, latency, since_start), kNotableWaitNs, kAlarmingWaitNs);
}

} // namespace xenmon
