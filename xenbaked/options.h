// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenbaked's command line: every option of the original, and long options in GNU style.
#ifndef XENMON_XENBAKED_OPTIONS_H
#define XENMON_XENBAKED_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>

#include "base/day_time.h"
#include "base/result.h"
#include "flight/capture.h"
#include "flight/flight_settings.h"
#include "session/session_options.h"
#include "timeline/run_timeline.h"

namespace xenmon {

enum class TotalsFormat { kNone, kText, kJson };

// A timeline of a recording. Each time is in both ways in which it can be understood; which is meant depends
// on what is played: a time of day if it is the directory of a flight recorder and that is not empty.
struct TimelineRequest {
  std::string file;
  std::optional<std::uint64_t> from_ns;
  std::optional<DayTime> from_day;
  std::optional<std::uint64_t> until_ns;
  std::optional<DayTime> until_day;
  TimelineOptions options;
};

struct CommandOptions {
  SessionOptions session;
  std::string replay; // empty: live
  std::uint32_t cpu_khz = 0;
  bool follow = false;  // the recording still grows
  bool restore = false; // put back what a killed process left, and end
  std::string record;
  std::optional<FlightSettings> flight;    // none: no flight recorder
  std::optional<CaptureOptions> capture;   // instead of everything else
  std::optional<TimelineRequest> timeline; // instead of publishing
  // --held-at as a time of day, for the replay of a flight directory; session.held_at_ns is then meaningless.
  std::optional<DayTime> held_at_day;
  TotalsFormat totals = TotalsFormat::kNone;
  std::optional<std::uint32_t> event_mask;
  bool without_slices = false;
  bool unconfined = false; // keep root's rights and all system calls
};

// What to do: run with these options, or print a text (help, version, an error) and exit.
struct CommandLine {
  CommandOptions options;
  bool run = false;
  std::string text;
  ExitStatus status = ExitStatus::kOk;
};

CommandLine parse_command_line(int argc, const char* const* argv);

} // namespace xenmon

#endif // XENMON_XENBAKED_OPTIONS_H
