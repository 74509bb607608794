// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/log_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <tuple>
#include <utility>

#include "base/counted.h"
#include "log/log_columns.h"

namespace xenmon {
namespace {

// The original's number for the idle domain, and ours for a pCPU that is not known.
constexpr std::int64_t kIdle = -1;
constexpr std::int64_t kNoPcpu = -1;

std::string header() {
  std::string line(kLogHeaderStart);
  for (const LogColumn& column : kLogColumns) line += (line.back() == ' ' ? "" : " ") + column.name();
  return line + "\n";
}

} // namespace

std::string log_line(double passed_ms, std::int64_t pcpu, std::int64_t domain, const MetricSums& sums,
                     std::uint64_t length_ns) {
  std::string line;
  const auto put = [&line](double number) {
    std::array<char, 400> text; // the largest double has 309 digits
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, 3).ptr;
    if (!line.empty()) line += ' ';
    line.append(text.data(), end);
  };
  put(passed_ms);
  line += ' ' + std::to_string(pcpu) + ' ' + std::to_string(domain);
  for (const LogColumn& column : kLogColumns) put(column.value(sums, length_ns));
  return line;
}

LogWriter::LogWriter(std::string prefix, std::uint64_t interval_ns, std::uint64_t duration_ns,
                     const DomainDirectory& directory)
    : IntervalWriter(interval_ns, duration_ns), prefix_(std::move(prefix)), directory_(directory) {}

void LogWriter::take(const Sample& sample) {
  for (const xenmon_row& row : sample.rows) account(row.domain_slot, row.pcpu).sums.add(row);
  for (const xenmon_io_row& row : sample.io_rows) account(row.domain_slot, row.pcpu).sums.add(row);
}

void LogWriter::daemon_changed() {
  forget_accounts();
  for (auto& [domid, log] : logs_) log.file.append("# xenbaked restarted; time without data is not counted");
}

Status LogWriter::write_verdicts(const std::vector<std::string>& sentences) {
  Status status = ok();
  for (auto& [domid, log] : logs_) {
    for (const std::string& sentence : sentences) log.file.append("# verdict: " + sentence);
    if (status) status = log.file.flush();
  }
  return status;
}

void LogWriter::reopen() {
  for (auto& [domid, log] : logs_) log.file.reopen();
}

LogWriter::Account& LogWriter::account(DomainIndex domain, std::uint32_t pcpu) {
  const std::uint64_t key = (std::uint64_t{domain} << 32) | pcpu;
  const auto [place, is_new] = places_.try_emplace(key, static_cast<std::uint32_t>(accounts_.size()));
  if (is_new) accounts_.push_back({domain, pcpu, {}, false});
  Account& found = accounts_[place->second];
  if (!found.used) {
    found.used = true;
    used_.push_back(place->second);
  }
  return found;
}

Status LogWriter::write(const Interval& interval) {
  const double passed_ms = static_cast<double>(interval.passed_ns) / 1e6;
  // Each file gets its lines by pCPU, and those of a domid's previous owner first.
  std::sort(used_.begin(), used_.end(), [this](std::uint32_t a, std::uint32_t b) {
    const auto key = [this](const Account& account) {
      const DomainEntry& domain = directory_[account.domain];
      return std::make_tuple(domain.domid, domain.uid, account.pcpu);
    };
    return key(accounts_[a]) < key(accounts_[b]);
  });
  for (const std::uint32_t place : used_) {
    Account& account = accounts_[place];
    if (account.sums.active() && interval.length_ns > 0) {
      const DomainEntry& domain = directory_[account.domain];
      // It does not wait for anything, whatever else runs: the columns stay, and mean nothing.
      if (domain.domid == XENMON_DOMID_IDLE) {
        for (const SumInfo& info : kSums)
          if (!info.idle) account.sums.*info.sum = 0;
      }
      log_of(domain).file.append(
          log_line(passed_ms, account.pcpu == XENMON_NO_PCPU ? kNoPcpu : std::int64_t{account.pcpu},
                   domain.domid == XENMON_DOMID_IDLE ? kIdle : std::int64_t{domain.domid}, account.sums,
                   interval.length_ns));
    }
    account.sums = {};
    account.used = false;
  }
  write_comments(passed_ms, interval);
  Status status = ok();
  // If one file cannot be written, the other domains still get their lines.
  for (auto& [domid, log] : logs_) {
    if (Status flushed = log.file.flush(); !flushed && status) status = flushed;
  }
  // Otherwise accounts of domains that ended long ago would pile up in a log that runs for months.
  const std::size_t in_use = used_.size();
  used_.clear();
  if (accounts_.size() > 1024 && accounts_.size() > 4 * in_use) forget_accounts();
  return status;
}

void LogWriter::write_comments(double passed_ms, const Interval& interval) {
  if (interval.lost_records == 0 && interval.missed_samples == 0) return;
  std::array<char, 64> time;
  std::snprintf(time.data(), time.size(), "%.3f", passed_ms);
  std::string text = std::string("# in the interval ending at ") + time.data() + ": ";
  if (interval.lost_records > 0) text += counted(interval.lost_records, "trace record") + " lost";
  if (interval.lost_records > 0 && interval.missed_samples > 0) text += ", ";
  if (interval.missed_samples > 0) text += counted(interval.missed_samples, "sample") + " missed";
  for (auto& [domid, log] : logs_) log.file.append(text);
}

LogWriter::DomainLog& LogWriter::log_of(const DomainEntry& domain) {
  const auto known = logs_.find(domain.domid);
  if (known != logs_.end()) {
    DomainLog& log = known->second;
    if (log.uid != domain.uid) {
      log.uid = domain.uid;
      log.file.append("# a new domain " + std::to_string(domain.domid) +
                      (domain.shown.empty() ? "" : " (" + domain.shown + ")") +
                      "; the lines above are from another domain");
    }
    return log;
  }
  const std::string path = domain.domid == XENMON_DOMID_IDLE
                               ? prefix_ + "-idle.log"
                               : prefix_ + "-dom" + std::to_string(domain.domid) + ".log";
  return logs_.emplace(domain.domid, DomainLog{OutputFile(path, header()), domain.uid}).first->second;
}

void LogWriter::forget_accounts() {
  accounts_.clear();
  places_.clear();
  used_.clear();
}

} // namespace xenmon
