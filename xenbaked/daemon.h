// SPDX-License-Identifier: GPL-2.0-or-later
//
// The daemon: source -> merge -> bake -> region, until the source is over or somebody says stop.
#ifndef XENMON_XENBAKED_DAEMON_H
#define XENMON_XENBAKED_DAEMON_H

#include <cstdint>
#include <optional>
#include <string>

#include "source/recorder.h"
#include "source/source.h"
#include "stop_flag.h"
#include "totals_report.h"
#include "xenmon/result.h"

namespace xenmon {

struct DaemonOptions {
  std::uint64_t sample_ns = 100'000'000;
  std::uint64_t history_ns = 10'000'000'000;
  std::uint64_t poll_ns = 250'000'000; // live: how long to sleep when no buffer fills up
  std::string region;
  bool world_readable = false;
  bool stock_records = false; // account by Xen's own records, whatever else there is
  // Recordings only: trace seconds per second; 0 is as fast as possible.
  double speed = 1.0;
  bool loop = false;
  std::optional<std::uint64_t> held_at_ns; // go there at once, and hold; kTraceEnd: the end
  int control_fd = -1;                     // commands come from here, see control_channel.h
  std::uint64_t slow_wait_ns = 1'000'000;  // waits that are so long are told one by one
  int ready_fd = -1;                       // a byte is written here once the region is in place
};

// Publishes until the end; the region says then that it has ended. `recorder` may be null.
Status run_daemon(Source& source, const DaemonOptions& options, Recorder* recorder, StopFlag& stop);

// The whole of a recording at once, without a region. Stops early when told to.
Result<TraceTotals> run_totals(Source& source, bool stock_records, Recorder* recorder, StopFlag& stop);

} // namespace xenmon

#endif // XENMON_XENBAKED_DAEMON_H
