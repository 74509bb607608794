// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenbaked's work for --totals: the whole of a recording in one sample, without a region.
#ifndef XENMON_XENBAKED_SESSION_RUN_TOTALS_H
#define XENMON_XENBAKED_SESSION_RUN_TOTALS_H

#include <cstdint>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "base/result.h"
#include "session/stop_flag.h"
#include "source/record_keeper.h"
#include "source/source.h"

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

// What has been read by a stop signal, if there is one. `recorder` may be null. An Error: the source failed.
Result<TraceTotals> run_totals(Source& source, bool stock_records, RecordKeeper* recorder, StopFlag& stop);

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_RUN_TOTALS_H
