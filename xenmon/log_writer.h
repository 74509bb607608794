// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log files: one line of sixteen columns for every interval, pCPU and domain with anything in it,
// in the original's order and units.
//
// Intervals are cut out of samples on the trace clock, so the same recording gives the same log. An
// interval ends with the first sample that reaches its nominal end; what samples were missed or
// records lost in it is said in a comment line, in each file that is open.
#ifndef XENMON_XENMON_LOG_WRITER_H
#define XENMON_XENMON_LOG_WRITER_H

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain_directory.h"
#include "history.h"
#include "sample_feed.h"
#include "xenmon/result.h"

namespace xenmon {

// One log line without its end, for figures of `length_ns` of the trace. Times per second and per
// execution in ns; 0 where there is nothing to divide by.
std::string log_line(double passed_ms, std::int64_t pcpu, std::int64_t domain, const Figures& figures,
                     std::uint64_t length_ns);

// A domain's file: created, or emptied, with its first line. Follows no symbolic link. Movable.
class LogFile {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)) {}
  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&&) = delete;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  // Keeps a line until flush(), the first behind the header line.
  void append(const std::string& line);
  Status flush();

 private:
  std::string path_;
  std::string pending_;
  int fd_ = -1;
};

class LogWriter final : public SampleSink {
 public:
  // `directory` is the feed's. Intervals are in ns and not 0.
  LogWriter(std::string prefix, std::uint64_t interval_ns, std::uint64_t duration_ns,
            const DomainDirectory& directory);

  void add(const Sample& sample) override;
  // Ends the interval that has begun, at what was seen of it.
  void finish();
  // Another daemon, another trace clock: ends the interval; the next sample goes on where it ended.
  void restart();

  // Trace time logged, from the first sample's start to the last one's end.
  std::uint64_t passed_ns() const { return passed_ns_; }
  // True once duration_ns has passed; never if that is 0. What comes later is left out.
  bool done() const { return duration_ns_ != 0 && passed_ns_ >= duration_ns_; }
  // The first failure to write; nothing is written after it.
  const Status& status() const { return status_; }

 private:
  struct Account {
    DomainIndex domain;
    std::uint32_t pcpu;
    Figures figures;
    bool used = false;
  };
  struct DomainLog {
    LogFile file;
    std::uint64_t uid; // whose lines came last
  };

  Account& account(DomainIndex domain, std::uint32_t pcpu);
  void write_interval(std::uint64_t end_ns);
  void write_comments(double passed_ms);
  DomainLog& log_of(const DomainEntry& domain);
  void forget_accounts();

  std::string prefix_;
  std::uint64_t interval_ns_;
  std::uint64_t duration_ns_;
  const DomainDirectory& directory_;

  // On the trace clock of the present daemon; what earlier ones logged is in offset_ns_.
  bool begun_ = false;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t boundary_ns_ = 0; // the nominal end of the interval
  std::uint64_t offset_ns_ = 0;
  std::uint64_t passed_ns_ = 0;

  // Of the interval.
  std::uint64_t length_ns_ = 0;
  std::uint64_t lost_records_ = 0;
  std::uint64_t missed_samples_ = 0;
  std::vector<std::uint32_t> used_; // accounts with something in them
  // Accounts stay from interval to interval.
  std::vector<Account> accounts_;
  std::unordered_map<std::uint64_t, std::uint32_t> places_; // domain and pCPU to account

  std::map<std::uint32_t, DomainLog> logs_; // by domid
  Status status_ = ok();
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_WRITER_H
