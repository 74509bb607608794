// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/counted.h"
#include "format.h"
#include "screen/views.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kValueColumn = 15;
constexpr int kLowestGraph = 2;
constexpr int kHighestGraph = 12;
constexpr std::size_t kAnyWidth = 16;

struct Line {
  const char* name;
  std::string value;
  Role role = Role::kText;
};

std::string number(double value, int decimals) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string bytes_per_second(double rate) {
  return rate >= 1e6 ? number(rate / 1e6, 2) + " MB/s" : number(rate / 1e3, 1) + " kB/s";
}

std::string per_second(std::uint64_t count, std::uint64_t ns) {
  return rate_text(1e9 * quotient(count, ns), kAnyWidth);
}

// Of one CPU. Small costs deserve their digits.
std::string cpu_share(std::uint64_t cpu_ns, std::uint64_t ns) {
  return number(100 * quotient(cpu_ns, ns), 3) + "% of one CPU";
}

struct HostSums {
  MetricSums domains;
  MetricSums idle;
  std::size_t count = 0; // of domains that are not idle
};

HostSums sum_up(const ScreenModel& model) {
  HostSums sums;
  for (const DomainModel& domain : model.domains) {
    (domain.idle() ? sums.idle : sums.domains).add(domain.halves[kLongWindow].sums);
    if (!domain.idle()) ++sums.count;
  }
  return sums;
}

struct Named {
  std::size_t index;
  const char* one;
  const char* many;
};
constexpr std::array kBadCauses = {
    Named{XENMON_BAD_TSC, "impossible time stamp", "impossible time stamps"},
    Named{XENMON_BAD_LENGTH, "cut off", "cut off"},
    Named{XENMON_BAD_WORDS, "too short", "too short"},
    Named{XENMON_BAD_CONTENT, "impossible content", "impossible contents"},
    Named{XENMON_BAD_FRAMING, "damaged framing", "damaged framings"},
    Named{XENMON_BAD_RING, "impossible buffer position", "impossible buffer positions"},
    Named{XENMON_BAD_INPUT, "damaged input", "damaged inputs"}};
constexpr std::array kSourceFaults = {
    Named{XENMON_FAULT_RING, "buffer with impossible positions", "buffers with impossible positions"},
    Named{XENMON_FAULT_EVENT, "event of another program", "events of other programs"},
    Named{XENMON_FAULT_MASK, "change of the trace mask by another program",
          "changes of the trace mask by other programs"}};

// "12 impossible time stamps, 5 cut off"; "" if there are none.
template <class Names, class Counts>
std::string list_of(const Names& names, const Counts& counts) {
  std::string text;
  for (const Named& name : names) {
    const std::uint64_t count = counts[name.index];
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + counted(count, name.one, name.many);
  }
  return text;
}

// "" if the causes are not known, as before 1.2.
std::string bad_text(const HostModel& host) {
  const std::string causes = list_of(kBadCauses, host.faults.bad_by);
  return causes.empty() ? "" : std::to_string(host.since_start.bad_records) + " malformed: " + causes;
}

std::string faults_text(const FaultCounts& faults) {
  return list_of(kSourceFaults, faults.source);
}

// Wrapped between words, so that they can be read in full.
void add_verdicts(std::vector<Line>& lines, const std::vector<std::string>& verdicts, int width) {
  const auto room = static_cast<std::size_t>(std::max(20, width - kValueColumn - 1));
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const std::u32string cells = printable_characters(verdicts[i]);
    for (std::size_t at = 0; at < cells.size();) {
      std::size_t end = std::min(cells.size(), at + room);
      if (end < cells.size()) {
        const std::size_t space = cells.rfind(U' ', end);
        if (space != std::u32string::npos && space > at) end = space;
      }
      lines.push_back(
          {i == 0 && at == 0 ? "Verdicts" : "", to_utf8(cells.substr(at, end - at)), Role::kAlarming});
      at = end < cells.size() && cells[end] == U' ' ? end + 1 : end;
    }
  }
}

