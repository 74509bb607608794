// SPDX-License-Identifier: GPL-2.0-or-later
//
// The records of XenMon's patches to Xen, where they are not as expected.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

namespace {

std::uint32_t with_words(std::uint32_t header, std::uint32_t words) {
  return (header & ~(7U << 28)) | words << 28;
}

} // namespace

// If a trace contains both kinds of records and nothing announced it, Xen's own record has already given the
// slice that the very first dispatch record gives again.
bool Baker::has_slices(std::uint32_t who) {
  const Vcpu* vcpu = find_vcpu(who);
  if (vcpu == nullptr) return false;
  const auto any = [](const VcpuPart& part) { return part.slices.count != 0; };
  return vcpu->slices.count != 0 || any(vcpu->part) ||
         std::any_of(vcpu->parts.begin(), vcpu->parts.end(), any);
}

// False: the record is bad. The likely cases are handled elsewhere, unless it is the first of its kind.
bool Baker::apply_odd_dispatch_record(std::uint32_t pcpu, Record record) {
  if (options_.stock_records) return true;
  const std::uint32_t words = record.extra_words();
  const std::uint32_t event = record.event();
  if (words == 0) return false;
  if (event == event::kAcctPageOp) {
    if (words < 2) return false;
    page_op(pcpu, record);
    return true;
  }
  if (event == event::kAcctDomainAdd) {
    by_dispatch_records_ = true;
    domain_added(record.word(0), set_now(record.tsc));
    return true;
  }
  if (event == event::kAcctDomainRemove) {
    by_dispatch_records_ = true;
    domain_removed(record.word(0), set_now(record.tsc));
    return true;
  }
  if (event == event::kAcctSwitch) {
    if (words < 6) return false;
    if (!by_dispatch_records_ && has_slices(record.word(1))) record.header = with_words(record.header, 6);
    by_dispatch_records_ = true;
    switched(pcpu, record, set_now(record.tsc));
    return true;
  }
  if (!by_dispatch_records_ &&
      (event == event::kAcctContinue || (event & event::kRunstateMask) == event::kAcctRunstate)) {
    if (event == event::kAcctContinue && has_slices(record.word(0)))
      record.header = with_words(record.header, 1);
    by_dispatch_records_ = true;
    // Xen's own record has given it already.
    const Vcpu* vcpu = event == event::kAcctContinue ? find_vcpu(record.word(0)) : nullptr;
    if (vcpu != nullptr && vcpu->bucket == kRunning && vcpu->part.pcpu == pcpu) return true;
    return apply_dispatch_record(pcpu, record);
  }
  return true;
}

// A switch about which not everything was known before.
void Baker::switched_odd(std::uint32_t pcpu, const Record& record, std::uint64_t now) {
  const hot::AcctTime ran = hot::acct_time(record, 2);
  const hot::AcctTime waited = hot::acct_time(record, 4);
  if (Vcpu* left = find_vcpu(record.word(0))) {
    if (left->bucket == kUnknown) learn(*left, pcpu, kRunning, ran.ns, now);
    change_state(*left, pcpu, XENMON_VCPU_RUNNING, hot::kStateOf[hot::kBucketAfter[ran.cause]], now);
  }
  if (record.extra_words() >= 7)
    slice(pcpu, record.word(1) >> 16, record.word(1) & 0xffffU, record.word(6), record.tsc);
  if (Vcpu* came = find_vcpu(record.word(1))) {
    const bool woken = waited.cause == event::kCauseWoken || waited.cause == event::kCauseUnpaused;
    const bool waits = came->bucket == kWaitWake || came->bucket == kWaitPreempt;
    if (waits && !may_be_wait(now - came->entered_ns, waited.ns)) {
      // Records are missing; but Xen says how that time ended.
      ++counts_.waits_contradicted;
      ++counts_.state_conflicts;
      doubt_domain(*came, came->since_ns, now);
      set_bucket(*came, kUnknown, now);
    }
    if (came->bucket == kUnknown && waited.cause != event::kCauseNone)
      learn(*came, pcpu, woken ? kWaitWake : kWaitPreempt, waited.ns, now);
    // Schedulers take away a vCPU that has used up its cap, and return it without a record.
    const bool given_back = came->bucket == kOffline && waited.cause == event::kCauseNone;
    change_state(*came, pcpu, given_back ? XENMON_VCPU_OFFLINE : XENMON_VCPU_RUNNABLE, XENMON_VCPU_RUNNING,
                 now);
  }
}

