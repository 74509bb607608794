// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log files: one line of sixteen columns for every interval, pCPU and domain with any figures, in the
// original's order and units.
//
// Missed samples and lost records in an interval are reported in a comment line, in each file that is open.
#ifndef XENMON_XENMON_LOG_LOG_WRITER_H
#define XENMON_XENMON_LOG_LOG_WRITER_H

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "client/domain_directory.h"
#include "log/interval_writer.h"
#include "log/output_file.h"
#include "metric_sums.h"

namespace xenmon {

// One log line without its end, for sums over `length_ns` of the trace. Times per second and per
// execution in ns; 0 where there is nothing to divide by.
std::string log_line(double passed_ms, std::int64_t pcpu, std::int64_t domain, const MetricSums& sums,
                     std::uint64_t length_ns);

class LogWriter final : public IntervalWriter {
 public:
  // `directory` is the feed's.
  LogWriter(std::string prefix, std::uint64_t interval_ns, std::uint64_t duration_ns,
            const DomainDirectory& directory);

  // A comment in each file that is open.
  Status write_verdicts(const std::vector<std::string>& sentences) override;
  void reopen() override;

 private:
  struct Account {
    DomainIndex domain;
    std::uint32_t pcpu;
    MetricSums sums;
    bool used = false;
  };
  struct DomainLog {
    OutputFile file;
    std::uint64_t uid; // the owner of the last lines
  };

  void take(const Sample& sample) override;
  Status write(const Interval& interval) override;
  void daemon_changed() override;
  Account& account(DomainIndex domain, std::uint32_t pcpu);
  void write_comments(double passed_ms, const Interval& interval);
  DomainLog& log_of(const DomainEntry& domain);
  void forget_accounts();

  std::string prefix_;
  const DomainDirectory& directory_;

  std::vector<std::uint32_t> used_; // accounts with figures in this interval
  // Accounts stay from interval to interval.
  std::vector<Account> accounts_;
  std::unordered_map<std::uint64_t, std::uint32_t> places_; // domain and pCPU to account

  std::map<std::uint32_t, DomainLog> logs_; // by domid
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LOG_WRITER_H