std::vector<Line> make_lines(const ScreenModel& model, int width) {
  const HostModel& host = model.host;
  const HostSums sums = sum_up(model);
  const std::uint64_t length = model.length_ns[kLongWindow];
  const std::string window = window_text(model.nominal_ns[kLongWindow]);
  const std::string pcpus =
      model.pcpu ? "CPU " + std::to_string(*model.pcpu) : counted(model.pcpu_count, "pCPU");
  std::vector<Line> lines;
  lines.push_back({"Source", model.health + (model.position.empty() ? "" : ", " + model.position)});
  add_verdicts(lines, model.verdicts, width);
  lines.push_back({"Xen", (host.xen_version.empty() ? "version not known" : host.xen_version) +
                              ", scheduler " + (host.scheduler.empty() ? "not known" : host.scheduler) +
                              (model.patched ? ", patched for XenMon" : ", stock")});
  std::array<char, 32> mask;
  std::snprintf(mask.data(), mask.size(), "0x%08x", host.event_mask);
  lines.push_back({"Tracing", "mask " + (host.event_mask == 0 ? std::string("not known") : mask.data()) +
                                  ", samples of " + window_text(host.sample_ns) + ", TSC " +
                                  number(host.cpu_khz / 1e6, 3) + " GHz" +
                                  (model.khz_assumed    ? " (assumed)"
                                   : model.khz_measured ? " (measured)"
                                                        : "")});
  lines.push_back({"Shown", pcpus + ", " + counted(sums.count, "domain") + ", " +
                                counted(host.vcpus, "vCPU") + ", the last " + window});
  const double running = quotient(sums.domains.running_ns, length);
  lines.push_back(
      {"Running",
       number(running, 2) + " vCPUs on average, " +
           percent_text(100 * quotient(sums.domains.running_ns, length * model.pcpu_count), kAnyWidth) +
           " of the pCPUs' time",
       Role::kRunning});
  const double waiting = quotient(sums.domains.waited_ns(), length);
  const double pressure = model.pcpu_count == 0 ? 0 : waiting / static_cast<double>(model.pcpu_count);
  lines.push_back({"Waiting",
                   number(waiting, 2) + " vCPUs on average, " + number(pressure, 2) +
                       " a pCPU: " + number(quotient(sums.domains.waited_preempt_ns, length), 2) +
                       " preempted, " + number(quotient(sums.domains.waited_wake_ns, length), 2) + " woken",
                   pressure >= 1      ? Role::kAlarming
                   : pressure >= 0.25 ? Role::kNotable
                                      : Role::kText});
  lines.push_back({"Dispatches", per_second(sums.domains.executions, length) + " of domains, " +
                                     per_second(sums.idle.executions, length) + " of idle"});
  const bool copies = (model.io_kinds & XENMON_IO_COPY) != 0;
  lines.push_back(
      {"I/O", per_second(sums.domains.io(), length) + " pages, " +
                  (copies ? bytes_per_second(1e9 * quotient(sums.domains.io_copy_bytes, length)) + " copied"
                          : std::string("copies are not traced"))});
  lines.push_back({"Lost records",
                   std::to_string(model.lost_records) + " in the last " + window + ", " +
                       std::to_string(host.since_start.lost_records) + " since xenbaked started",
                   model.lost_records > 0 ? Role::kAlarming : Role::kText});
  const std::uint64_t whole_ns = sums.domains.online_ns() + sums.domains.offline_ns;
  lines.push_back(
      {"State unknown", short_time_text(static_cast<double>(sums.domains.unknown_ns)) + ", " +
                            percent_text(100 * quotient(sums.domains.unknown_ns, whole_ns), kAnyWidth) +
                            " of the domains' vCPU time"});
  lines.push_back(
      {"Odd records",
       std::to_string(host.since_start.bad_records) + " malformed, " +
           std::to_string(host.since_start.late_records) + " late, " +
           std::to_string(host.since_start.state_conflicts) + " conflicting" +
           (model.damaged == 0 ? std::string()
                               : ", " + std::to_string(model.damaged) + " damaged in the region and skipped"),
       model.damaged > 0 ? Role::kAlarming : Role::kText});
  if (const std::string bad = bad_text(host); !bad.empty()) lines.push_back({"Bad records", bad});
  if (const std::string faults = faults_text(host.faults); !faults.empty())
    lines.push_back({"Source faults", faults, Role::kNotable});
  lines.push_back({"Records", per_second(host.recent.records, host.recent_trace_ns) + ", " +
                                  bytes_per_second(1e9 * quotient(host.recent.bytes, host.recent_trace_ns))});
  lines.push_back({"xenbaked", cpu_share(host.recent.daemon_cpu_ns, host.recent_wall_ns) + ", " +
                                   number(1e9 * quotient(host.recent.wakeups, host.recent_wall_ns), 1) +
                                   " wake-ups/s"});
  lines.push_back({"xenmon", cpu_share(host.own_cpu_ns, host.own_wall_ns)});
  return lines;
}

void paint_graph(Grid& grid, int y, int height, const Scene& scene, TrendPart part, const char* title) {
  const bool running = part == TrendPart::kRunning;
  grid.put(y, 1, title, kBold);
  const auto width = static_cast<std::size_t>(std::max(0, grid.width() - 2));
  for (int row = 0; row < height - 1; ++row) {
    grid.put(y + 1 + row, 1, trend_row(scene.trend.host(), part, width, row, height - 1, scene.state.unicode),
             Style{scene.model.current ? std::uint8_t{kPlain} : std::uint8_t{kDim},
                   running ? Role::kRunning : Role::kWaiting});
  }
}

} // namespace

void paint_host_view(Grid& grid, Area area, const Scene& scene) {
  const std::vector<Line> lines = make_lines(scene.model, grid.width());
  const ScrollLimits limits = host_view_limits(scene, grid.width(), area);
  const std::size_t first = std::min(scene.state.position().row, limits.row);
  const std::uint8_t fade = scene.model.current ? kPlain : kDim;
  int y = area.top;
  for (std::size_t i = first; i < lines.size() && y < area.top + area.height; ++i, ++y) {
    grid.put(y, 1, lines[i].name, kBold);
    grid.put(y, kValueColumn, lines[i].value, {fade, lines[i].role});
  }
  const int left = area.top + area.height - y - 1;
  const int each = std::min(left / 2, kHighestGraph);
  if (each < kLowestGraph) return;
  paint_graph(grid, y + 1, each, scene, TrendPart::kRunning,
              "Running, share of the pCPUs' time, one column per second");
  paint_graph(grid, y + 1 + each, each, scene, TrendPart::kWaiting,
              "Waiting, share of the domains' vCPU time");
}

ScrollLimits host_view_limits(const Scene& scene, int width, Area area) {
  const std::size_t lines = make_lines(scene.model, width).size();
  const auto page = static_cast<std::size_t>(std::max(1, area.height));
  return {lines > page ? lines - page : 0, 0, page};
}

} // namespace xenmon
