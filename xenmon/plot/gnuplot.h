// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs gnuplot as a program of its own.
#ifndef XENMON_XENMON_PLOT_GNUPLOT_H
#define XENMON_XENMON_PLOT_GNUPLOT_H

#include <string>

#include "base/result.h"
#include "plot/plot_script.h"

namespace xenmon {

// Draws the script of plot_script() for this terminal, and returns the whole picture. The user's own gnuplot
// settings are ignored.
Result<std::string> run_gnuplot(const std::string& script, PlotTerminal terminal);

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_GNUPLOT_H
