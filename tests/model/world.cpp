// SPDX-License-Identifier: GPL-2.0-or-later
#include "world.h"

#include <algorithm>
#include <utility>

#include "trace/events.h"

namespace xenmon::model {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint32_t kWake = 0x28004;
constexpr std::uint32_t kSwitchRecord = 0x2800a;
constexpr std::uint32_t kSwitchInfPrev = 0x2800e;
constexpr std::uint32_t kNoise = 0x22202;
constexpr std::uint64_t kLongJump = std::uint64_t{1} << 34;
constexpr std::uint32_t kNoLimit = 0xffffffff;

constexpr std::size_t index(View view) {
  return static_cast<std::size_t>(view);
}

event::Cause cause_of(Leave leave) {
  switch (leave) {
    case kLeaveBlocked:
      return event::kCauseBlocked;
    case kLeavePreempted:
      return event::kCausePreempted;
    case kLeaveYielded:
      return event::kCauseYielded;
    case kLeaveSlice:
      return event::kCauseSlice;
    case kLeavePaused:
      return event::kCausePaused;
  }
  return event::kCauseNone;
}

State state_after(Leave leave) {
  return leave == kLeaveBlocked ? kStateBlocked : leave == kLeavePaused ? kStateOffline : kStateRunnable;
}

std::uint32_t runstate_event(std::uint32_t base, State from, State to) {
  return base | std::uint32_t{from} << 8 | std::uint32_t{to} << 4;
}

} // namespace

World::World(const Setup& setup, Kind kind) : setup_(setup), kind_(kind) {
  trace_.setup = &setup;
  trace_.kind = kind;
  trace_.records.resize(setup.pcpus.size());
  for (const DomainSetup& from : setup.domains) {
    Domain& domain = domains_.emplace_back();
    domain.created = from.exists;
    for (const VcpuSetup& each : from.vcpus) {
      Vcpu& vcpu = domain.vcpus.emplace_back();
      vcpu.state = from.exists ? each.state : kStateOffline;
      vcpu.after_wake = each.woken;
      vcpu.cause = each.woken ? event::kCauseWoken : event::kCausePreempted;
      vcpu.since.fill(setup.first_tsc - std::min(each.age, setup.first_tsc));
    }
  }
  for (std::uint32_t i = 0; i < setup.pcpus.size(); ++i) {
    Pcpu& pcpu = pcpus_.emplace_back();
    pcpu.online = setup.pcpus[i].online;
    pcpu.current = idle_of(i);
    vcpu(pcpu.current).state = kStateRunning;
    vcpu(pcpu.current).after_wake = false;
  }
}

std::uint32_t World::word_of(Who who) const {
  if (who.domain == idle_domain()) return domid(who.domain) << 16 | setup_.pcpus[who.vcpu].number;
  return domid(who.domain) << 16 | setup_.domains[who.domain].vcpus[who.vcpu].id;
}

std::optional<std::uint32_t> World::runs_on(Who who) const {
  for (std::uint32_t i = 0; i < pcpus_.size(); ++i) {
    if (pcpus_[i].online && pcpus_[i].current == who) return i;
  }
  return std::nullopt;
}

std::uint64_t World::ns_between(std::uint64_t from, std::uint64_t to) const {
  const auto ns = [&](std::uint64_t tsc) {
    return static_cast<std::uint64_t>(static_cast<Wide>(tsc) * 1'000'000 / setup_.khz);
  };
  return ns(to) - ns(from);
}

std::uint64_t World::earliest(std::uint32_t pcpu, std::uint64_t tsc, Who who) const {
  tsc = std::max({tsc, pcpus_[pcpu].last_tsc, setup_.first_tsc});
  const Vcpu& of = vcpu(who);
  if (of.last_tsc != 0) tsc = std::max(tsc, of.last_tsc + (setup_.pcpus[pcpu].number < of.last_pcpu ? 1 : 0));
  return earliest_of_domain(pcpu, tsc, who.domain);
}

std::uint64_t World::earliest_of_domain(std::uint32_t pcpu, std::uint64_t tsc, std::uint16_t domain) const {
  tsc = std::max({tsc, pcpus_[pcpu].last_tsc, setup_.first_tsc});
  const Domain& of = domains_[domain];
  if (of.last_tsc != 0) tsc = std::max(tsc, of.last_tsc + (setup_.pcpus[pcpu].number < of.last_pcpu ? 1 : 0));
  return tsc;
}

