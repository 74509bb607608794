// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads back the logs that xenmon writes, whichever of the three forms they have, into one: what each
// domain did in each interval, on all pCPUs of the log together.
//
// A file may still be written to, or have been cut or patched by hand. A line that does not say what it
// must is counted and left out; a file in which there is nothing of a log is an Error. Of the streams'
// records only those of whole domains are taken: their vCPUs' say the same once more.
#ifndef XENMON_XENMON_PLOT_LOG_READER_H
#define XENMON_XENMON_PLOT_LOG_READER_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "plot/log_record.h"
#include "xenmon/result.h"

namespace xenmon {

struct LogInterval {
  double end_s = 0;    // since the log began
  double length_s = 0; // of the data; 0: the log does not say
  bool has_losses = false;
  bool has_missed_samples = false;
};

// The bearers of a domid are different domains. Streams have uids for them; in the files of -n a remark
// parts them, and they are counted here, from 0.
struct LogDomainKey {
  std::uint32_t domid = 0;
  std::uint64_t bearer = 0;
  bool operator<(const LogDomainKey& other) const {
    return std::tie(domid, bearer) < std::tie(other.domid, other.bearer);
  }
};

struct LogDomain {
  std::string name; // printable; "" while unknown
  // By index of the interval, ascending; an interval that has no record of the domain is not here.
  std::vector<std::pair<std::size_t, MetricRates>> rates;
};

// A file, or that part of it in which time does not go back. Where it does, another log was appended.
struct LogPart {
  bool one_of_many = false; // from -n, where each domain has a file
  // The same for all files of one log, those that were rotated away included.
  std::string log;
  std::string name;                   // of the log, to be shown
  std::vector<LogInterval> intervals; // ascending; never empty, except in the one part of an empty log
  std::map<LogDomainKey, LogDomain> domains;
};

struct LogFile {
  std::vector<LogPart> parts; // at least one
  std::uint64_t malformed_lines = 0;
  std::uint64_t first_malformed = 0; // its number in the file; 0: none
};

// "-" is standard input.
Result<LogFile> read_log(const std::string& path);

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_LOG_READER_H
