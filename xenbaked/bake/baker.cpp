// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/baker.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace xenmon {

namespace {

constexpr std::uint32_t kStateRunning = XENMON_VCPU_RUNNING;

} // namespace

Baker::Baker(const Options& options, BakeSink* sink)
    : options_(options),
      sink_(sink),
      scale_(options.cpu_khz),
      domain_by_id_(65536, XENMON_NO_SLOT),
      slow_waits_(options.waits_per_sample) {
  options_.sample_ns = std::min(options_.sample_ns, kMaxSampleNs);
  if (options_.pcpus_missing) ++careful_;
  if (!options_.clock_ahead_ns.empty()) careful_ |= kSkewed;
  if (sink_ == nullptr) options_.slow_wait_ns = ~std::uint64_t{0};
  if (!options_.stock_records && (options_.event_mask & event::kAccountingOnly) != 0) {
    accounting_ = (options_.event_mask & event::kAcctDispatches) != 0;
    if ((options_.event_mask & event::kAcctPages) != 0) exchanges_from_ = ExchangesFrom::kPageCounts;
  }
  if (!options_.stock_records) {
    accounting_ = accounting_ || options_.has_dispatches;
    if (options_.has_page_counts) exchanges_from_ = ExchangesFrom::kPageCounts;
  }
}

[[gnu::cold]] void Baker::hear_of_pcpu(std::uint32_t pcpu) {
  pcpus_.resize(pcpu + 1);
  presumed_.resize(pcpu + 1);
}

// ---- time and samples

void Baker::start(std::uint64_t tsc) {
  started_ = true;
  base_tsc_ = std::min(base_tsc_, tsc);
  make_unheard_pcpus();
  set_edge(options_.sample_ns != 0 ? options_.sample_ns : kMaxSilentWaitNs);
}

// Those that may have no records at all: they are there all the same.
void Baker::make_unheard_pcpus() {
  for (const std::uint32_t pcpu : options_.pcpus) {
    Vcpu* vcpu = find_vcpu(XENMON_DOMID_IDLE << 16 | (pcpu & 0xffffU));
    if (vcpu == nullptr) continue;
    pcpu_state(pcpu);
    credit_to(*vcpu, pcpu);
    vcpu->silent = true;
  }
}

// It has run since the trace began, as far as that has not been published yet.
void Baker::believe_silence(Vcpu& vcpu) {
  vcpu.silent = false;
  if (pcpu_state(vcpu.vcpu_id).any_run) return; // another one has been seen there
  vcpu.bucket = kRunning;
  vcpu.entered_ns = vcpu.since_ns;
  vcpu.known = true;
  known_.push_back(vcpu.slot);
  PcpuState& state = pcpu_state(vcpu.vcpu_id);
  state.current = vcpu.slot;
  state.recent.begin(vcpu.slot, vcpu.since_ns);
}

void Baker::set_edge(std::uint64_t ns) {
  edge_ns_ = ns;
  const std::uint64_t cycles = scale_.to_cycles(ns);
  // Beyond what the clock can tell there is no edge.
  edge_tsc_ = cycles == ClockScale::kNever || cycles > kNoEdge - base_tsc_ ? kNoEdge : base_tsc_ + cycles;
  if (next_unrecorded_ < options_.unrecorded_after.size())
    edge_tsc_ = std::min(edge_tsc_, options_.unrecorded_after[next_unrecorded_] + 1);
}

bool Baker::anybody_waits() const {
  return std::any_of(known_.begin(), known_.end(), [&](std::uint32_t slot) {
    const Vcpu& vcpu = *vcpus_[slot];
    return !vcpu.idle && (vcpu.bucket == kWaitWake || vcpu.bucket == kWaitPreempt);
  });
}

// The next record is of `next_ns`. Was anything recorded since the last one?
void Baker::notice_silence(std::uint64_t next_ns) {
  const std::uint64_t silent_ns = next_ns > now_ns_ ? next_ns - now_ns_ : 0;
  bool unrecorded = silent_ns > kMaxSilenceNs || (silent_ns > kMaxSilentWaitNs && anybody_waits());
  while (next_unrecorded_ < options_.unrecorded_after.size() &&
         to_trace_ns(options_.unrecorded_after[next_unrecorded_]) < next_ns) {
    now_ns_ = std::max(now_ns_, to_trace_ns(options_.unrecorded_after[next_unrecorded_]));
    ++next_unrecorded_;
    unrecorded = true;
  }
  if (!unrecorded) return;
  if (silences_.size() < kSilencesKept) silences_.push_back({now_ns_, next_ns});
  discontinuity();
}