void World::write(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t event,
                  std::initializer_list<std::uint32_t> words, bool timed) {
  TraceRecord& record = trace_.records[pcpu].emplace_back();
  record.tsc = tsc;
  record.event = event;
  record.timed = timed;
  record.current = word_of(pcpus_[pcpu].current);
  record.words = static_cast<std::uint8_t>(words.size());
  std::copy(words.begin(), words.end(), record.word.begin());
  pcpus_[pcpu].last_tsc = tsc;
  pcpus_[pcpu].wrote = true;
  now_ = std::max(now_, tsc);
}

void World::tell(View view, Fact fact) {
  trace_.facts[index(view)].push_back(fact);
  if (fact.kind != Fact::Kind::kPages || view == View::kStock || !has_both(kind_))
    domains_[fact.domain].heard = true;
}

void World::touch(std::uint32_t pcpu, std::uint64_t tsc, Who who) {
  vcpu(who).last_tsc = tsc;
  vcpu(who).last_pcpu = setup_.pcpus[pcpu].number;
}

void World::apply(const Step& step) {
  if (step.pcpu >= pcpus_.size() || step.domain >= domains_.size()) return;
  const Who who{step.domain, step.vcpu};
  const bool named = who.vcpu < domains_[who.domain].vcpus.size();
  const std::uint32_t pcpu = step.pcpu;
  Pcpu& on = pcpus_[pcpu];
  if (step.act == Act::kUp) {
    if (on.online || on.gone) return;
    on.online = true;
    vcpu(on.current).since.fill(std::max(step.tsc, setup_.first_tsc));
    return;
  }
  if (!on.online) return;
  switch (step.act) {
    case Act::kTakeOver:
      if (named) take_over(step);
      return;
    case Act::kSwitch: {
      Who next = idle_of(pcpu);
      if (who.domain != idle_domain()) {
        if (!named || !alive(who.domain) || vcpu(who).state != kStateRunnable) return;
        next = who;
      }
      if (next == on.current) return;
      switch_to(pcpu, step.tsc, next, static_cast<Leave>(step.detail), step);
      return;
    }
    case Act::kContinue:
      proceed(pcpu, step.tsc, step);
      return;
    case Act::kWake:
      if (!named || !alive(who.domain) || who.domain == idle_domain()) return;
      if (vcpu(who).state == kStateBlocked) {
        vcpu(who).cause = event::kCauseWoken;
        change(pcpu, step.tsc, who, kStateRunnable, step);
      }
      // Told also when it was runnable already.
      if (kind_ == Kind::kStock || has_both(kind_))
        write(pcpu, std::max(step.tsc, on.last_tsc) + step.spread, kWake,
              {domid(who.domain), word_of(who) & 0xffff});
      return;
    case Act::kPause:
      if (named && alive(who.domain) && who.domain != idle_domain()) pause(pcpu, who, step);
      return;
    case Act::kUnpause:
      if (!named || !alive(who.domain) || vcpu(who).state != kStateOffline) return;
      vcpu(who).cause = event::kCauseUnpaused;
      change(pcpu, step.tsc, who, step.detail == 0 ? kStateRunnable : kStateBlocked, step);
      return;
    case Act::kExchange:
      exchange(pcpu, step);
      return;
    case Act::kNoise:
      noise(pcpu, step);
      return;
    case Act::kAdd:
      add(pcpu, step);
      return;
    case Act::kKill:
      kill(pcpu, step);
      return;
    case Act::kRemove:
      remove(pcpu, step);
      return;
    case Act::kDown:
      if (on.current != idle_of(pcpu)) switch_to(pcpu, step.tsc, idle_of(pcpu), kLeavePreempted, step);
      on.online = false;
      on.gone = true;
      return;
    case Act::kStart:
      if (!has_patched(kind_) || is_second(kind_)) return;
      write(pcpu, std::max({step.tsc, on.last_tsc, setup_.first_tsc}), event::kAcctStart, {0xf000});
      return;
    case Act::kUp:
    case Act::kCount:
      return;
  }
}

