// SPDX-License-Identifier: GPL-2.0-or-later
//
// One line of a log, in any of the three forms that log_writer and stream_writer give it.
//
// Everything in a line is checked: a number is finite, not negative and not beyond what a host can do, or
// the line is none.
#ifndef XENMON_XENMON_PLOT_LOG_RECORD_H
#define XENMON_XENMON_PLOT_LOG_RECORD_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metric.h"

namespace xenmon {

// What a domain did in an interval. Times are in pCPUs: seconds per second of all its vCPUs. Counts are per
// second.
struct MetricRates {
  double running = 0;
  double waited = 0;
  double blocked = 0;
  double executions = 0;
  double io = 0; // page exchanges
  // False where nothing told what it did while it did not run: waited and blocked are not known then.
  bool other_time_known = true;

  void add(const MetricRates& other);
};

// Which metrics are read from logs.
struct RateInfo {
  Metric metric;
  double MetricRates::*rate;
  bool of_other_time = false; // known only with other_time_known
};
inline constexpr std::array kRateInfos = {
    RateInfo{Metric::kGotten, &MetricRates::running},
    RateInfo{Metric::kWaited, &MetricRates::waited, true},
    RateInfo{Metric::kBlocked, &MetricRates::blocked, true},
    RateInfo{Metric::kExecutions, &MetricRates::executions},
    RateInfo{Metric::kIo, &MetricRates::io},
};
static_assert(sizeof(MetricRates) == (kRateInfos.size() + 1) * sizeof(double), "a rate is not in the table");

// A domain in an interval on one pCPU, or one of its vCPUs there.
struct LogRecord {
  double end_s = 0;    // of the interval, since the log began
  double length_s = 0; // of the data in it; 0: the log does not say
  std::uint32_t domid = 0;
  std::uint64_t uid = 0;
  std::string name; // printable; "" if the log does not say
  bool of_vcpu = false;
  bool has_losses = false;         // the interval, on all pCPUs
  bool has_missed_samples = false; // the same
  MetricRates rates;
};

// The files of -n: a line of sixteen columns.
bool is_files_header(std::string_view line);
std::optional<LogRecord> parse_files_line(std::string_view line);

// A remark in such a file that changes how its lines are to be read.
struct FilesRemark {
  // Either the lines that follow are of another domain, of that name ("": not known) ...
  bool new_domain = false;
  std::string name;
  // ... or in the interval that ended then there were losses.
  double end_s = 0;
  bool has_losses = false;
  bool has_missed_samples = false;
};
// None for the remarks that do not.
std::optional<FilesRemark> parse_files_remark(std::string_view line);

// CSV: by the names in its first line, so that other columns may come between.
class CsvColumns {
 public:
  // None if this is no such line.
  static std::optional<CsvColumns> from_header(std::string_view line);
  // A line is a record, and may have line ends in quoted fields.
  std::optional<LogRecord> parse(std::string_view line) const;

 private:
  std::size_t count_ = 0;
  std::size_t name_ = 0;
  std::vector<std::size_t> places_; // of the numbers that are read
};

// Whether the line ends within a quoted field, which then goes on in the next.
bool csv_goes_on(std::string_view line);
// The fields of a line as RFC 4180 has them, unquoted; none if a quote is not where it may be.
bool split_csv(std::string_view line, std::vector<std::string>& fields);

std::optional<LogRecord> parse_json_line(std::string_view line);

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_LOG_RECORD_H
