// SPDX-License-Identifier: GPL-2.0-or-later
#include "truth.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace xenmon::model {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

Part part_of(State state, bool after_wake) {
  switch (state) {
    case kStateRunning:
      return kRunningPart;
    case kStateRunnable:
      return after_wake ? kWakePart : kPreemptPart;
    case kStateBlocked:
      return kBlockedPart;
    case kStateOffline:
      return kOfflinePart;
  }
  return kUnknownPart;
}

// One vCPU as far as it is known.
struct Known {
  VcpuTruth figures;
  bool heard = false;
  bool ended = false;
  Part part = kUnknownPart;
  std::uint64_t since = 0;   // ns
  std::uint64_t entered = 0; // ns: when the wait or the execution began
  bool entered_seen = false;
  std::uint64_t longer = 0;  // so much of it was before the trace
  std::uint64_t further = 0; // so much of it, when it was chosen again, had been before that
  std::uint32_t pcpu = kNoPcpu;
  bool has_run = false;          // there
  std::uint64_t idle_before = 0; // ns in which some pCPU was idle before this wait
};

class Teller {
 public:
  Teller(const Trace& trace, View view, std::uint64_t sample_ns)
      : trace_(trace), setup_(*trace.setup), view_(view), sample_ns_(sample_ns) {
    base_ = kNever;
    for (std::size_t i = 0; i < trace.records.size(); ++i) {
      std::uint64_t first = kNever;
      for (const TraceRecord& record : trace.records[i]) {
        ++truth_.records;
        if (!record.timed) continue;
        first = std::min(first, record.tsc);
        last_ = std::max(last_, record.tsc);
      }
      if (!trace.records[i].empty()) ++truth_.pcpus;
      if (first != kNever) first_tsc_[setup_.pcpus[i].number] = first;
      base_ = std::min(base_, first);
    }
    for (const DomainSetup& domain : setup_.domains)
      domains_.emplace_back().vcpus.resize(domain.vcpus.size());
  }

  // Everybody is known from the beginning: in the state that the first record about it finds it in.
  void know_all() {
    for (std::size_t d = 0; d < domains_.size(); ++d) {
      domains_[d].heard = trace_.created[d];
      for (std::size_t v = 0; v < domains_[d].vcpus.size(); ++v) {
        Known& known = domains_[d].vcpus[v];
        known.heard = trace_.created[d];
        known.part = part_of(trace_.last_states[d][v], true);
      }
    }
    const std::vector<Fact>& facts = trace_.facts[static_cast<std::size_t>(view_)];
    for (auto fact = facts.rbegin(); fact != facts.rend(); ++fact) {
      if (fact->kind != Fact::Kind::kChange && fact->kind != Fact::Kind::kContinue) continue;
      domains_[fact->domain].vcpus[fact->vcpu].part = part_of(fact->from, fact->after_wake);
    }
  }

