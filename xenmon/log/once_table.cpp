// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/once_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <initializer_list>

#include "format.h"
#include "screen/screen.h"

namespace xenmon {
namespace {

constexpr std::size_t kAnyLength = 4096;
constexpr std::size_t kWidth = 11;
constexpr std::size_t kIdWidth = 6;

std::string right(const std::string& text, std::size_t width = kWidth) {
  return text.size() >= width ? " " + text : std::string(width - text.size(), ' ') + text;
}

std::string percent(std::uint64_t ns, std::uint64_t length_ns) {
  return percent_text(100 * quotient(ns, length_ns), kWidth - 1);
}

std::string per_second(std::uint64_t count, std::uint64_t length_ns) {
  return rate_text(1e9 * quotient(count, length_ns), kWidth - 1);
}

std::string per(std::uint64_t ns, std::uint64_t count) {
  return count == 0 ? "-" : time_text(quotient(ns, count), false, kWidth - 1);
}

std::string columns(std::initializer_list<std::string> texts) {
  std::string line;
  for (const std::string& text : texts) line += right(text);
  return line;
}

// What nothing told, if there is any: behind the other columns, which stay where they are.
std::string unknown_column(const Figures& f, std::uint64_t length_ns, bool unknown) {
  return unknown ? right(percent(f.unknown_ns, length_ns)) : "";
}

std::string domain_line(const DomainModel& domain, std::uint64_t length_ns, bool unknown) {
  const Figures& f = domain.halves[kLongWindow].figures;
  return right(std::to_string(domain.domid), kIdWidth) +
         columns({percent(f.running_ns, length_ns), percent(f.waited_ns(), length_ns),
                  percent(f.blocked_ns, length_ns), percent(f.offline_ns, length_ns),
                  per_second(f.executions, length_ns), per(f.running_ns, f.executions),
                  per(f.waited_ns(), f.executions), per(f.slice_sum_ns, f.slice_count),
                  per_second(f.io, length_ns),
                  f.executions == 0 ? "-" : ratio_text(quotient(f.io, f.executions), kWidth - 1)}) +
         unknown_column(f, length_ns, unknown) + "  " + domain.name + (domain.ended ? " (ended)" : "") + "\n";
}

// Where nobody is waiting for anything: what the idle vCPUs and all domains together have.
std::string sum_line(const std::string& what, const Figures& f, const std::string& waited,
                     std::uint64_t length_ns, bool unknown) {
  return right(what, kIdWidth) +
         columns({percent(f.running_ns, length_ns), waited, "-", "-", per_second(f.executions, length_ns),
                  per(f.running_ns, f.executions), "-", "-", "-", "-"}) +
         unknown_column(f, length_ns, unknown);
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
    return domain.halves[kLongWindow].figures.unknown_ns > 0;
  });
  ScreenModel status = model;
  status.verdicts.clear(); // below the table, all of them
  std::string text = status_text(status, kAnyLength) + "\n" + window_text(model) + "\n";
  text += right("id", kIdWidth) +
          columns({"gotten", "waited", "blocked", "offline", "executions", "gotten/ex", "waited/ex",
                   "allocated", "I/O", "I/O/ex"}) +
          (unknown ? right("unknown") : "") + "  name\n";
  Figures total;
  Figures idle;
  for (const DomainModel& domain : model.domains) {
    const Figures& figures = domain.halves[kLongWindow].figures;
    (domain.domid == XENMON_DOMID_IDLE ? idle : total).add(figures);
    if (domain.domid != XENMON_DOMID_IDLE) text += domain_line(domain, length_ns, unknown);
  }
  return text + sum_line("idle", idle, "-", length_ns, unknown) + "\n" +
         sum_line("total", total, percent(total.waited_ns(), length_ns), length_ns, unknown) +
         "  without idle\n" + verdict_lines(model);
}

} // namespace xenmon
