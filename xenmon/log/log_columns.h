// SPDX-License-Identifier: GPL-2.0-or-later
//
// The columns of the log files, behind the interval's end, the pCPU and the domain: in the original's order
// and units.
#ifndef XENMON_XENMON_LOG_LOG_COLUMNS_H
#define XENMON_XENMON_LOG_LOG_COLUMNS_H

#include <array>
#include <string>
#include <string_view>

#include "metric.h"

namespace xenmon {

struct LogColumn {
  Metric metric;
  bool in_percent = false; // of one pCPU's time; other times and counts are per second, in ns

  std::string name() const {
    const std::string stem = info_of(metric).log;
    return info_of(metric).kind == MetricKind::kTime ? stem + (in_percent ? "(%)" : "(tot)") : stem;
  }
  double value(const MetricSums& sums, std::uint64_t length_ns) const {
    if (info_of(metric).kind == MetricKind::kMean) return mean(metric, sums);
    return in_percent ? percent(metric, sums, length_ns) : per_second(metric, sums, length_ns);
  }
};

inline constexpr std::array kLogColumns = {
    LogColumn{Metric::kGotten},
    LogColumn{Metric::kGotten, true},
    LogColumn{Metric::kGottenPerExecution},
    LogColumn{Metric::kAllocated},
    LogColumn{Metric::kBlocked},
    LogColumn{Metric::kBlocked, true},
    LogColumn{Metric::kBlockedPerIo},
    LogColumn{Metric::kWaited},
    LogColumn{Metric::kWaited, true},
    LogColumn{Metric::kWaitedPerExecution},
    LogColumn{Metric::kExecutions},
    LogColumn{Metric::kIo},
    LogColumn{Metric::kIoPerExecution},
};

// How every file's first line begins.
inline constexpr std::string_view kLogHeaderStart = "# passed cpu dom ";

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LOG_COLUMNS_H
