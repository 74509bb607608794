// SPDX-License-Identifier: GPL-2.0-or-later
//
// The accounting: records in merged order in, samples and totals out.
//
// A state machine for each vCPU. On any Xen it is driven by runstate records alone; slices come from the
// switch records, I/O from the grant records. If a trace has dispatch records of XenMon's patches (events.h,
// kAcct*), they say everything and Xen's own are ignored, unless the options say the opposite. Invariants:
//   - For every vCPU and every sample the six times add up to the sample's length, and over the whole
//     trace to its length so far. Time stamps are converted to ns before anything is subtracted, and
//     intervals that are open at a sample's edge are split there, so this is exact. It is checked for
//     each sample all the same; counts().conservation_violations must stay 0. So do the times of a domain as
//     a whole (domain_runstates.h): to that part of a sample in which it lived.
//   - Time goes to a state only if a record said that the vCPU was in it. A record whose old state is not
//     the one that was known makes the time since the last known change unknown; lost records make
//     unknown whatever they may have touched: every vCPU but those that run on another pCPU. If some pCPU's
//     records are missing altogether, that holds all the time. The vCPU that LOST_RECORDS names is credited
//     with running only if its next record says so, too.
//   - A vCPU's state changes in transition() alone.
//   - A record that comes late changes no state: what it names becomes unknown.
//   - Where Xen says how long a vCPU has waited, and it is less than what the records say, records are
//     missing: that time is unknown.
//   - Before its creation and after its domain's end a vCPU is offline; before its first record, unknown,
//     unless its domain's creation was seen.
//
// An execution is one decision of the scheduler to let a vCPU run: a switch to it, or a decision to let it
// continue (CONTINUE_RUNNING; also counted in `continues`). It is a migration if the vCPU ran on another pCPU
// before.
//
// A wait is what the histograms of waits count: from when a vCPU was known to become runnable until it ran,
// with no lost records in between that may have been about it. Waits of at least slow_wait_ns are reported
// individually (not the idle domain's). A shorter wait costs one comparison.
//
// A wait is avoidable while any pCPU of the same cpupool is idle, whatever keeps the vCPU from it
// (idle_clock.h).
//
// Baker is a Sink for Merge. One thread. Steady state allocates nothing.
#ifndef XENMON_XENBAKED_BAKE_BAKER_H
#define XENMON_XENBAKED_BAKE_BAKER_H

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bake/bake_watcher.h"
#include "bake/clock_scale.h"
#include "bake/recent_executions.h"
#include "bake/slow_waits.h"
#include "bake/vcpu.h"
#include "trace/bad_records.h"
#include "trace/decode.h"
#include "trace/events.h"
#include "trace/record.h"
#include "xenmon/region.h"