  Truth run() {
    if (base_ == kNever) return truth_;
    // A step's records may be spread over a time in which another pCPU has written.
    std::vector<Fact> facts = trace_.facts[static_cast<std::size_t>(view_)];
    std::stable_sort(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) {
      return a.tsc != b.tsc ? a.tsc < b.tsc : a.pcpu < b.pcpu;
    });
    for (const Fact& fact : facts) take(fact);
    truth_.duration = ns(last_);
    tick(truth_.duration);
    std::vector<std::size_t> in_order(domains_.size());
    std::iota(in_order.begin(), in_order.end(), std::size_t{0});
    std::stable_sort(in_order.begin(), in_order.end(),
                     [&](std::size_t a, std::size_t b) { return domains_[a].order < domains_[b].order; });
    for (const std::size_t d : in_order) {
      Domain& domain = domains_[d];
      if (!domain.heard) continue;
      DomainTruth& out = truth_.domains.emplace_back();
      out.domid = setup_.domains[d].domid;
      if (!is_idle(d)) {
        count(domain, truth_.duration);
        out.whole = domain.whole;
      }
      out.pages = domain.pages;
      out.pages_by_pcpu = std::move(domain.pages_by_pcpu);
      for (std::size_t v = 0; v < domain.vcpus.size(); ++v) {
        Known& known = domain.vcpus[v];
        if (!known.heard) continue;
        account(known, truth_.duration);
        if (!is_idle(d)) end_wait(known);
        known.figures.id = is_idle(d) ? setup_.pcpus[v].number : setup_.domains[d].vcpus[v].id;
        out.vcpus.push_back(std::move(known.figures));
      }
    }
    std::stable_sort(truth_.domains.begin(), truth_.domains.end(),
                     [](const DomainTruth& a, const DomainTruth& b) { return a.domid < b.domid; });
    return std::move(truth_);
  }

 private:
  struct Domain {
    bool heard = false;
    bool born = false;
    std::uint64_t order = 0; // in which domains were first reported
    Pages pages;
    std::map<std::uint32_t, Pages> pages_by_pcpu;
    std::vector<Known> vcpus;
    std::uint64_t lives_from = 0; // ns
    bool over = false;
    std::size_t vcpus_heard = 0;
    WholeTimes whole{};
    std::uint64_t counted_to = 0; // ns; only with several vCPUs
  };

  static Whole whole_of(const std::vector<Known>& vcpus) {
    std::array<std::size_t, kParts> in{};
    for (const Known& known : vcpus) {
      if (known.heard) ++in[known.part];
    }
    const std::size_t waiting = in[kWakePart] + in[kPreemptPart];
    const std::size_t blocked = in[kBlockedPart] + in[kOfflinePart];
    if (in[kUnknownPart] != 0) return kUnknownWhole;
    if (in[kRunningPart] != 0)
      return waiting != 0 ? kHazardWhole : blocked != 0 ? kPartialRunWhole : kFullRunWhole;
    if (waiting != 0) return blocked != 0 ? kPartialContentionWhole : kFullContentionWhole;
    return kBlockedWhole;
  }

  // Its life up to `now`, by the times of the one vCPU that it is known to have, if any.
  static WholeTimes whole_of_one(const Domain& domain, std::uint64_t now) {
    WholeTimes whole{};
    const auto one = std::find_if(domain.vcpus.begin(), domain.vcpus.end(),
                                  [](const Known& known) { return known.heard; });
    if (one == domain.vcpus.end()) {
      whole[domain.born ? kBlockedWhole : kUnknownWhole] = now - domain.lives_from;
      return whole;
    }
    Times times = one->figures.times;
    times[one->part] += now - one->since;
    whole[kFullRunWhole] = times[kRunningPart];
    whole[kFullContentionWhole] = times[kWakePart] + times[kPreemptPart];
    whole[kBlockedWhole] = times[kBlockedPart] + times[kOfflinePart] - domain.lives_from;
    whole[kUnknownWhole] = times[kUnknownPart];
    return whole;
  }

  static void count(Domain& domain, std::uint64_t now) {
    if (domain.over) return;
    if (domain.vcpus_heard < 2) {
      domain.whole = whole_of_one(domain, now);
    } else {
      domain.whole[whole_of(domain.vcpus)] += now - domain.counted_to;
    }
    domain.counted_to = now;
  }

  // What the domain as a whole has done up to that fact.
  void count_to(const Fact& fact, Domain& domain) {
    if (fact.kind == Fact::Kind::kPages) return;
    const std::uint64_t now = ns(fact.tsc);
    if (fact.kind == Fact::Kind::kAdd) {
      domain.lives_from = domain.counted_to = now;
      return;
    }
    count(domain, now);
    if (fact.kind == Fact::Kind::kEnd) {
      domain.over = true;
    } else if (!domain.vcpus[fact.vcpu].heard) {
      ++domain.vcpus_heard;
    }
  }

  [[nodiscard]] bool is_idle(std::size_t domain) const { return domain + 1 == domains_.size(); }
  [[nodiscard]] std::uint64_t ns(std::uint64_t tsc) const {
    return static_cast<std::uint64_t>(static_cast<Wide>(tsc - base_) * 1'000'000 / setup_.khz);
  }

  static void account(Known& known, std::uint64_t now) {
    if (now == known.since) return;
    known.figures.times[known.part] += now - known.since;
    known.figures.by_pcpu[known.pcpu][known.part] += now - known.since;
    known.since = now;
  }

  // What has been published stays as it is.
  [[nodiscard]] std::uint64_t no_earlier(std::uint64_t at, std::uint64_t now) const {
    const std::uint64_t edge = sample_ns_ == 0 ? 0 : now / sample_ns_ * sample_ns_;
    return std::clamp(at, edge, now);
  }

  // Some pCPU is idle if its idle vCPU is known to run.
  void tick(std::uint64_t now) {
    const std::vector<Known>& idle = domains_.back().vcpus;
    const bool any = std::any_of(idle.begin(), idle.end(), [](const Known& known) {
      return known.heard && known.part == kRunningPart;
    });
    if (any) idle_for_ += now - ticked_;
    ticked_ = now;
  }

  static bool waits(Part part) { return part == kWakePart || part == kPreemptPart; }
  void end_wait(Known& known) const {
    if (waits(known.part)) known.figures.avoidable += idle_for_ - known.idle_before;
  }

  void take(const Fact& fact) {
    Domain& domain = domains_[fact.domain];
    if (!is_idle(fact.domain)) count_to(fact, domain);
    apply(fact, domain);
    if (domain.heard && domain.order == 0) domain.order = ++heard_;
  }

  void apply(const Fact& fact, Domain& domain) {
    switch (fact.kind) {
      case Fact::Kind::kAdd:
        domain.heard = domain.born = true;
        for (Known& known : domain.vcpus) known.part = kOfflinePart;
        return;
      case Fact::Kind::kEnd:
        tick(ns(fact.tsc));
        for (Known& known : domain.vcpus) {
          if (!known.heard) continue;
          end_wait(known);
          account(known, ns(fact.tsc));
          known.part = kOfflinePart;
        }
        return;
      case Fact::Kind::kPages:
        credit(domain, fact);
        if (fact.domain != fact.acting) credit(domains_[fact.acting], fact);
        return;
      case Fact::Kind::kSlice:
        domain.heard = domain.vcpus[fact.vcpu].heard = true;
        domain.vcpus[fact.vcpu].figures.slices.add(fact.slice_ns);
        return;
      case Fact::Kind::kContinue:
      case Fact::Kind::kChange:
        tick(ns(fact.tsc));
        domain.heard = domain.vcpus[fact.vcpu].heard = true;
        if (fact.kind == Fact::Kind::kContinue) {
          proceed(domain.vcpus[fact.vcpu], fact);
        } else {
          change(domain.vcpus[fact.vcpu], fact);
        }
    }
  }

  static void credit(Domain& domain, const Fact& fact) {
    domain.heard = true;
    Pages& here = domain.pages_by_pcpu[fact.pcpu];
    for (std::size_t kind = 0; kind < 4; ++kind) {
      domain.pages.count[kind] += fact.pages.count[kind];
      here.count[kind] += fact.pages.count[kind];
    }
    domain.pages.copy_bytes += fact.pages.copy_bytes;
    here.copy_bytes += fact.pages.copy_bytes;
  }

  void proceed(Known& known, const Fact& fact) {
    const std::uint64_t now = ns(fact.tsc);
    const bool first_here = !runs_told_[fact.pcpu];
    runs_told_[fact.pcpu] = true;
    ++known.figures.executions;
    if (known.part != kUnknownPart) {
      account(known, now);
      known.figures.runs.push_back(length_of(known, now));
      ++known.figures.continues;
      enter(known, kRunningPart, now, true);
      return;
    }
    // Its beginning was not seen: it does not count as continued.
    const std::uint64_t since = first_here ? no_earlier(ns(first_tsc_.at(fact.pcpu)), now) : now;
    account(known, since);
    known.part = kRunningPart;
    known.pcpu = fact.pcpu;
    known.has_run = true;
    account(known, now);
    enter(known, kRunningPart, now, false);
    known.further = now - since;
  }

  void change(Known& known, const Fact& fact) {
    const std::uint64_t now = ns(fact.tsc);
    const Part from = part_of(fact.from, fact.after_wake);
    const Part to = part_of(fact.to, fact.from != kStateRunning);
    if (fact.from == kStateRunning || fact.to == kStateRunning) runs_told_[fact.pcpu] = true;
    if (known.part == kUnknownPart && fact.says_since) {
      const std::uint64_t entered = now > fact.for_ns ? now - fact.for_ns : 0;
      account(known, no_earlier(entered, now));
      known.part = from;
      if (from == kRunningPart) {
        known.pcpu = fact.pcpu;
        known.has_run = true;
      }
      known.idle_before = idle_for_;
      known.entered = entered;
      known.longer = fact.for_ns > now ? fact.for_ns - now : 0;
      known.entered_seen = false;
    }
    account(known, now);
    if (!is_idle(fact.domain)) end_wait(known);
    if (known.part != kUnknownPart) {
      const Length length = length_of(known, now);
      if (from == kRunningPart) known.figures.runs.push_back(length);
      if (fact.to == kStateRunning && from == kWakePart) known.figures.wake_waits.push_back(length);
      if (fact.to == kStateRunning && from == kPreemptPart) known.figures.preempt_waits.push_back(length);
    }
    if (to == kRunningPart) {
      ++known.figures.executions;
      if (known.has_run && known.pcpu != fact.pcpu) ++known.figures.migrations;
      known.pcpu = fact.pcpu;
      known.has_run = true;
    } else if (known.pcpu == kNoPcpu && (fact.from == kStateRunning || fact.to == kStateRunnable)) {
      known.pcpu = fact.pcpu;
      known.has_run = fact.from == kStateRunning;
    }
    enter(known, to, now, true);
    known.idle_before = idle_for_;
  }

  static void enter(Known& known, Part part, std::uint64_t now, bool seen) {
    known.part = part;
    known.entered = now;
    known.entered_seen = seen;
    known.longer = known.further = 0;
  }

  static Length length_of(const Known& known, std::uint64_t now) {
    const std::uint64_t in_trace = now - known.entered;
    return {in_trace + known.longer, known.entered_seen, in_trace + known.further};
  }

  const Trace& trace_;
  const Setup& setup_;
  View view_;
  std::uint64_t sample_ns_;
  std::uint64_t base_;
  std::uint64_t last_ = 0;
  std::uint64_t heard_ = 0;
  std::uint64_t idle_for_ = 0; // ns up to ticked_ in which some pCPU was idle
  std::uint64_t ticked_ = 0;
  std::map<std::uint32_t, std::uint64_t> first_tsc_; // by number of pCPU
  std::map<std::uint32_t, bool> runs_told_;          // a record has said which vCPU runs there
  std::vector<Domain> domains_;
  Truth truth_;
};

} // namespace

Truth tell_whole_truth(const Trace& trace, View view) {
  Teller teller(trace, view, 0);
  teller.know_all();
  return teller.run();
}

Truth tell_truth(const Trace& trace, View view, std::uint64_t sample_ns) {
  return Teller(trace, view, sample_ns).run();
}

} // namespace xenmon::model
