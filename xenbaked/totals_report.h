// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whole-trace totals as --totals prints them. The JSON is one object with "schema": 1; docs/metrics.md
// describes it. A new key may be added under the same number; no key is changed.
#ifndef XENMON_XENBAKED_TOTALS_REPORT_H
#define XENMON_XENBAKED_TOTALS_REPORT_H

#include <iosfwd>

#include "session/run_totals.h"

namespace xenmon {

void write_json(std::ostream& out, const TraceTotals& totals);
void write_text(std::ostream& out, const TraceTotals& totals);

} // namespace xenmon

#endif // XENMON_XENBAKED_TOTALS_REPORT_H