void Baker::advance_to(std::uint64_t tsc) {
  if (!started_) start(tsc);
  if (tsc < edge_tsc_ || edge_tsc_ == kNoEdge) return;
  const std::uint64_t ns = to_trace_ns(tsc);
  notice_silence(ns);
  if (options_.sample_ns == 0) {
    set_edge(ns + kMaxSilentWaitNs); // only looked at for the sake of silences
    return;
  }
  if (ns < edge_ns_) {
    set_edge(edge_ns_); // it was not an edge of a sample
    return;
  }
  while (tsc >= edge_tsc_ && edge_tsc_ != kNoEdge) {
    const std::uint64_t whole = (ns - edge_ns_) / options_.sample_ns;
    now_ns_ = std::max(now_ns_, edge_ns_);
    close_sample(edge_ns_, true);
    if (whole > kMaxEmptySamples) {
      // One leap instead of very many samples in which nothing happens.
      now_ns_ = edge_ns_ + whole * options_.sample_ns;
      close_sample(now_ns_, false);
    }
    set_edge(start_ns_ + options_.sample_ns);
  }
}

void Baker::reach(std::uint64_t ns, std::uint64_t next_tsc) {
  if (!started_ || options_.sample_ns == 0) return;
  notice_silence(to_trace_ns(next_tsc));
  while (edge_ns_ <= ns && edge_tsc_ != kNoEdge) {
    const std::uint64_t whole = (ns - edge_ns_) / options_.sample_ns;
    now_ns_ = std::max(now_ns_, edge_ns_);
    close_sample(edge_ns_, true);
    if (whole > kMaxEmptySamples) {
      // A leap as well, but what comes before `ns` is wanted.
      now_ns_ = edge_ns_ + (whole - kMaxEmptySamples) * options_.sample_ns;
      close_sample(now_ns_, false);
    }
    set_edge(start_ns_ + options_.sample_ns);
  }
}

void Baker::finish(std::uint64_t tsc) {
  if (!started_) return;
  advance_to(tsc);
  const std::uint64_t end = set_now(tsc);
  for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) credit_pending(pcpu, pcpus_[pcpu]);
  // Where the clock has no edges any more a sample may be too long for its rows.
  if (end > start_ns_ || options_.sample_ns == 0) close_sample(end, end - start_ns_ <= kMaxSampleNs);
}

// `publish` false: the time is accounted for, but no sink hears of it.
void Baker::close_sample(std::uint64_t end_ns, bool publish) {
  if (exchanges_from_ == ExchangesFrom::kPageOps) { // told one by one, these are all of this sample
    for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) credit_pending(pcpu, pcpus_[pcpu]);
  }
  credit_exchanges();
  rows_.clear();
  io_rows_.clear();
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (!vcpu || (vcpu->ended && vcpu->since_ns <= start_ns_ && vcpu->part.empty())) continue;
    if (vcpu->silent && end_ns >= kIdleIsSilentNs) [[unlikely]]
      believe_silence(*vcpu);
    account(*vcpu, end_ns);
    fold(*vcpu, publish);
  }
  if (sink_ != nullptr && publish) {
    for (const std::unique_ptr<Domain>& domain : domains_) {
      if (!domain || domain->io_parts.empty()) continue;
      for (IoPart& part : domain->io_parts) {
        if (part.exchanges.empty()) continue;
        xenmon_io_row row{};
        row.domain_slot = domain->slot;
        row.pcpu = part.pcpu;
        row.map = static_cast<std::uint32_t>(part.exchanges.counts[kIoMap]);
        row.unmap = static_cast<std::uint32_t>(part.exchanges.counts[kIoUnmap]);
        row.transfer = static_cast<std::uint32_t>(part.exchanges.counts[kIoTransfer]);
        row.copy = static_cast<std::uint32_t>(part.exchanges.counts[kIoCopy]);
        row.copy_bytes = part.exchanges.copy_bytes;
        io_rows_.push_back(row);
        part.exchanges = {};
      }
    }
    BakedSample sample;
    sample.start_ns = start_ns_;
    sample.end_ns = end_ns;
    sample.lost_records = sample_lost_;
    sample.records = sample_records_;
    sample.rows = rows_;
    sample.io_rows = io_rows_;
    sample.waits = slow_waits_.waits();
    sample.waits_left_out = slow_waits_.left_out();
    sink_->on_sample(*this, sample);
    slow_waits_.clear();
    ++counts_.samples;
    sample_records_ = sample_lost_ = 0;
  }
  start_ns_ = end_ns;
  collect_ended(end_ns);
}

// Closes a vCPU's part of the sample: into the totals, into the rows, and clean for the next one.
void Baker::fold(Vcpu& vcpu, bool publish) {
  std::uint64_t total = 0;
  const auto take = [&](VcpuPart& part) {
    if (part.empty()) return;
    if (sink_ != nullptr && publish) emit(vcpu, part);
    for (std::size_t i = 0; i < kBuckets; ++i) {
      vcpu.times[i] += part.times[i];
      total += part.times[i];
    }
    vcpu.executions += part.executions;
    vcpu.continues += part.continues;
    vcpu.slices.add(part.slices);
    if (part.times[kRunning] != 0) {
      auto& by_pcpu = vcpu.running_by_pcpu;
      auto at =
          std::find_if(by_pcpu.begin(), by_pcpu.end(), [&](const auto& e) { return e.first == part.pcpu; });
      if (at == by_pcpu.end()) at = by_pcpu.insert(at, {part.pcpu, 0});
      at->second += part.times[kRunning];
    }
    part.reset();
  };
  take(vcpu.part);
  for (VcpuPart& part : vcpu.parts) take(part);
  // Keep the pCPUs of this sample: they are the likely ones of the next. A vCPU that wanders over many
  // starts afresh.
  if (vcpu.parts.size() > 8) vcpu.parts.clear();
  if (total != vcpu.since_ns - start_ns_) ++counts_.conservation_violations;
}