namespace xenmon {

class Baker;

// Rows and waits are valid during the call only.
struct BakedSample {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t lost_records = 0;
  // With a TSC. Those that mean nothing here are counted by the pass, so some of them may belong to a
  // neighbouring sample.
  std::uint64_t records = 0;
  std::span<const xenmon_row> rows;
  std::span<const xenmon_io_row> io_rows;
  std::span<const xenmon_domain_row> domain_rows;
  // Waits that ended within the sample and were long, in this order; seq is 0.
  std::span<const xenmon_wait> waits;
  std::uint64_t waits_left_out = 0; // further waits, for which there was no room
};

class BakeSink {
 public:
  BakeSink() = default;
  BakeSink(const BakeSink&) = delete;
  BakeSink& operator=(const BakeSink&) = delete;
  virtual ~BakeSink() = default;
  // At each sample's end. The baker's tables are as of that moment.
  virtual void on_sample(Baker& baker, const BakedSample& sample) = 0;
};

// What is left of a domain when it has ended, and the source of the totals.
struct VcpuTotals {
  std::uint32_t vcpu_id = 0;
  Times times{};
  std::uint64_t executions = 0;
  std::uint64_t continues = 0;
  std::uint64_t migrations = 0;
  std::uint64_t avoidable_ns = 0; // of the time waited: a pCPU of the same cpupool was idle
  Slices slices;
  Percentiles wait; // of both kinds together
  Percentiles wake_wait;
  Percentiles preempt_wait;
  Percentiles run;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> running_by_pcpu; // sorted by pCPU
};
struct DomainTotals {
  std::uint32_t domid = 0;
  std::uint64_t uid = 0;
  std::uint64_t ended_ns = 0; // 0: it is alive
  std::string name;
  std::uint64_t executions = 0;
  DomainTimes times{}; // of its life; all 0 for the idle domain
  IoCounts io{};
  std::uint64_t io_copy_bytes = 0;
  std::vector<VcpuTotals> vcpus;
};

class Baker {
 public:
  // A sample's times are kept in 32 bits of ns.
  static constexpr std::uint64_t kMaxSampleNs = 4'000'000'000;
  // Bounds against damaged input, not against big hosts: Xen's MAX_VIRT_CPUS (8192) and NR_CPUS (16383)
  // bound a vCPU's number, DOMID_FIRST_RESERVED (0x7ff0) a domain's.
  static constexpr std::uint32_t kMaxVcpuId = 16384;
  static constexpr std::uint32_t kFirstReservedDomid = 0x7ff0;
  static constexpr std::uint32_t kMaxVcpus = 1U << 20;
  // A trace without any record for this long was not traced: all states are unknown then.
  static constexpr std::uint64_t kMaxSilenceNs = 900'000'000'000;
  // The same while a vCPU is ready to run: no scheduler keeps one waiting for this long without a decision.
  static constexpr std::uint64_t kMaxSilentWaitNs = 100'000'000'000;
  // Where the whole trace is one sample: by how much a silence may seem longer than it was.
  static constexpr std::uint64_t kSilenceEndsWithinNs = 1'000'000;
  // The same: how often what domains do is accounted for good, so that later doubts cannot reach further
  // back.
  static constexpr std::uint64_t kDomainsSettleNs = 100'000'000;
  // A pCPU that has written nothing for this long since the trace began runs its idle vCPU: schedulers decide
  // again within 10 to 30 ms, if there is anything to decide.
  static constexpr std::uint64_t kIdleIsSilentNs = 100'000'000;
  // How far Xen's own account of a wait and the records' may be apart and still be of one wait in which the
  // vCPU cannot have run unseen: two clocks, read at moments that differ by less than a switch takes.
  static constexpr std::uint64_t kWaitToleranceNs = 2'000;
  // The records of one decision about all vCPUs of a unit come within this time.
  static constexpr std::uint64_t kTogetherNs = 1'000'000;
  // A wait that is longer than Xen says by more than this did not happen: records are missing. An emulated
  // pCPU may stand still for 6 ms between Xen's reading of the clock and the record.
  static constexpr std::uint64_t kMissingNs = 10'000'000;
  // If there are more samples than this without a record, they are skipped: their time is in the totals, but
  // no sink gets them.
  static constexpr std::uint64_t kMaxEmptySamples = 10'000;

  struct Options {
    std::uint32_t cpu_khz = 2'400'000;
    std::uint64_t sample_ns = 0;  // 0: the whole trace is one sample, no sink is called, totals() works
    std::uint64_t linger_ns = 0;  // how long an ended domain keeps its slots; with samples only
    std::uint32_t event_mask = 0; // which records there are; 0: find out when they come
    bool stock_records = false;   // use Xen's own records, whatever else there is
    std::uint64_t slow_wait_ns = ~std::uint64_t{0}; // which waits are reported; with a sink or a watcher only
    std::uint32_t waits_per_sample = 4096;          // at most
    BakeWatcher* watcher = nullptr;                 // lives longer than the baker

    // What is known of the trace as a whole.
    bool has_dispatches = false;      // records of the patches: of dispatches
    bool has_page_counts = false;     // and of pages summed up
    std::vector<std::uint32_t> pcpus; // are traced, whether they have records or not
    bool pcpus_missing = false;       // other pCPUs are in use, and their records are missing
    bool check_waits = false;         // Xen's words for waiting times are reliable
    // After each of these TSCs, up to the next record, nothing was recorded. Ascending.
    std::vector<std::uint64_t> unrecorded_after;
    // By pCPU number: how far its clock is ahead, ns. Empty: not at all. An interval that starts by one clock
    // and ends by another that differs has no known length, and what follows within the difference no known
    // order.
    std::vector<std::int64_t> clock_ahead_ns;
  };

  struct Counts {
    BadRecords bad; // too few words, or impossible contents
    std::uint64_t state_conflicts = 0;
    std::uint64_t waits_contradicted = 0; // of these: Xen says that the wait was shorter
    std::uint64_t conservation_violations = 0;
    std::uint64_t samples = 0;
  };
  // A time in which nothing was recorded, although nothing was reported lost.
  struct Silence {
    std::uint64_t from_ns = 0;
    std::uint64_t to_ns = 0;
  };
  static constexpr std::size_t kSilencesKept = 4;

