// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads the logs that xenmon writes, in any of the three forms, into one: what each domain did in each
// interval, on all pCPUs of the log together.
//
// A file may still be growing, or have been cut or edited by hand. A malformed line is counted and left out;
// a file without any line of a log is an Error. Of the streams' records only those of whole domains are used:
// those of their vCPUs contain the same figures again.
#ifndef XENMON_XENMON_PLOT_LOG_READER_H
#define XENMON_XENMON_PLOT_LOG_READER_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/result.h"
#include "plot/log_record.h"

namespace xenmon {

struct LogInterval {
  double end_s = 0;    // since the log began
  double length_s = 0; // of the data; 0: the log does not say
  bool has_losses = false;
  bool has_missed_samples = false;
};

// The successive owners of a domid are different domains. Streams have uids for them; in the files of -n a
// remark separates them, and they are counted here, from 0.
struct LogDomainKey {
  std::uint32_t domid = 0;
  std::uint64_t owner = 0;
  bool operator<(const LogDomainKey& other) const {
    return std::tie(domid, owner) < std::tie(other.domid, other.owner);
  }
};

struct LogDomain {
  std::string name; // printable; "" while unknown
  // By index of the interval, ascending; an interval without a record of the domain is not here.
  std::vector<std::pair<std::size_t, MetricRates>> rates;
};

// A file, or the part of it in which time does not go back. Where it does, another log was appended.
struct LogPart {
  bool one_of_many = false; // from -n, where each domain has a file
  // The same for all files of one log, including those that were rotated away.
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
