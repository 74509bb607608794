// SPDX-License-Identifier: GPL-2.0-or-later
#include "metric.h"

#include "format.h"

namespace xenmon {

double per_second(Metric metric, const MetricSums& sums, std::uint64_t length_ns) {
  return 1e9 * quotient(total(metric, sums), length_ns);
}

double percent(Metric metric, const MetricSums& sums, std::uint64_t whole_ns) {
  return 100 * quotient(total(metric, sums), whole_ns);
}

double mean(Metric metric, const MetricSums& sums) {
  return quotient(total(metric, sums), divisor(metric, sums));
}

} // namespace xenmon
