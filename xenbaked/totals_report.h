// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whole-trace totals as --totals prints them. The JSON is one object with "schema": 1; README.md and
// xenbaked(8) describe it. A new key may be added under the same number, none is changed.
#ifndef XENMON_XENBAKED_TOTALS_REPORT_H
#define XENMON_XENBAKED_TOTALS_REPORT_H

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "bake/baker.h"

namespace xenmon {

struct TraceTotals {
  std::uint64_t records = 0;
  std::uint64_t lost_records = 0;
  BadRecords bad;
  std::uint64_t duration_ns = 0;
  std::uint32_t pcpus = 0;
  std::vector<DomainTotals> domains;
  std::vector<std::string> verdicts; // on the trace as a whole, a sentence each
};

void write_json(std::ostream& out, const TraceTotals& totals);
void write_text(std::ostream& out, const TraceTotals& totals);

} // namespace xenmon

#endif // XENMON_XENBAKED_TOTALS_REPORT_H