void Baker::emit(const Vcpu& vcpu, const VcpuPart& part) {
  const auto narrow = [](std::uint64_t ns) { return static_cast<std::uint32_t>(ns); };
  xenmon_row row{};
  row.vcpu_slot = vcpu.slot;
  row.domain_slot = vcpu.domain_slot;
  row.pcpu = part.pcpu;
  row.running_ns = narrow(part.times[kRunning]);
  row.waited_wake_ns = narrow(part.times[kWaitWake]);
  row.waited_preempt_ns = narrow(part.times[kWaitPreempt]);
  row.blocked_ns = narrow(part.times[kBlocked]);
  row.offline_ns = narrow(part.times[kOffline]);
  row.unknown_ns = narrow(part.times[kUnknown]);
  row.executions = narrow(part.executions);
  row.continues = narrow(part.continues);
  row.slice_count = narrow(part.slices.count);
  row.slice_sum_ns = part.slices.sum_ns;
  row.slice_min_ns = part.slices.min_ns;
  row.slice_max_ns = part.slices.max_ns;
  rows_.push_back(row);
}

// ---- domains and vCPUs

Domain& Baker::make_domain(std::uint32_t domid, bool born, std::uint64_t now) {
  std::uint32_t slot;
  if (free_domains_.empty()) {
    slot = static_cast<std::uint32_t>(domains_.size());
    domains_.emplace_back();
  } else {
    slot = free_domains_.back();
    free_domains_.pop_back();
  }
  domains_[slot] = std::make_unique<Domain>();
  Domain& domain = *domains_[slot];
  domain.slot = slot;
  domain.domid = domid;
  domain.uid = next_uid_++;
  domain.born = born;
  domain.born_ns = now;
  // Where records are being lost at that moment, the next ones about it may be among them.
  if (born && gaps_open() != 0) domain.loss_ns = now;
  domain_by_id_[domid] = slot;
  return domain;
}

Vcpu* Baker::look_up_vcpu(std::uint32_t who) {
  const std::uint32_t domid = who >> 16;
  const std::uint32_t vcpu_id = who & 0xffffU;
  Vcpu* vcpu = nullptr;
  if (const Domain* domain = find_domain(domid)) {
    if (vcpu_id < domain->vcpus.size() && domain->vcpus[vcpu_id] != XENMON_NO_SLOT) {
      vcpu = vcpus_[domain->vcpus[vcpu_id]].get();
    }
  }
  if (vcpu == nullptr) vcpu = make_vcpu(domid, vcpu_id);
  if (vcpu != nullptr) cache_[cache_index(who)] = {who, vcpu};
  return vcpu;
}

// nullptr if there can be no such vCPU; that is counted.
Vcpu* Baker::make_vcpu(std::uint32_t domid, std::uint32_t vcpu_id) {
  const bool idle = domid == XENMON_DOMID_IDLE;
  if ((domid >= kFirstReservedDomid && !idle) || vcpu_id >= kMaxVcpuId ||
      vcpus_.size() - free_vcpus_.size() >= kMaxVcpus) {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return nullptr;
  }
  Domain* domain = find_domain(domid);
  if (domain == nullptr) domain = &make_domain(domid, false, now_ns_);
  std::uint32_t slot;
  if (free_vcpus_.empty()) {
    slot = static_cast<std::uint32_t>(vcpus_.size());
    vcpus_.emplace_back();
  } else {
    slot = free_vcpus_.back();
    free_vcpus_.pop_back();
  }
  vcpus_[slot] = std::make_unique<Vcpu>();
  Vcpu& vcpu = *vcpus_[slot];
  vcpu.slot = slot;
  vcpu.domain_slot = domain->slot;
  vcpu.vcpu_id = vcpu_id;
  vcpu.idle = idle;
  // Xen makes vCPUs offline (xen/common/sched/core.c, sched_init_vcpu), so a domain whose creation was
  // seen has had this one offline until now, or until records were lost.
  const bool offline = domain->born && domain->loss_ns == ~std::uint64_t{0};
  const std::uint64_t offline_ns = domain->born ? std::min(domain->loss_ns, now_ns_) : 0;
  vcpu.bucket = offline ? kOffline : kUnknown;
  vcpu.since_ns = vcpu.entered_ns = start_ns_;
  vcpu.times[kOffline] = std::min(offline_ns, start_ns_);
  vcpu.times[kUnknown] = start_ns_ - vcpu.times[kOffline];
  if (!offline && offline_ns > start_ns_) {
    vcpu.part.times[kOffline] = offline_ns - start_ns_;
    vcpu.since_ns = vcpu.entered_ns = offline_ns;
  }
  if (offline) {
    vcpu.known = true;
    known_.push_back(slot);
  }
  if (domain->vcpus.size() <= vcpu_id) domain->vcpus.resize(vcpu_id + 1, XENMON_NO_SLOT);
  domain->vcpus[vcpu_id] = slot;
  return &vcpu;
}

