// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/wait_writer.h"

#include <algorithm>
#include <utility>

#include "format.h"
#include "log/record_line.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;

std::string header_of(LogFormat format) {
  return format == LogFormat::kCsv ? csv_header(wait_columns()) : "";
}

} // namespace

WaitWriter::WaitWriter(const Settings& settings, const DomainDirectory& directory)
    : settings_(settings),
      lines_(directory),
      file_(settings.path, header_of(settings.format)),
      left_ns_(settings.duration_ns == 0 ? kNever : settings.duration_ns) {}

Status WaitWriter::start(const RegionReader& reader, WaitFeed::From from) {
  if (!reader.has_waits()) {
    return Error{
        "this xenbaked does not record waits, because it is older than this xenmon; restart it from the same "
        "release."};
  }
  recorded_ns_ = reader.header().slow_wait_ns;
  if (recorded_ns_ > settings_.slow_ns) {
    return Error{"this xenbaked records only waits of " +
                 time_text(static_cast<double>(recorded_ns_), true, 9) +
                 " or more; ask for waits of that length, or restart it with --slow-waits " +
                 std::to_string(settings_.slow_ns) + "ns."};
  }
  if (begun_) left_ns_ -= std::min(left_ns_, newest_ns_ - begin_ns_);
  begun_ = false;
  told_missed_ = 0;
  if (std::exchange(started_, true)) {
    lines_.daemon_changed();
    if (settings_.format == LogFormat::kFiles)
      file_.append(
          "xenbaked was restarted; the following lines are from another trace, whose times start from zero");
  }
  lines_.set_wall_epoch(reader.header().wall_epoch_ns);
  damaged_before_ += waits_.damaged();
  waits_.start(reader, from);
  return ok();
}

void WaitWriter::reading(const RegionReader& reader) {
  lines_.set_wall_epoch(reader.wall_epoch_ns());
  reader_ = &reader;
}

Status WaitWriter::write_verdicts(const std::vector<std::string>& sentences) {
  if (settings_.format == LogFormat::kCsv) return ok();
  for (const std::string& sentence : sentences) {
    file_.append(settings_.format == LogFormat::kFiles ? "verdict: " + sentence : verdict_line("", sentence));
  }
  return file_.flush();
}

void WaitWriter::add(const Sample& sample) {
  if (done_ || !status_) return;
  if (!begun_) {
    begun_ = true;
    begin_ns_ = sample.start_ns;
    end_ns_ = left_ns_ > kNever - begin_ns_ ? kNever : begin_ns_ + left_ns_;
  }
  newest_ns_ = sample.end_ns;
  waits_.drain(*reader_, std::min(sample.end_ns, end_ns_), *this);

  WaitGap gap;
  gap.lost_records = sample.lost_records;
  gap.missed_samples = sample.missed_before;
  gap.missed_waits = waits_.missed() - std::exchange(told_missed_, waits_.missed());
  if (gap.any()) {
    file_.append(settings_.format == LogFormat::kFiles
                     ? lines_.text(gap, sample.end_ns, settings_.slow_ns, recorded_ns_)
                 : settings_.format == LogFormat::kCsv
                     ? csv_line(lines_.fields(gap, sample.end_ns), settings_.formulas)
                     : json_line(wait_columns(), lines_.fields(gap, sample.end_ns)));
  }
  status_ = file_.flush();
  done_ = sample.end_ns >= end_ns_;
}

void WaitWriter::add(const xenmon_wait& wait) {
  if (wait.end_ns - wait.start_ns < settings_.slow_ns) return;
  if (settings_.pcpu && *settings_.pcpu != wait.pcpu) return;
  file_.append(settings_.format == LogFormat::kFiles ? lines_.text(wait)
               : settings_.format == LogFormat::kCsv ? csv_line(lines_.fields(wait), settings_.formulas)
                                                     : json_line(wait_columns(), lines_.fields(wait)));
}

} // namespace xenmon
