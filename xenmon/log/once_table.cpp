// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/once_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "format.h"
#include "metric.h"
#include "screen/screen.h"

namespace xenmon {
namespace {

constexpr std::size_t kAnyLength = 4096;
constexpr std::size_t kWidth = 11;
constexpr std::size_t kIdWidth = 6;

std::string right(const std::string& text, std::size_t width = kWidth) {
  return text.size() >= width ? " " + text : std::string(width - text.size(), ' ') + text;
}

constexpr std::array kColumns = {Metric::kGotten,
                                 Metric::kWaited,
                                 Metric::kBlocked,
                                 Metric::kOffline,
                                 Metric::kExecutions,
                                 Metric::kGottenPerExecution,
                                 Metric::kWaitedPerExecution,
                                 Metric::kAllocated,
                                 Metric::kIo,
                                 Metric::kIoPerExecution,
                                 Metric::kAvoidableWait,
                                 Metric::kMigrations,
                                 Metric::kFullContention,
                                 Metric::kPartialContention,
                                 Metric::kConcurrencyHazard};

constexpr MetricSet all_columns() {
  MetricSet all;
  for (const Metric metric : kColumns) all.set(metric, true);
  return all;
}
constexpr MetricSet kAllColumns = all_columns();
// Where nobody is waiting for anything.
constexpr MetricSet kOfIdle = {Metric::kGotten, Metric::kExecutions, Metric::kGottenPerExecution};
constexpr MetricSet kOfTotal = {Metric::kGotten, Metric::kWaited, Metric::kExecutions,
                                Metric::kGottenPerExecution};

std::string cell(Metric metric, const MetricSums& sums, std::uint64_t length_ns) {
  switch (info_of(metric).kind) {
    case MetricKind::kTime:
      return percent_text(percent(metric, sums, length_ns), kWidth - 1);
    case MetricKind::kDomainTime:
      return sums.lived_ns() == 0 ? "-" : percent_text(percent(metric, sums, sums.lived_ns()), kWidth - 1);
    case MetricKind::kCount:
      return rate_text(per_second(metric, sums, length_ns), kWidth - 1);
    default:
      break;
  }
  if (divisor(metric, sums) == 0) return "-";
  return info_of(metric).unit == MetricUnit::kNanoseconds ? time_text(mean(metric, sums), false, kWidth - 1)
                                                          : ratio_text(mean(metric, sums), kWidth - 1);
}

// Where the state was not known at some time there is one more column behind the others, which stay where
// they are.
std::string line(const std::string& id, const MetricSums& sums, const MetricSet& columns,
                 std::uint64_t length_ns, bool unknown) {
  std::string text = right(id, kIdWidth);
  for (const Metric metric : kColumns)
    text += right(columns.contains(metric) ? cell(metric, sums, length_ns) : "-");
  return text + (unknown ? right(cell(Metric::kUnknown, sums, length_ns)) : "");
}

std::string heading(bool unknown) {
  std::string text = right("id", kIdWidth);
  for (const Metric metric : kColumns) text += right(info_of(metric).once);
  return text + (unknown ? right(info_of(Metric::kUnknown).once) : "");
}

std::string window_text(const ScreenModel& model) {
  std::array<char, 160> text;
  const std::string cpus = model.pcpu ? "CPU " + std::to_string(*model.pcpu)
                                      : "all CPUs (" + std::to_string(model.pcpu_count) + ")";
  std::snprintf(text.data(), text.size(), "%s, the last %.1f s, in percent of one CPU\n", cpus.c_str(),
                static_cast<double>(model.length_ns[kLongWindow]) / 1e9);
  return text.data();
}

std::string verdict_lines(const ScreenModel& model) {
  std::string text;
  for (const std::string& verdict : model.verdicts) text += (text.empty() ? "\n" : "") + verdict + "\n";
  return text;
}

} // namespace

std::string once_table(const ScreenModel& model) {
  const std::uint64_t length_ns = model.length_ns[kLongWindow];
  const bool unknown = std::any_of(model.domains.begin(), model.domains.end(), [](const DomainModel& domain) {
    return domain.halves[kLongWindow].sums.unknown_ns > 0;
  });
  ScreenModel status = model;
  status.verdicts.clear(); // below the table, all of them
  std::string text = status_text(status, kAnyLength) + "\n" + window_text(model) + "\n";
  text += heading(unknown) + "  name\n";
  MetricSums total;
  MetricSums idle;
  for (const DomainModel& domain : model.domains) {
    const MetricSums& sums = domain.halves[kLongWindow].sums;
    (domain.idle() ? idle : total).add(sums);
    if (domain.idle()) continue;
    text += line(std::to_string(domain.domid), sums, kAllColumns, length_ns, unknown) + "  " + domain.name +
            (domain.ended ? " (ended)" : "") + "\n";
  }
  return text + line("idle", idle, kOfIdle, length_ns, unknown) + "\n" +
         line("total", total, kOfTotal, length_ns, unknown) + "  without idle\n" + verdict_lines(model);
}

} // namespace xenmon