void Baker::domain_added(std::uint32_t domid, std::uint64_t now) {
  if (domid >= kFirstReservedDomid) return; // Xen's own: idle, I/O, xen
  credit_all();                             // to whoever has had the number until now
  std::uint32_t due = 0;
  std::uint32_t in_doubt = 0;
  if (Domain* previous = find_domain(domid)) {
    // Xen destroys a domain's scheduling data only after a grace period, so its DOM_REM may come behind
    // the DOM_ADD of a successor with the same number.
    due = previous->removals_due;
    in_doubt = previous->removals_in_doubt;
    ++(removal_is_due(*previous) ? due : in_doubt);
    end_domain(*previous, now);
  }
  Domain& domain = make_domain(domid, true, now);
  domain.removals_due = due;
  domain.removals_in_doubt = in_doubt;
}

// Whether the DOM_REM of a domain that another one has taken the number of is still to come. It is not if
// it has been lost, and it may have been if records were lost after the last one that told of the domain.
bool Baker::removal_is_due(const Domain& domain) const {
  if (losses_ == 0 && !interrupted_) return true;
  if (domain.removal_in_doubt) return false;
  std::uint64_t told_ns = domain.born_ns;
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot != XENMON_NO_SLOT) told_ns = std::max(told_ns, vcpus_[slot]->entered_ns);
  }
  return told_ns > last_loss_ns_;
}

void Baker::domain_removed(std::uint32_t domid, std::uint64_t now) {
  if (domid >= kFirstReservedDomid) return;
  credit_all();
  Domain* domain = find_domain(domid);
  if (domain == nullptr) return;
  if (domain->removals_due > 0) {
    --domain->removals_due;
    return;
  }
  if (domain->removals_in_doubt > 0) {
    // Whether it is this domain that has ended, its next records will show, or the next creation.
    --domain->removals_in_doubt;
    domain->removal_in_doubt = true;
    forget_states(*domain, now);
    return;
  }
  end_domain(*domain, now);
}

// Nobody knows what its vCPUs do from now on.
void Baker::forget_states(Domain& domain, std::uint64_t now) {
  domain.loss_ns = std::min(domain.loss_ns, now);
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    Vcpu& vcpu = *vcpus_[slot];
    account(vcpu, now);
    if (vcpu.bucket == kRunning && pcpu_state(vcpu.part.pcpu).current == slot)
      nobody_runs(vcpu.part.pcpu, now);
    make_unknown(vcpu);
    if (vcpu.known) std::erase(known_, slot);
    vcpu.known = false;
  }
}

void Baker::end_domain(Domain& domain, std::uint64_t now) {
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    Vcpu& vcpu = *vcpus_[slot];
    account(vcpu, now);
    if (vcpu.bucket == kRunning) {
      stop_running(vcpu, now);
      if (pcpu_state(vcpu.part.pcpu).current == XENMON_NO_SLOT) nobody_runs(vcpu.part.pcpu, now);
    }
    enter(vcpu, kOffline, now);
    vcpu.claimed = kUnknown;
    vcpu.ended = true;
  }
  domain.ended = true;
  domain.ended_ns = now;
  std::fill(cache_.begin(), cache_.end(), Cached{});
  domain_by_id_[domain.domid] = XENMON_NO_SLOT;
  if (options_.sample_ns != 0) {
    ended_domains_.push_back(domain.slot);
    return;
  }
  // Without samples nothing refers to it any more: keep the figures, let the memory go.
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot != XENMON_NO_SLOT) fold(*vcpus_[slot], false);
  }
  ended_totals_.push_back(totals_of(domain));
  free_domain(domain);
}

void Baker::collect_ended(std::uint64_t end_ns) {
  std::erase_if(ended_domains_, [&](std::uint32_t slot) {
    Domain& domain = *domains_[slot];
    if (domain.ended_ns + options_.linger_ns > end_ns) return false;
    free_domain(domain);
    return true;
  });
}

void Baker::free_domain(Domain& domain) {
  const auto is_of_domain = [&](std::uint32_t slot) { return vcpus_[slot]->domain_slot == domain.slot; };
  for (PcpuState& pcpu : pcpus_) pcpu.recent.forget(is_of_domain);
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    if (vcpus_[slot]->known) std::erase(known_, slot);
    vcpus_[slot].reset();
    free_vcpus_.push_back(slot);
  }
  free_domains_.push_back(domain.slot);
  domains_[domain.slot].reset();
}

// ---- runstates

// What is credited to a pCPU that is not the one which time is credited to.
VcpuPart& Baker::make_part(Vcpu& vcpu, std::uint32_t pcpu) {
  VcpuPart& made = vcpu.parts.emplace_back();
  made.pcpu = pcpu;
  return made;
}

