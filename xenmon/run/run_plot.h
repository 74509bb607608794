// SPDX-License-Identifier: GPL-2.0-or-later
//
// "xenmon plot": logs to a picture.
#ifndef XENMON_XENMON_RUN_RUN_PLOT_H
#define XENMON_XENMON_RUN_RUN_PLOT_H

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "command_line/plot_options.h"

namespace xenmon {

// Keeps the series that are wanted, and columns that have some; an Error if a requested domain is in none, or
// no column is left.
Status select_domains(const PlotOptions& options, std::vector<PlotColumn>& columns);

// Makes the file, or replaces it at once: a reader that opens it finds the old picture or the new one. What
// is there and is not a regular file stays.
Status write_picture(const std::string& path, std::string_view content);

// Prints on standard error what was left out of the picture.
Status run_plot(const PlotOptions& options);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_RUN_PLOT_H
