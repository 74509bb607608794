// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/run_means.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "text.h"

namespace xenmon {
namespace {

namespace fs = std::filesystem;

bool is_log(const fs::path& path) {
  const std::string ending = path.extension().string();
  return ending == ".log" || ending == ".csv" || ending == ".jsonl";
}

// Weighted by the lengths of the intervals. For waited and blocked, over those in which they are known.
MetricRates mean_of(const std::vector<SeriesPoint>& points) {
  MetricRates sum;
  sum.other_time_known = false;
  double length = 0;
  double length_known = 0;
  for (const SeriesPoint& point : points) {
    const double s = point.end_s - point.start_s;
    length += s;
    if (point.rates.other_time_known) length_known += s;
    for (const RateInfo& info : kRateInfos)
      if (!info.of_other_time || point.rates.other_time_known) sum.*info.rate += s * point.rates.*info.rate;
  }
  for (const RateInfo& info : kRateInfos) {
    const double over = info.of_other_time ? length_known : length;
    if (over > 0) sum.*info.rate /= over;
  }
  sum.other_time_known = length_known > 0;
  return sum;
}

} // namespace

Result<Run> find_run(const std::string& directory) {
  Run run;
  fs::path path(directory);
  if (!path.has_filename()) path = path.parent_path(); // "runs/100/"
  const std::string name = path.filename().string();
  run.setting = path.parent_path().string();
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), run.number);
  if (problem != std::errc() || end != name.data() + name.size() || !std::isfinite(run.number)) {
    return Error{"with --against, name directories whose names are numbers, one for each run, not " +
                     printable(directory) + ".",
                 ExitStatus::kUsage};
  }
  std::error_code error;
  for (fs::directory_iterator at(path, error), last; !error && at != last; at.increment(error)) {
    if (is_log(at->path())) run.logs.push_back(at->path().string());
  }
  if (error) return Error{"cannot read the directory " + printable(directory) + ": " + error.message() + "."};
  if (run.logs.empty())
    return Error{"there is no log in " + printable(directory) + ": no *.log, *.csv or *.jsonl."};
  std::sort(run.logs.begin(), run.logs.end());
  return run;
}

void keep_span(std::vector<Series>& series, const Span& span) {
  const double from_s = span.from_s.value_or(-std::numeric_limits<double>::infinity());
  const double until_s = span.until_s.value_or(std::numeric_limits<double>::infinity());
  for (Series& one : series) {
    std::erase_if(one.points, [=](const SeriesPoint& point) {
      return point.start_s < from_s - kSameTime || point.end_s > until_s + kSameTime;
    });
  }
  std::erase_if(series, [](const Series& one) { return one.points.empty(); });
}

void RunMeans::add(double number, const std::vector<Series>& series) {
  for (const Series& one : series) {
    auto home = std::find_if(all_.begin(), all_.end(), [&one](const Series& other) {
      return other.domid == one.domid && other.label == one.label;
    });
    if (home == all_.end()) home = all_.insert(all_.end(), {one.domid, one.name, one.label, {}});
    home->points.push_back({number, number, mean_of(one.points)});
  }
}

std::vector<Series> RunMeans::take() {
  for (Series& one : all_) {
    std::stable_sort(one.points.begin(), one.points.end(),
                     [](const SeriesPoint& a, const SeriesPoint& b) { return a.start_s < b.start_s; });
  }
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Series& a, const Series& b) { return a.domid < b.domid; });
  return std::exchange(all_, {});
}

} // namespace xenmon