// While records of some pCPU are being lost, or clocks differ.
void Baker::change_state_in_doubt(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint32_t to,
                                  std::uint64_t now) {
  if ((careful_ & kSkewed) != 0 && !measure_across_clocks(vcpu, pcpu, now)) return;
  change_state_as(vcpu, pcpu, from, to, now, [&](Bucket bucket) { return doubt(vcpu, bucket); });
}

// What a record says of the vCPU's state while records of some pCPU are being lost: that one may pick up this
// vCPU at any moment, unless it runs here.
Bucket Baker::doubt(Vcpu& vcpu, Bucket bucket) {
  vcpu.claimed = kUnknown;
  vcpu.observed = true;
  if (gaps_open() == 0 || bucket == kRunning || vcpu.idle) return bucket;
  vcpu.claimed = bucket;
  return kUnknown;
}

// A record has told its state.
void Baker::get_to_know(Vcpu& vcpu) {
  vcpu.observed = true;
  if (vcpu.bucket == kUnknown) return;
  vcpu.known = true;
  known_.push_back(vcpu.slot);
}

// The time since the last change was not spent, or not wholly, in the state that was known.
void Baker::conflict(Vcpu& vcpu, std::uint64_t now) {
  ++counts_.state_conflicts;
  if (vcpu.bucket == kRunning && pcpu_state(vcpu.part.pcpu).current == vcpu.slot)
    nobody_runs(vcpu.part.pcpu, now);
  vcpu.bucket = vcpu.claimed = kUnknown;
  account(vcpu, now);
}

// The running vCPU of a pCPU that was named by LOST_RECORDS, or has had no records so far. True if what is
// known of it until now has been accounted for.
bool Baker::believe_presumed(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  if (vcpu.silent) {
    vcpu.silent = false;
    if (vcpu.vcpu_id != pcpu || now < kIdleIsSilentNs || pcpu_state(pcpu).any_run) return false;
    vcpu.bucket = kRunning;
    account(vcpu, now);
    vcpu.bucket = kUnknown;
    return true;
  }
  const Presumed presumed = pcpu < presumed_.size() ? presumed_[pcpu] : Presumed{};
  if (presumed.slot != vcpu.slot || pcpu_state(pcpu).any_run) return false;
  presumed_[pcpu] = {};
  account(vcpu, std::clamp(presumed.since_ns, vcpu.since_ns, now));
  credit_to(vcpu, pcpu);
  vcpu.bucket = kRunning;
  account(vcpu, now);
  vcpu.bucket = kUnknown;
  ++vcpu.part.executions; // of which the beginning was lost
  return true;
}

// reconcile() where the record's old state, or its pCPU, is not what was known.
bool Baker::reconcile_odd(Vcpu& vcpu, std::uint32_t pcpu, std::uint32_t from, std::uint64_t now) {
  if (from == kStateRunning) {
    if (vcpu.bucket == kUnknown) believe_presumed(vcpu, pcpu, now);
    pcpu_state(pcpu).any_run = true;
    displace(vcpu, pcpu, now);
  }
  if (vcpu.bucket == kUnknown) {
    account(vcpu, now);
    return true;
  }
  if (vcpu.bucket == kRunning && from != kStateRunning && vcpu.part.pcpu != pcpu) {
    // It runs elsewhere already: two pCPUs' TSCs differ a little, and this record is the older one.
    ++counts_.state_conflicts;
    return false;
  }
  conflict(vcpu, now);
  return true;
}

// `vcpu` runs, or ran until now, on that pCPU: then nobody else does.
void Baker::displace(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  const std::uint32_t slot = pcpu_state(pcpu).current;
  if (slot == XENMON_NO_SLOT || slot == vcpu.slot) return;
  // With core scheduling one pCPU reports all vCPUs of a unit, which are of one domain. Otherwise it was
  // not seen when the other one stopped.
  Vcpu* current = vcpus_[slot].get();
  if (current != nullptr && current->bucket == kRunning && current->part.pcpu == pcpu &&
      current->domain_slot != vcpu.domain_slot) {
    conflict(*current, now);
    current->entered_ns = now;
  }
}

// Nobody is known to run there from now on.
void Baker::nobody_runs(std::uint32_t pcpu, std::uint64_t now) {
  PcpuState& state = pcpu_state(pcpu);
  state.current = XENMON_NO_SLOT;
  state.recent.begin(XENMON_NO_SLOT, now);
}

// Of those that were not short. An idle vCPU waits whenever somebody else runs, which means nothing.
[[gnu::cold, gnu::noinline]] void Baker::slow_wait(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  if (vcpu.idle) return;
  const std::uint32_t before = vcpu.part.pcpu;
  std::array<const RecentExecutions*, 2> concerned{};
  std::size_t count = 0;
  // The later look-up may move what the earlier one found.
  if (before != XENMON_NO_PCPU) pcpu_state(before);
  concerned[count++] = &pcpu_state(pcpu).recent;
  if (before != XENMON_NO_PCPU && before != pcpu) concerned[count++] = &pcpu_state(before).recent;
  slow_waits_.add(vcpu, pcpu, now, std::span(concerned).first(count), vcpus_, domains_);
}

