// SPDX-License-Identifier: GPL-2.0-or-later
//
// The part of Baker that runs for nearly every record; included by baker.h alone. The rest is in files by
// concern.
#ifndef XENMON_XENBAKED_BAKE_BAKER_HOT_H
#define XENMON_XENBAKED_BAKE_BAKER_HOT_H

#include <utility>

#include "bake/baker.h"

namespace xenmon {

namespace hot {

// The runstate that a bucket belongs to; kUnknown's is none of Xen's.
inline constexpr std::array<std::uint32_t, kBuckets> kStateOf{XENMON_VCPU_RUNNING,  XENMON_VCPU_RUNNABLE,
                                                              XENMON_VCPU_RUNNABLE, XENMON_VCPU_BLOCKED,
                                                              XENMON_VCPU_OFFLINE,  XENMON_VCPU_UNKNOWN};
// By old and new runstate.
inline constexpr std::array<std::array<Bucket, 4>, 4> kBucketOf{{{kRunning, kWaitPreempt, kBlocked, kOffline},
                                                                 {kRunning, kWaitWake, kBlocked, kOffline},
                                                                 {kRunning, kWaitWake, kBlocked, kOffline},
                                                                 {kRunning, kWaitWake, kBlocked, kOffline}}};

// From blocked to runnable.
inline constexpr std::uint32_t kDispatchWake = event::kDispatchRunstate |
                                               std::uint32_t{XENMON_VCPU_BLOCKED} << 8 |
                                               std::uint32_t{XENMON_VCPU_RUNNABLE} << 4;

// What a vCPU does that has left for that cause (event::Cause).
inline constexpr std::array<Bucket, 16> kBucketAfter{kWaitPreempt, kBlocked,     kWaitPreempt, kWaitPreempt,
                                                     kWaitPreempt, kOffline,     kWaitPreempt, kWaitPreempt,
                                                     kWaitPreempt, kWaitPreempt, kWaitPreempt, kWaitPreempt,
                                                     kWaitPreempt, kWaitPreempt, kWaitPreempt, kWaitPreempt};

// The events of the class kSchedulerVerboseClass that are used, one bit each.
inline constexpr std::uint32_t kOurVerbose =
    1U << (event::kDomainAdd & 31U) | 1U << (event::kDomainRemove & 31U) |
    1U << (event::kSwitchInfNext & 31U) | 1U << (event::kSwitchInfCont & 31U);

} // namespace hot

// Of the class kSchedulerVerboseClass, with a TSC, and not ours.
inline bool Baker::ignores(std::uint32_t header) {
  return (header & (kHasTsc | event::kClassMask)) == (kHasTsc | event::kSchedulerVerboseClass) &&
         ((hot::kOurVerbose >> (header & 31U)) & 1U) == 0;
}

[[gnu::always_inline]] inline void Baker::expect(const std::byte* record) const {
  const auto header = load_word<std::uint32_t>(record);
  const bool runstate = (header & (kHasTsc | event::kRunstateMask)) == (kHasTsc | event::kRunstateChange);
  const bool dispatch = (header & (kHasTsc | event::kClassMask)) == (kHasTsc | event::kDispatchClass);
  if (!runstate && !dispatch) return;
  const auto fetch = [this](std::uint32_t who) {
    const Cached& cached = cache_[cache_index(who)];
    if (cached.vcpu == nullptr) return;
    const auto* at = reinterpret_cast<const std::byte*>(cached.vcpu);
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + 64, 1);
    __builtin_prefetch(at + 128, 1);
  };
  fetch(load_word<std::uint32_t>(record + 12));
  if (dispatch && extra_bytes(header) >= 20) fetch(load_word<std::uint32_t>(record + 16));
}

