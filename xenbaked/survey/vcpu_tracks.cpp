// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey/vcpu_tracks.h"

#include <utility>
#include <variant>

#include "trace/events.h"
#include "xenmon/region.h"

namespace xenmon {

namespace {

// Xen's words of 32 bits: all ones means no limit, 0 means that it did not happen.
std::optional<std::uint64_t> word_ns(std::uint32_t ns) {
  if (ns == 0 || ns == 0xffffffffU) return std::nullopt;
  return ns;
}

std::uint32_t who_of(std::uint32_t domid, std::uint32_t unit) {
  return domid << 16 | (unit & 0xffffU);
}

// A silence on all pCPUs that is worth examining, in cycles: some tens of ms.
constexpr std::uint64_t kSilence = std::uint64_t{1} << 26;
// No two clocks of a host differ by more than this, in cycles: some ms.
constexpr std::uint64_t kQuiet = std::uint64_t{1} << 23;

} // namespace

void VcpuTracks::begin(std::uint32_t pcpu, std::uint64_t) {
  pcpus_.insert(pcpu);
}

void VcpuTracks::apply_untimed(std::uint32_t, const Record& record) {
  has_page_counts_ = has_page_counts_ || std::holds_alternative<decoded::PagesCounted>(decode(record));
}

void VcpuTracks::forget() {
  tracks_.clear();
}

std::set<std::uint32_t> VcpuTracks::woken_pcpus() const {
  return senseless_wake_ ? std::set<std::uint32_t>() : woken_;
}

void VcpuTracks::apply(std::uint32_t pcpu, const Record& record) {
  if (last_tsc_ != 0 && record.tsc > last_tsc_ && record.tsc - last_tsc_ > kSilence) {
    silent_from_ = last_tsc_;
    silent_to_ = record.tsc;
  }
  if (record.tsc > last_tsc_) last_tsc_ = record.tsc;
  if (is_runstate_change(record.event()) && record.extra_words() >= 1) {
    on(pcpu, record.tsc, decode_runstate_change(record, Dialect::kXen));
  } else {
    std::visit([&](const auto& event) { on(pcpu, record.tsc, event); }, decode(record));
  }
}

// Dispatch records say everything, and Xen's own beside them say it again.
bool VcpuTracks::follow(Dialect dialect) {
  if (dialect == Dialect::kXen) return !has_dispatches_;
  if (!has_dispatches_) {
    has_dispatches_ = true;
    forget();
    contradictions_ = 0;
    silences_.clear();
  }
  return true;
}

void VcpuTracks::on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::RunstateChange& event) {
  if (follow(event.dialect))
    change(event.pcpu == kNotNamed ? pcpu : event.pcpu, tsc, event.who, event.from, event.to);
}

void VcpuTracks::on(std::uint32_t, std::uint64_t, const decoded::Continued& event) {
  if (!follow(event.dialect)) return;
  ++runstates_;
  Track& track = tracks_[event.who];
  if (track.state == XENMON_VCPU_RUNNING) return;
  track.state = kUnknown; // it is not known since when it runs
  track.left = 0;
}

void VcpuTracks::on(std::uint32_t, std::uint64_t, const decoded::UnitLeaves& event) {
  if (event.unit == kNotNamed || !follow(Dialect::kXen)) return;
  // After the switch the words would be taken for those of the next one.
  Track& track = tracks_[who_of(event.domid, event.unit)];
  if (track.state == XENMON_VCPU_RUNNING) track.told_run = word_ns(event.ran_ns);
}

void VcpuTracks::on(std::uint32_t, std::uint64_t, const decoded::UnitChosen& event) {
  if (event.unit == kNotNamed || !follow(Dialect::kXen)) return;
  Track& track = tracks_[who_of(event.domid, event.unit)];
  if (track.state != XENMON_VCPU_RUNNING) track.told_wait = word_ns(event.waited_ns);
}

void VcpuTracks::on(std::uint32_t, std::uint64_t, const decoded::DomainAdded& event) {
  if (follow(event.dialect)) forget_domain(event.domid);
}

void VcpuTracks::on(std::uint32_t, std::uint64_t, const decoded::DomainRemoved& event) {
  if (follow(event.dialect)) forget_domain(event.domid);
}

// The next owner of the number has another history.
void VcpuTracks::forget_domain(std::uint32_t domid) {
  std::erase_if(tracks_, [&](const auto& of) { return of.first >> 16 == domid; });
}

void VcpuTracks::on(std::uint32_t, std::uint64_t, const decoded::Tickled& event) {
  if (!follow(Dialect::kXen)) return;
  if (event.pcpu >= kMaxPcpus) {
    senseless_wake_ = true;
  } else {
    woken_.insert(event.pcpu);
  }
}