void Baker::continue_running_odd(std::uint32_t pcpu, std::uint32_t who, std::uint64_t now) {
  Vcpu* found = find_vcpu(who);
  if (found == nullptr) return;
  Vcpu& vcpu = *found;
  if (vcpu.idle) pcpu = vcpu.vcpu_id;
  PcpuState& state = pcpu_state(pcpu);
  const bool first_here = !state.any_run;
  state.any_run = true;
  if (vcpu.bucket == kRunning && vcpu.part.pcpu == pcpu) { // an idle one, told of by another pCPU
    continue_known(vcpu, now);
    return;
  }
  if (!vcpu.observed && first_here && losses_ == 0 && !interrupted_ && vcpu.bucket == kUnknown) {
    // Nobody else has run here since this pCPU's records begin: it has, all along.
    const std::uint64_t begin = state.first_tsc > base_tsc_ ? scale_.to_ns(state.first_tsc - base_tsc_) : 0;
    const std::uint64_t since = std::clamp(begin, vcpu.since_ns, now);
    account(vcpu, since);
    start_running(vcpu, pcpu, since);
    account(vcpu, now);
    return;
  }
  if (!reconcile(vcpu, pcpu, kStateRunning, now)) return;
  start_running(vcpu, pcpu, now);
}

// ---- what was lost

void Baker::make_unknown(Vcpu& vcpu) {
  vcpu.bucket = vcpu.claimed = kUnknown;
  vcpu.entered_ns = vcpu.since_ns;
}

// Records of that pCPU are missing from `from_ns` on, which may be before now: Xen tells of a loss when it is
// over, and others' records may have been accounted for by then.
void Baker::lose(std::uint32_t pcpu, std::uint64_t from_ns, std::uint64_t now) {
  ++losses_;
  last_loss_ns_ = now;
  std::erase_if(known_, [&](std::uint32_t slot) {
    Vcpu& vcpu = *vcpus_[slot];
    const bool runs_elsewhere = vcpu.bucket == kRunning && vcpu.part.pcpu != pcpu;
    const bool idle_elsewhere = vcpu.idle && vcpu.vcpu_id != pcpu;
    if (runs_elsewhere || idle_elsewhere || vcpu.ended) return false;
    account(vcpu, std::clamp(from_ns, vcpu.since_ns, now));
    make_unknown(vcpu);
    vcpu.known = false;
    return true;
  });
  // A state that could not be trusted is nothing at all now.
  if (careful_ != 0) {
    for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
      if (vcpu) vcpu->claimed = kUnknown;
    }
  }
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain && domain->loss_ns > now) domain->loss_ns = std::clamp(from_ns, domain->born_ns, now);
  }
  nobody_runs(pcpu, now);
  presumed_[pcpu] = {};
  presume_no_silence();
}

// What was lost may have been the first record of a pCPU that seems to be silent.
void Baker::presume_no_silence() {
  for (const std::uint32_t pcpu : options_.pcpus) {
    if (Vcpu* vcpu = find_vcpu(XENMON_DOMID_IDLE << 16 | (pcpu & 0xffffU))) vcpu->silent = false;
  }
}

void Baker::lost_begin(std::uint32_t pcpu, std::uint64_t tsc) {
  if (tsc >= edge_tsc_) advance_to(tsc);
  PcpuState& state = pcpu_state(pcpu);
  if (!state.gap_open) {
    state.gap_open = true;
    ++careful_;
  }
  const std::uint64_t now = set_now(tsc);
  lose(pcpu, to_trace_ns(tsc), now);
}

void Baker::lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t domid,
                     std::uint32_t vcpu_id) {
  if (tsc >= edge_tsc_) advance_to(tsc);
  if (domid != event::kNobody) ++sample_records_;
  sample_lost_ += count;
  const std::uint64_t now = set_now(tsc);
  last_loss_ns_ = now;
  PcpuState& state = pcpu_state(pcpu);
  if (state.gap_open) {
    state.gap_open = false;
    --careful_;
  }
  if (domid >= kFirstReservedDomid && domid != XENMON_DOMID_IDLE) return; // nobody is named
  Vcpu* vcpu = find_vcpu(domid << 16 | vcpu_id);
  if (vcpu == nullptr || (vcpu->idle && vcpu->vcpu_id != pcpu)) return;
  if (vcpu->bucket == kRunning) {
    ++counts_.state_conflicts; // seen running on another pCPU: that record tells more than this one
    return;
  }
  // A record from another pCPU may have told of it within the gap; Xen's own word is the newer.
  if (vcpu->bucket == kUnknown) {
    account(*vcpu, now);
  } else {
    conflict(*vcpu, now);
  }
  // Within a switch Xen still names the vCPU that is about to leave. So it counts when its next record says
  // the same, unless somebody else was seen here before.
  pcpu_state(pcpu).any_run = false;
  presumed_[pcpu] = {vcpu->slot, now};
}

