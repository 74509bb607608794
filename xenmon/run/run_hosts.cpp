// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "log/hosts_table.h"
#include "log/line_output.h"
#include "process/signals.h"
#include "run/front_end.h"
#include "run/shown_hosts.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kEnoughNs = 950'000'000; // as for the table of one host
constexpr auto kPoll = 100ms;
constexpr auto kPatience = 10s;

// Waiting longer would change nothing.
bool is_settled(const HostLineModel& line) {
  return line.trouble.empty() ? line.length_ns >= kEnoughNs || !line.current : !line.connecting;
}

} // namespace

Status run_once_of_hosts(const Options& options) {
  Result<ShownHosts> hosts = ShownHosts::several(options.hosts);
  if (!hosts) return hosts.error();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  ScreenModel model;
  for (;;) {
    hosts->follow();
    model = hosts->model();
    if (std::all_of(model.hosts.begin(), model.hosts.end(), is_settled)) break;
    if (stop_requested()) return Error{"interrupted before all hosts had answered."};
    if (std::chrono::steady_clock::now() > deadline) break;
    wait_for_input(-1, kPoll);
  }
  if (Status written = write_lines(STDOUT_FILENO, hosts_table(model), "standard output"); !written)
    return written;
  const auto silent = std::count_if(model.hosts.begin(), model.hosts.end(),
                                    [](const HostLineModel& line) { return !line.trouble.empty(); });
  if (silent == 0) return ok();
  return Error{std::to_string(silent) + " of " + std::to_string(model.hosts.size()) +
               " hosts have no figures; the table says why."};
}

} // namespace xenmon
