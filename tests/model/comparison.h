// SPDX-License-Identifier: GPL-2.0-or-later
//
// What XenMon says against what is true. Each function returns the differences, one per line, "" if there
// are none.
#ifndef XENMON_TESTS_MODEL_COMPARISON_H
#define XENMON_TESTS_MODEL_COMPARISON_H

#include <string>

#include "totals_report.h"
#include "truth.h"

namespace xenmon::model {

// `json`: what --totals json has printed.
std::string compare_totals(const Truth& truth, const std::string& json);

// The tables and the sums of all samples' rows of a region that holds the whole history.
std::string compare_region(const Truth& truth, const std::string& path);

// Of a trace of which records were lost: in no state more time than is true (`whole`: also unknown time),
// and nothing counted more often. Where owners of one number cannot be told apart they are taken together.
// A time may be `slack` ns too long, where Xen's own word of it has been rounded.
std::string compare_lossy(const Truth& whole, std::uint64_t lost, std::uint64_t slack,
                          const std::string& json);

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_COMPARISON_H