// No record had given the vCPU's state, but Xen now says in which state it has been, and for how long. The
// part in a published sample stays unknown.
void Baker::learn(Vcpu& vcpu, std::uint32_t pcpu, Bucket bucket, std::uint64_t for_ns, std::uint64_t now) {
  if (vcpu.ended) return;
  if (vcpu.idle) pcpu = vcpu.vcpu_id;
  const std::uint64_t entered = now > for_ns ? now - for_ns : 0;
  account(vcpu, std::clamp(entered, vcpu.since_ns, now));
  if (bucket == kRunning) {
    displace(vcpu, pcpu, now);
    credit_to(vcpu, pcpu);
    vcpu.has_run = true;
    PcpuState& state = pcpu_state(pcpu);
    state.current = vcpu.slot;
    state.any_run = true;
    state.recent.begin(vcpu.slot, entered);
  }
  set_bucket(vcpu, bucket, now);
  vcpu.entered_ns = entered;
  vcpu.observed = true;
}

// The counts from now on repeat those of the execution that has not ended yet: anything not credited yet does
// not count.
void Baker::count_exchanges_from(ExchangesFrom records) {
  if (exchanges_from_ == records) [[likely]]
    return;
  exchanges_from_ = records;
  exchanges_ = {};
  for (PcpuState& state : pcpus_) state.pending.clear();
}

// Only if they are not summed up as well.
void Baker::page_op(std::uint32_t pcpu, const Record& record) {
  if (exchanges_from_ == ExchangesFrom::kPageCounts) return;
  count_exchanges_from(ExchangesFrom::kPageOps);
  const std::uint32_t granter = record.word(0) & 0xffffU;
  std::uint32_t kind = record.word(0) >> 16;
  if (kind == kIoCopy + 1) kind = kIoCopy; // into the granted page instead of out of it
  if (kind >= kIoKinds || granter >= kFirstReservedDomid) {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return;
  }
  auto& pending = pcpu_state(pcpu).pending;
  auto found =
      std::find_if(pending.begin(), pending.end(), [&](const auto& of) { return of.first == granter; });
  if (found == pending.end()) found = pending.insert(found, {granter, {}});
  ++found->second.counts[kind];
  if (kind == kIoCopy) found->second.copy_bytes += record.word(1);
}

// Page counts belong to the execution that ends with the next record.
void Baker::apply_untimed(std::uint32_t pcpu, const Record& record) {
  if (record.event() != event::kAcctPageCounts || options_.stock_records) return;
  const std::uint32_t words = record.extra_words();
  const std::uint32_t granter = words == 0 ? kFirstReservedDomid : record.word(0) & 0xffffU;
  if (words < 2 || granter >= kFirstReservedDomid) {
    counts_.bad.add(words < 2 ? XENMON_BAD_WORDS : XENMON_BAD_CONTENT);
    return;
  }
  count_exchanges_from(ExchangesFrom::kPageCounts);
  Exchanges done;
  done.counts[kIoCopy] = record.word(0) >> 16;
  done.copy_bytes = record.word(1);
  if (words >= 3) {
    done.counts[kIoMap] = record.word(2) & 0xffffU;
    done.counts[kIoUnmap] = record.word(2) >> 16;
  }
  if (words >= 4) done.counts[kIoTransfer] = record.word(3);
  if (by_dispatch_records_) {
    pcpu_state(pcpu).pending.emplace_back(granter, done);
  } else {
    exchanges_with(granter, pcpu).add(done);
  }
}

void Baker::credit_all() {
  for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) credit_pending(pcpu, pcpus_[pcpu]);
  credit_exchanges();
}

void Baker::credit_pending(std::uint32_t pcpu, PcpuState& state) {
  for (const auto& [granter, exchanges] : state.pending) exchanges_with(granter, pcpu).add(exchanges);
  state.pending.clear();
}

} // namespace xenmon
