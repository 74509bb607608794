// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/mirror_receiver.h"

#include <algorithm>
#include <span>
#include <utility>

#include "mirror/waits.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::size_t kMostSamples = 4096;        // of an update
constexpr std::uint32_t kMostCapacity = 1U << 17; // of samples, waits; far more than any daemon has

Error damaged() {
  return Error{"What arrived from the other host makes no sense; install the same xenmon on both hosts."};
}

std::uint32_t capacity_of(std::uint64_t wanted, std::uint32_t otherwise) {
  return wanted == 0 ? otherwise : static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, kMostCapacity));
}

} // namespace

void MirrorReceiver::begin_session() {
  has_facts_ = false;
}

Status MirrorReceiver::take(MirrorMessage kind, std::string_view body) {
  switch (kind) {
    case MirrorMessage::kFacts:
      return take_facts(body);
    case MirrorMessage::kUpdate:
      return take_update(body);
    case MirrorMessage::kBeat:
      return take_beat(body);
    case MirrorMessage::kCarries:
      return take_carries(body);
  }
  return ok(); // of a later version, for those who know it
}

Status MirrorReceiver::take_facts(std::string_view body) {
  WireReader in(body);
  MirrorFacts facts;
  if (!facts.read(in) || facts.daemon_start == 0) return damaged();
  tables_ = {};
  histograms_.clear();
  carries_.reset();
  has_facts_ = true;
  if (image_ && progress_.daemon_start == facts.daemon_start) return ok();
  progress_ = {.daemon_start = facts.daemon_start};
  RegionImage::Options options;
  options.place.path = path_;
  options.capacities.sample = capacity_of(facts.sample_capacity, 0);
  options.capacities.wait = capacity_of(facts.wait_capacity, 1);
  options.capacities.verdict = capacity_of(facts.verdict_capacity, 1);
  RegionFacts region;
  region.daemon_start = facts.daemon_start;
  region.source_kind = facts.source_kind;
  region.cpu_khz = facts.cpu_khz;
  region.event_mask = facts.event_mask;
  region.sample_ns = facts.sample_ns;
  region.history_ns = facts.history_ns;
  region.heartbeat_period_ns = facts.heartbeat_period_ns;
  region.slow_wait_ns = facts.slow_wait_ns;
  region.wall_epoch_ns = facts.wall_epoch_ns;
  region.source_text = facts.source_kind == XENMON_SOURCE_RECORDING ? facts.source_text : host_;
  region.xen_version = facts.xen_version;
  region.scheduler = facts.scheduler;
  image_.reset(); // its lock is needed
  Result<RegionImage> made = RegionImage::create(options, region);
  if (!made) return made.error();
  image_.emplace(std::move(*made));
  state_ = XENMON_STATE_STARTING;
  return ok();
}

Status MirrorReceiver::take_update(std::string_view body) {
  if (!has_facts_ || !image_) return damaged();
  WireReader in(body);
  const std::uint64_t newest_wait = in.number();
  const std::uint64_t missing = in.number();
  std::vector<xenmon_wait> waits;
  if (!read_waits(in, waits)) return damaged();
  MirrorTables expected = tables_;
  std::size_t count = 0;
  while (in.number() != 0) {
    if (count == kMostSamples) return damaged();
    if (samples_.size() == count) samples_.emplace_back();
    MirroredSample& sample = samples_[count++];
    if (!read_sample(in, tables_, sample)) return damaged();
    expected.expect(sample.rows, sample.io_rows, sample.domain_rows, sample.end_ns);
  }
  samples_.resize(count);
  if (in.number() != 0) tables_ = std::move(expected);
  if (!read_changes(in, tables_) || !histograms_.read_growth(in, tables_)) return damaged();
  MirrorCounters counters;
  if (!counters.read(in)) return damaged();
  // All numbers are newer than what was there, or the other side does not know what we have.
  if (newest_wait < progress_.wait) return damaged();
  progress_.wait = newest_wait;
  return publish(counters, waits, missing);
}

// One snapshot for each sample, all with the newest tables; what is not of a sample goes with the first.
Status MirrorReceiver::publish(const MirrorCounters& counters, std::span<const xenmon_wait> waits,
                               std::uint64_t missing) {
  Snapshot snapshot;
  snapshot.pcpus = tables_.pcpus;
  snapshot.domains = tables_.domains;
  snapshot.vcpus = tables_.vcpus;
  snapshot.histograms = histograms_.changes();
  if (carries_) snapshot.carries = *carries_;
  snapshot.waits = waits;
  snapshot.waits_left_out = missing;
  snapshot.counters = counters.counters;
  snapshot.bad_records_by = counters.bad_records_by;
  snapshot.source_faults = counters.source_faults;
  snapshot.flags = counters.flags;
  snapshot.io_kinds = counters.io_kinds;
  for (const MirroredSample& sample : samples_) {
    if (sample.number <= progress_.sample) return damaged();
    snapshot.sample = SnapshotSample{.number = sample.number,
                                     .start_ns = sample.start_ns,
                                     .end_ns = sample.end_ns,
                                     .lost_records = sample.lost_records,
                                     .records = sample.records,
                                     .rows = sample.rows,
                                     .io_rows = sample.io_rows,
                                     .domain_rows = sample.domain_rows};
    if (Status published = image_->publish(snapshot); !published) return published;
    progress_.sample = sample.number;
    snapshot.histograms = {};
    snapshot.carries.reset();
    snapshot.waits = {};
    snapshot.waits_left_out = 0;
    if (state_ == XENMON_STATE_STARTING) state_ = XENMON_STATE_RUNNING;
  }
  if (samples_.empty()) {
    if (Status published = image_->publish(snapshot); !published) return published;
  }
  carries_.reset();
  return ok();
}

Status MirrorReceiver::take_carries(std::string_view body) {
  WireReader in(body);
  if (!has_facts_ || !read_carries(in, carries_.emplace())) return damaged();
  return ok();
}

Status MirrorReceiver::take_beat(std::string_view body) {
  WireReader in(body);
  MirrorBeat beat;
  if (!beat.read(in)) return damaged();
  problem_ = beat.has_region ? "" : printable(beat.problem);
  if (!beat.has_region || !has_facts_ || !image_) return ok();
  image_->set_verdicts(beat.verdicts);
  if (beat.settings) image_->set_settings(*beat.settings);
  image_->set_wall_epoch(beat.wall_epoch_ns);
  image_->set_held(beat.held);
  image_->heartbeat(beat.wakeups, beat.daemon_cpu_ns, beat.quiet_ns);
  // A file that the other host has superseded has a successor there; ours says itself when it has one.
  if (beat.state <= XENMON_STATE_ENDED && beat.state != state_) {
    state_ = beat.state;
    image_->set_state(state_);
  }
  complete_ = true;
  return ok();
}

void MirrorReceiver::set_connected(bool connected) {
  if (image_) image_->set_connected(connected);
}

} // namespace xenmon
