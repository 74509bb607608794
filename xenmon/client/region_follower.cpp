// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/region_follower.h"

namespace xenmon {

Status RegionFollower::begin(FollowSink& sink) {
  const Result<SampleFeed::From> from = sink.begin(*reader());
  if (!from) return from.error();
  damaged_before_ += feed_.damaged();
  has_begun_ = true;
  feed_.start(*reader(), *from);
  return ok();
}

Result<bool> RegionFollower::follow(FollowSink& sink, std::uint64_t most) {
  if (attachment_.still_readable()) {
    sink.reading(*reader());
    most -= feed_.drain(*reader(), sink, most);
    if (most == 0) return false;
  }
  const Attachment::Change change = attachment_.poll();
  if (reader() == nullptr) return false;
  if (change == Attachment::Change::kNewDaemon) {
    if (Status begun = begin(sink); !begun) return begun.error();
  } else if (change == Attachment::Change::kSuperseded) {
    feed_.resume(*reader());
  }
  sink.reading(*reader());
  feed_.drain(*reader(), sink, most);
  return change == Attachment::Change::kNewDaemon;
}

Result<bool> RegionFollower::start_over(FollowSink& sink) {
  const Attachment::Change change = attachment_.poll();
  if (reader() == nullptr) return false;
  if (change == Attachment::Change::kNewDaemon) {
    if (Status begun = begin(sink); !begun) return begun.error();
  } else {
    const Result<SampleFeed::From> from = sink.begin(*reader());
    if (!from) return from.error();
    feed_.rewind(*reader());
  }
  sink.reading(*reader());
  feed_.drain(*reader(), sink);
  return true;
}

void RegionFollower::repeat(SampleSink& sink) {
  if (!attachment_.still_readable()) return;
  feed_.rewind(*reader());
  feed_.drain(*reader(), sink);
}

} // namespace xenmon
