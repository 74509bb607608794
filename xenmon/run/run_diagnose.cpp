// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/history.h"
#include "client/latency.h"
#include "client/region_follower.h"
#include "diagnose/diagnose.h"
#include "diagnose/finding_text.h"
#include "diagnose/gather.h"
#include "log/line_output.h"
#include "process/signals.h"
#include "run/first_figures.h"
#include "run/front_end.h"
#include "serve/findings_json.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kEnoughNs = 5'000'000'000;
constexpr std::size_t kTextColumns = 100;
constexpr auto kPoll = 50ms;
// How long a live host is observed for distributions; the window is at most twice as long.
constexpr auto kObserved = 5200ms;

// The distributions of a host that has been watched for long are those between two looks.
void observe(RegionFollower& follower, History& history) {
  const auto end = std::chrono::steady_clock::now() + kObserved;
  while (!stop_requested() && std::chrono::steady_clock::now() < end) {
    wait_for_input(-1, kPoll);
    if (!follower.follow(history)) return; // begin() refuses nothing
  }
}

std::optional<Evidence> gather(const RegionFollower& follower, LatencyHistory& latency) {
  const bool readable = follower.reader() != nullptr && follower.attachment().still_readable();
  return readable ? gather_evidence(*follower.reader(), kLongWindowNs, latency) : std::nullopt;
}

bool lacks_distributions(const Evidence& evidence) {
  return std::none_of(evidence.domains.begin(), evidence.domains.end(),
                      [](const DomainEvidence& domain) { return domain.wake_wait.has_value(); });
}

DiagnosisOutcome outcome_of(const std::vector<Finding>& findings) {
  auto outcome = DiagnosisOutcome::kNothing;
  for (const Finding& finding : findings) {
    if (!is_trouble(finding)) continue;
    if (finding.cause != Cause::kIncomplete) return DiagnosisOutcome::kFindings;
    outcome = DiagnosisOutcome::kIncomplete;
  }
  return outcome;
}

} // namespace

Result<DiagnosisOutcome> run_diagnose(const Options& options, Publisher& publisher) {
  RegionFollower follower({.path = publisher.region});
  History history;
  if (Status awaited = await_figures(options, publisher, follower, history, kEnoughNs); !awaited)
    return awaited.error();
  LatencyHistory latency;
  std::optional<Evidence> evidence = gather(follower, latency);
  const bool live = follower.attachment().health().kind == Health::Kind::kLive;
  if (evidence && live && lacks_distributions(*evidence)) {
    observe(follower, history);
    evidence = gather(follower, latency);
  }
  if (!evidence) return Error{"xenbaked keeps writing its tables; try again."};
  const std::vector<Finding> findings = diagnose(*evidence);
  const std::string text = options.diagnosis_as_json
                               ? diagnosis_json(findings, evidence->start_ns, evidence->end_ns) + "\n"
                               : findings_text(findings, evidence->start_ns, evidence->end_ns, kTextColumns);
  if (Status written = write_lines(STDOUT_FILENO, text, "standard output"); !written) return written.error();
  if (Status whole = end_after_figures(publisher, follower.attachment(), "the diagnosis"); !whole)
    return whole.error();
  return outcome_of(findings);
}

} // namespace xenmon
