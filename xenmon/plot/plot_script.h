// SPDX-License-Identifier: GPL-2.0-or-later
//
// The metrics of logs as a script for gnuplot that needs nothing else: the data are in it.
//
// A log's text may be any bytes. Numbers are written by us. Text is in double quotes, and every character
// that means something to gnuplot anywhere is written as its octal number; the markup of gnuplot's terminals
// is switched off.
#ifndef XENMON_XENMON_PLOT_PLOT_SCRIPT_H
#define XENMON_XENMON_PLOT_PLOT_SCRIPT_H

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "plot/log_series.h"

namespace xenmon {

// What can be drawn, in the order in which it is.
inline constexpr std::array kPlotMetrics = {
    Metric::kGotten,     Metric::kBlocked,           Metric::kWaited, Metric::kIo, Metric::kIoPerExecution,
    Metric::kExecutions, Metric::kGottenPerExecution};

// What is drawn of the rates, in the unit of the metric's axis; NaN where it is not known or there is nothing
// to divide by.
double value_of(Metric metric, const MetricRates& rates);

enum class PlotTerminal { kSvg, kPng, kPdf };

// Columns are drawn side by side, in the same scale: one for the runs of each setting that was tried.
struct PlotColumn {
  std::string title;          // "": none
  std::vector<Series> series; // not empty; series with one label look alike in all columns
};

struct PlotSettings {
  std::vector<Metric> metrics; // one above the other; not empty
  std::string title;           // "": none
  std::string against;         // "": time; otherwise what the numbers of a RunMeans mean
  PlotTerminal terminal = PlotTerminal::kSvg;
};

// gnuplot's name for it.
std::string_view terminal_name(PlotTerminal terminal);

// Text as a gnuplot string, with its quotes.
std::string quoted(std::string_view text);

// The picture goes to gnuplot's standard output. `columns` is not empty.
std::string plot_script(const std::vector<PlotColumn>& columns, const PlotSettings& settings);

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_PLOT_SCRIPT_H
