// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey/learn_trace.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "survey/survey.h"
#include "xenmon/region.h"

namespace xenmon {

namespace {

// This many records without any runstate among them are enough to say that there are none.
constexpr std::uint64_t kEnoughRecords = 1000;
constexpr std::size_t kMostPieces = 6;

std::string mhz_text(std::uint32_t khz) {
  char text[32];
  std::snprintf(text, sizeof text, "%u.%03u MHz", khz / 1000, khz % 1000);
  return text;
}

// "100 us", "1.234 ms", "2.5 s": at most three decimals.
std::string time_text(double ns) {
  const double us = ns / 1e3;
  char text[32];
  if (us < 1e3) {
    std::snprintf(text, sizeof text, "%.0f us", us);
  } else if (us < 1e6) {
    std::snprintf(text, sizeof text, "%.3f ms", us / 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.3f s", us / 1e6);
  }
  return text;
}

double apart(std::uint32_t a, std::uint32_t b) {
  return std::abs(static_cast<double>(a) - static_cast<double>(b)) / static_cast<double>(b);
}

void learn_frequency(const Survey& found, Origin& origin, Verdicts& verdicts) {
  if (found.measured_khz == 0) return;
  if (origin.cpu_khz_assumed) {
    origin.cpu_khz = found.measured_khz;
    origin.cpu_khz_assumed = false;
    origin.cpu_khz_measured = true;
  } else if (apart(origin.cpu_khz, found.measured_khz) > 0.01) {
    verdicts.say(XENMON_VERDICT_FREQUENCY, 0,
                 "The TSC frequency given, " + mhz_text(origin.cpu_khz) +
                     ", is not the one that the records show: " + mhz_text(found.measured_khz) + ".");
  }
}

void learn_clocks(const Survey& found, Origin& origin, Verdicts& verdicts) {
  origin.facts.clock_ahead_ns = found.clock_ahead_ns;
  const auto ahead = [&](std::uint32_t pcpu) {
    return pcpu < found.clock_ahead_ns.size() ? found.clock_ahead_ns[pcpu] : 0;
  };
  const auto right = std::find_if(found.pcpus.begin(), found.pcpus.end(),
                                  [&](std::uint32_t pcpu) { return ahead(pcpu) == 0; });
  for (const std::uint32_t pcpu : found.pcpus) {
    if (ahead(pcpu) == 0) continue;
    verdicts.say(XENMON_VERDICT_CLOCK_SKEW, pcpu,
                 "CPU " + std::to_string(pcpu) + "'s clock is " +
                     time_text(static_cast<double>(std::llabs(ahead(pcpu)))) +
                     (ahead(pcpu) > 0 ? " ahead of" : " behind") + " CPU " +
                     std::to_string(right == found.pcpus.end() ? 0 : *right) +
                     "'s: what passes between them is unknown.");
  }
}

void learn_pcpus(const Survey& found, Origin& origin, Verdicts& verdicts) {
  TraceFacts& facts = origin.facts;
  for (const std::uint32_t pcpu : found.named_pcpus) {
    if (std::find(facts.pcpus.begin(), facts.pcpus.end(), pcpu) == facts.pcpus.end())
      facts.untraced_pcpus.push_back(pcpu);
  }
  const bool missing = found.pcpus_missing();
  facts.pcpus_missing = facts.pcpus_missing || missing;
  if (!facts.pcpus_missing) return;
  verdicts.say(XENMON_VERDICT_NOT_TRACED, 0,
               facts.untraced_pcpus.empty()
                   ? "Other CPUs than " + cpus_text(found.pcpus) +
                         " were in use and not traced: what they did is unknown."
                   : cpus_text(facts.untraced_pcpus) + (facts.untraced_pcpus.size() == 1 ? " was" : " were") +
                         " not traced: what vCPUs did there is unknown.");
}

} // namespace

std::string cpus_text(std::span<const std::uint32_t> pcpus) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < pcpus.size();) {
    std::size_t end = i + 1;
    while (end < pcpus.size() && pcpus[end] == pcpus[end - 1] + 1) ++end;
    const std::size_t length = end - i;
    if (length <= 2) {
      for (; i < end; ++i) pieces.push_back(std::to_string(pcpus[i]));
    } else {
      pieces.push_back(std::to_string(pcpus[i]) + " to " + std::to_string(pcpus[end - 1]));
    }
    i = end;
  }
  if (pieces.size() > kMostPieces) {
    pieces.resize(kMostPieces);
    pieces.emplace_back("...");
  }
  std::string text = pcpus.size() == 1 ? "CPU " : "CPUs ";
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) text += i + 1 == pieces.size() && pieces[i] != "..." ? " and " : ", ";
    text += pieces[i];
  }
  return text;
}

Origin learn_trace(Source& source, Verdicts& verdicts) {
  Origin origin = source.origin();
  if (origin.kind == XENMON_SOURCE_LIVE) {
    if (origin.facts.pcpus_missing) {
      verdicts.say(XENMON_VERDICT_NOT_TRACED, 0,
                   cpus_text(origin.facts.untraced_pcpus) +
                       " came online after Xen's trace buffers were made: what vCPUs do there is unknown.");
    }
    return origin;
  }
  const std::uint32_t cpu_khz = origin.cpu_khz_assumed ? 0 : origin.cpu_khz;
  Survey found = survey(source.preview(Survey::kBytes), cpu_khz);
  if (!found.whole && found.contradictions > 0) found = survey(source.preview(Survey::kMoreBytes), cpu_khz);
  origin.facts.has_dispatches = found.has_dispatches;
  origin.facts.has_page_counts = found.has_page_counts;
  learn_frequency(found, origin, verdicts);
  learn_clocks(found, origin, verdicts);
  learn_pcpus(found, origin, verdicts);
  origin.facts.check_waits = found.words_reliable() &&
                             (found.measured_khz == 0 || apart(origin.cpu_khz, found.measured_khz) < 0.003);
  // Without reliable words nothing distinguishes an old record from a new one.
  std::vector<std::uint64_t>& unrecorded = origin.facts.unrecorded_after;
  unrecorded = found.contradicted_after;
  if (found.words_reliable())
    unrecorded.insert(unrecorded.end(), found.unrecorded_after.begin(), found.unrecorded_after.end());
  std::sort(unrecorded.begin(), unrecorded.end());
  unrecorded.erase(std::unique(unrecorded.begin(), unrecorded.end()), unrecorded.end());
  if (found.runstates == 0 && (found.whole ? found.records > 0 : found.records >= kEnoughRecords)) {
    verdicts.say(
        XENMON_VERDICT_NO_RECORDS, 0,
        "There are no records of runstates, which give all times: record with 'xentrace -D -e 0x129000'.");
  }
  return origin;
}

} // namespace xenmon