// Before the trace.
void World::take_over(const Step& step) {
  const Who who{step.domain, step.vcpu};
  Pcpu& on = pcpus_[step.pcpu];
  if (on.wrote || now_ != 0 || !alive(who.domain) || who.domain == idle_domain() || runs_on(who) ||
      on.current != idle_of(step.pcpu))
    return;
  Vcpu& idle = vcpu(on.current);
  idle.state = kStateRunnable;
  idle.after_wake = false;
  idle.cause = event::kCausePreempted;
  Vcpu& came = vcpu(who);
  came.state = kStateRunning;
  came.since.fill(setup_.first_tsc - std::min(step.cycles, setup_.first_tsc));
  idle.since = came.since;
  on.current = who;
}

void World::switch_to(std::uint32_t pcpu, std::uint64_t tsc, Who next, Leave leave, const Step& step) {
  Pcpu& on = pcpus_[pcpu];
  const Who prev = on.current;
  if (prev.domain == idle_domain()) leave = kLeavePreempted; // it can always run
  tsc = earliest_flush(pcpu, earliest(pcpu, earliest(pcpu, tsc, prev), next));
  flush_pages(pcpu, tsc);
  Vcpu& left = vcpu(prev);
  Vcpu& came = vcpu(next);
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  const State to = state_after(leave);
  const std::uint32_t slice = next.domain == idle_domain() ? 0 : step.slice;
  std::uint64_t at = tsc;

  const auto slice_words = [&, left_since = left.since[index(View::kStock)],
                            came_since = came.left != 0 ? came.left : came.since[index(View::kStock)]] {
    const auto ns = [&](std::uint64_t since) { return static_cast<std::uint32_t>(ns_between(since, at)); };
    write(pcpu, at, kSwitchInfPrev, {domid(prev.domain), word_of(prev) & 0xffff, ns(left_since)});
    at += step.spread;
    write(pcpu, at, event::kSwitchInfNext,
          {domid(next.domain), word_of(next) & 0xffff, ns(came_since), slice == 0 ? kNoLimit : slice});
    if (slice != 0) {
      tell(View::kStock, {.kind = Fact::Kind::kSlice,
                          .domain = next.domain,
                          .vcpu = next.vcpu,
                          .pcpu = number,
                          .tsc = at,
                          .slice_ns = slice});
    }
    at += step.spread;
    if (step.detail % 2 == 0) {
      write(pcpu, at, kSwitchRecord,
            {domid(prev.domain), word_of(prev) & 0xffff, domid(next.domain), word_of(next) & 0xffff});
      at += step.spread;
    }
  };
  const bool with_slices = kind_ == Kind::kStock || has_both(kind_);
  if (with_slices && setup_.switch_words_first) slice_words();
  if (has_patched(kind_)) {
    const std::uint64_t ran = ns_between(left.since[index(View::kPatched)], at);
    const std::uint64_t waited = ns_between(came.since[index(View::kPatched)], at);
    const std::uint32_t cause = came.cause;
    const auto high = [](std::uint64_t ns, std::uint32_t why) {
      return static_cast<std::uint32_t>(ns >> 32) | why << 20 | 5U << 24;
    };
    const std::uint32_t highs = (static_cast<std::uint32_t>(ran >> 32) & 0xfffU) | cause_of(leave) << 12 |
                                (static_cast<std::uint32_t>(waited >> 32) & 0xfffU) << 16 | cause << 28;
    if (is_second(kind_) && slice == 0) {
      write(pcpu, at, event::kDispatchSwitch,
            {word_of(prev), word_of(next), static_cast<std::uint32_t>(ran),
             static_cast<std::uint32_t>(waited), highs});
    } else if (is_second(kind_)) {
      write(pcpu, at, event::kDispatchSwitch,
            {word_of(prev), word_of(next), static_cast<std::uint32_t>(ran),
             static_cast<std::uint32_t>(waited), highs, slice});
    } else if (slice == 0) {
      write(pcpu, at, event::kAcctSwitch,
            {word_of(prev), word_of(next), static_cast<std::uint32_t>(ran), high(ran, cause_of(leave)),
             static_cast<std::uint32_t>(waited), high(waited, cause)});
    } else {
      write(pcpu, at, event::kAcctSwitch,
            {word_of(prev), word_of(next), static_cast<std::uint32_t>(ran), high(ran, cause_of(leave)),
             static_cast<std::uint32_t>(waited), high(waited, cause), slice});
    }
    tell(View::kPatched, {.kind = Fact::Kind::kChange,
                          .from = kStateRunning,
                          .to = to,
                          .says_since = true,
                          .domain = prev.domain,
                          .vcpu = prev.vcpu,
                          .pcpu = number,
                          .tsc = at,
                          .for_ns = ran});
    if (slice != 0) {
      tell(View::kPatched, {.kind = Fact::Kind::kSlice,
                            .domain = next.domain,
                            .vcpu = next.vcpu,
                            .pcpu = number,
                            .tsc = at,
                            .slice_ns = slice});
    }
    tell(View::kPatched, {.kind = Fact::Kind::kChange,
                          .from = kStateRunnable,
                          .to = kStateRunning,
                          .after_wake = came.after_wake,
                          .says_since = cause != event::kCauseNone,
                          .domain = next.domain,
                          .vcpu = next.vcpu,
                          .pcpu = number,
                          .tsc = at,
                          .for_ns = waited});
    left.since[index(View::kPatched)] = came.since[index(View::kPatched)] = at;
    at += step.spread;
  }
  if (has_stock(kind_)) {
    write(pcpu, at, runstate_event(event::kRunstateChange, kStateRunning, to), {word_of(prev)});
    tell(View::kStock, {.kind = Fact::Kind::kChange,
                        .from = kStateRunning,
                        .to = to,
                        .domain = prev.domain,
                        .vcpu = prev.vcpu,
                        .pcpu = number,
                        .tsc = at});
    left.since[index(View::kStock)] = left.left = at;
    at += step.spread;
    write(pcpu, at, runstate_event(event::kRunstateChange, kStateRunnable, kStateRunning), {word_of(next)});
    tell(View::kStock, {.kind = Fact::Kind::kChange,
                        .from = kStateRunnable,
                        .to = kStateRunning,
                        .after_wake = came.after_wake,
                        .domain = next.domain,
                        .vcpu = next.vcpu,
                        .pcpu = number,
                        .tsc = at});
    came.since[index(View::kStock)] = at;
  }
  if (with_slices && !setup_.switch_words_first) {
    at += step.spread;
    slice_words();
  }
  left.state = to;
  left.after_wake = false;
  left.cause = cause_of(leave);
  came.state = kStateRunning;
  came.cause = event::kCauseNone;
  on.current = next;
  touch(pcpu, on.last_tsc, prev);
  touch(pcpu, on.last_tsc, next);
}

