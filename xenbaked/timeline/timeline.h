// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a baker accounts for, as a timeline:
//
//   a domain is a process, whose number is the domid plus 1, and 0 for the idle domain. The next domain that
//   has the same domid has a number that is higher by 65,536.
//   a vCPU is a thread, with a number of its own in the order in which they come.
//   a pCPU is a CPU.
//   running, runnable (both kinds of waiting), blocked (sleeping), offline (stopped).
//
// While a vCPU's state is unknown there is none: its thread ends, and one with the same number and name
// begins when the state is known again. The sums of states are those of --totals, to the nanosecond.
//
// Long waits are slices on a track for each vCPU; within them are slices of the domains that ran meanwhile on
// the pCPU that the vCPU was given in the end, and on a second track those that ran on the one where it ran
// before. Page exchanges of each domain and lost records are counters that only grow. Losses and gaps are
// also instants.
//
// Memory is in proportion to the domains and vCPUs, not to the length of the trace.
#ifndef XENMON_XENBAKED_TIMELINE_TIMELINE_H
#define XENMON_XENBAKED_TIMELINE_TIMELINE_H

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bake/bake_watcher.h"
#include "bake/vcpu.h"
#include "source/source.h"
#include "timeline/perfetto_trace.h"

namespace xenmon {

// Trace times, ns. What lies outside is left out.
struct TimelineRange {
  std::uint64_t from_ns = 0;
  std::uint64_t until_ns = std::numeric_limits<std::uint64_t>::max();
};

class Timeline final : public BakeWatcher {
 public:
  // As Source::domain_name().
  using NameOf = std::function<std::optional<std::string>(const DomidUse&)>;

  Timeline(PerfettoTrace& trace, const TimelineRange& range, NameOf name_of);

  void on_domain(const Domain& domain) override;
  void on_vcpu(const Vcpu& vcpu, const Domain& domain) override;
  void on_domain_end(const Domain& domain, std::uint64_t now) override;
  void on_time(const Vcpu& vcpu, Bucket bucket, std::uint64_t from_ns, std::uint64_t to_ns) override;
  void on_wait(const Vcpu& vcpu, const xenmon_wait& wait,
               std::span<const RecentExecutions* const> meanwhile) override;
  void on_lost(std::uint32_t pcpu, std::uint64_t now, std::uint32_t count) override;
  void on_gap(std::uint32_t pcpu, std::uint64_t now) override;

  // The page exchanges of a living domain up to now. Call from time to time, and before finish().
  void show_exchanges(const Domain& domain, std::uint64_t now);

  // Something that was found out about a time, and is to be seen there: an instant, or a slice if it has a
  // length. The order of marks does not matter, but those that overlap need different tracks.
  struct Mark {
    std::uint64_t from_ns = 0;
    std::uint64_t to_ns = 0; // from_ns: an instant
    std::uint32_t track = 0; // from 0; below kMostMarkTracks
    std::string_view text;   // valid UTF-8
  };
  static constexpr std::uint32_t kMostMarkTracks = 64;
  void mark(const Mark& mark);

  // After everything: names, and where the trace ends.
  void finish(std::uint64_t end_ns);

  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  static constexpr std::uint32_t kNone = XENMON_NO_SLOT;

  struct Process {
    std::uint64_t uid = 0;
    std::uint32_t domid = 0;
    std::uint32_t use = 1; // see DomidUse
    bool listed = false;   // the viewer knows it
    Exchanges shown;       // page exchanges; a kind that is 0 has no track
  };
  // What a thread is shown as.
  enum class Shown : std::uint8_t { kUnknown, kRunning, kRunnable, kBlocked, kOffline };
  struct Thread {
    std::uint32_t process = kNone;
    std::uint32_t number = 0;
    std::uint32_t vcpu_id = 0;
    std::uint32_t pcpu = XENMON_NO_PCPU; // while running
    Shown shown = Shown::kUnknown;
    bool listed = false; // the viewer knows it
    bool idle = false;
    std::uint8_t wait_tracks = 0; // how many have been described to be named
  };
  struct WaitTrack {
    std::uint64_t uuid;
    std::uint32_t process;
    std::uint32_t vcpu_id;
    bool before;
  };
  // A time in which a domain ran without interruption.
  struct Stretch {
    std::uint64_t from_ns;
    std::uint64_t to_ns;
    std::uint32_t process; // kNone: several
  };

  [[nodiscard]] bool covers(std::uint64_t ns) const { return ns >= range_.from_ns && ns <= range_.until_ns; }
  [[nodiscard]] std::int64_t pid_of(const Process& process) const;
  [[nodiscard]] std::string name_of(const Process& process, bool last) const;
  [[nodiscard]] std::uint32_t process_of(const Domain& domain) const;
  void show(Thread& thread, Shown shown, std::uint32_t pcpu, std::uint64_t ns);
  void list(Thread& thread, std::uint64_t ns);
  void show_exchanges(std::uint32_t process, const Exchanges& exchanges, std::uint64_t now);
  void find_stretches(const Vcpu& vcpu, const xenmon_wait& wait, const RecentExecutions& executions);
  void show_meanwhile(std::uint64_t track, std::uint64_t from_ns, std::uint64_t to_ns);
  std::uint64_t wait_track(Thread& thread, bool before);

  PerfettoTrace& trace_;
  TimelineRange range_;
  NameOf name_of_;
  std::vector<Process> processes_;
  std::vector<std::uint32_t> process_by_slot_;            // of domains
  std::unordered_map<std::uint32_t, std::uint32_t> uses_; // of domids
  std::vector<Thread> threads_;                           // by slot of vCPUs
  std::uint32_t next_number_ = 1;
  std::vector<WaitTrack> wait_tracks_;
  std::vector<Stretch> stretches_; // scratch
  std::uint64_t mark_tracks_ = 0;  // a bit each
  std::uint64_t lost_ = 0;
  std::uint64_t changes_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_TIMELINE_TIMELINE_H
