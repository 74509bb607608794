// SPDX-License-Identifier: GPL-2.0-or-later
//
// Several runs of an experiment, each with a different number, such as the load: a domain's means over each
// run, against that number.
#ifndef XENMON_XENMON_PLOT_RUN_MEANS_H
#define XENMON_XENMON_PLOT_RUN_MEANS_H

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "plot/log_series.h"

namespace xenmon {

struct Run {
  std::string setting; // the directory that contains it, as given; "" if none was given
  double number = 0;
  std::vector<std::string> logs; // not empty
};

// A run's directory is named by its number, and contains all its logs: files named *.log, *.csv or *.jsonl.
// Runs of different settings are in different directories: SETTING/NUMBER.
Result<Run> find_run(const std::string& directory);

// A part of a log, in seconds since it began. Only intervals completely inside it count.
struct Span {
  std::optional<double> from_s;
  std::optional<double> until_s;
};

// Leaves out what is not in the span, and series that have nothing in it.
void keep_span(std::vector<Series>& series, const Span& span);

class RunMeans {
 public:
  // The series of one run. Their means become points at that number.
  void add(double number, const std::vector<Series>& series);
  // By domid, points by their numbers.
  std::vector<Series> take();

 private:
  std::vector<Series> all_;
};

} // namespace xenmon

#endif // XENMON_XENMON_PLOT_RUN_MEANS_H
