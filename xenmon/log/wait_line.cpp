// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/wait_line.h"

#include <algorithm>
#include <cmath>

#include "base/seconds_text.h"
#include "format.h"

namespace xenmon {
namespace {

using Column = RecordColumn;
constexpr std::array kWaitColumns = {
    Column{"start_s", false},  // trace time at which it became ready
    Column{"end_s", false},    // and at which it ran
    Column{"wall_time", true}, // UTC, RFC 3339; of the end
    Column{"domid", false},
    Column{"domain", true}, // its name
    Column{"domain_uid", false},
    Column{"vcpu", false},
    Column{"cause", true}, // woken or preempted
    Column{"wait_ns", false},
    Column{"pcpu", false},        // where it then ran
    Column{"pcpu_before", false}, // where it had last run
    Column{"runner1_domid", false},
    Column{"runner1_domain", true},
    Column{"runner1_domain_uid", false},
    Column{"runner1_vcpu", false},
    Column{"runner1_ns", false},
    Column{"runner2_domid", false},
    Column{"runner2_domain", true},
    Column{"runner2_domain_uid", false},
    Column{"runner2_vcpu", false},
    Column{"runner2_ns", false},
    Column{"runner3_domid", false},
    Column{"runner3_domain", true},
    Column{"runner3_domain_uid", false},
    Column{"runner3_vcpu", false},
    Column{"runner3_ns", false},
    Column{"others_ns", false},
    Column{"not_known_ns", false},   // time on these pCPUs for which it is not known which vCPU ran
    Column{"lost_records", false},   // these three in a record of their own:
    Column{"missed_waits", false},   // since the previous one
    Column{"missed_samples", false}, //
    Column{"restarts", false},       // of xenbaked, since the log began
};
static_assert(kWaitColumns.size() == kWaitColumnCount);
constexpr std::size_t kFirstRunner = 11;
constexpr std::size_t kRunnerColumns = 5;
constexpr std::size_t kGapColumn = kWaitColumnCount - 4;

constexpr std::size_t kTimeWidth = 9;

bool is_elsewhere(const xenmon_wait& wait) {
  return wait.pcpu_before != XENMON_NO_PCPU && wait.pcpu_before != wait.pcpu;
}

// The time that all pCPUs concerned had meanwhile.
std::uint64_t capacity_ns(const xenmon_wait& wait) {
  return (wait.end_ns - wait.start_ns) * (is_elsewhere(wait) ? 2 : 1);
}

// The part of it for which no vCPU is named. With core scheduling a pCPU may run several at once.
std::uint64_t not_known_ns(const xenmon_wait& wait) {
  std::uint64_t left = capacity_ns(wait);
  left -= std::min(left, wait.others_ns);
  for (const xenmon_runner& runner : wait.runners) left -= std::min(left, runner.ns);
  return left;
}

const char* cause(const xenmon_wait& wait) {
  switch (wait.kind) {
    case XENMON_WAIT_WOKEN:
      return "woken";
    case XENMON_WAIT_PREEMPTED:
      return "preempted";
    default:
      return "";
  }
}

std::string length_text(std::uint64_t ns) {
  return time_text(static_cast<double>(ns), true, kTimeWidth);
}

std::string share_text(std::uint64_t ns, std::uint64_t whole_ns) {
  const long percent = std::lround(100 * quotient(ns, whole_ns));
  return percent == 0 ? "<1 %" : std::to_string(percent) + " %";
}

} // namespace

std::span<const RecordColumn> wait_columns() {
  return kWaitColumns;
}

std::string WaitLines::wall_time(std::uint64_t ns) const {
  return wall_epoch_ns_ == 0 ? "" : wall_time_text(wall_epoch_ns_ + ns, 6);
}

std::string WaitLines::time(std::uint64_t ns) const {
  const std::string wall = wall_time(ns);
  return wall.empty() ? seconds_text(ns) + " s" : wall;
}

std::string WaitLines::name(std::uint64_t uid) const {
  const DomainIndex domain = directory_.find_uid(uid);
  return domain == kNoDomain ? "" : directory_[domain].name;
}

std::string WaitLines::who(std::uint64_t uid, std::uint32_t domid, std::uint32_t vcpu_id) const {
  const DomainIndex domain = directory_.find_uid(uid);
  const std::string known_as = domain == kNoDomain ? "" : directory_[domain].shown;
  return known_as + (known_as.empty() ? "d" : " d") + std::to_string(domid) + "v" + std::to_string(vcpu_id);
}

std::string WaitLines::text(const xenmon_wait& wait) const {
  const bool elsewhere = is_elsewhere(wait);
  const std::uint64_t whole_ns = capacity_ns(wait);
  const std::string cpu = std::to_string(wait.pcpu);
  std::string line = time(wait.end_ns) + "  " + who(wait.domain_uid, wait.domid, wait.vcpu_id);
  if (const std::string how = cause(wait); !how.empty()) line += " " + how + ",";
  line += " waited " + length_text(wait.end_ns - wait.start_ns) + " for CPU " + cpu;
  if (elsewhere) {
    const std::string before = std::to_string(wait.pcpu_before);
    line += " (before on " + before + "); meanwhile on CPUs " + before + " and " + cpu + ":";
  } else {
    line += "; meanwhile on CPU " + cpu + ":";
  }

  std::string runners;
  const auto add = [&](const std::string& whom, std::uint64_t ns) {
    runners += (runners.empty() ? " " : ", ") + whom + " " + share_text(ns, whole_ns);
  };
  for (const xenmon_runner& runner : wait.runners) {
    if (runner.ns == 0) break;
    if (runner.domid != XENMON_DOMID_IDLE) {
      add(who(runner.domain_uid, runner.domid, runner.vcpu_id), runner.ns);
    } else {
      add(elsewhere ? "idle on " + std::to_string(runner.vcpu_id) : "idle", runner.ns);
    }
  }
  if (wait.others_ns != 0) add("others", wait.others_ns);
  if (const std::uint64_t rest = not_known_ns(wait); rest != 0) {
    add((wait.flags & XENMON_WAIT_FORGOTTEN) != 0 ? "no longer remembered" : "not known", rest);
  }
  return line + runners;
}

WaitFields WaitLines::fields(const xenmon_wait& wait) {
  WaitFields fields{seconds_text(wait.start_ns),
                    seconds_text(wait.end_ns),
                    wall_time(wait.end_ns),
                    std::to_string(wait.domid),
                    name(wait.domain_uid),
                    std::to_string(uids_.of(wait.domain_uid, wait.domid, name(wait.domain_uid))),
                    std::to_string(wait.vcpu_id),
                    cause(wait),
                    std::to_string(wait.end_ns - wait.start_ns),
                    std::to_string(wait.pcpu),
                    wait.pcpu_before == XENMON_NO_PCPU ? "" : std::to_string(wait.pcpu_before)};
  std::size_t at = kFirstRunner;
  for (const xenmon_runner& runner : wait.runners) {
    if (runner.ns == 0) break;
    fields[at] = std::to_string(runner.domid);
    fields[at + 1] = runner.domid == XENMON_DOMID_IDLE ? "Idle" : name(runner.domain_uid);
    fields[at + 2] = std::to_string(uids_.of(runner.domain_uid, runner.domid, name(runner.domain_uid)));
    fields[at + 3] = std::to_string(runner.vcpu_id);
    fields[at + 4] = std::to_string(runner.ns);
    at += kRunnerColumns;
  }
  fields[kGapColumn - 2] = std::to_string(wait.others_ns);
  fields[kGapColumn - 1] = std::to_string(not_known_ns(wait));
  fields.back() = std::to_string(uids_.restarts());
  return fields;
}

std::string WaitLines::text(const WaitGap& gap, std::uint64_t at_ns, std::uint64_t slow_ns,
                            std::uint64_t recorded_ns) const {
  std::string why;
  const auto add = [&](const std::string& reason) { why += (why.empty() ? "" : "; ") + reason; };
  if (gap.lost_records != 0) add("Xen lost " + std::to_string(gap.lost_records) + " records");
  if (gap.missed_waits != 0) {
    add(std::to_string(gap.missed_waits) + " waits of " + length_text(recorded_ns) +
        " or more were overwritten before they were read");
  }
  if (gap.missed_samples != 0) {
    add("it is not known whether Xen lost records in " + std::to_string(gap.missed_samples) +
        " samples, which were overwritten before they were read");
  }
  return time(at_ns) + "  waits of " + length_text(slow_ns) + " or more may be missing here: " + why;
}

WaitFields WaitLines::fields(const WaitGap& gap, std::uint64_t at_ns) const {
  WaitFields fields;
  fields[1] = seconds_text(at_ns);
  fields[2] = wall_time(at_ns);
  fields[kGapColumn] = std::to_string(gap.lost_records);
  fields[kGapColumn + 1] = std::to_string(gap.missed_waits);
  fields[kGapColumn + 2] = std::to_string(gap.missed_samples);
  fields.back() = std::to_string(uids_.restarts());
  return fields;
}

} // namespace xenmon
