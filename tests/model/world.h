// SPDX-License-Identifier: GPL-2.0-or-later
//
// The machine of a history: what each step does to it, the records that Xen writes of that, and what these
// records tell (Fact). Nothing here knows how XenMon works.
//
// At every moment each pCPU that is online runs one vCPU, its idle one if nobody else. TSCs rise within a
// pCPU, and from one record of a vCPU or a domain to the next; where two pCPUs have the same one, the order
// by the pCPU's number is that of the facts.
#ifndef XENMON_TESTS_MODEL_WORLD_H
#define XENMON_TESTS_MODEL_WORLD_H

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "history.h"

namespace xenmon::model {

struct TraceRecord {
  std::uint64_t tsc = 0; // when it was written, also without a TSC
  std::uint32_t event = 0;
  bool timed = true;
  std::uint8_t words = 0;
  std::array<std::uint32_t, 7> word{};
  std::uint32_t current = 0; // vcpu:16 dom:16: according to Xen, the vCPU that ran when it was written
};

struct Pages {
  std::array<std::uint64_t, 4> count{}; // map, unmap, transfer, copy
  std::uint64_t copy_bytes = 0;
};

struct Fact {
  enum class Kind : std::uint8_t {
    kChange,   // from one state to another
    kContinue, // runs on
    kSlice,
    kPages,
    kAdd,
    kEnd,
  };
  Kind kind = Kind::kChange;
  State from = kStateRunning;
  State to = kStateRunning;
  bool after_wake = false; // from runnable: it had been blocked or offline before
  bool says_since = false; // the record itself says since when it has been in the old state
  std::uint16_t domain = 0;
  std::uint16_t vcpu = 0;
  std::uint32_t pcpu = 0; // its number
  std::uint64_t tsc = 0;
  std::uint64_t for_ns = 0; // if says_since
  std::uint32_t slice_ns = 0;
  Pages pages{};
  std::uint16_t acting = 0; // the domain that exchanged them, as far as records say; otherwise Dom0
};

// By whose records.
enum class View : std::uint8_t { kStock, kPatched };

struct Trace {
  const Setup* setup = nullptr;
  Kind kind = Kind::kStock;
  std::vector<std::vector<TraceRecord>> records; // by index of pCPU
  std::array<std::vector<Fact>, 2> facts;        // by View
  std::vector<std::vector<State>> last_states;   // by domain and vCPU; of no use for one that does not exist
  std::vector<bool> created;                     // by domain
  std::uint64_t lost = 0;                        // records, see lose_records()
};

class World {
 public:
  World(const Setup& setup, Kind kind);

  void apply(const Step& step);
  // A pCPU's very last record is not believed after a long silence (docs/trace-records.md), so it is not to
  // be alone then.
  void finish();

  [[nodiscard]] const Trace& trace() const { return trace_; }
  [[nodiscard]] Trace take() { return std::move(trace_); }

  // What a generator wants to know.
  struct Who {
    std::uint16_t domain = 0;
    std::uint16_t vcpu = 0;
    bool operator==(const Who&) const = default;
  };
  struct Vcpu {
    State state = kStateBlocked;
    bool after_wake = true;               // if it is runnable
    std::uint32_t cause = 0;              // event::AcctCause: why it waits
    std::array<std::uint64_t, 2> since{}; // TSC, by View
    std::uint64_t left = 0;               // TSC at which it left its pCPU; 0: it has not run yet
    std::uint64_t last_tsc = 0;
    std::uint32_t last_pcpu = 0; // number of the pCPU that reported it last
  };
  struct Domain {
    bool created = false;
    bool killed = false;
    bool removed = false;
    bool heard = false; // a record has reported it
    std::uint64_t last_tsc = 0;
    std::uint32_t last_pcpu = 0;
    std::vector<Vcpu> vcpus;
  };
  struct Pcpu {
    bool online = false;
    bool gone = false;
    bool wrote = false;
    Who current;
    std::uint64_t last_tsc = 0;
    std::vector<std::pair<std::uint16_t, std::array<std::uint64_t, 6>>> counts; // by domain: ops 0-4, bytes
  };
  [[nodiscard]] const Vcpu& vcpu(Who who) const { return domains_[who.domain].vcpus[who.vcpu]; }
  [[nodiscard]] const std::vector<Domain>& domains() const { return domains_; }
  [[nodiscard]] const std::vector<Pcpu>& pcpus() const { return pcpus_; }
  [[nodiscard]] std::uint16_t idle_domain() const { return static_cast<std::uint16_t>(domains_.size() - 1); }
  [[nodiscard]] std::uint64_t now() const { return now_; }

 private:
  Vcpu& vcpu(Who who) { return domains_[who.domain].vcpus[who.vcpu]; }
  [[nodiscard]] Who idle_of(std::uint32_t pcpu) const {
    return {idle_domain(), static_cast<std::uint16_t>(pcpu)};
  }
  [[nodiscard]] std::uint32_t word_of(Who who) const;
  [[nodiscard]] std::uint32_t domid(std::uint16_t domain) const { return setup_.domains[domain].domid; }
  [[nodiscard]] bool alive(std::uint16_t domain) const {
    return domains_[domain].created && !domains_[domain].killed;
  }
  [[nodiscard]] std::optional<std::uint32_t> runs_on(Who who) const;
  [[nodiscard]] std::uint64_t ns_between(std::uint64_t from, std::uint64_t to) const;

  // The earliest TSC at which that pCPU may write about that vCPU, or that domain.
  [[nodiscard]] std::uint64_t earliest(std::uint32_t pcpu, std::uint64_t tsc, Who who) const;
  [[nodiscard]] std::uint64_t earliest_of_domain(std::uint32_t pcpu, std::uint64_t tsc,
                                                 std::uint16_t domain) const;

  void write(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t event,
             std::initializer_list<std::uint32_t> words, bool timed = true);
  void tell(View view, Fact fact);
  void touch(std::uint32_t pcpu, std::uint64_t tsc, Who who);

  void take_over(const Step& step);
  void switch_to(std::uint32_t pcpu, std::uint64_t tsc, Who next, Leave leave, const Step& step);
  void proceed(std::uint32_t pcpu, std::uint64_t tsc, const Step& step);
  void change(std::uint32_t pcpu, std::uint64_t tsc, Who who, State to, const Step& step);
  void pause(std::uint32_t pcpu, Who who, const Step& step);
  void exchange(std::uint32_t pcpu, const Step& step);
  [[nodiscard]] std::uint64_t earliest_flush(std::uint32_t pcpu, std::uint64_t tsc) const;
  void flush_pages(std::uint32_t pcpu, std::uint64_t tsc);
  void noise(std::uint32_t pcpu, const Step& step);
  void add(std::uint32_t pcpu, const Step& step);
  void kill(std::uint32_t pcpu, const Step& step);
  void remove(std::uint32_t pcpu, const Step& step);

  const Setup& setup_;
  Kind kind_;
  Trace trace_;
  std::vector<Domain> domains_;
  std::vector<Pcpu> pcpus_;
  std::uint64_t now_ = 0;
};

// All of it.
Trace run_history(const History& history);

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_WORLD_H
