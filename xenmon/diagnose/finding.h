// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the diagnosis says: whose time it is about, why, what shows it, and what may be done.
#ifndef XENMON_XENMON_DIAGNOSE_FINDING_H
#define XENMON_XENMON_DIAGNOSE_FINDING_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenmon {

// In the order in which they are reported: first what forbids all others, then what an administrator has set,
// then what the work itself does.
enum class Cause {
  kIncomplete,   // the data are not complete
  kCap,          // the domain has reached its cap
  kAffinity,     // a vCPU waits while pCPUs on which it may not run are free
  kTooManyVcpus, // a domain's own vCPUs keep each other from running
  kRateLimit,    // the scheduler's rate limit
  kTooOften,     // dispatched too often for too little
  kWeight,       // a weight has no effect
  kLongSlices,   // credit's time slices are long
  kDom0Waits,    // Dom0 is kept waiting
  kNeighbour,    // another domain takes the CPU
  kOverload,     // the host has more work than pCPUs
  kNuma,         // a domain's time is spread over NUMA nodes
  kSiblings,     // vCPUs share a core while another core is free
  kNeverBlocks,  // a vCPU that never blocks
  kNoShortage,   // nobody lacks CPU time
};

enum class SubjectKind { kHost, kDomain, kVcpu };

struct Subject {
  SubjectKind kind = SubjectKind::kHost;
  std::uint64_t uid = 0; // of the domain
  std::uint32_t domid = 0;
  std::string domain; // its name, whole; "" while unknown
  std::uint32_t vcpu = 0;
};

// A figure that shows the cause, and what it takes.
struct Figure {
  const char* name = ""; // for programs
  const char* text = ""; // for people: "waited", "of its vCPUs' time"
  const char* unit = ""; // "%", "us", "" ...
  double value = 0;
  bool at_least = true; // else at most
  double threshold = 0;
};

struct Finding {
  Cause cause = Cause::kNoShortage;
  const char* name = ""; // of the cause, for programs
  Subject subject;
  std::string sentence; // the cause in words, printable
  std::vector<Figure> figures;
  // Since when, on the trace clock; if it goes back to the beginning of the window it may be earlier.
  std::uint64_t since_ns = 0;
  bool since_or_earlier = false;
  // How much of every second the subject loses; absent where that is not measured.
  std::optional<double> cost_ns_per_s;
  // A command, with nothing in it that a shell would treat in a special way; "" if there is none.
  std::string command;
  std::string remedy; // what to try, in words
  std::string harm;   // what the remedy may harm
  std::string proof;  // what would show that it helped
};

// Whether a finding says that something may be wrong. That nobody lacks CPU time is a finding, too.
constexpr bool is_trouble(const Finding& finding) {
  return finding.cause != Cause::kNoShortage;
}

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_FINDING_H