void World::proceed(std::uint32_t pcpu, std::uint64_t tsc, const Step& step) {
  Pcpu& on = pcpus_[pcpu];
  const Who who = on.current;
  tsc = earliest_flush(pcpu, earliest(pcpu, tsc, who));
  flush_pages(pcpu, tsc);
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  const std::uint32_t slice = who.domain == idle_domain() ? 0 : step.slice;
  const auto told = [&](View view, Fact::Kind what) {
    tell(view, {.kind = what,
                .domain = who.domain,
                .vcpu = who.vcpu,
                .pcpu = number,
                .tsc = tsc,
                .slice_ns = slice});
  };
  if (has_stock(kind_)) {
    write(pcpu, tsc, event::kContinueRunning, {word_of(who)});
    told(View::kStock, Fact::Kind::kContinue);
    tsc += step.spread;
    if (kind_ != Kind::kStockStates) {
      const std::uint64_t ran = ns_between(vcpu(who).since[index(View::kStock)], tsc);
      write(pcpu, tsc, event::kSwitchInfCont,
            {domid(who.domain), word_of(who) & 0xffff, static_cast<std::uint32_t>(ran),
             slice == 0 ? kNoLimit : slice});
      if (slice != 0) told(View::kStock, Fact::Kind::kSlice);
      tsc += step.spread;
    }
  }
  if (has_patched(kind_)) {
    const std::uint32_t id = is_second(kind_) ? event::kDispatchContinue : event::kAcctContinue;
    if (slice == 0) {
      write(pcpu, tsc, id, {word_of(who)});
    } else {
      write(pcpu, tsc, id, {word_of(who), slice});
      told(View::kPatched, Fact::Kind::kSlice);
    }
    told(View::kPatched, Fact::Kind::kContinue);
  }
  touch(pcpu, on.last_tsc, who);
}

