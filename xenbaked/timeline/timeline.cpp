// SPDX-License-Identifier: GPL-2.0-or-later
#include "timeline/timeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text.h"

namespace xenmon {
namespace {

// Of our own tracks. Small numbers take few bytes in every event.
constexpr std::uint64_t kWaitsTrack = 1;
constexpr std::uint64_t kExchangesTrack = 2;
constexpr std::uint64_t kLostTrack = 3;
constexpr std::uint64_t kGapsTrack = 4;
constexpr std::uint64_t kMarksTrack = 5;
constexpr std::uint64_t kFirstMarkTrack = 8;
constexpr std::uint64_t kFirstWaitTrack = kFirstMarkTrack + Timeline::kMostMarkTracks; // two for each thread
constexpr std::uint64_t kFirstExchangesTrack = std::uint64_t{1} << 40;

// Four kinds of exchanges, and the bytes of the last.
constexpr std::uint64_t kExchangeTracks = kIoKinds + 1;
constexpr std::array<const char*, kExchangeTracks> kExchangeNames{
    "pages mapped", "pages unmapped", "pages transferred", "pages copied", "bytes copied"};

constexpr std::int64_t kPidsOfUse = 65536;
// Within a wait. What was before the newest of them is one slice.
constexpr std::size_t kMostStretches = 8;

std::string cpu_text(std::uint32_t pcpu) {
  return pcpu == XENMON_NO_PCPU ? std::string("all CPUs") : "CPU " + std::to_string(pcpu);
}

} // namespace

Timeline::Timeline(PerfettoTrace& trace, const TimelineRange& range, NameOf name_of)
    : trace_(trace), range_(range), name_of_(std::move(name_of)) {
  stretches_.reserve(kMostStretches + 1);
}

// ---- domains and vCPUs

void Timeline::on_domain(const Domain& domain) {
  Process process;
  process.uid = domain.uid;
  process.domid = domain.domid;
  process.use = ++uses_[domain.domid];
  if (process_by_slot_.size() <= domain.slot) process_by_slot_.resize(domain.slot + 1, kNone);
  process_by_slot_[domain.slot] = static_cast<std::uint32_t>(processes_.size());
  processes_.push_back(process);
}

void Timeline::on_vcpu(const Vcpu& vcpu, const Domain& domain) {
  if (threads_.size() <= vcpu.slot) threads_.resize(vcpu.slot + 1);
  Thread& thread = threads_[vcpu.slot];
  thread = {};
  thread.process = process_of(domain);
  // A thread with its process's number would be taken for the one whose end is the process's.
  if (next_number_ == pid_of(processes_[thread.process])) ++next_number_;
  thread.number = next_number_++;
  thread.vcpu_id = vcpu.vcpu_id;
  thread.idle = vcpu.idle;
}

void Timeline::on_domain_end(const Domain& domain, std::uint64_t now) {
  Exchanges exchanges;
  exchanges.counts = domain.io;
  exchanges.copy_bytes = domain.io_copy_bytes;
  show_exchanges(process_of(domain), exchanges, now);
  if (now < range_.from_ns || now >= range_.until_ns) return;
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot != XENMON_NO_SLOT) show(threads_[slot], Shown::kOffline, XENMON_NO_PCPU, now);
  }
}

std::uint32_t Timeline::process_of(const Domain& domain) const {
  return process_by_slot_[domain.slot];
}

std::int64_t Timeline::pid_of(const Process& process) const {
  if (process.domid == XENMON_DOMID_IDLE) return 0;
  return std::int64_t{process.use - 1} * kPidsOfUse + process.domid + 1;
}

std::string Timeline::name_of(const Process& process, bool last) const {
  if (process.domid == XENMON_DOMID_IDLE) return "idle";
  const std::optional<std::string> name = name_of_({process.domid, process.use, last});
  if (name && !name->empty()) return printable(*name);
  return "domain-" + std::to_string(process.domid); // the viewer shows a name up to its first space
}

// ---- states

void Timeline::on_time(const Vcpu& vcpu, Bucket bucket, std::uint64_t from_ns, std::uint64_t to_ns) {
  constexpr std::array<Shown, kBuckets> kShownAs{Shown::kRunning, Shown::kRunnable, Shown::kRunnable,
                                                 Shown::kBlocked, Shown::kOffline,  Shown::kUnknown};
  if (to_ns <= range_.from_ns || from_ns >= range_.until_ns) return;
  const Shown shown = kShownAs[bucket];
  const std::uint32_t pcpu = shown == Shown::kRunning ? vcpu.part.pcpu : XENMON_NO_PCPU;
  Thread& thread = threads_[vcpu.slot];
  if (thread.shown == shown && thread.pcpu == pcpu) return;
  show(thread, shown, pcpu, std::max(from_ns, range_.from_ns));
}

