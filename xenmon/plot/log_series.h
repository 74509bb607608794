// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is drawn: for each domain one series of what it did, over the intervals of its log.
//
// The files of one log are put together: those of -n by their prefix, and rotated files with their
// successors. Logs that overlap where they must not are different logs, and so are their domains.
//
// What it means if an interval has no record of a domain that is there before and after: it was there and was
// not dispatched, or Xen would have written a record. It ran for 0 s, and did no I/O. The files of -n do not
// distinguish a paused domain from one of which nothing is known, so its waited and blocked time are not
// known then; in a stream they are 0. Where records were lost nothing is known, and where samples were missed
// there is no interval at all.
#ifndef XENMON_XENMON_PLOT_LOG_SERIES_H
#define XENMON_XENMON_PLOT_LOG_SERIES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plot/log_reader.h"

namespace xenmon {

// Times in s that are closer than this are the same.
inline constexpr double kSameTime = 1e-6;

struct SeriesPoint {
  double start_s = 0; // a point's start is the end of the one before, or later
  double end_s = 0;
  MetricRates rates;
};

struct Series {
  std::uint32_t domid = 0;
  std::string name;                // printable; "" if no log says it
  std::string label;               // no two series have the same
  std::vector<SeriesPoint> points; // ascending, never empty
};

struct LogSeries {
  std::vector<Series> series; // by domid, idle last
  std::uint64_t intervals = 0;
  std::uint64_t intervals_with_losses = 0;
};

LogSeries assemble(std::vector<LogPart> parts);

// Merges neighbouring intervals where the series together have more than `most` of them: a point is then
// their mean, as in a log with longer intervals. Gaps stay.
void condense(std::vector<Series>& all, std::size_t most);

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_LOG_SERIES_H
