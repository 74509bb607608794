// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/stream_writer.h"

#include <algorithm>
#include <array>

#include "log/record_line.h"

namespace xenmon {
namespace {

constexpr std::int64_t kNone = -1;

using Column = RecordColumn;
constexpr std::array kColumns = {
    Column{"passed_s", false},       // trace time since the log began
    Column{"wall_time", true},       // UTC, RFC 3339; of the interval's end
    Column{"interval_s", false},     // what the figures are sums over
    Column{"domid", false},          // 32767: the idle domain
    Column{"domain", true},          // its name
    Column{"domain_uid", false},     // tells bearers of one domid apart, also of several daemons
    Column{"vcpu", false},           //
    Column{"pcpu", false},           //
    Column{"running_ns", false},     //
    Column{"waited_wake_ns", false}, //
    Column{"waited_preempt_ns", false},
    Column{"blocked_ns", false},
    Column{"offline_ns", false},
    Column{"unknown_ns", false},
    Column{"executions", false},
    Column{"continues", false},
    Column{"slice_count", false},
    Column{"slice_sum_ns", false},
    Column{"slice_min_ns", false},
    Column{"slice_max_ns", false},
    Column{"io_map_pages", false},
    Column{"io_unmap_pages", false},
    Column{"io_transfer_pages", false},
    Column{"io_copy_pages", false},
    Column{"io_copy_bytes", false},
    Column{"lost_records", false},   // in the interval, on all pCPUs
    Column{"missed_samples", false}, // the same
    Column{"restarts", false},       // of xenbaked, since the log began
};
using Fields = std::array<std::string, kColumns.size()>;

std::string or_empty(std::int64_t number) {
  return number == kNone ? "" : std::to_string(number);
}

} // namespace

void StreamWriter::Sums::add(const xenmon_row& row) {
  running_ns += row.running_ns;
  waited_wake_ns += row.waited_wake_ns;
  waited_preempt_ns += row.waited_preempt_ns;
  blocked_ns += row.blocked_ns;
  offline_ns += row.offline_ns;
  unknown_ns += row.unknown_ns;
  executions += row.executions;
  continues += row.continues;
  if (row.slice_count == 0) return;
  slice_min_ns =
      slice_count == 0 ? row.slice_min_ns : std::min<std::uint64_t>(slice_min_ns, row.slice_min_ns);
  slice_max_ns = std::max<std::uint64_t>(slice_max_ns, row.slice_max_ns);
  slice_count += row.slice_count;
  slice_sum_ns += row.slice_sum_ns;
}

void StreamWriter::Sums::add(const xenmon_io_row& row) {
  io_map += row.map;
  io_unmap += row.unmap;
  io_transfer += row.transfer;
  io_copy += row.copy;
  io_copy_bytes += row.copy_bytes;
}

bool StreamWriter::Sums::any() const {
  return (running_ns | waited_wake_ns | waited_preempt_ns | blocked_ns | offline_ns | unknown_ns |
          executions | slice_count | io_map | io_unmap | io_transfer | io_copy) != 0;
}

StreamWriter::StreamWriter(const Settings& settings, const DomainDirectory& directory)
    : IntervalWriter(settings.interval_ns, settings.duration_ns),
      settings_(settings),
      directory_(directory),
      file_(settings.path, settings.format == StreamFormat::kCsv ? csv_header(kColumns) : "") {}

StreamWriter::Sums& StreamWriter::sums_of(DomainIndex domain, std::int64_t vcpu, std::uint32_t pcpu) {
  const DomainEntry& entry = directory_[domain];
  const std::int64_t on = pcpu == XENMON_NO_PCPU ? kNone : std::int64_t{pcpu};
  auto& [who, sums] = sums_[{entry.domid, entry.uid, vcpu, on}];
  who = domain;
  return sums;
}

void StreamWriter::take(const Sample& sample) {
  for (const xenmon_row& row : sample.rows) {
    if (!counts(row.pcpu)) continue;
    sums_of(row.domain_slot, kNone, row.pcpu).add(row);
    if (settings_.vcpus) sums_of(row.domain_slot, row.vcpu_slot, row.pcpu).add(row);
  }
  for (const xenmon_io_row& row : sample.io_rows) {
    if (counts(row.pcpu)) sums_of(row.domain_slot, kNone, row.pcpu).add(row);
  }
}

void StreamWriter::daemon_changed() {
  sums_.clear();
  uids_.daemon_changed();
}

Status StreamWriter::write_verdicts(const std::vector<std::string>& sentences) {
  if (settings_.format != StreamFormat::kJsonLines) return ok();
  for (const std::string& sentence : sentences)
    file_.append(verdict_line(seconds_text(passed_ns()), sentence));
  return file_.flush();
}

Status StreamWriter::write(const Interval& interval) {
  Fields fields;
  for (const auto& [place, found] : sums_) {
    const auto& [domid, uid, vcpu, pcpu] = place;
    const auto& [domain, sums] = found;
    if (!sums.any() || interval.length_ns == 0) continue;
    const bool of_domain = vcpu == kNone;
    const bool is_idle = domid == XENMON_DOMID_IDLE;
    const auto rest = [is_idle](std::uint64_t ns) { return is_idle ? "" : std::to_string(ns); };
    const auto io = [of_domain](std::uint64_t count) { return of_domain ? std::to_string(count) : ""; };
    fields = {seconds_text(interval.passed_ns),
              wall_epoch_ns() == 0 ? "" : wall_time_text(wall_epoch_ns() + interval.end_ns, 3),
              seconds_text(interval.length_ns),
              std::to_string(domid),
              is_idle ? "Idle" : directory_[domain].name,
              std::to_string(uids_.of(uid, domid, directory_[domain].name)),
              or_empty(vcpu),
              or_empty(pcpu),
              std::to_string(sums.running_ns),
              rest(sums.waited_wake_ns),
              rest(sums.waited_preempt_ns),
              rest(sums.blocked_ns),
              std::to_string(sums.offline_ns),
              std::to_string(sums.unknown_ns),
              std::to_string(sums.executions),
              std::to_string(sums.continues),
              std::to_string(sums.slice_count),
              std::to_string(sums.slice_sum_ns),
              std::to_string(sums.slice_min_ns),
              std::to_string(sums.slice_max_ns),
              io(sums.io_map),
              io(sums.io_unmap),
              io(sums.io_transfer),
              io(sums.io_copy),
              io(sums.io_copy_bytes),
              std::to_string(interval.lost_records),
              std::to_string(interval.missed_samples),
              std::to_string(uids_.restarts())};
    file_.append(settings_.format == StreamFormat::kCsv ? csv_line(fields, settings_.formulas)
                                                        : json_line(kColumns, fields));
  }
  sums_.clear();
  return file_.flush();
}

} // namespace xenmon
