// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line.
#ifndef XENMON_XENMON_COMMAND_LINE_OPTIONS_H
#define XENMON_XENMON_COMMAND_LINE_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "daemon/publisher_settings.h"
#include "log/log_format.h"
#include "metric.h"
#include "xenmon/region.h"

namespace xenmon {

struct Options {
  bool live = true;  // the screen; otherwise a log
  bool once = false; // neither: one table
  std::optional<std::uint64_t>
      slow_wait_ns; // neither: every wait of this length or more; then format kFiles is text
  LogFormat format = LogFormat::kFiles;
  std::string prefix = "log";    // of the files
  std::string output = "-";      // where the stream goes; "-": standard output
  bool csv_safe = false;         // no field is a formula
  bool vcpus = false;            // also records of vCPUs
  std::uint64_t duration_s = 10; // of logging; 0: until stopped, the default with slow_wait_ns
  std::uint64_t interval_ms = 1000;
  std::uint64_t ms_per_sample = 100;
  bool ms_per_sample_given = false;
  std::optional<std::uint32_t> pcpu;  // to start with; none: all
  MetricSet rows = all_domain_rows(); // of the screen's view of domains
  MetricSet rows_given;               // those of which the command line says whether they are shown
  bool no_color = false;

  std::string region = XENMON_DEFAULT_REGION;
  std::vector<OtherHost> hosts; // whose regions are shown, as they were given; none: ours
  std::string replay;           // "": none
  std::optional<std::uint64_t> cpu_khz;
  std::string speed; // as xenbaked takes it; "": its default
  bool loop = false;
  bool follow = false;                        // the recording still grows
  std::string flight_dir = "/var/lib/xenmon"; // where the screen looks for a time of day
  std::string at; // hold the replay at that time, see base/trace_time.h; "": play it
  std::string
      xenbaked; // "": the one beside this program or in sbin beside its directory, else the one in PATH
};

// What they say of the region and its xenbaked. Of several hosts, the first one.
PublisherSettings publisher_settings(const Options& options);

// The text for --help and --version.
struct Information {
  std::string text;
};

// A wrong option or value is an Error of status kUsage with one sentence.
Result<std::variant<Options, Information>> parse_options(int argc, const char* const* argv);

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_OPTIONS_H
