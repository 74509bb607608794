// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/wait_stream.h"

#include <utility>

#include "log/record_line.h"
#include "rpc/call.h"

namespace xenmon {
namespace {

std::string message(const char* state, std::string records, const WaitGap& gap) {
  return reply_message(JsonObject()
                           .text("state", state)
                           .raw("waits", records)
                           .number("lost_records", gap.lost_records)
                           .number("missed_waits", gap.missed_waits)
                           .number("missed_samples", gap.missed_samples)
                           .take(),
                       true);
}

} // namespace

WaitStream::WaitStream(std::string region, std::uint64_t at_least_ns)
    : RegionStream(std::move(region), SampleFeed::Vcpus::kLeave),
      at_least_ns_(at_least_ns),
      lines_(follower().directory()) {}

void WaitStream::daemon_changed(const RegionReader& reader) {
  const bool another = follower().has_begun();
  if (another) lines_.daemon_changed();
  feed_.start(reader, another ? WaitFeed::From::kBeginning : WaitFeed::From::kNow);
  told_missed_ = 0;
}

void WaitStream::reading(const RegionReader& reader) {
  reader_ = &reader;
  lines_.set_wall_epoch(reader.wall_epoch_ns());
}

void WaitStream::add(const Sample& sample) {
  gap_.lost_records += sample.lost_records;
  gap_.missed_samples += sample.missed_before;
  if (reader_->has_waits()) feed_.drain(*reader_, sample.end_ns, *this);
  gap_.missed_waits += feed_.missed() - std::exchange(told_missed_, feed_.missed());
}

void WaitStream::add(const xenmon_wait& wait) {
  if (wait.end_ns - wait.start_ns < at_least_ns_) return;
  records_.add(json_line(wait_columns(), lines_.fields(wait)));
  any_ = true;
}

void WaitStream::take_messages(std::string& out) {
  if (!any_ && !gap_.any()) return;
  out += message(state(), std::exchange(records_, {}).take(), std::exchange(gap_, {}));
  any_ = false;
}

std::string WaitStream::state_message(const char* state) {
  return message(state, "[]", {});
}

} // namespace xenmon
