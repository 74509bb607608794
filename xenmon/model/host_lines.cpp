// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/host_lines.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/counted.h"
#include "base/day_time.h"
#include "format.h"
#include "model/arrange.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr double kNotableWaiting = 0.25; // vCPUs a pCPU
constexpr double kAlarmingWaiting = 1;
constexpr std::size_t kDate = 10; // of wall_text()
constexpr std::size_t kToSeconds = 19;
constexpr std::uint64_t kSecond = 1'000'000'000;

std::string fixed(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

std::string age_text(std::uint64_t ns) {
  const std::uint64_t seconds = ns / kSecond;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

// Local time, with the date if it was on another day.
std::string last_data(std::uint64_t age_ns, std::uint64_t wall_ns) {
  const std::string now = wall_text(wall_ns);
  const std::string then = wall_text(wall_ns - std::min(wall_ns, age_ns)).substr(0, kToSeconds);
  const bool same_day = then.compare(0, kDate, now, 0, kDate) == 0;
  return "last data " + (same_day ? then.substr(kDate + 1) : then);
}

// Why a host has no figures; "" if it has some.
std::string trouble_of(const Health& health, std::string_view said, std::uint64_t wall_ns) {
  switch (health.kind) {
    case Health::Kind::kNoRegion:
      return said.empty() ? "connecting" : printable(said);
    case Health::Kind::kWaiting:
      return "waiting for data";
    case Health::Kind::kEnded:
      return "xenbaked has ended, " + last_data(health.quiet_ns, wall_ns);
    case Health::Kind::kGone:
      if (!health.disconnected) return "xenbaked is gone, " + last_data(health.quiet_ns, wall_ns);
      return "no connection, " + last_data(health.quiet_ns, wall_ns) +
             (said.empty() ? "" : ": " + printable(said));
    case Health::Kind::kLive:
    case Health::Kind::kRecording:
    case Health::Kind::kRecordingOver:
      break;
  }
  return "";
}

// The domain whose waits after wake-ups have the longest p99.
void add_worst(HostLineModel& line, const ScreenModel& model) {
  const bool since_start = shows_since_start(model, host_line_state());
  for (const DomainModel& domain : model.domains) {
    if (domain.idle()) continue;
    const auto& spreads = since_start ? domain.latency.since_start : domain.latency.recent;
    const Quantiles& waits = spreads[static_cast<std::size_t>(Spread::kWakeWait)];
    if (waits.count == 0 || (!line.worst_domain.empty() && waits.p99_ns <= line.worst_p99_ns)) continue;
    line.worst_domain = domain_label(domain);
    line.worst_p99_ns = waits.p99_ns;
  }
}

} // namespace

HostKey host_sorted_by(const ViewState& state) {
  return static_cast<HostKey>(
      std::min(state.sorts[static_cast<std::size_t>(View::kHosts)].key, kHostKeys.size() - 1));
}

bool descending(HostKey key) {
  return key != HostKey::kName;
}

double host_value(HostKey key, const HostLineModel& line) {
  switch (key) {
    case HostKey::kP99:
      return static_cast<double>(line.worst_p99_ns);
    case HostKey::kPcpus:
      return static_cast<double>(line.pcpus);
    case HostKey::kRunning:
      return line.running;
    case HostKey::kWaiting:
      return line.waiting;
    case HostKey::kLost:
      return static_cast<double>(line.lost_records);
    case HostKey::kAge:
      return static_cast<double>(line.age_ns);
    case HostKey::kName:
      break;
  }
  return 0;
}

std::string host_text(HostKey key, const HostLineModel& line) {
  switch (key) {
    case HostKey::kPcpus:
      return std::to_string(line.pcpus);
    case HostKey::kRunning:
      return fixed(line.running);
    case HostKey::kWaiting:
      return fixed(line.waiting);
    case HostKey::kP99:
      return line.worst_domain.empty() ? "-" : short_time_text(host_value(key, line));
    case HostKey::kLost:
      return count_text(host_value(key, line));
    case HostKey::kAge:
      return age_text(line.age_ns);
    case HostKey::kName:
      break;
  }
  return line.name;
}

ViewState host_line_state() {
  ViewState state;
  state.view = View::kLatency; // sorted by the p99 of waits after a wake-up
  return state;
}

HostLineModel make_host_line(std::string_view name, const ScreenModel& model, const Health& health,
                             std::string_view said, std::uint64_t wall_ns) {
  HostLineModel line;
  line.name = printable(name);
  line.trouble = trouble_of(health, said, wall_ns);
  line.connecting =
      health.kind == Health::Kind::kWaiting || (health.kind == Health::Kind::kNoRegion && said.empty());
  line.current = health.current();
  line.age_ns = health.quiet_ns;
  if (!line.trouble.empty()) return line;
  line.length_ns = model.length(WindowId::kLong);
  line.pcpus = model.pcpu_count;
  MetricSums sums;
  for (const DomainModel& domain : model.domains)
    if (!domain.idle()) sums.add(domain.halves[kLongWindow].sums);
  line.running = quotient(sums.running_ns, line.length_ns);
  line.waiting = quotient(sums.waited_ns(), line.length_ns);
  line.lost_records = model.lost_records;
  add_worst(line, model);
  return line;
}

Role host_waiting_role(const HostLineModel& line) {
  const double pressure = line.pcpus == 0 ? 0 : line.waiting / static_cast<double>(line.pcpus);
  return pressure >= kAlarmingWaiting  ? Role::kAlarming
         : pressure >= kNotableWaiting ? Role::kNotable
                                       : Role::kText;
}

std::string hosts_text(const ScreenModel& model) {
  const auto silent = std::count_if(model.hosts.begin(), model.hosts.end(),
                                    [](const HostLineModel& line) { return !line.trouble.empty(); });
  return counted(model.hosts.size(), "host") +
         (silent == 0 ? "" : ", " + std::to_string(silent) + " without data");
}

} // namespace xenmon