void Timeline::show(Thread& thread, Shown shown, std::uint32_t pcpu, std::uint64_t ns) {
  using State = PerfettoTrace::State;
  constexpr std::array<State, 5> kStates{State::kDestroyed, State::kRunning, State::kRunnable,
                                         State::kSleeping, State::kStopped};
  if (thread.shown == shown && thread.pcpu == pcpu) return;
  const bool leaves = thread.shown == Shown::kRunning;
  const std::optional<std::uint32_t> left = leaves ? std::optional(thread.pcpu) : std::nullopt;
  // From one pCPU to another with nothing in between: the format has no such thing.
  if (leaves && shown == Shown::kRunning) {
    trace_.state(ns, thread.number, State::kDestroyed, left);
    thread.listed = false;
  }
  if (shown == Shown::kUnknown) {
    thread.listed = false;
  } else if (!thread.listed) {
    list(thread, ns);
  }
  trace_.state(ns, thread.number, kStates[static_cast<std::size_t>(shown)],
               shown == Shown::kRunning ? std::optional(pcpu) : left);
  thread.shown = shown;
  thread.pcpu = pcpu;
  ++changes_;
}

void Timeline::list(Thread& thread, std::uint64_t ns) {
  Process& process = processes_[thread.process];
  const std::int64_t pid = pid_of(process);
  if (!process.listed) trace_.process(ns, pid, name_of(process, true));
  process.listed = true;
  trace_.thread(ns, thread.number, pid, "vCPU " + std::to_string(thread.vcpu_id), thread.idle);
  thread.listed = true;
}

// ---- long waits

void Timeline::on_wait(const Vcpu& vcpu, const xenmon_wait& wait,
                       std::span<const RecentExecutions* const> meanwhile) {
  const std::uint64_t from = std::max<std::uint64_t>(wait.start_ns, range_.from_ns);
  const std::uint64_t to = std::min<std::uint64_t>(wait.end_ns, range_.until_ns);
  if (from >= to) return;
  Thread& thread = threads_[vcpu.slot];
  for (std::size_t i = 0; i < meanwhile.size(); ++i) {
    find_stretches(vcpu, wait, *meanwhile[i]);
    const bool before = i > 0;
    if (before && stretches_.empty()) continue;
    const std::uint64_t track = wait_track(thread, before);
    if (!before)
      trace_.begin_slice(from, track, wait.kind == XENMON_WAIT_WOKEN ? "waits, woken" : "waits, preempted");
    show_meanwhile(track, from, to);
    if (!before) trace_.end_slice(to, track);
  }
}

// What is known of the wait, in order; neighbours of one domain are one.
void Timeline::find_stretches(const Vcpu& vcpu, const xenmon_wait& wait, const RecentExecutions& executions) {
  stretches_.clear();
  std::uint64_t until = wait.end_ns;
  std::uint32_t successor = XENMON_NO_SLOT;
  executions.between(wait.start_ns, wait.end_ns, [&](std::uint32_t slot, std::uint64_t ns) {
    if (slot == vcpu.slot) slot = successor; // the switch from it to its successor
    successor = slot;
    const std::uint64_t from = until - ns;
    const std::uint64_t to = std::exchange(until, from);
    if (slot == XENMON_NO_SLOT || slot >= threads_.size()) return;
    const std::uint32_t process = threads_[slot].process;
    if (!stretches_.empty() && stretches_.back().from_ns == to && stretches_.back().process == process) {
      stretches_.back().from_ns = from;
    } else if (stretches_.size() > kMostStretches) {
      stretches_.back().from_ns = from;
      stretches_.back().process = kNone;
    } else {
      stretches_.push_back({from, to, process});
    }
  });
  std::reverse(stretches_.begin(), stretches_.end());
}

void Timeline::show_meanwhile(std::uint64_t track, std::uint64_t from_ns, std::uint64_t to_ns) {
  for (const Stretch& stretch : stretches_) {
    const std::uint64_t from = std::max(stretch.from_ns, from_ns);
    const std::uint64_t to = std::min(stretch.to_ns, to_ns);
    if (from >= to) continue;
    trace_.begin_slice(
        from, track,
        stretch.process == kNone ? "several domains" : name_of(processes_[stretch.process], true));
    trace_.end_slice(to, track);
  }
}

std::uint64_t Timeline::wait_track(Thread& thread, bool before) {
  const std::uint64_t uuid = kFirstWaitTrack + 2 * std::uint64_t{thread.number} + (before ? 1 : 0);
  const auto bit = static_cast<std::uint8_t>(before ? 2 : 1);
  if ((thread.wait_tracks & bit) == 0) wait_tracks_.push_back({uuid, thread.process, thread.vcpu_id, before});
  thread.wait_tracks |= bit;
  return uuid;
}