// Always inline: it is called from few places, of which one is the loop over all records. Code that is not
// inlined gets a copy of the record, so that the record itself stays in registers. Only what fills a trace is
// decoded here, by decode.h's shortcuts; the rest takes decode().
[[gnu::always_inline]] inline void Baker::apply(std::uint32_t pcpu, const Record& record) {
  if (record.tsc >= edge_tsc_) [[unlikely]]
    advance_to(record.tsc);
  ++sample_records_;
  const std::uint32_t event = record.event();
  if (is_runstate_change(event)) {
    if (by_dispatch_records_) return;
    if (record.extra_words() == 0) [[unlikely]] {
      counts_.bad.add(XENMON_BAD_WORDS);
      return;
    }
    const decoded::RunstateChange change = decode_runstate_change(record, Dialect::kXen);
    runstate(pcpu, change.from, change.to, change.who, set_now(record.tsc));
    return;
  }
  if (by_dispatch_records_) {
    if (is_full_switch(record.header)) {
      switched(pcpu, decode_full_switch(record), set_now(record.tsc));
      return;
    }
    if (event == hot::kDispatchWake && record.extra_words() == 1) {
      woken(pcpu, record.word(0), set_now(record.tsc));
      return;
    }
    if ((event & event::kClassMask) == event::kSchedulerVerboseClass) return;
  }
  if (is_unit_chosen(record)) [[likely]] {
    const decoded::UnitChosen unit = decode_unit_chosen(record);
    chosen(pcpu, unit.domid, unit.unit, unit.waited_ns, unit.slice_ns, record.tsc);
    return;
  }
  if (is_grant_used(record)) {
    const decoded::GrantUsed grant = decode_grant_used(record);
    if (exchanges_from_ == ExchangesFrom::kGrantRecords)
      exchange(pcpu, static_cast<IoKind>(grant.kind), grant.granter);
    return;
  }
  apply_rest(pcpu, Record(record));
}

// What does not fill every trace: not inlined, for the sake of what does.
[[gnu::noinline]] inline void Baker::apply_rest(std::uint32_t pcpu, const Record& record) {
  if (is_continued(record)) {
    if (!by_dispatch_records_) continue_running(pcpu, decode_continued(record).who, set_now(record.tsc));
  } else if (is_slice_granted(record)) {
    const decoded::SliceGranted unit = decode_slice_granted(record);
    slice(pcpu, unit.domid, unit.unit, unit.slice_ns, record.tsc);
  } else {
    apply_decoded(pcpu, record);
  }
}

// The same as two changes of runstate and a slice, in one step if everything is as expected.
[[gnu::always_inline]] inline void Baker::switched(std::uint32_t pcpu, const decoded::Switched& event,
                                                   std::uint64_t now) {
  PcpuState& state = pcpu_state(pcpu);
  if (!state.pending.empty()) credit_pending(pcpu, state);
  Vcpu* const left = cached_vcpu(event.left);
  Vcpu* const came = cached_vcpu(event.came);
  if (left == nullptr || came == nullptr || left == came || careful_ != 0 || event.pcpu != kNotNamed ||
      state.current != left->slot || left->bucket != kRunning || left->part.pcpu != pcpu ||
      came->part.pcpu != pcpu || (came->bucket != kWaitWake && came->bucket != kWaitPreempt) ||
      !may_be_wait(now - came->entered_ns, event.waited.ns)) [[unlikely]] {
    switched_odd(pcpu, decoded::Switched(event), now);
    return;
  }
  account(*left, now);
  left->distribution().run.add(now - left->entered_ns);
  transition(*left, hot::kBucketAfter[event.ran.cause], now, now);

  account(*came, now);
  VcpuHistograms& distribution = came->distribution();
  end_wait(*came, came->bucket == kWaitWake ? distribution.wake_wait : distribution.preempt_wait, pcpu, now);
  transition(*came, kRunning, now, now);
  came->has_run = true;
  ++came->part.executions;
  if (event.slice_ns != 0) came->part.slices.add(event.slice_ns);
  state.current = came->slot;
  state.recent.begin(came->slot, now);
}

// The same as a change of runstate, if everything is as expected.
inline void Baker::woken(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now) {
  Vcpu* const vcpu = find_vcpu(who);
  if (vcpu == nullptr || vcpu->bucket != kBlocked || vcpu->part.pcpu == XENMON_NO_PCPU || careful_ != 0)
      [[unlikely]] {
    runstate(pcpu, XENMON_VCPU_BLOCKED, XENMON_VCPU_RUNNABLE, who, now);
    return;
  }
  account(*vcpu, now);
  transition(*vcpu, kWaitWake, now, now);
}

// Never backwards: a late record counts as now.
[[gnu::always_inline]] inline std::uint64_t Baker::set_now(std::uint64_t tsc) {
  const std::uint64_t ns = tsc > base_tsc_ ? scale_.to_ns(tsc - base_tsc_) : 0;
  if (ns > now_ns_) now_ns_ = ns;
  return now_ns_;
}