void Baker::gap(std::uint32_t pcpu, std::uint64_t tsc) {
  if (!started_) return;
  if (tsc >= edge_tsc_) advance_to(tsc);
  const std::uint64_t now = set_now(tsc);
  lose(pcpu, now, now);
}

void Baker::discontinuity() {
  for (const std::uint32_t slot : known_) {
    Vcpu& vcpu = *vcpus_[slot];
    vcpu.known = false;
    if (vcpu.ended) continue;
    account(vcpu, now_ns_);
    make_unknown(vcpu);
  }
  known_.clear();
  for (PcpuState& pcpu : pcpus_) {
    pcpu.current = XENMON_NO_SLOT;
    pcpu.recent.begin(XENMON_NO_SLOT, now_ns_);
    if (pcpu.gap_open) --careful_;
    pcpu.gap_open = false;
  }
  for (const std::unique_ptr<Vcpu>& vcpu : vcpus_) {
    if (vcpu) vcpu->claimed = kUnknown;
  }
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain && domain->loss_ns > now_ns_) domain->loss_ns = now_ns_;
  }
  std::fill(presumed_.begin(), presumed_.end(), Presumed{});
  presume_no_silence();
  interrupted_ = true;
  last_loss_ns_ = now_ns_;
}

void Baker::clock_restarted(std::uint64_t tsc) {
  if (!started_) return;
  if (tsc >= edge_tsc_) advance_to(tsc);
  set_now(tsc);
  if (clock_restarts_.size() < kSilencesKept) clock_restarts_.push_back(now_ns_);
  discontinuity();
}

// What a record that comes behind its place says of vCPUs was true at another time, and others may have said
// more since: nobody knows what they have done meanwhile. All else in it counts.
void Baker::apply_late(std::uint32_t pcpu, const Record& record) {
  const std::uint32_t event = record.event();
  const bool runstate = (event & event::kRunstateMask) == event::kRunstateChange ||
                        (event & event::kRunstateMask) == event::kAcctRunstate ||
                        event == event::kContinueRunning || event == event::kAcctContinue;
  const bool both = event == event::kAcctSwitch;
  if ((!runstate && !both) || record.extra_words() < (both ? 2U : 1U)) return apply(pcpu, record);
  if (!started_) start(record.tsc);
  ++sample_records_;
  make_late(record.word(0), now_ns_);
  if (both) make_late(record.word(1), now_ns_);
}

void Baker::make_late(std::uint32_t who, std::uint64_t now) {
  Vcpu* vcpu = find_vcpu(who);
  if (vcpu == nullptr || vcpu->ended) return;
  conflict(*vcpu, now);
  vcpu->entered_ns = now;
}

// ---- what Xen says of waiting

// It is about to run. If Xen's word agrees with what was claimed, that was the truth; if it is less than what
// is known, records are missing.
void Baker::check_told_wait(Vcpu& vcpu, std::uint64_t told, std::uint64_t now) {
  const std::uint64_t measured = now - vcpu.entered_ns;
  if (measured > 0xffffffffU) return; // longer than the word can tell
  if (vcpu.bucket == kUnknown) {
    const std::uint64_t apart = measured > told ? measured - told : told - measured;
    // Only of a wait that began when it left its pCPU the word tells just that.
    if (apart > kWaitToleranceNs + (measured >> 12) || vcpu.claimed != kWaitPreempt) return;
    account(vcpu, std::max(vcpu.entered_ns, vcpu.since_ns));
    vcpu.bucket = std::exchange(vcpu.claimed, kUnknown);
    return;
  }
  if (may_be_wait(measured, told) || (vcpu.bucket != kWaitWake && vcpu.bucket != kWaitPreempt)) return;
  ++counts_.waits_contradicted;
  conflict(vcpu, now);
}

// Of two clocks that differ nobody knows how much passed between them. False: nor which of both records was
// the first, and so what the vCPU does now.
bool Baker::measure_across_clocks(Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now) {
  const auto ahead = [&](std::uint32_t of) {
    return of < options_.clock_ahead_ns.size() ? options_.clock_ahead_ns[of] : 0;
  };
  const std::uint32_t before = std::exchange(vcpu.told_by, pcpu);
  if (before == XENMON_NO_PCPU || vcpu.idle || ahead(before) == ahead(pcpu)) return true;
  const auto apart = static_cast<std::uint64_t>(std::abs(ahead(before) - ahead(pcpu)));
  const bool ordered = now - vcpu.entered_ns > 2 * apart;
  if (vcpu.bucket == kRunning && pcpu_state(vcpu.part.pcpu).current == vcpu.slot)
    nobody_runs(vcpu.part.pcpu, now);
  vcpu.bucket = kUnknown;
  account(vcpu, now);
  if (!ordered) {
    ++counts_.state_conflicts;
    vcpu.claimed = kUnknown;
    vcpu.entered_ns = now;
  }
  return ordered;
}

// ---- I/O