// ---- counters and instants

void Timeline::show_exchanges(const Domain& domain, std::uint64_t now) {
  Exchanges exchanges;
  exchanges.counts = domain.io;
  exchanges.copy_bytes = domain.io_copy_bytes;
  show_exchanges(process_of(domain), exchanges, now);
}

// Those before the range are in the first value.
void Timeline::show_exchanges(std::uint32_t process, const Exchanges& exchanges, std::uint64_t now) {
  if (now > range_.until_ns) return;
  Exchanges& shown = processes_[process].shown;
  const std::uint64_t first = kFirstExchangesTrack + process * kExchangeTracks;
  const auto show_one = [&](std::uint64_t track, std::uint64_t value, std::uint64_t& before) {
    if (value == before) return;
    const bool first_seen = std::exchange(before, value) == 0;
    if (now < range_.from_ns) return;
    if (first_seen) trace_.count(range_.from_ns, track, 0);
    trace_.count(now, track, value);
  };
  for (std::size_t kind = 0; kind < kIoKinds; ++kind)
    show_one(first + kind, exchanges.counts[kind], shown.counts[kind]);
  show_one(first + kIoKinds, exchanges.copy_bytes, shown.copy_bytes);
}

void Timeline::on_lost(std::uint32_t pcpu, std::uint64_t now, std::uint32_t count) {
  if (!covers(now)) return;
  lost_ += count;
  trace_.count(now, kLostTrack, lost_);
  trace_.instant(now, kGapsTrack, std::to_string(count) + " records lost on " + cpu_text(pcpu));
}

void Timeline::on_gap(std::uint32_t pcpu, std::uint64_t now) {
  if (covers(now)) trace_.instant(now, kGapsTrack, "gap on " + cpu_text(pcpu));
}

void Timeline::mark(const Mark& mark) {
  const std::uint64_t from = std::max(mark.from_ns, range_.from_ns);
  const std::uint64_t to = std::min(mark.to_ns, range_.until_ns);
  if (mark.track >= kMostMarkTracks || from > to || !covers(from)) return;
  mark_tracks_ |= std::uint64_t{1} << mark.track;
  const std::uint64_t track = kFirstMarkTrack + mark.track;
  if (from == to) {
    trace_.instant(from, track, mark.text);
  } else {
    trace_.begin_slice(from, track, mark.text);
    trace_.end_slice(to, track);
  }
}

// Which domain a name belongs to, if its domid was used again, is known only now.
void Timeline::finish(std::uint64_t end_ns) {
  const std::uint64_t end = std::clamp(end_ns, range_.from_ns, range_.until_ns);
  const auto name = [&](const Process& process) {
    return name_of(process, uses_[process.domid] == process.use);
  };
  for (const Process& process : processes_) {
    if (process.listed) trace_.process(end, pid_of(process), name(process));
  }
  trace_.track(kWaitsTrack, 0, "Long waits");
  for (const WaitTrack& track : wait_tracks_) {
    const std::string of = name(processes_[track.process]) + " vCPU " + std::to_string(track.vcpu_id);
    trace_.track(track.uuid, kWaitsTrack, track.before ? of + ": where it ran before" : of);
  }
  trace_.track(kExchangesTrack, 0, "Page exchanges");
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const Process& process = processes_[i];
    const std::uint64_t first = kFirstExchangesTrack + i * kExchangeTracks;
    const std::string of = name(process) + ": ";
    for (std::size_t kind = 0; kind < kIoKinds; ++kind) {
      if (process.shown.counts[kind] != 0)
        trace_.counter_track(first + kind, kExchangesTrack, of + kExchangeNames[kind],
                             PerfettoTrace::Unit::kCount);
    }
    if (process.shown.copy_bytes != 0)
      trace_.counter_track(first + kIoKinds, kExchangesTrack, of + kExchangeNames[kIoKinds],
                           PerfettoTrace::Unit::kBytes);
  }
  trace_.track(kGapsTrack, 0, "Gaps");
  if (mark_tracks_ != 0) trace_.track(kMarksTrack, 0, "Findings");
  for (std::uint32_t i = 0; i < kMostMarkTracks; ++i) {
    if ((mark_tracks_ >> i & 1U) != 0) trace_.track(kFirstMarkTrack + i, kMarksTrack, "Findings");
  }
  trace_.counter_track(kLostTrack, 0, "Lost records", PerfettoTrace::Unit::kCount);
  trace_.count(range_.from_ns, kLostTrack, 0);
  trace_.count(end, kLostTrack, lost_); // nothing is later
}

} // namespace xenmon