// Reconciles what is known with a record's old state and accounts up to now. False: the record is not about
// the present and must not be applied.
inline bool Baker::reconcile(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint64_t now) {
  if (hot::kStateOf[vcpu.bucket] == from && (vcpu.bucket != kRunning || vcpu.part.pcpu == pcpu)) [[likely]] {
    account(vcpu, now);
    return true;
  }
  return reconcile_odd(vcpu, pcpu, from, now);
}

// Xen's word for a wait begins when the vCPU left its pCPU, so it is never less than the wait.
inline bool Baker::may_be_wait(std::uint64_t measured_ns, std::uint64_t told_ns) const {
  return measured_ns <= told_ns + kMissingNs + (measured_ns >> 8) || !options_.check_waits;
}

// The one place that changes a vCPU's state: what it is in from `since_ns` on. The time until then has been
// accounted. What its domain does as a whole, and which pCPUs are idle, changes `now`, even if the vCPU's
// state is known to have begun earlier.
[[gnu::always_inline]] inline void Baker::transition(Vcpu& vcpu, Bucket to, std::uint64_t since_ns,
                                                     std::uint64_t now) {
  if (vcpu.domain_runstates != nullptr) {
    if (vcpu.idle) {
      count_as_idle(vcpu, to == kRunning, now);
    } else {
      vcpu.domain_runstates->changed(vcpu.bucket, to, now);
    }
  }
  if (is_wait(to)) vcpu.idle_reading = vcpu.pool->reading(now);
  vcpu.bucket = to;
  vcpu.entered_ns = since_ns;
}

inline void Baker::enter(Vcpu& vcpu, Bucket bucket, std::uint64_t now) {
  transition(vcpu, bucket, now);
  if (!vcpu.known) [[unlikely]]
    get_to_know(vcpu);
}

inline void Baker::start_running(Vcpu& vcpu, std::uint32_t pcpu, PcpuState& state, std::uint64_t now) {
  if (state.current != XENMON_NO_SLOT && state.current != vcpu.slot) [[unlikely]]
    displace(vcpu, pcpu, now);
  move_to(vcpu, pcpu);
  state.current = vcpu.slot;
  state.any_run = true;
  state.recent.begin(vcpu.slot, now);
  ++vcpu.part.executions;
  enter(vcpu, kRunning, now);
}

[[gnu::always_inline]] inline void Baker::stop_running(Vcpu& vcpu, std::uint64_t now) {
  vcpu.distribution().run.add(now - vcpu.entered_ns);
  vcpu.left_ns = now;
  PcpuState& state = pcpu_state(vcpu.part.pcpu);
  if (state.current == vcpu.slot) state.current = XENMON_NO_SLOT;
}

inline void Baker::runstate(std::uint32_t pcpu, std::uint32_t from, std::uint32_t to, std::uint32_t who,
                            std::uint64_t now) {
  Vcpu* found = find_vcpu(who);
  if (found == nullptr) [[unlikely]]
    return;
  change_state(*found, pcpu, from, to, now);
}

inline void Baker::change_state(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to,
                                std::uint64_t now) {
  if (careful_ != 0) [[unlikely]] {
    change_state_in_doubt(vcpu, pcpu, from, to, now);
  } else {
    change_state_as(vcpu, pcpu, from, to, now, [](Bucket bucket) { return bucket; });
  }
}

// `judge` says what the vCPU's new state, if it does not run, is to be taken for.
template <class Judge>
inline void Baker::change_state_as(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to,
                                   std::uint64_t now, Judge judge) {
  // An idle vCPU belongs to its pCPU, whichever pCPU reports it (core scheduling).
  if (vcpu.idle) pcpu = vcpu.vcpu_id;
  if (to == XENMON_VCPU_RUNNING && vcpu.told_wait_ns != 0) {
    const std::uint64_t told_ns = std::exchange(vcpu.told_wait_ns, 0);
    if (vcpu.bucket == kUnknown || now - vcpu.entered_ns > told_ns + kMissingNs) [[unlikely]]
      check_told_wait(vcpu, told_ns, now);
  }
  if (!reconcile(vcpu, pcpu, from, now)) [[unlikely]]
    return;
  if (from == to) [[unlikely]]
    return;

  if (vcpu.bucket == kRunning) {
    stop_running(vcpu, now);
  } else if (to == XENMON_VCPU_RUNNING) {
    if (vcpu.bucket == kWaitWake) {
      end_wait(vcpu, vcpu.distribution().wake_wait, pcpu, now);
    } else if (vcpu.bucket == kWaitPreempt) {
      end_wait(vcpu, vcpu.distribution().preempt_wait, pcpu, now);
    }
    start_running(vcpu, pcpu, now);
    return;
  }
  if (vcpu.part.pcpu == XENMON_NO_PCPU) [[unlikely]] {
    // It has not run yet: its time belongs to the pCPU that reports it.
    if (from == XENMON_VCPU_RUNNING || to == XENMON_VCPU_RUNNABLE) credit_to(vcpu, pcpu);
    vcpu.has_run = from == XENMON_VCPU_RUNNING;
  }
  if (from == XENMON_VCPU_RUNNABLE) [[unlikely]]
    credit_if_waiting(vcpu, now);
  enter(vcpu, judge(hot::kBucketOf[from][to]), now);
}

