// SPDX-License-Identifier: GPL-2.0-or-later
#include "log_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>
#include <utility>

namespace xenmon {
namespace {

// The original's number for the idle domain, and ours for a pCPU that is not known.
constexpr std::int64_t kIdle = -1;
constexpr std::int64_t kNoPcpu = -1;

std::string count_of(std::uint64_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

} // namespace

LogWriter::LogWriter(std::string prefix, std::uint64_t interval_ns, std::uint64_t duration_ns,
                     const DomainDirectory& directory)
    : prefix_(std::move(prefix)),
      interval_ns_(interval_ns),
      duration_ns_(duration_ns),
      directory_(directory) {}

void LogWriter::add(const Sample& sample) {
  if (done() || !status_) return;
  // The trace clock never goes back; a region that says so begins another story.
  if (begun_ && sample.start_ns < begin_ns_ + (passed_ns_ - offset_ns_)) restart();
  if (!begun_) {
    begun_ = true;
    begin_ns_ = sample.start_ns;
    boundary_ns_ = begin_ns_ + interval_ns_;
  }
  // Samples may be missing in between: the interval then ends without the one that would have ended it.
  if (sample.start_ns >= boundary_ns_) {
    write_interval(boundary_ns_);
    boundary_ns_ += (sample.start_ns - boundary_ns_) / interval_ns_ * interval_ns_ + interval_ns_;
    if (done()) return;
  }
  length_ns_ += sample.length_ns();
  lost_records_ += sample.lost_records;
  missed_samples_ += sample.missed_before;
  for (const xenmon_row& row : sample.rows) account(row.domain_slot, row.pcpu).figures.add(row);
  for (const xenmon_io_row& row : sample.io_rows) account(row.domain_slot, row.pcpu).figures.add(row);
  passed_ns_ = offset_ns_ + sample.end_ns - begin_ns_;
  if (sample.end_ns >= boundary_ns_) {
    write_interval(sample.end_ns);
    boundary_ns_ += (sample.end_ns - boundary_ns_) / interval_ns_ * interval_ns_ + interval_ns_;
  }
}

void LogWriter::finish() {
  if (begun_ && status_ && length_ns_ > 0) write_interval(begin_ns_ + (passed_ns_ - offset_ns_));
}

void LogWriter::restart() {
  finish();
  begun_ = false;
  offset_ns_ = passed_ns_;
  forget_accounts();
  for (auto& [domid, log] : logs_) log.file.append("# xenbaked restarted; time without data is not counted");
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

void LogWriter::write_interval(std::uint64_t end_ns) {
  passed_ns_ = offset_ns_ + end_ns - begin_ns_;
  const double passed_ms = static_cast<double>(passed_ns_) / 1e6;
  // Each file gets its lines by pCPU, and those of a domid's earlier bearer first.
  std::sort(used_.begin(), used_.end(), [this](std::uint32_t a, std::uint32_t b) {
    const auto key = [this](const Account& account) {
      const DomainEntry& domain = directory_[account.domain];
      return std::make_tuple(domain.domid, domain.uid, account.pcpu);
    };
    return key(accounts_[a]) < key(accounts_[b]);
  });
  for (const std::uint32_t place : used_) {
    Account& account = accounts_[place];
    if (account.figures.active() && length_ns_ > 0) {
      const DomainEntry& domain = directory_[account.domain];
      log_of(domain).file.append(
          log_line(passed_ms, account.pcpu == XENMON_NO_PCPU ? kNoPcpu : std::int64_t{account.pcpu},
                   domain.domid == XENMON_DOMID_IDLE ? kIdle : std::int64_t{domain.domid}, account.figures,
                   length_ns_));
    }
    account.figures = {};
    account.used = false;
  }
  write_comments(passed_ms);
  for (auto& [domid, log] : logs_) {
    if (status_) status_ = log.file.flush();
  }
  // Accounts of domains long gone would pile up in a log that runs for months.
  const std::size_t in_use = used_.size();
  used_.clear();
  if (accounts_.size() > 1024 && accounts_.size() > 4 * in_use) forget_accounts();
  length_ns_ = lost_records_ = missed_samples_ = 0;
}

void LogWriter::write_comments(double passed_ms) {
  if (lost_records_ == 0 && missed_samples_ == 0) return;
  std::array<char, 64> time;
  std::snprintf(time.data(), time.size(), "%.3f", passed_ms);
  std::string text = std::string("# in the interval ending at ") + time.data() + ": ";
  if (lost_records_ > 0) text += count_of(lost_records_, "trace record") + " lost";
  if (lost_records_ > 0 && missed_samples_ > 0) text += ", ";
  if (missed_samples_ > 0) text += count_of(missed_samples_, "sample") + " missed";
  for (auto& [domid, log] : logs_) log.file.append(text);
}

LogWriter::DomainLog& LogWriter::log_of(const DomainEntry& domain) {
  const auto known = logs_.find(domain.domid);
  if (known != logs_.end()) {
    DomainLog& log = known->second;
    if (log.uid != domain.uid) {
      log.uid = domain.uid;
      log.file.append("# a new domain " + std::to_string(domain.domid) +
                      (domain.name.empty() ? "" : " (" + domain.name + ")") +
                      "; the lines above are another's");
    }
    return log;
  }
  const std::string path = domain.domid == XENMON_DOMID_IDLE
                               ? prefix_ + "-idle.log"
                               : prefix_ + "-dom" + std::to_string(domain.domid) + ".log";
  return logs_.emplace(domain.domid, DomainLog{LogFile(path), domain.uid}).first->second;
}

void LogWriter::forget_accounts() {
  accounts_.clear();
  places_.clear();
  used_.clear();
}

} // namespace xenmon