// Other than by a switch.
void World::change(std::uint32_t pcpu, std::uint64_t tsc, Who who, State to, const Step& step) {
  Vcpu& of = vcpu(who);
  const State from = of.state;
  tsc = earliest(pcpu, tsc, who);
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  const auto told = [&](View view) {
    tell(view, {.kind = Fact::Kind::kChange,
                .from = from,
                .to = to,
                .after_wake = of.after_wake,
                .domain = who.domain,
                .vcpu = who.vcpu,
                .pcpu = number,
                .tsc = tsc});
    of.since[index(view)] = tsc;
    tsc += step.spread;
  };
  if (has_patched(kind_)) {
    const std::uint32_t id = is_second(kind_) ? event::kDispatchRunstate : event::kAcctRunstate;
    write(pcpu, tsc, runstate_event(id, from, to), {word_of(who)});
    told(View::kPatched);
  }
  if (has_stock(kind_)) {
    write(pcpu, tsc, runstate_event(event::kRunstateChange, from, to), {word_of(who)});
    told(View::kStock);
  }
  of.state = to;
  of.after_wake = true;
  touch(pcpu, pcpus_[pcpu].last_tsc, who);
}

// A running vCPU leaves its pCPU, whatever pauses it.
void World::pause(std::uint32_t pcpu, Who who, const Step& step) {
  const State state = vcpu(who).state;
  if (state == kStateOffline) return;
  if (state != kStateRunning) {
    change(pcpu, step.tsc, who, kStateOffline, step);
  } else if (const std::optional<std::uint32_t> there = runs_on(who)) {
    switch_to(*there, step.tsc, idle_of(*there), kLeavePaused, step);
  }
}

void World::exchange(std::uint32_t pcpu, const Step& step) {
  if (!alive(step.domain) || step.domain == idle_domain()) return;
  Pcpu& on = pcpus_[pcpu];
  if (is_second(kind_) && on.current.domain == idle_domain()) return; // the vCPU that acts is named
  const std::uint32_t op = step.detail % 5;
  const auto pages = static_cast<std::uint32_t>(step.cycles);
  const std::uint32_t bytes = op >= 3 ? step.slice % 4096 : 0;
  const std::uint32_t granter = domid(step.domain);
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  std::uint64_t tsc = earliest_of_domain(pcpu, step.tsc, step.domain);
  const auto told = [&](View view, std::uint64_t count) {
    Fact fact{.kind = Fact::Kind::kPages, .domain = step.domain, .pcpu = number, .tsc = tsc};
    fact.pages.count[std::min(op, 3U)] = count;
    fact.pages.copy_bytes = count * bytes;
    tell(view, fact);
  };
  for (std::uint32_t page = 0; page < pages; ++page) {
    bool wrote = false;
    if (has_stock(kind_) && op < 3) {
      write(pcpu, tsc, event::kGrantMap + op, {granter});
      told(View::kStock, 1);
      wrote = true;
    }
    if (kind_ == Kind::kPatchedPages) {
      write(pcpu, tsc, event::kAcctPageOp, {granter | op << 16, bytes});
      told(View::kPatched, 1);
      wrote = true;
    }
    if (wrote) {
      domains_[step.domain].last_tsc = tsc;
      domains_[step.domain].last_pcpu = number;
      tsc += step.spread;
    }
  }
  if (kind_ != Kind::kPatched && kind_ != Kind::kSecond && !has_both(kind_)) return;
  auto counts = std::find_if(on.counts.begin(), on.counts.end(),
                             [&](const auto& each) { return each.first == step.domain; });
  if (counts == on.counts.end()) {
    if (on.counts.size() == 4) flush_pages(pcpu, earliest_flush(pcpu, tsc));
    counts = on.counts.insert(on.counts.end(), {step.domain, {}});
  }
  counts->second[op] += pages;
  counts->second[5] += std::uint64_t{pages} * bytes;
}

// Not before what concerns the domains of the pages.
std::uint64_t World::earliest_flush(std::uint32_t pcpu, std::uint64_t tsc) const {
  for (const auto& [domain, ops] : pcpus_[pcpu].counts) tsc = earliest_of_domain(pcpu, tsc, domain);
  return tsc;
}