  explicit Baker(const Options& options, BakeSink* sink = nullptr);

  // Sink for Merge.
  void begin(std::uint32_t pcpu, std::uint64_t tsc) {
    pcpu_state(pcpu).first_tsc = tsc;
    // The very first record may be one that is ignored; the trace starts with it all the same.
    if (!started_ && tsc < base_tsc_) base_tsc_ = tsc;
  }
  void apply(std::uint32_t pcpu, const Record& record);
  void apply_untimed(std::uint32_t pcpu, const Record& record);
  void apply_late(std::uint32_t pcpu, const Record& record);
  void clock_restarted(std::uint64_t tsc);
  static bool ignores(std::uint32_t header);
  void pass_over(std::uint64_t count) { sample_records_ += count; }
  // On a big host what a record is about is in no cache, unless it is fetched ahead of time.
  void expect(const std::byte* record) const;
  void lost_begin(std::uint32_t pcpu, std::uint64_t tsc);
  void lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t domid,
                std::uint32_t vcpu_id);
  void gap(std::uint32_t pcpu, std::uint64_t tsc);

  // Every record before trace time `ns` has been applied, and the next one has that TSC: closes the samples
  // that end by then, as that record would.
  void reach(std::uint64_t ns, std::uint64_t next_tsc);
  // The cpupool of each pCPU, by its number, from now on; any numbers, XENMON_NO_PCPU: it is in none. Without
  // this call all pCPUs are one pool. Costs time in proportion to the vCPUs.
  void set_pools(std::span<const std::uint32_t> pool_by_pcpu);
  // Page exchanges with one domain are added up until another one has some: they are credited at once.
  void settle_exchanges() { credit_exchanges(); }
  // All states become unknown: a recording is about to be played again.
  void discontinuity();
  // The trace ends at `tsc` (or earlier, where it was): closes the last, partial sample.
  void finish(std::uint64_t tsc);

  // For the whole trace, ended domains included; by domid, then in order of creation, the idle domain last.
  // After finish(), and only without samples: with them an ended domain is forgotten.
  [[nodiscard]] std::vector<DomainTotals> totals() const;

