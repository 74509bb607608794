// SPDX-License-Identifier: GPL-2.0-or-later
//
// The figures that tables show and lists are sorted by: their names, their values and how they are written.
#ifndef XENMON_XENMON_MEASURE_H
#define XENMON_XENMON_MEASURE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "client/history.h"
#include "client/latency.h"
#include "model/role.h"
#include "model/view_state.h"

namespace xenmon {

enum class Measure {
  kId,
  kName,
  kGotten,
  kWaited,
  kWaitedWake,
  kWaitedPreempt,
  kBlocked,
  kOther, // paused, or nobody knows
  kExecutions,
  kGottenPerExecution,
  kWaitedPerExecution,
  kAllocated,
  kIo,
  // Of the distributions: four figures of each, behind how many there are.
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

// One word for each, the same in all versions: for files.
const char* measure_name(Measure measure);
// As a column's heading, at most kMeasureWidth long.
const char* measure_title(Measure measure);
inline constexpr std::size_t kMeasureWidth = 8;

// What each view can be sorted by, in the order of its columns; the first is how it is sorted at first.
std::span<const Measure> sort_measures(View view);
// Sorted from the largest down, unless reversed. Ids and names go up.
bool descending(Measure measure);
// The distribution that a measure is of; none for the others.
std::optional<Spread> spread_of(Measure measure);

// For kId and kName: 0. `length_ns` is what the figures are sums over.
double measure_value(Measure measure, const Figures& figures, std::uint64_t length_ns, Basis basis);
double measure_value(Measure measure, const LatencyModel& latency, bool since_start);

// At most kMeasureWidth characters; "-" where there is nothing to divide by.
std::string measure_text(Measure measure, const Figures& figures, std::uint64_t length_ns, Basis basis);
std::string measure_text(Measure measure, const LatencyModel& latency, bool since_start);

// Waiting is worth a look from a twentieth of the vCPUs' time on, and alarming from a fifth; a wait's
// percentile from 10 ms and from 50 ms on.
Role measure_role(Measure measure, const Figures& figures);
Role measure_role(Measure measure, const LatencyModel& latency, bool since_start);

} // namespace xenmon

#endif // XENMON_XENMON_MEASURE_H
