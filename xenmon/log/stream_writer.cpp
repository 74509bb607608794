// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/stream_writer.h"

#include <array>
#include <vector>

#include "base/seconds_text.h"
#include "log/record_line.h"

namespace xenmon {
namespace {

constexpr std::int64_t kNone = -1;

using Column = RecordColumn;
constexpr std::array kPlace = {
    Column{"passed_s", false},   // trace time since the log began
    Column{"wall_time", true},   // UTC, RFC 3339; of the interval's end
    Column{"interval_s", false}, // what the sums are over
    Column{"domid", false},      // 32767: the idle domain
    Column{"domain", true},      // its name
    Column{"domain_uid", false}, // tells domains of one domid apart, also of several daemons
    Column{"vcpu", false},       //
    Column{"pcpu", false},       //
};
constexpr std::array kSlices = {Column{"slice_min_ns", false}, Column{"slice_max_ns", false}};
constexpr std::array kInterval = {
    Column{"lost_records", false},   // in the interval, on all pCPUs
    Column{"missed_samples", false}, // the same
    Column{"restarts", false},       // of xenbaked, since the log began
};
constexpr std::size_t kColumnCount = kPlace.size() + kSums.size() + kSlices.size() + kInterval.size();

// A record: where and when, the vCPUs' sums, the slices' range, the domain's sums, what is true of the
// interval, and the sums that were added later.
constexpr std::array<Column, kColumnCount> make_columns() {
  std::array<Column, kColumnCount> columns = {};
  std::size_t at = 0;
  for (const Column& column : kPlace) columns[at++] = column;
  for (const SumInfo& info : kSums)
    if (info.source.of_vcpu() && !info.later) columns[at++] = {info.name, false};
  for (const Column& column : kSlices) columns[at++] = column;
  for (const SumInfo& info : kSums)
    if (!info.source.of_vcpu() && !info.later) columns[at++] = {info.name, false};
  for (const Column& column : kInterval) columns[at++] = column;
  for (const SumInfo& info : kSums)
    if (info.later) columns[at++] = {info.name, false};
  return columns;
}
constexpr std::array kColumns = make_columns();

std::string or_empty(std::int64_t number) {
  return number == kNone ? "" : std::to_string(number);
}

} // namespace

StreamWriter::StreamWriter(const Settings& settings, const DomainDirectory& directory)
    : IntervalWriter(settings.interval_ns, settings.duration_ns),
      settings_(settings),
      directory_(directory),
      file_(settings.path, settings.format == StreamFormat::kCsv ? csv_header(kColumns) : "") {}

StreamWriter::Account& StreamWriter::account_of(DomainIndex domain, std::int64_t vcpu, std::uint32_t pcpu) {
  const DomainEntry& entry = directory_[domain];
  const std::int64_t on = pcpu == XENMON_NO_PCPU ? kNone : std::int64_t{pcpu};
  Account& account = accounts_[{entry.domid, entry.uid, vcpu, on}];
  account.domain = domain;
  return account;
}

void StreamWriter::take(const Sample& sample) {
  const auto add = [](Account& account, const xenmon_row& row) {
    account.sums.add(row);
    if (row.slice_count > 0) account.slices.add({row.slice_min_ns, row.slice_max_ns});
  };
  for (const xenmon_row& row : sample.rows) {
    if (!counts(row.pcpu)) continue;
    add(account_of(row.domain_slot, kNone, row.pcpu), row);
    if (settings_.vcpus) add(account_of(row.domain_slot, row.vcpu_slot, row.pcpu), row);
  }
  for (const xenmon_io_row& row : sample.io_rows) {
    if (counts(row.pcpu)) account_of(row.domain_slot, kNone, row.pcpu).sums.add(row);
  }
  for (const xenmon_domain_row& row : sample.domain_rows) {
    if (counts(XENMON_NO_PCPU)) account_of(row.domain_slot, kNone, XENMON_NO_PCPU).sums.add(row);
  }
}

void StreamWriter::daemon_changed() {
  accounts_.clear();
  uids_.daemon_changed();
}

Status StreamWriter::write_verdicts(const std::vector<std::string>& sentences) {
  if (settings_.format != StreamFormat::kJsonLines) return ok();
  for (const std::string& sentence : sentences)
    file_.append(verdict_line(seconds_text(passed_ns()), sentence));
  return file_.flush();
}

Status StreamWriter::write(const Interval& interval) {
  std::vector<std::string> fields;
  for (const auto& [place, account] : accounts_) {
    const auto& [domid, uid, vcpu, pcpu] = place;
    if (account.sums == MetricSums{} || interval.length_ns == 0) continue;
    const bool of_domain = vcpu == kNone;
    const bool is_idle = domid == XENMON_DOMID_IDLE;
    const std::string& name = directory_[account.domain].name;
    fields = {seconds_text(interval.passed_ns),
              wall_epoch_ns() == 0 ? "" : wall_time_text(wall_epoch_ns() + interval.end_ns, 3),
              seconds_text(interval.length_ns),
              std::to_string(domid),
              is_idle ? "Idle" : name,
              std::to_string(uids_.of(uid, domid, name)),
              or_empty(vcpu),
              or_empty(pcpu)};
    const MetricSums& sums = account.sums; // clang 14 cannot capture `account`
    const auto put = [&](const SumInfo& info) {
      const bool known = (info.source.of_vcpu() || of_domain) && (info.idle || !is_idle) &&
                         (info.source.of_pcpu() || sums.lived_ns() != 0);
      fields.push_back(known ? std::to_string(sums.*info.sum) : "");
    };
    for (const SumInfo& info : kSums)
      if (info.source.of_vcpu() && !info.later) put(info);
    fields.push_back(std::to_string(account.slices.min_ns));
    fields.push_back(std::to_string(account.slices.max_ns));
    for (const SumInfo& info : kSums)
      if (!info.source.of_vcpu() && !info.later) put(info);
    fields.push_back(std::to_string(interval.lost_records));
    fields.push_back(std::to_string(interval.missed_samples));
    fields.push_back(std::to_string(uids_.restarts()));
    for (const SumInfo& info : kSums)
      if (info.later) put(info);
    file_.append(settings_.format == StreamFormat::kCsv ? csv_line(fields, settings_.formulas)
                                                        : json_line(kColumns, fields));
  }
  accounts_.clear();
  return file_.flush();
}

} // namespace xenmon
