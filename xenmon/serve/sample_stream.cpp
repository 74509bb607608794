// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/sample_stream.h"

#include <utility>

#include "rpc/call.h"
#include "rpc/json_text.h"
#include "serve/records.h"

namespace xenmon {

SampleStream::SampleStream(const Settings& settings)
    : RegionStream(settings.region,
                   settings.grouping.vcpus ? SampleFeed::Vcpus::kResolve : SampleFeed::Vcpus::kLeave),
      intervals_(settings, follower().directory()) {}

Status SampleStream::Intervals::write(const Interval& interval) {
  JsonArray records;
  for (const auto& [place, figures] : sums_.figures()) {
    const auto& [domid, uid, vcpu, pcpu] = place;
    if (figures.sums == MetricSums{}) continue;
    FiguresRecord record;
    record.domid = domid;
    record.domain = directory_[figures.domain].name;
    record.domain_uid = uid;
    if (vcpu != WindowSums::kNone) record.vcpu = static_cast<std::uint32_t>(vcpu);
    if (grouping_.by_pcpu) record.pcpu = pcpu;
    record.sums = figures.sums;
    record.slice_min_ns = figures.slices.min_ns;
    record.slice_max_ns = figures.slices.max_ns;
    records.add(figures_json(record));
  }
  sums_.clear();
  messages += reply_message(
      JsonObject()
          .text("state", state)
          .raw("interval", interval_json({interval.length_ns, interval.end_ns, wall_epoch_ns(),
                                          interval.lost_records, interval.missed_samples, restarts_}))
          .raw("figures", records.take())
          .take(),
      true);
  return ok();
}

void SampleStream::Intervals::daemon_changed() {
  sums_.clear();
  ++restarts_;
}

void SampleStream::take_messages(std::string& out) {
  out += std::exchange(intervals_.messages, {});
}

std::string SampleStream::state_message(const char* state) {
  return reply_message(JsonObject().text("state", state).raw("figures", "[]").take(), true);
}

void SampleStream::daemon_changed(const RegionReader&) {
  if (follower().has_begun()) intervals_.restart();
}

void SampleStream::reading(const RegionReader& reader) {
  intervals_.set_wall_epoch(reader.wall_epoch_ns());
}

void SampleStream::add(const Sample& sample) {
  intervals_.state = state();
  intervals_.add(sample);
}

} // namespace xenmon
