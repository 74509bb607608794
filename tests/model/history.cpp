// SPDX-License-Identifier: GPL-2.0-or-later
#include "history.h"

#include <algorithm>
#include <ostream>

#include "world.h"

namespace xenmon::model {

namespace {

constexpr std::uint32_t kIdleDomid = 32767;
constexpr std::uint64_t kLongestSilenceMs = 90'000; // on all pCPUs

// What a history is like: most are small, some are about one thing.
struct Character {
  std::uint32_t steps = 100;
  std::uint32_t silence_percent = 0; // of steps before which nobody writes for long
  std::uint32_t pages_percent = 5;
  std::uint32_t noise_percent = 6;
  std::uint32_t domains_percent = 3; // creation and destruction
  std::uint32_t pauses_percent = 4;
  std::uint64_t usual_gap = 100'000;
};

Character make_character(Random& random) {
  Character character;
  character.steps = static_cast<std::uint32_t>(random.between(4, random.chance(20) ? 400 : 90));
  if (random.chance(40)) character.silence_percent = static_cast<std::uint32_t>(random.between(1, 8));
  if (random.chance(25)) character.domains_percent = 12;
  if (random.chance(15)) character.pages_percent = 30;
  if (random.chance(20)) character.noise_percent = 25;
  if (random.chance(20)) character.noise_percent = 0;
  if (random.chance(15)) character.pauses_percent = 20;
  static constexpr std::uint64_t kGaps[] = {40, 3'000, 100'000, 100'000, 2'000'000, 40'000'000};
  character.usual_gap = kGaps[random.below(std::size(kGaps))];
  return character;
}

Setup make_setup(Random& random) {
  Setup setup;
  static constexpr std::uint32_t kKhz[] = {2'599'998, 2'400'000, 2'799'998, 999'999, 3'000'001};
  setup.khz = random.chance(75) ? 1'000'000 : kKhz[random.below(std::size(kKhz))];
  setup.first_tsc =
      random.chance(10) ? random.between(1, 1000) : random.between(1'000'000, std::uint64_t{1} << 40);
  setup.switch_words_first = random.chance(70);
  const std::uint64_t pcpus = random.chance(20) ? 1 : random.between(2, random.chance(30) ? 8 : 4);
  std::uint32_t number = random.chance(70) ? 0 : random.below32(40);
  for (std::uint64_t i = 0; i < pcpus; ++i) {
    setup.pcpus.push_back({number, i == 0 || random.chance(88)});
    number += 1 + (random.chance(30) ? random.below32(20) : 0);
  }
  const std::uint64_t guests = random.between(1, random.chance(25) ? 6 : 3);
  const auto make_domain = [&](std::uint32_t domid, bool exists) {
    DomainSetup domain{domid, exists, {}};
    const std::uint64_t vcpus = random.between(1, random.chance(30) ? 4 : 2);
    for (std::uint32_t id = 0; id < vcpus; ++id) {
      VcpuSetup vcpu;
      vcpu.id = id;
      static constexpr State kStates[] = {kStateRunnable, kStateRunnable, kStateBlocked,
                                          kStateBlocked,  kStateBlocked,  kStateOffline};
      vcpu.state = kStates[random.below(std::size(kStates))];
      vcpu.woken = random.chance(60);
      vcpu.age = random.chance(20) ? random.below(20'000'000'000) : random.below(5'000'000);
      domain.vcpus.push_back(vcpu);
    }
    setup.domains.push_back(std::move(domain));
  };
  make_domain(0, true);
  std::uint32_t domid = 1;
  for (std::uint64_t i = 0; i < guests; ++i) {
    make_domain(domid, random.chance(80));
    // Its successors.
    while (random.chance(40)) make_domain(domid, false);
    domid += 1 + (random.chance(20) ? random.below32(3000) : 0);
  }
  DomainSetup idle{kIdleDomid, true, {}};
  for (std::uint32_t i = 0; i < pcpus; ++i) {
    idle.vcpus.push_back({i, kStateRunnable, false, random.below(50'000'000)});
  }
  setup.domains.push_back(std::move(idle));
  return setup;
}

class Generator {
 public:
  Generator(std::uint64_t seed, Kind kind) : random_(seed * 16 + static_cast<std::uint64_t>(kind)) {
    history_.seed = seed;
    history_.kind = kind;
    history_.setup = make_setup(random_);
  }

  History run() {
    World world(history_.setup, history_.kind);
    world_ = &world;
    Character character = make_character(random_);
    if (history_.kind == Kind::kBothUnsaid || history_.kind == Kind::kSecondBoth) character.pages_percent = 0;
    tsc_ = history_.setup.first_tsc;
    for (std::uint8_t pcpu = 0; pcpu < pcpus(); ++pcpu) {
      if (!random_.chance(50)) continue;
      Step step = make(Act::kTakeOver, pcpu);
      pick(step, [](const World::Vcpu&) { return true; });
      step.cycles = random_.chance(20) ? random_.below(20'000'000'000) : random_.below(3'000'000);
      put(step);
    }
    if (has_patched(history_.kind) && random_.chance(50)) put(make(Act::kStart, any_pcpu()));
    for (std::uint32_t i = 0; i < character.steps; ++i) {
      pass_time(character);
      take_step(character);
    }
    return std::move(history_);
  }

 private:
  [[nodiscard]] std::uint8_t pcpus() const { return static_cast<std::uint8_t>(history_.setup.pcpus.size()); }
  std::uint8_t any_pcpu() { return static_cast<std::uint8_t>(random_.below(pcpus())); }

  Step make(Act act, std::uint8_t pcpu) {
    Step step;
    step.tsc = tsc_;
    step.act = act;
    step.pcpu = pcpu;
    step.spread = random_.chance(50) ? 0 : static_cast<std::uint8_t>(random_.below(200));
    return step;
  }

  // Of all vCPUs but idle ones of whose state that is true. False: there is none.
  template <class Predicate>
  bool pick(Step& step, Predicate predicate) {
    std::vector<World::Who> candidates;
    for (std::uint16_t d = 0; d < world_->idle_domain(); ++d) {
      const World::Domain& domain = world_->domains()[d];
      if (!domain.created || domain.killed) continue;
      for (std::uint16_t v = 0; v < domain.vcpus.size(); ++v) {
        if (predicate(domain.vcpus[v])) candidates.push_back({d, v});
      }
    }
    if (candidates.empty()) return false;
    const World::Who who = candidates[random_.below(candidates.size())];
    step.domain = who.domain;
    step.vcpu = who.vcpu;
    return true;
  }

  template <class Predicate>
  bool pick_domain(Step& step, Predicate predicate) {
    std::vector<std::uint16_t> candidates;
    for (std::uint16_t d = 0; d < world_->idle_domain(); ++d) {
      if (predicate(world_->domains()[d])) candidates.push_back(d);
    }
    if (candidates.empty()) return false;
    step.domain = candidates[random_.below(candidates.size())];
    return true;
  }

  void put(const Step& step) {
    history_.steps.push_back(step);
    world_->apply(step);
  }

  void pass_time(const Character& character) {
    if (random_.chance(character.silence_percent)) {
      tsc_ = std::max(tsc_, world_->now());
      const std::uint64_t ms =
          random_.chance(70) ? random_.between(100, 2'000) : random_.between(2'000, 30'000);
      tsc_ += ms * history_.setup.khz + random_.below(1000);
      // A vCPU that waits while nothing is recorded for 100 s would not be believed.
      if (world_->now() != 0) tsc_ = std::min(tsc_, world_->now() + kLongestSilenceMs * history_.setup.khz);
    } else if (random_.chance(10)) {
      tsc_ += random_.below(4);
    } else {
      tsc_ += random_.below(character.usual_gap * 2) + 1;
    }
  }

  void take_step(const Character& character) {
    std::uint32_t dice = random_.below32(100);
    const auto share = [&](std::uint32_t percent) {
      if (dice < percent) return true;
      dice -= percent;
      return false;
    };
    const auto is = [](State state) {
      return [state](const World::Vcpu& vcpu) { return vcpu.state == state; };
    };
    if (share(1)) {
      put(make(random_.chance(60) ? Act::kUp : Act::kDown, any_pcpu()));
    } else if (share(character.noise_percent)) {
      Step step = make(Act::kNoise, any_pcpu());
      step.detail = static_cast<std::uint8_t>(random_.below(256));
      step.cycles = random_.below(4);
      put(step);
    } else if (share(character.pages_percent)) {
      Step step = make(Act::kExchange, any_pcpu());
      if (!pick_domain(step, [](const World::Domain& each) { return each.created && !each.killed; })) return;
      step.detail = static_cast<std::uint8_t>(random_.below(5));
      step.cycles = random_.between(1, random_.chance(10) ? 40 : 4);
      step.slice = random_.below32(4096);
      put(step);
    } else if (share(character.domains_percent)) {
      change_domains();
    } else if (share(character.pauses_percent)) {
      Step step = make(random_.chance(50) ? Act::kPause : Act::kUnpause, any_pcpu());
      step.detail = random_.chance(70) ? 0 : 1;
      const bool pausing = step.act == Act::kPause;
      if (pick(step, [&](const World::Vcpu& vcpu) { return (vcpu.state == kStateOffline) != pausing; }))
        put(step);
    } else if (dice % 10 < 3) {
      Step step = make(Act::kWake, any_pcpu());
      if (pick(step, is(kStateBlocked))) put(step);
    } else if (dice % 10 < 5) {
      Step step = make(Act::kContinue, any_pcpu());
      step.slice = slice();
      put(step);
    } else {
      Step step = make(Act::kSwitch, any_pcpu());
      if (random_.chance(20) || !pick(step, is(kStateRunnable))) step.domain = world_->idle_domain();
      static constexpr Leave kLeaves[] = {kLeaveBlocked,   kLeaveBlocked, kLeaveBlocked, kLeavePreempted,
                                          kLeavePreempted, kLeaveYielded, kLeaveSlice};
      step.detail = kLeaves[random_.below(std::size(kLeaves))];
      step.slice = slice();
      put(step);
    }
  }

  void change_domains() {
    Step step = make(Act::kAdd, any_pcpu());
    const std::uint64_t what = random_.below(10);
    if (what < 4) {
      if (!pick_domain(step, [](const World::Domain& each) { return !each.created; })) return;
    } else if (what < 6) {
      step.act = Act::kKill;
      step.detail = static_cast<std::uint8_t>(random_.below(2));
      if (!pick_domain(step, [](const World::Domain& each) { return each.created && !each.killed; })) return;
      put(step);
      if (random_.chance(50)) return;
      step.act = Act::kRemove;
      step.tsc += random_.below(1'000'000);
      step.pcpu = any_pcpu();
    } else {
      step.act = Act::kRemove;
      if (!pick_domain(step, [](const World::Domain& each) { return each.killed && !each.removed; })) return;
    }
    put(step);
    if (step.act != Act::kAdd) return;
    // It is likely to do something.
    for (std::uint16_t v = 0; v < history_.setup.domains[step.domain].vcpus.size(); ++v) {
      if (!random_.chance(70)) continue;
      Step begin = make(Act::kUnpause, any_pcpu());
      begin.tsc += random_.below(500'000);
      begin.domain = step.domain;
      begin.vcpu = v;
      put(begin);
    }
  }

  std::uint32_t slice() {
    if (random_.chance(15)) return 0;
    return random_.chance(70) ? 30'000'000 : static_cast<std::uint32_t>(random_.between(1, 0x7fffffff));
  }

  Random random_;
  History history_;
  World* world_ = nullptr;
  std::uint64_t tsc_ = 0;
};

} // namespace

History make_history(std::uint64_t seed, Kind kind) {
  return Generator(seed, kind).run();
}

// ---- text

namespace {

constexpr const char* kStateNames[] = {"running", "runnable", "blocked", "offline"};
constexpr const char* kLeaveNames[] = {"blocks", "is preempted", "yields", "has used up its slice",
                                       "is paused"};
constexpr const char* kOpNames[] = {"map", "unmap", "transfer", "copy from", "copy to"};

} // namespace

void write_text(std::ostream& out, const Setup& setup) {
  out << setup.khz << " kHz, from TSC " << setup.first_tsc << "; pCPUs";
  for (const PcpuSetup& pcpu : setup.pcpus) out << ' ' << pcpu.number << (pcpu.online ? "" : " (offline)");
  out << '\n';
  for (std::size_t d = 0; d + 1 < setup.domains.size(); ++d) {
    const DomainSetup& domain = setup.domains[d];
    out << "  [" << d << "] d" << domain.domid << (domain.exists ? ":" : ", to be created:");
    for (const VcpuSetup& vcpu : domain.vcpus) {
      out << " v" << vcpu.id;
      if (domain.exists) out << ' ' << kStateNames[vcpu.state] << " for " << vcpu.age << " cycles,";
    }
    out << '\n';
  }
}

void write_text(std::ostream& out, const Setup& setup, const Step& step) {
  out << "  " << step.tsc - setup.first_tsc << " pCPU " << setup.pcpus[step.pcpu].number << ": ";
  const bool idle = step.domain + 1U == setup.domains.size();
  const auto who = [&] {
    out << '[' << step.domain << "] d" << setup.domains[step.domain].domid << 'v'
        << setup.domains[step.domain].vcpus[step.vcpu].id;
  };
  const auto domain = [&] { out << '[' << step.domain << "] d" << setup.domains[step.domain].domid; };
  switch (step.act) {
    case Act::kTakeOver:
      who();
      out << " has run here for " << step.cycles << " cycles";
      break;
    case Act::kSwitch:
      out << "who runs " << kLeaveNames[step.detail] << ", ";
      if (idle)
        out << "idle";
      else
        who();
      out << " comes, slice " << step.slice;
      break;
    case Act::kContinue:
      out << "who runs is chosen again, slice " << step.slice;
      break;
    case Act::kWake:
      out << "wakes ";
      who();
      break;
    case Act::kPause:
      out << "pauses ";
      who();
      break;
    case Act::kUnpause:
      out << "unpauses ";
      who();
      out << (step.detail == 0 ? "" : ", which is blocked");
      break;
    case Act::kExchange:
      out << step.cycles << " x " << kOpNames[step.detail % 5] << " of ";
      domain();
      break;
    case Act::kNoise:
      out << "noise " << int{step.detail} << '/' << step.cycles;
      break;
    case Act::kAdd:
      out << "creates ";
      domain();
      break;
    case Act::kKill:
      out << "kills ";
      domain();
      break;
    case Act::kRemove:
      out << "destroys ";
      domain();
      break;
    case Act::kDown:
      out << "goes";
      break;
    case Act::kUp:
      out << "has come";
      break;
    case Act::kStart:
      out << "tracing starts";
      break;
    case Act::kCount:
      break;
  }
  out << " (spread " << int{step.spread} << ")\n";
}

} // namespace xenmon::model
