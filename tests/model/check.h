// SPDX-License-Identifier: GPL-2.0-or-later
//
// One history through XenMon, and what comes out against the truth.
#ifndef XENMON_TESTS_MODEL_CHECK_H
#define XENMON_TESTS_MODEL_CHECK_H

#include <algorithm>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

#include "history.h"
#include "session/stop_flag.h"

namespace xenmon::model {

enum class Way : std::uint8_t { kPlain, kLive, kXz };
inline constexpr std::string_view kWayNames[] = {"plain", "live", "xz"};

class Checker {
 public:
  // Files are made in `directory`. `stop` is the program's.
  Checker(std::string directory, StopFlag& stop) : directory_(std::move(directory)), stop_(stop) {}

  // The differences, one per line; "" if all is right. `lossy`: records are taken out of the trace first.
  std::string check(const History& history, Way way, bool lossy = false);

 private:
  std::string directory_;
  StopFlag& stop_;
};

// What Xen wrote, pCPU by pCPU.
void write_records(std::ostream& out, const History& history, Way way, bool lossy);

// The smallest history that is found in which `fails` is still true.
template <class Predicate>
History shrink(History history, Predicate fails) {
  const auto attempt = [&](History& candidate) {
    if (!fails(candidate)) return false;
    history = candidate;
    return true;
  };
  // Steps in ever smaller runs, as long as anything can be left out.
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t run = std::max<std::size_t>(history.steps.size() / 2, 1); run > 0; run /= 2) {
      for (std::size_t at = 0; at < history.steps.size();) {
        History candidate = history;
        const auto first = candidate.steps.begin() + static_cast<std::ptrdiff_t>(at);
        candidate.steps.erase(first,
                              first + static_cast<std::ptrdiff_t>(std::min(run, history.steps.size() - at)));
        if (attempt(candidate)) {
          smaller = true;
        } else {
          at += run;
        }
      }
    }
    for (std::size_t at = 0; at < history.steps.size(); ++at) {
      const auto simpler = [&](auto change) {
        History candidate = history;
        change(candidate.steps[at]);
        return attempt(candidate);
      };
      if (history.steps[at].spread != 0) simpler([](Step& step) { step.spread = 0; });
      if (history.steps[at].act == Act::kExchange && history.steps[at].cycles > 1)
        simpler([](Step& step) { step.cycles = 1; });
    }
  }
  // A simpler machine: round times, nobody for long in a state before the trace.
  {
    History candidate = history;
    for (DomainSetup& domain : candidate.setup.domains) {
      for (VcpuSetup& vcpu : domain.vcpus) vcpu.age = 0;
    }
    attempt(candidate);
  }
  {
    History candidate = history;
    candidate.setup.khz = 1'000'000;
    attempt(candidate);
  }
  return history;
}

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_CHECK_H