// What the vCPU that runs has done, when the scheduler is called.
void World::flush_pages(std::uint32_t pcpu, std::uint64_t tsc) {
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  for (const auto& [domain, ops] : pcpus_[pcpu].counts) {
    const std::uint32_t first = domid(domain) | static_cast<std::uint32_t>(ops[3] + ops[4]) << 16;
    const auto bytes = static_cast<std::uint32_t>(ops[5]);
    const auto mapped = static_cast<std::uint32_t>(ops[0] | ops[1] << 16);
    const auto moved = static_cast<std::uint32_t>(ops[2]);
    if (is_second(kind_)) {
      const std::uint32_t acting = word_of(pcpus_[pcpu].current);
      if (moved != 0) {
        write(pcpu, tsc, event::kDispatchPageCounts, {acting, first, bytes, mapped, moved}, false);
      } else if (mapped != 0) {
        write(pcpu, tsc, event::kDispatchPageCounts, {acting, first, bytes, mapped}, false);
      } else {
        write(pcpu, tsc, event::kDispatchPageCounts, {acting, first, bytes}, false);
      }
    } else if (moved != 0) {
      write(pcpu, tsc, event::kAcctPageCounts, {first, bytes, mapped, moved}, false);
    } else if (mapped != 0) {
      write(pcpu, tsc, event::kAcctPageCounts, {first, bytes, mapped}, false);
    } else {
      write(pcpu, tsc, event::kAcctPageCounts, {first, bytes}, false);
    }
    tell(View::kPatched, {.kind = Fact::Kind::kPages,
                          .domain = domain,
                          .pcpu = number,
                          .tsc = tsc,
                          .pages = {{ops[0], ops[1], ops[2], ops[3] + ops[4]}, ops[5]},
                          .acting = is_second(kind_) ? pcpus_[pcpu].current.domain : std::uint16_t{0}});
    domains_[domain].last_tsc = tsc;
    domains_[domain].last_pcpu = number;
  }
  pcpus_[pcpu].counts.clear();
}

void World::noise(std::uint32_t pcpu, const Step& step) {
  // Of the scheduler, its private classes, memory, HVM and PV; the last ones without a TSC.
  static constexpr std::uint32_t kEvents[] = {0x28003, 0x28005, 0x28006,  0x28007,  0x28010,
                                              0x22202, 0x22803, 0x2220f,  0x10f004, 0x10f010,
                                              0x81001, 0x82001, 0x201001, 0x802006};
  const std::uint32_t event = kEvents[step.detail % std::size(kEvents)];
  if ((event & 0xff000) == 0x28000 && !(kind_ == Kind::kStock || has_both(kind_))) return;
  const bool timed = event < 0x80000 || event > 0xfffff || step.detail >= 128;
  std::uint64_t tsc = std::max({step.tsc, pcpus_[pcpu].last_tsc, setup_.first_tsc});
  switch (step.cycles % 4) {
    case 0:
      write(pcpu, tsc, event, {}, timed);
      break;
    case 1:
      write(pcpu, tsc, event, {1}, timed);
      break;
    case 2:
      write(pcpu, tsc, event, {1, 0}, timed);
      break;
    default:
      write(pcpu, tsc, event, {32767, 0, 1, 2, 3, 4, 5}, timed);
      break;
  }
}

void World::add(std::uint32_t pcpu, const Step& step) {
  Domain& domain = domains_[step.domain];
  if (domain.created) return;
  std::uint64_t tsc = earliest_of_domain(pcpu, step.tsc, step.domain);
  for (std::uint16_t i = 0; i < domains_.size(); ++i) {
    if (i == step.domain || domid(i) != domid(step.domain)) continue;
    if (i < step.domain && !domains_[i].created) return; // each in its turn
    if (!domains_[i].created) continue;
    // A number is used again when its domain is dead. Who never heard of that one could not tell its removal,
    // if it is still to come, from the removal of this one.
    if (!domains_[i].killed || !tells_domains(kind_) || (!domains_[i].removed && !domains_[i].heard)) return;
    tsc = earliest_of_domain(pcpu, tsc, i);
    for (const Vcpu& vcpu : domains_[i].vcpus) {
      if (vcpu.last_tsc != 0) tsc = std::max(tsc, vcpu.last_tsc + 1);
    }
  }
  domain.created = true;
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  const auto told = [&](View view) {
    for (std::uint16_t i = 0; i < domains_.size(); ++i) {
      if (i != step.domain && domid(i) == domid(step.domain) && domains_[i].created && !domains_[i].removed)
        tell(view, {.kind = Fact::Kind::kEnd, .domain = i, .pcpu = number, .tsc = tsc});
    }
    tell(view, {.kind = Fact::Kind::kAdd, .domain = step.domain, .pcpu = number, .tsc = tsc});
    tsc += step.spread;
  };
  if (!tells_domains(kind_)) return;
  if (has_stock(kind_)) {
    write(pcpu, tsc, event::kDomainAdd, {domid(step.domain)});
    told(View::kStock);
  }
  if (has_patched(kind_)) {
    write(pcpu, tsc, is_second(kind_) ? event::kDispatchDomainAdd : event::kAcctDomainAdd,
          {domid(step.domain)});
    told(View::kPatched);
  }
  domain.last_tsc = pcpus_[pcpu].last_tsc;
  domain.last_pcpu = number;
}

