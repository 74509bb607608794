// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the figures are called.
#include <array>
#include <cstddef>

#include "diagnose/measures.h"

namespace xenmon {

const MeasureInfo& info_of(Measure measure) {
  // In the order of Measure.
  static constexpr std::array kInfos = {
      MeasureInfo{"none", "", ""},
      MeasureInfo{"host_busy_percent", "pCPUs busy", "%"},
      MeasureInfo{"host_waiting_vcpus_per_pcpu", "vCPUs waiting for each pCPU", ""},
      MeasureInfo{"hungry_vcpus_per_pcpu", "vCPUs that nearly always want to run, for each pCPU", ""},
      MeasureInfo{"worst_waited_percent", "longest waiting of any domain", "%"},
      MeasureInfo{"worst_wake_p99_us", "99 of 100 waits after a wake within, at worst", "us"},
      MeasureInfo{"worst_offline_percent", "longest time offline of any domain that runs", "%"},
      MeasureInfo{"core_shared_percent", "siblings busy while a core is free", "%"},
      MeasureInfo{"domid", "", ""},
      MeasureInfo{"running_percent", "ran", "%"},
      MeasureInfo{"waited_percent", "waited", "%"},
      MeasureInfo{"waited_wake_percent", "waited after a wake", "%"},
      MeasureInfo{"waited_preempt_percent", "waited after a preemption", "%"},
      MeasureInfo{"blocked_percent", "blocked", "%"},
      MeasureInfo{"offline_percent", "offline", "%"},
      MeasureInfo{"delayed_percent", "waited, of the time in which it wanted to run", "%"},
      MeasureInfo{"gotten_percent", "gotten, of one pCPU", "%"},
      MeasureInfo{"executions_per_s", "executions per second and vCPU", ""},
      MeasureInfo{"execution_us", "length of an execution", "us"},
      MeasureInfo{"pages_per_s", "page exchanges per second", ""},
      MeasureInfo{"pages_per_execution", "pages per execution", ""},
      MeasureInfo{"copies_counted", "", ""},
      MeasureInfo{"cap_percent", "cap, of one pCPU", "%"},
      MeasureInfo{"cap_used_percent", "of the cap used", "%"},
      MeasureInfo{"capped_percent", "kept from running by the cap", "%"},
      MeasureInfo{"rate_limit_us", "rate limit", "us"},
      MeasureInfo{"wake_p50_of_rate_limit_percent", "median wait after a wake, of the rate limit", "%"},
      MeasureInfo{"wake_p95_of_rate_limit_percent", "95 of 100 waits after a wake within, of the rate limit",
                  "%"},
      MeasureInfo{"wake_p95_us", "95 of 100 waits after a wake within", "us"},
      MeasureInfo{"slice_granted_us", "time slice that the other domain is given", "us"},
      MeasureInfo{"neighbour_run_us", "how long the other domain runs at a time", "us"},
      MeasureInfo{"neighbour_share_percent", "the other domain's part of what ran meanwhile", "%"},
      MeasureInfo{"neighbour_gotten_percent", "what the other domain got, of one pCPU", "%"},
      MeasureInfo{"neighbour_delayed_percent",
                  "the other domain waited, of the time in which it wanted to run", "%"},
      MeasureInfo{"own_share_percent", "its own part of what ran while it waited", "%"},
      MeasureInfo{"others_waited_percent", "longest waiting of another domain on the same pCPUs", "%"},
      MeasureInfo{"local_busy_percent", "its pCPUs busy", "%"},
      MeasureInfo{"weight_ratio", "weight, against the median of the others", ""},
      MeasureInfo{"of_entitlement_percent", "gotten, of what the weight promises", "%"},
      MeasureInfo{"surplus_vcpus", "vCPUs in use beyond the pCPUs that they may use", ""},
      MeasureInfo{"concurrency_hazard_percent", "one vCPU ran while another waited", "%"},
      MeasureInfo{"other_nodes_percent", "ran outside its main NUMA node", "%"},
      MeasureInfo{"fits_node", "", ""},
      MeasureInfo{"vcpu_running_percent", "ran", "%"},
      MeasureInfo{"vcpu_waited_percent", "waited", "%"},
      MeasureInfo{"vcpu_blocked_percent", "blocked", "%"},
      MeasureInfo{"vcpu_avoidable_percent", "of its waiting, while a pCPU of its pool was idle", "%"},
      MeasureInfo{"vcpu_idle_elsewhere", "idle pCPUs on which it may not run", ""},
  };
  static_assert(kInfos.size() == static_cast<std::size_t>(Measure::kVcpuIdleElsewhere) + 1);
  return kInfos[static_cast<std::size_t>(measure)];
}

} // namespace xenmon
