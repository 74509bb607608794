// SPDX-License-Identifier: GPL-2.0-or-later
//
// The Sink of a survey: follows each vCPU through its states and notes where Xen's words in ns and the
// records' TSCs are about the same time. Nothing is accounted for here.
#ifndef XENMON_XENBAKED_SURVEY_VCPU_TRACKS_H
#define XENMON_XENBAKED_SURVEY_VCPU_TRACKS_H

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "trace/decode.h"
#include "trace/record.h"

namespace xenmon {

class VcpuTracks {
 public:
  // A time that Xen reported in ns, and the same according to the records. Xen's time for a wait starts when
  // the vCPU left its pCPU: that is the wait itself if it was preempted, and more if it was woken.
  struct Told {
    std::int64_t cycles = 0; // negative: the end comes before the beginning
    std::uint64_t ns = 0;
    bool wraps = false; // `ns` has 32 bits
    bool exact = true;  // `ns` is this time, not at least this time
    // Of a wait after a wake: since the vCPU left its pCPU, which is what `ns` is about; 0: not known.
    std::int64_t left_cycles = 0;
    std::uint32_t from_pcpu = 0;
    std::uint32_t to_pcpu = 0;
    // Where a run started before a silence and ended after it: the TSCs at both ends of the silence.
    std::uint64_t silent_from = 0;
    std::uint64_t silent_to = 0;
  };
  // How long it took from a wake on one pCPU until the vCPU ran on another one, in cycles. Only for vCPUs
  // that had been blocked for a while, because clocks that differ change the order of records that follow
  // each other closely.
  struct Crossing {
    std::int64_t cycles = 0;
    std::uint32_t from_pcpu = 0;
    std::uint32_t to_pcpu = 0;
  };

  // What Merge calls.
  void begin(std::uint32_t pcpu, std::uint64_t tsc);
  void apply(std::uint32_t pcpu, const Record& record);
  void apply_untimed(std::uint32_t, const Record& record);
  void apply_late(std::uint32_t pcpu, const Record& record) { apply(pcpu, record); }
  void lost_begin(std::uint32_t, std::uint64_t) { forget(); }
  void lost_end(std::uint32_t, std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t) { forget(); }
  void gap(std::uint32_t, std::uint64_t) { forget(); }
  void clock_restarted(std::uint64_t) { forget(); }

  [[nodiscard]] const std::vector<Told>& runs() const { return runs_; }
  [[nodiscard]] const std::vector<Told>& waits() const { return waits_; }
  [[nodiscard]] const std::vector<Crossing>& crossings() const { return crossings_; }
  [[nodiscard]] std::uint64_t runstates() const { return runstates_; }
  // Records whose old state was not the known one, and that no difference of clocks explains.
  [[nodiscard]] std::uint64_t contradictions() const { return contradictions_; }
  // Silences on all pCPUs, by the TSC at which they start: how many of these contradictions are about a state
  // from before and one from after; and whether one of them is between records of the same pCPU, about what
  // ran there. Then records of that pCPU are missing.
  struct Silence {
    std::uint64_t contradictions = 0;
    bool certain = false;
  };
  [[nodiscard]] const std::map<std::uint64_t, Silence>& silences() const { return silences_; }
  // pCPUs that a scheduler has woken; nothing if some of these records make no sense.
  [[nodiscard]] std::set<std::uint32_t> woken_pcpus() const;
  [[nodiscard]] bool has_dispatches() const { return has_dispatches_; }
  [[nodiscard]] bool has_page_counts() const { return has_page_counts_; }
  [[nodiscard]] const std::set<std::uint32_t>& pcpus() const { return pcpus_; }

 private:
  static constexpr std::uint32_t kUnknown = 4;
  struct Track {
    std::uint32_t state = kUnknown; // XENMON_VCPU_*
    bool preempted = false;         // it was running before that
    bool quiet = false;             // the state before that was blocked, and long enough not to be in doubt
    std::uint32_t on = 0;           // the pCPU whose record reported it
    std::uint64_t since = 0;
    std::uint64_t left = 0; // the TSC at which it left its pCPU; 0: not seen
    std::optional<std::uint64_t> told_run;
    std::optional<std::uint64_t> told_wait;
    // It ran before its wake was reported.
    bool early = false;
    std::uint64_t early_tsc = 0;
    std::uint32_t early_on = 0;
  };

  void forget();
  void change(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t who, std::uint32_t from, std::uint32_t to);
  void note_run(const Track& track, std::uint32_t pcpu, std::uint64_t tsc, std::uint64_t ns, bool wraps);
  void note_wait(const Track& track, std::uint32_t pcpu, std::uint64_t tsc, std::uint64_t ns, bool wraps);

  // What each event says; the others say nothing here.
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::RunstateChange& event);
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::Continued& event);
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::UnitLeaves& event);
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::UnitChosen& event);
  void on(std::uint32_t buffer, std::uint64_t tsc, const decoded::Switched& event);
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::DomainAdded& event);
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::DomainRemoved& event);
  void on(std::uint32_t pcpu, std::uint64_t tsc, const decoded::Tickled& event);
  template <class Other>
  void on(std::uint32_t, std::uint64_t, const Other&) {}
  bool follow(Dialect dialect);
  void forget_domain(std::uint32_t domid);

  std::unordered_map<std::uint32_t, Track> tracks_; // by "vcpu:16 dom:16"
  std::vector<Told> runs_;
  std::vector<Told> waits_;
  std::vector<Crossing> crossings_;
  std::uint64_t runstates_ = 0;
  std::uint64_t contradictions_ = 0;
  std::uint64_t last_tsc_ = 0; // of any pCPU
  std::uint64_t silent_from_ = 0;
  std::uint64_t silent_to_ = 0;
  std::map<std::uint64_t, Silence> silences_;
  bool senseless_wake_ = false;
  bool has_dispatches_ = false;
  bool has_page_counts_ = false;
  std::set<std::uint32_t> woken_;
  std::set<std::uint32_t> pcpus_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SURVEY_VCPU_TRACKS_H
