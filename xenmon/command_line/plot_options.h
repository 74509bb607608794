// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of "xenmon plot".
#ifndef XENMON_XENMON_COMMAND_LINE_PLOT_OPTIONS_H
#define XENMON_XENMON_COMMAND_LINE_PLOT_OPTIONS_H

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "command_line/options.h"
#include "plot/plot_script.h"
#include "plot/run_means.h"

namespace xenmon {

struct PlotOptions {
  // Not empty, none twice; "-": standard input. Directories of runs if settings.against is not empty.
  std::vector<std::string> logs;
  std::string output;               // "-": standard output; "" only with `script`
  std::vector<std::string> domains; // names or ids; empty: all
  bool idle = false;                // all with the idle domain
  bool script = false;              // print it instead of running it
  Span span;                        // of each log
  PlotSettings settings;
};

// Without the program's name and "plot", which precede the options. A wrong option or value is an Error of
// status kUsage with one sentence.
Result<std::variant<PlotOptions, Information>> parse_plot_options(std::vector<std::string> words);

} // namespace xenmon

#endif // XENMON_XENMON_COMMAND_LINE_PLOT_OPTIONS_H
