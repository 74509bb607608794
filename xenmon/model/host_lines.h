// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lines of the view of several hosts: what each of them is reduced to, and what they can be sorted by.
#ifndef XENMON_XENMON_MODEL_HOST_LINES_H
#define XENMON_XENMON_MODEL_HOST_LINES_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/attachment.h"
#include "model/role.h"
#include "model/screen_model.h"
#include "model/view_state.h"

namespace xenmon {

// What lines can be sorted by; the first is the default.
enum class HostKey { kP99, kName, kPcpus, kRunning, kWaiting, kLost, kAge };
struct HostKeyInfo {
  const char* name;  // in the settings file and the menu
  const char* title; // over its column
};
inline constexpr std::array kHostKeys = {
    HostKeyInfo{"p99", "p99"},         HostKeyInfo{"name", "host"},       HostKeyInfo{"cpus", "CPUs"},
    HostKeyInfo{"running", "running"}, HostKeyInfo{"waiting", "waiting"}, HostKeyInfo{"lost_records", "lost"},
    HostKeyInfo{"age", "age"}};
HostKey host_sorted_by(const ViewState& state);
// Names are sorted upwards, and figures from the largest down, unless reversed.
bool descending(HostKey key);
// For kName: 0.
double host_value(HostKey key, const HostLineModel& line);
// As it is written in its column; "-" if there is no such figure.
std::string host_text(HostKey key, const HostLineModel& line);

// What a model of one host is wanted for, so that it has what a line needs.
ViewState host_line_state();

// `model` is one for host_line_state(), `health` of the same region, `said` why there is no connection as the
// mirror says it, or "". `wall_ns` is now.
HostLineModel make_host_line(std::string_view name, const ScreenModel& model, const Health& health,
                             std::string_view said, std::uint64_t wall_ns);

// Waiting vCPUs are judged by the CPUs that there are for them, as in the view of a host.
Role host_waiting_role(const HostLineModel& line);
// "12 hosts, 2 without data".
std::string hosts_text(const ScreenModel& model);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_HOST_LINES_H
