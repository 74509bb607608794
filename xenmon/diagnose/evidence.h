// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is known about a host over a window of time, as plain data: the input of the diagnosis. It is made of
// a region by gather.h, and by tests.
//
// All times are in ns, on the trace clock where they are positions. What is optional may be absent, because
// the hypervisor, the daemon or the recording does not have it; a rule that needs it then does not apply.
#ifndef XENMON_XENMON_DIAGNOSE_EVIDENCE_H
#define XENMON_XENMON_DIAGNOSE_EVIDENCE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/latency.h"
#include "metric_sums.h"

namespace xenmon {

// What an administrator has set for a domain.
struct DomainSettings {
  std::optional<std::uint32_t> pool; // its cpupool
  std::optional<std::uint32_t> weight;
  std::optional<std::uint32_t> cap_percent; // of one pCPU; 0: none
};

struct PoolSettings {
  std::uint32_t id = 0;
  std::string scheduler;                      // "" while unknown
  std::optional<std::uint32_t> rate_limit_us; // 0: none
  std::optional<std::uint32_t> slice_us;
  std::vector<std::uint32_t> pcpus; // ascending
};

struct PcpuPlace {
  std::uint32_t socket = 0;
  std::uint32_t core = 0; // pCPUs of the same socket and core are siblings
  std::uint32_t node = 0;
};

// A vCPU's time on one pCPU: the parts of the sums that are needed for each.
struct OnPcpu {
  std::uint32_t pcpu = 0;
  std::uint64_t running_ns = 0;
  std::uint64_t waited_ns = 0;
};

struct VcpuEvidence {
  std::uint32_t vcpu = 0;
  MetricSums sums;
  std::vector<OnPcpu> on_pcpus;
  std::optional<std::uint64_t> avoidable_ns; // of its waiting: while a pCPU of its pool was idle
  std::optional<std::uint64_t> capped_ns;
  std::optional<std::uint64_t> migrations;
  std::optional<std::vector<std::uint32_t>>
      hard_affinity; // pCPUs, ascending; only if it is not all of the pool
};

// What a domain's vCPUs do together, as xenalyze names it. Of the states only those that a rule needs.
struct DomainRunstates {
  std::uint64_t concurrency_hazard_ns = 0;
};

// Another domain, and how long it ran while the subject waited.
struct Rival {
  std::uint64_t uid = 0;
  std::uint64_t ran_ns = 0;
};

// A part of the window, for "since when".
struct Moment {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t waited_ns = 0;
  std::uint64_t offline_ns = 0;
};

struct DomainEvidence {
  std::uint64_t uid = 0;
  std::uint32_t domid = 0;
  std::string name; // whole, as data has it; "" while unknown
  bool ended = false;
  MetricSums sums; // of all vCPUs
  SliceRange slices;
  std::vector<VcpuEvidence> vcpus; // ascending
  std::vector<Moment> moments;     // in the order of time
  // Distributions of all vCPUs; absent if they are not of about this window.
  std::optional<Quantiles> wake_wait;
  std::optional<Quantiles> preempt_wait;
  // The long waits that ended within the window, and which domains ran meanwhile: also itself, not the idle
  // one.
  std::uint64_t long_wait_ns = 0;
  std::vector<Rival> long_wait_rivals;
  std::optional<DomainRunstates> runstates;
  DomainSettings settings;
};

struct PcpuEvidence {
  std::uint32_t pcpu = 0;
  std::uint64_t busy_ns = 0; // with domains, without the idle one
  std::uint64_t idle_ns = 0;
  std::optional<PcpuPlace> place;
};

struct Evidence {
  std::uint64_t length_ns = 0; // of the window: the sum of its samples' lengths
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::string scheduler;      // of the first pool; "" while unknown
  std::uint32_t io_kinds = 0; // XENMON_IO_*: which page exchanges are counted
  bool waits_known = false;   // long waits are recorded

  // What makes the data incomplete.
  std::uint64_t lost_records = 0;
  std::uint64_t missed_samples = 0;
  std::uint64_t damaged = 0; // samples and rows that made no sense
  bool khz_assumed = false;
  std::vector<std::string> verdicts; // printable sentences

  std::vector<DomainEvidence> domains; // by domid and uid, without the idle one
  std::vector<PcpuEvidence> pcpus;     // ascending
  std::vector<PoolSettings> pools;     // none while unknown
};

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_EVIDENCE_H