void World::kill(std::uint32_t pcpu, const Step& step) {
  if (!alive(step.domain) || step.domain == idle_domain() || domid(step.domain) == 0) return;
  Domain& domain = domains_[step.domain];
  // Nobody holds its pages any more.
  for (std::uint32_t i = 0; i < pcpus_.size(); ++i) {
    const auto& counts = pcpus_[i].counts;
    if (std::any_of(counts.begin(), counts.end(),
                    [&](const auto& each) { return each.first == step.domain; })) {
      if (!pcpus_[i].online) return;
      proceed(i, step.tsc, step);
    }
  }
  for (std::uint16_t i = 0; i < domain.vcpus.size(); ++i) {
    const State state = domain.vcpus[i].state;
    // One that is blocked never hears of it.
    if (state == kStateBlocked && tells_domains(kind_) && step.detail % 2 == 0) continue;
    pause(pcpu, {step.domain, i}, step);
  }
  domain.killed = true;
}

void World::remove(std::uint32_t pcpu, const Step& step) {
  Domain& domain = domains_[step.domain];
  if (!domain.killed || domain.removed) return;
  std::uint64_t tsc = earliest_of_domain(pcpu, step.tsc, step.domain);
  for (const Vcpu& vcpu : domain.vcpus) {
    if (vcpu.last_tsc != 0) tsc = std::max(tsc, vcpu.last_tsc + 1);
  }
  bool succeeded = false;
  for (std::uint16_t i = 0; i < domains_.size(); ++i) {
    if (i == step.domain || domid(i) != domid(step.domain) || !domains_[i].created) continue;
    if (i < step.domain && !domains_[i].removed) return; // that one is first
    if (i > step.domain) succeeded = true;
    tsc = std::max(tsc, domains_[i].last_tsc + 1);
  }
  domain.removed = true;
  if (!tells_domains(kind_)) return;
  const std::uint32_t number = setup_.pcpus[pcpu].number;
  const auto told = [&](View view) {
    if (!succeeded) tell(view, {.kind = Fact::Kind::kEnd, .domain = step.domain, .pcpu = number, .tsc = tsc});
    tsc += step.spread;
  };
  const bool heard = domain.heard;
  if (has_stock(kind_)) {
    write(pcpu, tsc, event::kDomainRemove, {domid(step.domain)});
    told(View::kStock);
  }
  if (has_patched(kind_)) {
    write(pcpu, tsc, is_second(kind_) ? event::kDispatchDomainRemove : event::kAcctDomainRemove,
          {domid(step.domain)});
    told(View::kPatched);
  }
  domain.heard = heard;
  // The next owner of the number is reported later.
  for (std::uint16_t i = 0; i < domains_.size(); ++i) {
    if (domid(i) != domid(step.domain)) continue;
    domains_[i].last_tsc = pcpus_[pcpu].last_tsc;
    domains_[i].last_pcpu = number;
  }
}

void World::finish() {
  for (std::uint32_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) {
    std::uint64_t last = 0;
    std::uint64_t before = 0;
    std::uint64_t end = 0; // records without a TSC also have a time at which they were written
    for (const TraceRecord& record : trace_.records[pcpu]) {
      end = std::max(end, record.tsc);
      if (!record.timed) continue;
      before = last == 0 ? record.tsc : last;
      last = record.tsc;
    }
    if (last - before >= kLongJump) write(pcpu, end, kNoise, {});
  }
  for (const Domain& domain : domains_) {
    trace_.created.push_back(domain.created);
    std::vector<State>& states = trace_.last_states.emplace_back();
    for (const Vcpu& vcpu : domain.vcpus) states.push_back(domain.created ? vcpu.state : kStateOffline);
  }
}

Trace run_history(const History& history) {
  World world(history.setup, history.kind);
  for (const Step& step : history.steps) world.apply(step);
  world.finish();
  return world.take();
}

} // namespace xenmon::model
