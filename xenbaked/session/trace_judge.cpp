// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/trace_judge.h"

#include <algorithm>
#include <string>

#include "base/counted.h"
#include "base/seconds_text.h"
#include "session/message.h"
#include "text.h"
#include "xenmon/region.h"

namespace xenmon {

Baker::Options bake_options(const Origin& origin) {
  Baker::Options options;
  options.cpu_khz = origin.cpu_khz;
  options.event_mask = origin.event_mask;
  options.has_dispatches = origin.facts.has_dispatches;
  options.has_page_counts = origin.facts.has_page_counts;
  // The null scheduler decides once: a vCPU that runs there for ever is as silent as an idle one.
  if (origin.scheduler != "null") options.pcpus = origin.facts.pcpus;
  options.pcpus_missing = origin.facts.pcpus_missing;
  options.check_waits = origin.facts.check_waits;
  options.unrecorded_after = origin.facts.unrecorded_after;
  options.clock_ahead_ns = origin.facts.clock_ahead_ns;
  return options;
}

Merge::Patience patience_with(const Origin& origin, bool watched) {
  if (origin.kind != XENMON_SOURCE_RECORDING) return {}; // its buffers say when they are full
  Merge::Patience patience;
  patience.bytes = kLookAheadBytes;
  patience.cycles =
      watched && origin.being_written ? ClockScale(origin.cpu_khz).to_cycles(kLookAheadNs) : Merge::kNoLimit;
  return patience;
}

void warn_of_frequency(const Origin& origin) {
  if (!origin.cpu_khz_assumed) return;
  print_message("nothing tells " + printable(origin.text) +
                "'s TSC frequency; assuming 2.4 GHz. Give --cpu-khz if you know it.");
}

bool pcpus_seem_missing(const Merge::Counts& merged, const Baker& baker, const Origin& origin) {
  if (origin.facts.pcpus_missing || !origin.facts.check_waits || !origin.facts.clock_ahead_ns.empty())
    return false;
  const bool whole = merged.lost_records == 0 && merged.bad_records == 0 && merged.late_records == 0 &&
                     merged.clock_restarts == 0 && baker.silences().empty();
  return whole && baker.counts().waits_contradicted > 0;
}

void say_pcpus_missing(Verdicts& verdicts) {
  verdicts.say(XENMON_VERDICT_NOT_TRACED, 0,
               "Some CPUs were in use and not traced: what vCPUs did there is unknown.");
}

void say_damaged(Verdicts& verdicts) {
  verdicts.say(XENMON_VERDICT_DAMAGED, 0,
               "The recording is damaged or cut off: it is shown as far as it can be read.");
}

void judge_length(const Merge::Counts& merged, const Baker& baker, Verdicts& verdicts) {
  if (baker.now_ns() > 0) return;
  constexpr std::uint32_t kNoTime = 1; // 0 is that there are no runstates
  const std::uint64_t records = merged.records;
  verdicts.say(XENMON_VERDICT_NO_RECORDS, kNoTime,
               records == 0 ? "The recording has no records: there is nothing to show."
               : records == 1
                   ? "The recording has 1 record, and figures need two at different times: there is "
                     "nothing to show."
                   : "The recording's " + std::to_string(records) +
                         " records all have the same TSC: no time passes, and there is nothing to "
                         "show.");
}

std::uint32_t known_pcpus(const Merge& merge, const Origin& origin) {
  std::uint32_t count = merge.pcpus_seen();
  const auto add = [&](std::uint32_t pcpu) {
    if (merge.stream(pcpu) == nullptr) ++count;
  };
  std::for_each(origin.facts.pcpus.begin(), origin.facts.pcpus.end(), add);
  std::for_each(origin.facts.untraced_pcpus.begin(), origin.facts.untraced_pcpus.end(), add);
  return count;
}

void judge_trace(const Merge::Counts& merged, const Baker& baker, const Origin& origin, Verdicts& verdicts) {
  std::uint32_t number = 0;
  for (const Baker::Silence& silence : baker.silences()) {
    verdicts.say(XENMON_VERDICT_NOT_RECORDED, number++,
                 "Nothing was recorded from " + seconds_text(silence.from_ns, 3) + " s to " +
                     seconds_text(silence.to_ns, 3) + " s: that time is unknown.");
  }
  number = 0;
  for (const std::uint64_t ns : baker.clock_restarts()) {
    verdicts.say(XENMON_VERDICT_CLOCK_RESTART, number++,
                 "The TSC restarts at " + seconds_text(ns, 3) +
                     " s: there is a gap, and nobody knows how long it was.");
  }
  const std::uint64_t conflicts = baker.counts().state_conflicts;
  const bool explained = merged.lost_records != 0 || merged.bad_records != 0 || origin.facts.pcpus_missing ||
                         !origin.facts.clock_ahead_ns.empty();
  if (conflicts > 0 && !explained) {
    verdicts.say(XENMON_VERDICT_CONTRADICTS, 0,
                 counted(conflicts, "record contradicts", "records contradict") +
                     " others, and none was reported lost: that time is unknown.");
  }
}

} // namespace xenmon