void Baker::credit_exchanges() {
  if (exchanges_.empty()) return;
  credit(static_cast<std::uint32_t>(exchanges_where_ >> 32), static_cast<std::uint32_t>(exchanges_where_),
         exchanges_);
  exchanges_ = {};
  exchanges_where_ = ~std::uint64_t{0};
}

// To the guest, and once more to Dom0.
void Baker::credit(std::uint32_t granter, std::uint32_t pcpu, const Exchanges& exchanges) {
  for (const std::uint32_t party : {granter, 0U}) {
    Domain* domain = find_domain(party);
    if (domain != nullptr) {
      credit(*domain, pcpu, exchanges);
    } else if (!credit_to_ended(party, pcpu, exchanges)) {
      credit(make_domain(party, false, now_ns_), pcpu, exchanges);
    }
    if (granter == 0) break;
  }
}

// Pages are counted for an execution, and are told when it is over: the domain may have ended meanwhile. Then
// nobody has its number, unless a creation has been lost since.
bool Baker::credit_to_ended(std::uint32_t domid, std::uint32_t pcpu, const Exchanges& exchanges) {
  if (exchanges_from_ == ExchangesFrom::kGrantRecords) return false; // these are told at once
  const auto none_lost_since = [&](std::uint64_t ns) {
    return (losses_ == 0 && !interrupted_) || last_loss_ns_ <= ns;
  };
  const auto slot = std::find_if(ended_domains_.rbegin(), ended_domains_.rend(),
                                 [&](std::uint32_t each) { return domains_[each]->domid == domid; });
  if (slot != ended_domains_.rend()) {
    Domain& domain = *domains_[*slot];
    if (!none_lost_since(domain.ended_ns)) return false;
    credit(domain, pcpu, exchanges);
    return true;
  }
  const auto ended = std::find_if(ended_totals_.rbegin(), ended_totals_.rend(),
                                  [&](const DomainTotals& each) { return each.domid == domid; });
  if (ended == ended_totals_.rend() || !none_lost_since(ended->ended_ns)) return false;
  for (std::size_t kind = 0; kind < kIoKinds; ++kind) ended->io[kind] += exchanges.counts[kind];
  ended->io_copy_bytes += exchanges.copy_bytes;
  return true;
}

void Baker::credit(Domain& domain, std::uint32_t pcpu, const Exchanges& exchanges) const {
  for (std::size_t kind = 0; kind < kIoKinds; ++kind) domain.io[kind] += exchanges.counts[kind];
  domain.io_copy_bytes += exchanges.copy_bytes;
  if (sink_ == nullptr) return;
  auto part = std::find_if(domain.io_parts.begin(), domain.io_parts.end(),
                           [&](const IoPart& each) { return each.pcpu == pcpu; });
  if (part == domain.io_parts.end()) {
    part = domain.io_parts.insert(part, IoPart{});
    part->pcpu = pcpu;
  }
  part->exchanges.add(exchanges);
}

// ---- totals

DomainTotals Baker::totals_of(const Domain& domain) const {
  DomainTotals totals;
  totals.domid = domain.domid;
  totals.uid = domain.uid;
  totals.ended_ns = domain.ended_ns;
  totals.name = domain.name;
  totals.io = domain.io;
  totals.io_copy_bytes = domain.io_copy_bytes;
  for (const std::uint32_t slot : domain.vcpus) {
    if (slot == XENMON_NO_SLOT) continue;
    const Vcpu& vcpu = *vcpus_[slot];
    VcpuTotals& out = totals.vcpus.emplace_back();
    out.vcpu_id = vcpu.vcpu_id;
    out.times = vcpu.times;
    out.executions = vcpu.executions;
    out.continues = vcpu.continues;
    out.slices = vcpu.slices;
    out.running_by_pcpu = vcpu.running_by_pcpu;
    std::sort(out.running_by_pcpu.begin(), out.running_by_pcpu.end());
    if (vcpu.histograms) {
      const std::array waits{&std::as_const(vcpu.histograms->wake_wait),
                             &std::as_const(vcpu.histograms->preempt_wait)};
      out.wait = percentiles(waits);
      out.wake_wait = percentiles(std::span(waits).first(1));
      out.preempt_wait = percentiles(std::span(waits).last(1));
      const std::array runs{&std::as_const(vcpu.histograms->run)};
      out.run = percentiles(runs);
    }
    totals.executions += vcpu.executions;
  }
  return totals;
}

std::vector<DomainTotals> Baker::totals() const {
  std::vector<DomainTotals> all = ended_totals_;
  // An ended domain's vCPUs have been offline since.
  for (DomainTotals& domain : all) {
    for (VcpuTotals& vcpu : domain.vcpus) {
      std::uint64_t told = 0;
      for (const std::uint64_t time : vcpu.times) told += time;
      vcpu.times[kOffline] += now_ns_ - told;
    }
  }
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain) all.push_back(totals_of(*domain));
  }
  std::sort(all.begin(), all.end(), [](const DomainTotals& a, const DomainTotals& b) {
    return a.domid != b.domid ? a.domid < b.domid : a.uid < b.uid;
  });
  return all;
}

} // namespace xenmon