inline void Baker::continue_known(Vcpu& vcpu, std::uint64_t now) {
  account(vcpu, now);
  vcpu.distribution().run.add(now - vcpu.entered_ns);
  vcpu.entered_ns = now;
  ++vcpu.part.executions;
  ++vcpu.part.continues;
}

inline void Baker::continue_running(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now) {
  Vcpu* vcpu = find_vcpu(who);
  if (vcpu != nullptr && vcpu->bucket == kRunning && vcpu->part.pcpu == pcpu) [[likely]] {
    continue_known(*vcpu, now);
  } else {
    continue_running_odd(pcpu, who, now);
  }
}

// A unit will run. What Xen says of its waiting counts only in front of the switch: after it, it would be of
// the next wait.
inline void Baker::chosen(std::uint32_t pcpu, std::uint32_t domid, std::uint32_t unit,
                          std::uint32_t waited_ns, std::uint32_t slice_ns, std::uint64_t tsc) {
  const bool limited = slice_ns - 1 < 0x7fffffffU;
  // All ones is what some tools write for what does not fit.
  const bool tells_wait = options_.check_waits && domid < XENMON_DOMID_IDLE && waited_ns != 0xffffffffU;
  if (!limited && !tells_wait) return;
  if ((domid | unit) > 0xffffU) [[unlikely]] {
    if (limited) counts_.bad.add(XENMON_BAD_CONTENT);
    return;
  }
  // A vCPU that no record has named so far has no state that a word about its wait could belong to.
  const std::uint32_t who = domid << 16 | unit;
  const Cached& cached = cache_[cache_index(who)];
  Vcpu* vcpu = cached.who == who ? cached.vcpu : nullptr;
  if (vcpu == nullptr) [[unlikely]]
    vcpu = limited ? find_vcpu_at(who, tsc) : known_vcpu(who);
  if (vcpu == nullptr) return;
  if (limited) part_of(*vcpu, pcpu).slices.add(slice_ns);
  if (tells_wait && vcpu->bucket != kRunning) vcpu->told_wait_ns = waited_ns;
}

inline void Baker::slice(std::uint32_t pcpu, std::uint32_t domid, std::uint32_t unit, std::uint32_t slice_ns,
                         std::uint64_t tsc) {
  if (slice_ns - 1 >= 0x7fffffffU) return; // no limit (idle, null, RTDS idle: -1)
  // A unit has the number of its first vCPU. Old records name the domain only; they predate multi-vCPU
  // units, and its vCPU 0 stands for it.
  const std::uint32_t vcpu_id = unit == XENMON_NO_SLOT ? 0 : unit;
  if ((domid | vcpu_id) > 0xffffU) [[unlikely]] {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return;
  }
  Vcpu* vcpu = find_vcpu_at(domid << 16 | vcpu_id, tsc);
  if (vcpu != nullptr) part_of(*vcpu, pcpu).slices.add(slice_ns); // reported before the switch itself
}

inline void Baker::exchange(std::uint32_t pcpu, IoKind kind, std::uint32_t domid) {
  if (domid >= kFirstReservedDomid) [[unlikely]] {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return;
  }
  ++exchanges_with(domid, kBackend, pcpu).counts[kind];
}

// Where exchanges on that pCPU between these two domains are added up.
inline Exchanges& Baker::exchanges_with(std::uint32_t granter, std::uint32_t acting, std::uint32_t pcpu) {
  const std::uint64_t where = std::uint64_t{granter} << 48 | std::uint64_t{acting} << 32 | pcpu;
  if (where != exchanges_where_) [[unlikely]] {
    credit_exchanges();
    exchanges_where_ = where;
  }
  return exchanges_;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_BAKER_HOT_H
