// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey/vcpu_tracks.h"

#include <utility>

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
// Numbers of pCPUs that Xen can have (NR_CPUS).
constexpr std::uint32_t kPcpus = 16384;

} // namespace

void VcpuTracks::begin(std::uint32_t pcpu, std::uint64_t) {
  pcpus_.insert(pcpu);
}

void VcpuTracks::apply_untimed(std::uint32_t, const Record& record) {
  has_page_counts_ = has_page_counts_ || record.event() == event::kAcctPageCounts;
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
  const std::uint32_t event = record.event();
  const std::uint32_t words = record.extra_words();
  const bool patched = (event & event::kDispatchOnly) != 0;
  constexpr std::uint32_t kDispatches = event::kDispatchOnly | event::kAcctDispatches | event::kAcctStates;
  if (patched && (event & event::kClassMask & ~kDispatches) == 0 && !has_dispatches_) {
    // These say everything, and Xen's own beside them say it again.
    has_dispatches_ = true;
    forget();
    contradictions_ = 0;
    silences_.clear();
  }
  if (has_dispatches_ && !patched) return;
  if (((event & event::kRunstateMask) == event::kRunstateChange ||
       (event & event::kRunstateMask) == event::kAcctRunstate) &&
      words > 0) {
    change(pcpu, record.tsc, record.word(0), (event >> 8) & 3U, (event >> 4) & 3U);
    return;
  }
  switch (event) {
    case event::kSwitchInfPrev:
      if (words < 3) return;
      // After the switch the words would be taken for those of the next one.
      if (Track& track = tracks_[who_of(record.word(0), record.word(1))]; track.state == XENMON_VCPU_RUNNING)
        track.told_run = word_ns(record.word(2));
      return;
    case event::kSwitchInfNext:
      if (words < 4) return;
      if (Track& track = tracks_[who_of(record.word(0), record.word(1))]; track.state != XENMON_VCPU_RUNNING)
        track.told_wait = word_ns(record.word(2));
      return;
    case event::kContinueRunning:
    case event::kAcctContinue:
      if (words > 0) {
        ++runstates_;
        Track& track = tracks_[record.word(0)];
        if (track.state != XENMON_VCPU_RUNNING) {
          track.state = kUnknown; // it is not known since when it runs
          track.left = 0;
        }
      }
      return;
    case event::kAcctSwitch:
      if (words >= 6) switch_record(pcpu, record);
      return;
    case event::kDomainAdd:
    case event::kDomainRemove:
    case event::kAcctDomainAdd:
    case event::kAcctDomainRemove:
      // The next owner of the number has another history.
      if (words > 0) std::erase_if(tracks_, [&](const auto& of) { return of.first >> 16 == record.word(0); });
      return;
    case event::kCreditTickle:
    case event::kCredit2Tickle:
    case event::kRtdsTickle:
      if (words != 1 || record.word(0) >= kPcpus) {
        senseless_wake_ = true;
      } else {
        woken_.insert(record.word(0));
      }
      return;
    default:
      return;
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

void VcpuTracks::switch_record(std::uint32_t pcpu, const Record& record) {
  constexpr std::uint64_t kNsMask = (std::uint64_t{1} << 52) - 1;
  const auto time = [&](std::uint32_t word) {
    return load_word<std::uint64_t>(record.extra + std::size_t{word} * 4);
  };
  Track& left = tracks_[record.word(0)];
  if (left.state == XENMON_VCPU_RUNNING) note_run(left, pcpu, record.tsc, time(2) & kNsMask, false);
  const auto cause = static_cast<std::uint32_t>(time(2) >> 52) & 0xfU;
  ++runstates_;
  left.state = cause == event::kCauseBlocked  ? XENMON_VCPU_BLOCKED
               : cause == event::kCausePaused ? XENMON_VCPU_OFFLINE
                                              : XENMON_VCPU_RUNNABLE;
  left.preempted = true;
  left.since = record.tsc;
  left.on = pcpu;
  Track& came = tracks_[record.word(1)];
  const std::uint64_t waited = time(4) & kNsMask;
  if (came.state == XENMON_VCPU_RUNNABLE && waited != 0 && record.word(1) >> 16 != XENMON_DOMID_IDLE)
    note_wait(came, pcpu, record.tsc, waited, false);
  came.state = XENMON_VCPU_RUNNING;
  came.since = record.tsc;
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
