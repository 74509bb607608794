// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenbaked's work for --timeline: a recording as a file for Perfetto's viewer, without a region.
#ifndef XENMON_XENBAKED_TIMELINE_RUN_TIMELINE_H
#define XENMON_XENBAKED_TIMELINE_RUN_TIMELINE_H

#include <cstdint>
#include <string>

#include "base/result.h"
#include "session/stop_flag.h"
#include "source/pending_file.h"
#include "source/source.h"
#include "timeline/timeline.h"

namespace xenmon {

struct TimelineOptions {
  TimelineRange range;
  std::uint64_t slow_wait_ns = 10'000'000; // waits of at least this are slices
  bool stock_records = false;
};

// Writes `file` and puts it in place. Returns sentences about what is in it; what has been read by a stop
// signal, if there is one. Errors: the source failed, the file cannot be written, or there is nothing of that
// time; then the file is not placed.
Result<std::string> run_timeline(Source& source, const TimelineOptions& options, PendingFile& file,
                                 StopFlag& stop);

} // namespace xenmon

#endif // XENMON_XENBAKED_TIMELINE_RUN_TIMELINE_H
