// SPDX-License-Identifier: GPL-2.0-or-later
//
// The figures that are true of a trace, by the rules of docs/metrics.md.
//
// What nobody has told is unknown: so is a vCPU until the first record about it, unless its domain's creation
// was told (then it was offline), or the record says itself since when; or it is the first one of its pCPU
// that tells who runs there, and says that it runs on: then it has run since that pCPU's first record. What a
// sample that has ended called unknown stays so.
#ifndef XENMON_TESTS_MODEL_TRUTH_H
#define XENMON_TESTS_MODEL_TRUTH_H

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "world.h"

namespace xenmon::model {

enum Part : std::uint8_t { kRunningPart, kWakePart, kPreemptPart, kBlockedPart, kOfflinePart, kUnknownPart };
inline constexpr std::size_t kParts = 6;
inline constexpr const char* kPartNames[] = {"gotten",  "waited_wake", "waited_preempt",
                                             "blocked", "offline",     "unknown"};
using Times = std::array<std::uint64_t, kParts>; // ns

// How long something took. Not sure: its beginning was not seen, so it may be left out, or be counted from
// where the trace, or its pCPU's records, begin.
struct Length {
  std::uint64_t ns = 0;
  bool sure = true;
  std::uint64_t or_ns = 0;
  auto operator<=>(const Length&) const = default;
};

struct SliceFigures {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  bool operator==(const SliceFigures&) const = default;
  void add(std::uint64_t ns) {
    min = count == 0 || ns < min ? ns : min;
    max = ns > max ? ns : max;
    ++count;
    sum += ns;
  }
};

inline constexpr std::uint32_t kNoPcpu = 0xffffffff;

struct VcpuTruth {
  std::uint32_t id = 0;
  Times times{};
  std::uint64_t executions = 0;
  std::uint64_t continues = 0;
  std::uint64_t avoidable = 0;  // ns of the time waited in which some pCPU was known to be idle
  std::uint64_t migrations = 0; // dispatches on another pCPU than the one before
  SliceFigures slices;
  std::map<std::uint32_t, Times> by_pcpu; // what is credited to each; kNoPcpu: to none
  std::vector<Length> wake_waits;
  std::vector<Length> preempt_waits;
  std::vector<Length> runs;
};

// What a domain as a whole does, while it lives: all of its vCPUs run, some run and the others are blocked,
// and so on. A vCPU counts from the first record that names it. Of one vCPU, its own times say it; of
// several, what is learned later about an earlier time changes nothing.
enum Whole : std::uint8_t {
  kFullRunWhole,
  kPartialRunWhole,
  kFullContentionWhole,
  kPartialContentionWhole,
  kHazardWhole,
  kBlockedWhole,
  kUnknownWhole
};
inline constexpr std::size_t kWholes = 7;
inline constexpr const char* kWholeNames[] = {"full_run",           "partial_run",        "full_contention",
                                              "partial_contention", "concurrency_hazard", "domain_blocked",
                                              "domain_unknown"};
using WholeTimes = std::array<std::uint64_t, kWholes>; // ns

struct DomainTruth {
  std::uint32_t domid = 0;
  WholeTimes whole{}; // all 0 for the idle domain
  Pages pages;
  std::map<std::uint32_t, Pages> pages_by_pcpu;
  std::vector<VcpuTruth> vcpus; // by id
};

struct Truth {
  std::uint64_t records = 0;
  std::uint64_t duration = 0;
  std::uint32_t pcpus = 0;
  std::vector<DomainTruth> domains; // by domid, then in order of creation
};

// What nobody has told, too: of every vCPU that there is, from the trace's first record to its last.
Truth tell_whole_truth(const Trace& trace, View view);

// sample_ns 0: the whole trace is one sample.
Truth tell_truth(const Trace& trace, View view, std::uint64_t sample_ns);

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_TRUTH_H
