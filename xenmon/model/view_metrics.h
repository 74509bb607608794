// SPDX-License-Identifier: GPL-2.0-or-later
//
// The metrics that each view has, their values, and how they are written and coloured.
#ifndef XENMON_XENMON_MODEL_VIEW_METRICS_H
#define XENMON_XENMON_MODEL_VIEW_METRICS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/latency.h"
#include "metric.h"
#include "model/role.h"
#include "model/screen_model.h"
#include "model/view_state.h"

namespace xenmon {

// What each view can be sorted by, in the order of its columns; the first is the default.
std::span<const Metric> metrics_of(View view);
// The same as names, for settings and menus; of every view that can be sorted.
std::vector<std::string> sort_names(View view);
// Sorted from the largest down, unless reversed. Ids and names are sorted upwards.
bool descending(Metric metric);
// The distribution of which a metric is; none for the others.
std::optional<Spread> spread_of(Metric metric);

// For kId and kName: 0. `length_ns` is the time that the sums are of.
double metric_value(Metric metric, const MetricSums& sums, std::uint64_t length_ns, Basis basis);
double metric_value(Metric metric, const LatencyModel& latency, bool since_start);

// At most kMetricWidth characters; "-" where there is nothing to divide by.
std::string metric_text(Metric metric, const MetricSums& sums, std::uint64_t length_ns, Basis basis);
std::string metric_text(Metric metric, const LatencyModel& latency, bool since_start);

// Waiting is worth a look from a twentieth of the vCPUs' time on, and alarming from a fifth; a percentile of
// waits from 10 ms and from 50 ms on.
Role metric_role(Metric metric, const MetricSums& sums);
Role metric_role(Metric metric, const LatencyModel& latency, bool since_start);
Role wait_role(std::uint64_t percentile_ns);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_VIEW_METRICS_H