  [[nodiscard]] const ClockScale& clock() const { return scale_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // The first kSilencesKept of them.
  [[nodiscard]] std::span<const Silence> silences() const { return silences_; }
  // When a clock restarted: trace times, the first kSilencesKept.
  [[nodiscard]] std::span<const std::uint64_t> clock_restarts() const { return clock_restarts_; }
  // Trace time of the last record applied.
  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
  // The TSC of trace time 0; only after the first record.
  [[nodiscard]] std::uint64_t base_tsc() const { return base_tsc_; }
  [[nodiscard]] bool started() const { return started_; }
  // Whether the dispatch records are used: for times, and for page exchanges.
  [[nodiscard]] bool by_dispatch_records() const { return by_dispatch_records_; }
  [[nodiscard]] bool by_page_counts() const { return exchanges_from_ != ExchangesFrom::kGrantRecords; }

  // Tables by slot; a free slot is nullptr.
  [[nodiscard]] std::span<const std::unique_ptr<Vcpu>> vcpus() const { return vcpus_; }
  [[nodiscard]] std::span<const std::unique_ptr<Domain>> domains() const { return domains_; }
  [[nodiscard]] Vcpu* vcpu(std::uint32_t slot) { return vcpus_[slot].get(); }
  [[nodiscard]] Domain* domain(std::uint32_t slot) { return domains_[slot].get(); }
  // The vCPU that runs on a pCPU, or XENMON_NO_SLOT.
  [[nodiscard]] std::uint32_t running_on(std::uint32_t pcpu) const {
    return pcpu < pcpus_.size() ? pcpus_[pcpu].current : XENMON_NO_SLOT;
  }

 private:
  struct alignas(64) PcpuState { // a power of two, for the sake of the index
    std::uint64_t first_tsc = 0;
    std::uint32_t current = XENMON_NO_SLOT; // vCPU slot
    bool gap_open = false;
    bool any_run = false;                                     // some vCPU was seen to run here
    std::vector<std::pair<std::uint32_t, Exchanges>> pending; // by granter: until the scheduler is called
    RecentExecutions recent;
  };
  static_assert(sizeof(PcpuState) == 64);

  [[gnu::always_inline]] PcpuState& pcpu_state(std::uint32_t pcpu) {
    if (pcpu >= pcpus_.size()) [[unlikely]]
      hear_of_pcpu(pcpu);
    return pcpus_[pcpu];
  }
  void hear_of_pcpu(std::uint32_t pcpu);

  // The vCPU that LOST_RECORDS named for a pCPU, until a record says which vCPU runs there.
  struct Presumed {
    std::uint32_t slot = XENMON_NO_SLOT;
    std::uint64_t since_ns = 0;
  };
  void make_unheard_pcpus();
  void presume_no_silence();
  [[nodiscard]] std::uint64_t to_trace_ns(std::uint64_t tsc) const {
    return tsc > base_tsc_ ? scale_.to_ns(tsc - base_tsc_) : 0;
  }
  void believe_silence(Vcpu& vcpu);
  bool believe_presumed(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now);
  [[nodiscard]] bool anybody_waits() const;
  void notice_silence(std::uint64_t next_ns);
  void make_late(std::uint32_t who, std::uint64_t now);
  void check_told_wait(Vcpu& vcpu, std::uint64_t told_ns, std::uint64_t now);
  [[nodiscard]] bool may_be_wait(std::uint64_t measured_ns, std::uint64_t told_ns) const;
  bool measure_across_clocks(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now);
  [[nodiscard]] std::uint32_t gaps_open() const { return careful_ & ~kSkewed; }

  void start(std::uint64_t tsc);
  void advance_to(std::uint64_t tsc);
  std::uint64_t set_now(std::uint64_t tsc);
  void set_edge(std::uint64_t ns);
  void close_sample(std::uint64_t end_ns, bool publish);
  void fold(Vcpu& vcpu, bool publish);
  void emit(const Vcpu& vcpu, const VcpuPart& part);
  void collect_ended(std::uint64_t end_ns);
  [[nodiscard]] DomainTimes times_of_sole_vcpu(const Domain& domain, std::uint64_t until_ns) const;
  void account_domain(Domain& domain, std::uint64_t until_ns);
  void account_domains(std::uint64_t until_ns);
  void close_domains(std::uint64_t end_ns, bool publish);
  void fold_domain(Domain& domain, std::uint64_t end_ns);
  void share_runstates(Domain& domain, Vcpu& added);

  Domain* find_domain(std::uint32_t domid) { // domid < 65536
    const std::uint32_t slot = domain_by_id_[domid];
    return slot == XENMON_NO_SLOT ? nullptr : domains_[slot].get();
  }
  [[nodiscard]] std::uint64_t end_of_previous(std::uint32_t domid) const;
  Domain& make_domain(std::uint32_t domid, bool born, std::uint64_t now);
  [[gnu::always_inline]] Vcpu* find_vcpu(std::uint32_t who) {
    const Cached& cached = cache_[cache_index(who)];
    if (cached.vcpu != nullptr && cached.who == who) [[likely]]
      return cached.vcpu;
    return look_up_vcpu(who);
  }
  // Null if it has to be looked up, or does not exist yet.
  [[gnu::always_inline]] [[nodiscard]] Vcpu* cached_vcpu(std::uint32_t who) const {
    const Cached& cached = cache_[cache_index(who)];
    return cached.who == who ? cached.vcpu : nullptr;
  }
  // By a record that gives no state, and so does not set the time: a vCPU that is new exists from then on.
  [[gnu::always_inline]] Vcpu* find_vcpu_at(std::uint32_t who, std::uint64_t tsc) {
    const Cached& cached = cache_[cache_index(who)];
    if (cached.vcpu != nullptr && cached.who == who) [[likely]]
      return cached.vcpu;
    set_now(tsc);
    return look_up_vcpu(who);
  }
  Vcpu* known_vcpu(std::uint32_t who);
  Vcpu* look_up_vcpu(std::uint32_t who);
  Vcpu* make_vcpu(std::uint32_t domid, std::uint32_t vcpu_id);
  void report_new(const Vcpu& vcpu, const Domain& domain) const;
  [[nodiscard]] bool removal_is_due(const Domain& domain) const;
  void forget_states(Domain& domain, std::uint64_t now);
  void end_domain(Domain& domain, std::uint64_t now);
  void free_domain(Domain& domain);
  [[nodiscard]] DomainTotals totals_of(const Domain& domain) const;

  // `who` is a record's word "vcpu:16 dom:16".
  void runstate(std::uint32_t pcpu, std::uint32_t from, std::uint32_t to, std::uint32_t who,
                std::uint64_t now);
  void change_state(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to, std::uint64_t now);
  template <class Judge>
  void change_state_as(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to,
                       std::uint64_t now, Judge judge);
  void change_state_in_doubt(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to,
                             std::uint64_t now);
  void continue_running(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now);
  void continue_running_odd(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now);
  void continue_known(Vcpu& vcpu, std::uint64_t now);
  void chosen(std::uint32_t pcpu, std::uint32_t domid, std::uint32_t unit, std::uint32_t waited_ns,
              std::uint32_t slice_ns, std::uint64_t tsc);
  void slice(std::uint32_t pcpu, std::uint32_t domid, std::uint32_t unit, std::uint32_t slice_ns,
             std::uint64_t tsc);
  void exchange(std::uint32_t pcpu, IoKind kind, std::uint32_t domid);
  Exchanges& exchanges_with(std::uint32_t granter, std::uint32_t acting, std::uint32_t pcpu);
  void credit_exchanges();
  void credit_all();
  void credit(std::uint32_t granter, std::uint32_t acting, std::uint32_t pcpu, const Exchanges& exchanges);
  void credit_as_of(std::uint32_t domid, std::uint64_t ns, std::uint32_t pcpu, const Exchanges& exchanges);
  bool credit_to_ended(std::uint32_t domid, std::uint32_t pcpu, const Exchanges& exchanges);
  void credit(Domain& domain, std::uint32_t pcpu, const Exchanges& exchanges) const;
  void domain_added(std::uint32_t domid, std::uint64_t now);
  void domain_removed(std::uint32_t domid, std::uint64_t now);

  // ---- decoded records; the frequent ones are handled by apply() itself
  void apply_rest(std::uint32_t pcpu, const Record& record);
  void apply_decoded(std::uint32_t pcpu, const Record& record);
  void on(std::uint32_t, const Record&, const decoded::Ignored&) {}
  void on(std::uint32_t pcpu, const Record& record, const decoded::Fault& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::RunstateChange& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::Continued& event);
  void on(std::uint32_t, const Record&, const decoded::UnitLeaves&) {}
  void on(std::uint32_t pcpu, const Record& record, const decoded::UnitChosen& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::SliceGranted& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::Switched& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::DomainAdded& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::DomainRemoved& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::GrantUsed& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::GrantCopied& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::PageExchanged& event);
  void on(std::uint32_t pcpu, const Record& record, const decoded::PagesCounted& event);
  void on(std::uint32_t, const Record&, const decoded::Tickled&) {}
  bool follow(Dialect dialect);
  bool settle_pcpu(std::uint32_t named, std::uint32_t& pcpu);

  // ---- dispatch records; the likely cases are in baker_hot.h, the others in dispatch_records.cpp
  void switched(std::uint32_t pcpu, const decoded::Switched& event, std::uint64_t now);
  void switched_odd(std::uint32_t pcpu, const decoded::Switched& event, std::uint64_t now);
  void continued(std::uint32_t pcpu, const decoded::Continued& event, std::uint64_t now);
  bool has_slices(std::uint32_t who);
  void woken(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now);
  void learn(Vcpu& vcpu, std::uint32_t pcpu, Bucket bucket, std::uint64_t for_ns, std::uint64_t now);
  enum class ExchangesFrom : std::uint8_t { kGrantRecords, kPageOps, kPageCounts };
  void count_exchanges_from(ExchangesFrom records);
  void credit_pending(std::uint32_t pcpu, PcpuState& state);

  // All time goes through here: up to `until_ns` the vCPU was in `bucket`.
  [[gnu::always_inline]] void account_as(Vcpu& vcpu, Bucket bucket, std::uint64_t until_ns) {
    if (options_.watcher != nullptr) [[unlikely]]
      report_time(vcpu, bucket, until_ns);
    vcpu.part.times[bucket] += until_ns - vcpu.since_ns;
    vcpu.since_ns = until_ns;
  }
  [[gnu::always_inline]] void account(Vcpu& vcpu, std::uint64_t until_ns) {
    account_as(vcpu, vcpu.bucket, until_ns);
  }
  static void transition(Vcpu& vcpu, Bucket to, std::uint64_t since_ns, std::uint64_t now);
  void transition(Vcpu& vcpu, Bucket to, std::uint64_t since_ns) { transition(vcpu, to, since_ns, now_ns_); }
  void report_time(const Vcpu& vcpu, Bucket bucket, std::uint64_t until_ns) const;
  void make_unknown(Vcpu& vcpu);
  void lose(std::uint32_t pcpu, std::uint64_t from_ns, std::uint64_t now);
  bool reconcile(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint64_t now);
  bool reconcile_odd(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint64_t now);
  void conflict(Vcpu& vcpu, std::uint64_t now);
  void displace(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now);
  void nobody_runs(std::uint32_t pcpu, std::uint64_t now);
  // `vcpu` has waited, and is about to run on that pCPU.
  [[gnu::always_inline]] void end_wait(Vcpu& vcpu, Histogram& waits, std::uint32_t pcpu, std::uint64_t now) {
    credit_avoidable(vcpu, now);
    const std::uint64_t waited = now - vcpu.entered_ns;
    waits.add(waited);
    if (waited >= options_.slow_wait_ns) [[unlikely]]
      slow_wait(vcpu, pcpu, now);
  }
  void slow_wait(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now);
  void start_running(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
    start_running(vcpu, pcpu, pcpu_state(pcpu), now);
  }
  void start_running(Vcpu& vcpu, std::uint32_t pcpu, PcpuState& state, std::uint64_t now);
  void enter(Vcpu& vcpu, Bucket bucket, std::uint64_t since_ns);
  static void count_as_idle(Vcpu& vcpu, bool is_idle, std::uint64_t now) {
    if (vcpu.counts_as_idle == is_idle) return;
    vcpu.counts_as_idle = is_idle;
    is_idle ? vcpu.pool->begin(now) : vcpu.pool->end(now);
  }
  // It waits, and has done so up to now. Where that is not certain, this is not called, and nothing is
  // credited.
  [[gnu::always_inline]] static void credit_avoidable(Vcpu& vcpu, std::uint64_t now) {
    const std::uint64_t reading = vcpu.pool->reading(now);
    vcpu.part.avoidable_ns += reading - vcpu.idle_reading;
    vcpu.idle_reading = reading;
  }
  static void credit_if_waiting(Vcpu& vcpu, std::uint64_t now) {
    if (is_wait(vcpu.bucket)) credit_avoidable(vcpu, now);
  }
  void distrust_idle(const IdleClock& pool, std::uint64_t now);
  [[nodiscard]] IdleClock& pool_of(std::uint32_t pcpu);
  [[nodiscard]] IdleClock& pool_of(const Vcpu& vcpu);
  void doubt_domain(const Vcpu& vcpu, std::uint64_t from_ns, std::uint64_t now);
  Bucket doubt(Vcpu& vcpu, Bucket bucket);
  void get_to_know(Vcpu& vcpu);
  void stop_running(Vcpu& vcpu, std::uint64_t now);
  static VcpuPart& part_of(Vcpu& vcpu, std::uint32_t pcpu) {
    return vcpu.part.pcpu == pcpu ? vcpu.part : other_part_of(vcpu, pcpu);
  }
  static VcpuPart& other_part_of(Vcpu& vcpu, std::uint32_t pcpu) {
    for (VcpuPart& other : vcpu.parts) {
      if (other.pcpu == pcpu) return other;
    }
    return make_part(vcpu, pcpu);
  }
  static VcpuPart& make_part(Vcpu& vcpu, std::uint32_t pcpu);
  // It is dispatched there.
  [[gnu::always_inline]] void move_to(Vcpu& vcpu, std::uint32_t pcpu) {
    if (vcpu.part.pcpu != pcpu) move_to_other(vcpu, pcpu);
    vcpu.has_run = true;
  }
  [[gnu::noinline]] void move_to_other(Vcpu& vcpu, std::uint32_t pcpu) {
    credit_to_other(vcpu, pcpu);
    if (vcpu.has_run) ++vcpu.part.migrations;
  }
  [[gnu::always_inline]] void credit_to(Vcpu& vcpu, std::uint32_t pcpu) {
    if (vcpu.part.pcpu != pcpu) credit_to_other(vcpu, pcpu);
  }
  [[gnu::noinline]] void credit_to_other(Vcpu& vcpu, std::uint32_t pcpu) {
    std::swap(other_part_of(vcpu, pcpu), vcpu.part);
    vcpu.pool = &pool_of(vcpu);
  }

  Options options_;
  BakeSink* sink_;
  ClockScale scale_;
  Counts counts_;

  static constexpr std::uint64_t kNoEdge = ~std::uint64_t{0};

  bool started_ = false;
  bool interrupted_ = false;
  std::uint64_t base_tsc_ = ~std::uint64_t{0};
  std::uint64_t edge_tsc_ = 0; // a record at or after it closes the current sample
  std::uint64_t edge_ns_ = 0;
  std::uint64_t start_ns_ = 0; // of the current sample
  std::uint64_t now_ns_ = 0;
  std::uint64_t settle_ns_ = 0; // when domains are accounted next, where there are no samples
  std::uint64_t sample_records_ = 0;
  std::uint64_t sample_lost_ = 0;
  // How many pCPUs' records are being lost, or missing altogether; and a bit if clocks differ. 0: the fast
  // paths may be taken.
  static constexpr std::uint32_t kSkewed = 1U << 31;
  std::uint32_t careful_ = 0;
  std::size_t next_unrecorded_ = 0; // in options_.unrecorded_after
  std::uint64_t next_uid_ = 1;
  std::uint64_t losses_ = 0;       // gaps of any kind so far
  std::uint64_t last_loss_ns_ = 0; // until then records may be missing; with losses_ or interrupted_ only

  bool by_dispatch_records_ = false; // and not by Xen's own
  // Some record was about another pCPU than the one in whose buffer it was (core scheduling). So the records
  // that are missing from one buffer may be about any pCPU.
  bool buffers_shared_ = false;
  ExchangesFrom exchanges_from_ = ExchangesFrom::kGrantRecords;

  // The domain that handles pages where the records do not say which one: backends usually are in Dom0.
  static constexpr std::uint32_t kBackend = 0;
  // Grant records come in runs: these are all of one domain on one pCPU, not credited yet.
  std::uint64_t exchanges_where_ = ~std::uint64_t{0}; // granter:16 acting:16 pCPU:32
  Exchanges exchanges_;

  // The vCPU for a record's "vcpu:16 dom:16", because many records are about few vCPUs.
  struct Cached {
    std::uint32_t who = 0;
    Vcpu* vcpu = nullptr;
  };
  // Grows with the number of vCPUs.
  static constexpr std::uint32_t kLeastCachedBits = 10;
  static constexpr std::uint32_t kMostCachedBits = 16;
  // Fibonacci hashing: neighbouring domains' vCPUs are spread over the whole of it.
  [[nodiscard]] std::size_t cache_index(std::uint32_t who) const {
    return (who * 0x9e3779b9U) >> cache_shift_;
  }
  void grow_cache();

  std::uint32_t cache_shift_ = 32 - kLeastCachedBits;
  std::vector<Cached> cache_ = std::vector<Cached>(std::size_t{1} << kLeastCachedBits);
  std::vector<PcpuState> pcpus_;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
  std::vector<std::unique_ptr<Domain>> domains_;
  std::vector<std::uint32_t> free_vcpus_;
  std::vector<std::uint32_t> free_domains_;
  std::vector<std::uint32_t> domain_by_id_; // 65,536 entries: domain slot
  std::vector<std::uint32_t> known_;        // vCPUs whose state is known, for lose()
  std::vector<std::uint32_t> ended_domains_;
  std::vector<xenmon_row> rows_;
  std::vector<xenmon_io_row> io_rows_;
  std::vector<xenmon_domain_row> domain_rows_;
  // One for each cpupool. Empty table: all pCPUs are in the first.
  std::vector<std::unique_ptr<IdleClock>> pools_;
  std::vector<std::uint32_t> pool_by_pcpu_; // position in pools_, or XENMON_NO_PCPU
  IdleClock no_pool_;                       // never runs
  IdleClock nobodys_;                       // of idle pCPUs that are in no pool
  DomainRunstates of_idle_vcpus_{0};        // not used
  SlowWaits slow_waits_;
  std::vector<DomainTotals> ended_totals_;
  std::vector<Presumed> presumed_; // by pCPU
  std::vector<Silence> silences_;
  std::vector<std::uint64_t> clock_restarts_;
};

} // namespace xenmon

// The code that runs for nearly every record, visible to the optimiser.
#include "bake/baker_hot.h"

#endif // XENMON_XENBAKED_BAKE_BAKER_H
