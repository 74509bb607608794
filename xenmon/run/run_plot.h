// SPDX-License-Identifier: GPL-2.0-or-later
//
// "xenmon plot": logs to a picture.
#ifndef XENMON_XENMON_RUN_RUN_PLOT_H
#define XENMON_XENMON_RUN_RUN_PLOT_H

#include <string>
#include <string_view>
#include <vector>

#include "command_line/plot_options.h"
#include "xenmon/result.h"

namespace xenmon {

// Leaves the series that are wanted, and columns that have some; an Error if a domain that was asked for is
// in none, or no column is left.
Status select_domains(const PlotOptions& options, std::vector<PlotColumn>& columns);

// Makes the file, or replaces it, when all of it is there: whoever opens it finds the old one or the new one.
Status replace_file(const std::string& path, std::string_view content);

// Says on standard error what was left out of the picture.
Status run_plot(const PlotOptions& options);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_RUN_PLOT_H
