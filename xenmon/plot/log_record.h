// SPDX-License-Identifier: GPL-2.0-or-later
//
// One line of a log, in any of the three forms that log_writer and stream_writer write.
//
// Everything in a line is checked: a number is finite, not negative and not larger than what a host can do;
// otherwise the line is malformed.
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
  // False if it is not known what it did while it did not run: waited and blocked are not known then.
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

// A remark in such a file that changes how its lines are read.
struct FilesRemark {
  // Either the following lines are about another domain, with that name ("": not known) ...
  bool new_domain = false;
  std::string name;
  // ... or there were losses in the interval that ended then.
  double end_s = 0;
  bool has_losses = false;
  bool has_missed_samples = false;
};
// nullopt for other remarks.
std::optional<FilesRemark> parse_files_remark(std::string_view line);

// CSV: by the names in its first line, so that there may be further columns.
class CsvColumns {
 public:
  // nullopt if this is not such a line.
  static std::optional<CsvColumns> from_header(std::string_view line);
  // A line is a record, and quoted fields may contain line ends.
  std::optional<LogRecord> parse(std::string_view line) const;

 private:
  std::size_t count_ = 0;
  std::size_t name_ = 0;
  std::vector<std::size_t> places_; // of the numbers that are read
};

// Whether the line ends within a quoted field, which then continues on the next.
bool csv_continues(std::string_view line);
// The fields of a line as in RFC 4180, unquoted; nullopt if a quote is where it may not be.
bool split_csv(std::string_view line, std::vector<std::string>& fields);

std::optional<LogRecord> parse_json_line(std::string_view line);

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_LOG_RECORD_H
