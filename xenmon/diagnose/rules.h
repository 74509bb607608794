// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of rules: for each cause what must be true of the figures and what must not, with the thresholds
// and where they come from. This is the only place that has thresholds of causes. docs/diagnosis.md explains
// each of them.
#ifndef XENMON_XENMON_DIAGNOSE_RULES_H
#define XENMON_XENMON_DIAGNOSE_RULES_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "diagnose/finding.h"
#include "diagnose/measures.h"

namespace xenmon {

struct Condition {
  Measure measure = Measure::kNone; // kNone: always true
  bool at_least = true;             // else at most
  double threshold = 0;
  bool may_be_unknown = false; // in `must`: then it counts as true

  constexpr bool used() const { return measure != Measure::kNone; }
};

// What a cause costs its subject.
enum class Cost { kNone, kWaiting, kOffline };

// Bits.
using Schedulers = std::uint32_t;
inline constexpr Schedulers kCredit = 1;
inline constexpr Schedulers kCredit2 = 2;
inline constexpr Schedulers kOther = 4; // or not known
inline constexpr Schedulers kAnyScheduler = kCredit | kCredit2 | kOther;

inline constexpr std::size_t kMostConditions = 8;
inline constexpr std::size_t kMostCauses = 8;

// Fires if all of `must` hold, none of `must_not` does, and none of the causes in `unless` has been found
// about the same domain, or about the host. A measure that is not known makes a condition of `must` false,
// unless it says otherwise, and of `must_not` false as well.
struct Rule {
  Cause cause;
  const char* name; // for programs: the same in all versions
  SubjectKind subject;
  Schedulers schedulers = kAnyScheduler;
  std::array<Condition, kMostConditions> must = {};
  std::array<Condition, kMostConditions> must_not = {};
  std::array<Cause, kMostCauses> unless = {};           // kIncomplete: an unused place
  std::array<Cause, kMostCauses> unless_neighbour = {}; // the same about the domain that ran while it waited
  Cost cost = Cost::kNone;
  const char* harm = "";
  const char* proof = "";
  const char* source = ""; // of the thresholds
};

// In the order in which they are tried and reported: what has a definite remedy comes before what is general.
std::span<const Rule> rules();

// ---- what makes data incomplete, which is no rule: it is tried first, and nothing else is said then

// Less than this of data says nothing.
inline constexpr std::uint64_t kShortestWindowNs = 900'000'000;
// A domain whose state is not known for more of its vCPUs' time, in percent, is not judged.
inline constexpr double kMostUnknownPercent = 2;
inline constexpr const char* kIncompleteName = "data_incomplete";

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_RULES_H