void VcpuTracks::change(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t who, std::uint32_t from,
                        std::uint32_t to) {
  ++runstates_;
  Track& track = tracks_[who];
  const bool contradicts = track.state != kUnknown && track.state != from;
  if (contradicts) {
    const bool ran_early =
        track.state == XENMON_VCPU_BLOCKED && from == XENMON_VCPU_RUNNABLE && to == XENMON_VCPU_RUNNING;
    const bool wake_is_late =
        track.early && from == XENMON_VCPU_BLOCKED && to == XENMON_VCPU_RUNNABLE && track.early_on != pcpu;
    if (ran_early && tsc - track.since > kQuiet) {
      // Is its wake reported later, by a clock that is ahead?
      track.early = true;
      track.early_tsc = tsc;
      track.early_on = pcpu;
      ++contradictions_;
    } else if (wake_is_late) {
      crossings_.push_back({static_cast<std::int64_t>(track.early_tsc - tsc), pcpu, track.early_on});
      track.early = false;
      --contradictions_;
      return; // it runs already
    } else {
      ++contradictions_;
      if (silent_to_ != 0 && track.since <= silent_from_) {
        Silence& silence = silences_[silent_from_];
        ++silence.contradictions;
        silence.certain = silence.certain || (track.state == XENMON_VCPU_RUNNING && track.on == pcpu);
      }
      track.told_run.reset();
      track.told_wait.reset();
    }
  } else if (track.state == from) {
    if (from == XENMON_VCPU_RUNNING && track.told_run) note_run(track, pcpu, tsc, *track.told_run, true);
    if (from == XENMON_VCPU_RUNNABLE && to == XENMON_VCPU_RUNNING && who >> 16 != XENMON_DOMID_IDLE) {
      if (track.told_wait) note_wait(track, pcpu, tsc, *track.told_wait, true);
      if (track.on != pcpu && track.quiet) {
        crossings_.push_back({static_cast<std::int64_t>(tsc - track.since), track.on, pcpu});
      }
    }
  }
  if (from == XENMON_VCPU_RUNNING) {
    track.told_run.reset();
    track.left = tsc;
  }
  if (to == XENMON_VCPU_RUNNING) track.told_wait.reset();
  if (to != XENMON_VCPU_RUNNING) track.early = false;
  track.preempted = from == XENMON_VCPU_RUNNING;
  track.quiet = track.state == from && from == XENMON_VCPU_BLOCKED && tsc - track.since > kQuiet;
  track.state = to;
  track.since = tsc;
  track.on = pcpu;
}

void VcpuTracks::on(std::uint32_t buffer, std::uint64_t tsc, const decoded::Switched& event) {
  if (!follow(Dialect::kDispatch)) return;
  const std::uint32_t pcpu = event.pcpu == kNotNamed ? buffer : event.pcpu;
  Track& left = tracks_[event.left];
  if (left.state == XENMON_VCPU_RUNNING) note_run(left, pcpu, tsc, event.ran.ns, false);
  ++runstates_;
  left.state = event.ran.cause == event::kCauseBlocked  ? XENMON_VCPU_BLOCKED
               : event.ran.cause == event::kCausePaused ? XENMON_VCPU_OFFLINE
                                                        : XENMON_VCPU_RUNNABLE;
  left.preempted = true;
  left.since = tsc;
  left.on = pcpu;
  Track& came = tracks_[event.came];
  if (came.state == XENMON_VCPU_RUNNABLE && event.waited.ns != 0 && event.came >> 16 != XENMON_DOMID_IDLE)
    note_wait(came, pcpu, tsc, event.waited.ns, false);
  came.state = XENMON_VCPU_RUNNING;
  came.since = tsc;
  came.on = pcpu;
}

void VcpuTracks::note_run(const Track& track, std::uint32_t pcpu, std::uint64_t tsc, std::uint64_t ns,
                          bool wraps) {
  if (ns == 0) return;
  Told told;
  told.cycles = static_cast<std::int64_t>(tsc - track.since);
  told.ns = ns;
  told.wraps = wraps;
  told.from_pcpu = track.on;
  told.to_pcpu = pcpu;
  if (silent_to_ != 0 && track.since <= silent_from_) {
    told.silent_from = silent_from_;
    told.silent_to = silent_to_;
  }
  runs_.push_back(told);
}

void VcpuTracks::note_wait(const Track& track, std::uint32_t pcpu, std::uint64_t tsc, std::uint64_t ns,
                           bool wraps) {
  Told told;
  told.cycles = static_cast<std::int64_t>(tsc - track.since);
  told.ns = ns;
  told.wraps = wraps;
  told.exact = track.preempted;
  if (!told.exact && track.left != 0) told.left_cycles = static_cast<std::int64_t>(tsc - track.left);
  told.from_pcpu = track.on;
  told.to_pcpu = pcpu;
  waits_.push_back(told);
}

} // namespace xenmon
