// SPDX-License-Identifier: GPL-2.0-or-later
//
// A scheduling history: which vCPUs exist when the trace begins, and what happens then, step by step. A step
// that is impossible where it stands (World) does nothing, so any part of a history's steps is a valid
// history: this is what makes shrinking simple.
#ifndef XENMON_TESTS_MODEL_HISTORY_H
#define XENMON_TESTS_MODEL_HISTORY_H

#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <vector>

namespace xenmon::model {

// Small and the same everywhere, which the standard library's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // From 0 to n - 1; n is not 0.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  std::uint32_t below32(std::uint64_t n) { return static_cast<std::uint32_t>(below(n)); }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

// What Xen writes.
enum class Kind : std::uint8_t {
  kStock,        // its own records, mask 0x129000
  kStockStates,  // the same without those of switches and domains, mask 0x121000
  kPatched,      // those of the patches' first version, pages summed up
  kPatchedPages, // the same, pages one by one
  kBoth,         // its own and those of the patches, and the mask says so
  kBothUnsaid,   // the same, but nobody says so before the records do; without page exchanges
  kSecond,       // those of the patches' second version
  kSecondBoth,   // its own and those, without page exchanges
};
inline constexpr std::string_view kKindNames[] = {"stock", "stock-states", "patched", "patched-pages",
                                                  "both",  "both-unsaid",  "second",  "second-both"};
constexpr bool has_both(Kind kind) {
  return kind == Kind::kBoth || kind == Kind::kBothUnsaid || kind == Kind::kSecondBoth;
}
constexpr bool has_stock(Kind kind) {
  return kind == Kind::kStock || kind == Kind::kStockStates || has_both(kind);
}
constexpr bool has_patched(Kind kind) {
  return kind == Kind::kPatched || kind == Kind::kPatchedPages || kind == Kind::kSecond || has_both(kind);
}
constexpr bool is_second(Kind kind) {
  return kind == Kind::kSecond || kind == Kind::kSecondBoth;
}
// Whether it says when domains are created and destroyed.
constexpr bool tells_domains(Kind kind) {
  return kind != Kind::kStockStates;
}

// Xen's RUNSTATE_*.
enum State : std::uint8_t { kStateRunning, kStateRunnable, kStateBlocked, kStateOffline };

// A domain or its successor of the same number: each is an entry of Setup::domains. The idle domain is the
// last; its vCPU i is the one of Setup::pcpus[i].
struct VcpuSetup {
  std::uint32_t id = 0;
  State state = kStateBlocked; // when the trace begins; nobody but idle vCPUs runs then, see Step::kTakeOver
  bool woken = true;           // if it is runnable: after a wake
  std::uint64_t age = 0;       // cycles that it has been so
};
struct DomainSetup {
  std::uint32_t domid = 0;
  bool exists = true; // when the trace begins
  std::vector<VcpuSetup> vcpus;
};
struct PcpuSetup {
  std::uint32_t number = 0;
  bool online = true; // when the trace begins
};
struct Setup {
  std::uint32_t khz = 1'000'000;
  std::uint64_t first_tsc = 0;    // the trace begins no earlier
  bool switch_words_first = true; // SWITCH_INF* come before the changes of runstate, or after them
  std::vector<PcpuSetup> pcpus;
  std::vector<DomainSetup> domains;
};

enum class Act : std::uint8_t {
  kTakeOver, // before the trace: which vCPU has run here for `cycles`
  kSwitch,   // `who` comes (or the idle vCPU), the one that ran leaves to `detail`, a Leave
  kContinue, // the one that runs is chosen again
  kWake,     // `who`, reported by that pCPU
  kPause,    // `who` may not run
  kUnpause,  // it may again; detail 0: it is runnable, 1: it is blocked
  kExchange, // `cycles` pages with the grants of domain `who`; detail: the kind, as in ACCT_PAGE_OP
  kNoise,    // a record that means nothing here; detail: which
  kAdd,      // domain `who` is created
  kKill,     // domain `who` never runs again
  kRemove,   // it is destroyed
  kDown,     // that pCPU writes nothing any more
  kUp,       // that pCPU has come
  kStart,    // ACCT_START
  kCount
};

enum Leave : std::uint8_t { kLeaveBlocked, kLeavePreempted, kLeaveYielded, kLeaveSlice, kLeavePaused };

struct Step {
  std::uint64_t tsc = 0; // not before; nor before what concerns the same pCPU or vCPU
  Act act = Act::kNoise;
  std::uint8_t spread = 0; // cycles between the records of one step
  std::uint8_t detail = 0;
  std::uint8_t pcpu = 0;    // index in Setup::pcpus
  std::uint16_t domain = 0; // index in Setup::domains
  std::uint16_t vcpu = 0;   // index in DomainSetup::vcpus
  std::uint32_t slice = 0;  // ns; 0: no limit
  std::uint64_t cycles = 0; // see Act
};

struct History {
  std::uint64_t seed = 0;
  Kind kind = Kind::kStock;
  Setup setup;
  std::vector<Step> steps;
};

// Always the same for the same seed and kind.
History make_history(std::uint64_t seed, Kind kind);

void write_text(std::ostream& out, const Setup& setup);
void write_text(std::ostream& out, const Setup& setup, const Step& step);

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_HISTORY_H
