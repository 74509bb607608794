// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the exporter exposes, as plain data: the region's cumulative figures of one moment, summed up by
// domain.
//
// Domains that have ended are left out, and if two domains have the same domid (the end of the first is not
// known yet), only the newer one is here: each (domid, name) occurs once. Figures only grow for as long as
// a domain's uid and the daemon's start stay the same.
#ifndef XENMON_XENMON_EXPORT_HOST_FIGURES_H
#define XENMON_XENMON_EXPORT_HOST_FIGURES_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "client/attachment.h"
#include "client/region_reader.h"
#include "export/encoder.h"
#include "xenmon/region.h"

namespace xenmon {

// Where the times of a vCPU go. All add up to the time since the counters started.
enum VcpuState : std::size_t { kRuns, kWaitsWoken, kWaitsPreempted, kIsBlocked, kIsOffline, kIsUnknown };
inline constexpr std::size_t kVcpuStates = 6;
using StateTimes = std::array<std::uint64_t, kVcpuStates>; // ns

// What a domain does as a whole. All add up to the time since its counters started.
enum DomainRunstate : std::size_t {
  kRunsFully,
  kRunsPartly,
  kContendsFully,
  kContendsPartly,
  kIsHazardous,
  kAllAreBlocked,
  kIsNotKnown
};
inline constexpr std::size_t kDomainRunstates = 7;
using RunstateTimes = std::array<std::uint64_t, kDomainRunstates>; // ns

// Buckets are a range of HostFigures::buckets.
struct HistogramFigures {
  std::size_t first_bucket = 0;
  std::size_t buckets = 0;
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
};

struct DomainFigures {
  std::uint32_t domid = 0;
  std::uint64_t uid = 0;
  std::string name;           // UTF-8, "" while unknown
  std::uint64_t start_ns = 0; // when its counters started, on the trace clock
  std::uint32_t vcpus = 0;
  StateTimes times = {};
  RunstateTimes runstates = {};
  std::uint64_t executions = 0;
  std::uint64_t migrations = 0;
  std::uint64_t avoidable_ns = 0;              // of the time waited
  std::array<std::uint64_t, 4> exchanges = {}; // map, unmap, transfer, copy
  std::uint64_t copy_bytes = 0;
  std::array<HistogramFigures, 3> histograms; // waits after a wake, waits after a preemption, executions
};

struct VcpuFigures {
  std::size_t domain = 0; // in HostFigures::domains
  std::uint32_t vcpu_id = 0;
  StateTimes times = {};
  std::uint64_t executions = 0;
  std::uint64_t migrations = 0;
  std::uint64_t avoidable_ns = 0; // of the time waited
};

struct PcpuFigures {
  std::uint32_t pcpu = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t idle_ns = 0;
  std::uint64_t offline_ns = 0;
  std::uint64_t unknown_ns = 0;
};

struct HostFigures {
  Health health;
  bool has_region = false; // else there is nothing in what follows
  // Whether the figures of domains and pCPUs may be shown. A live host's may not once xenbaked has ended:
  // they would look like those of a host on which nothing happens. A recording's stay what they are.
  bool current = false;
  std::uint64_t quiet_ns = 0; // since the daemon's last heartbeat

  // Facts, printable.
  std::string xen_version;
  std::string scheduler;
  std::string source; // "live", "recording" or "scripted"
  std::uint32_t io_kinds = 0;
  std::uint64_t slow_wait_ns = 0;
  bool has_waits = false;
  bool has_runstates = false;
  bool has_migrations = false;
  // CLOCK_REALTIME of trace time 0 as it was when this daemon was first seen; 0 if unknown. It does not
  // follow the clock: the start of a counter must not move.
  std::uint64_t wall_epoch_ns = 0;

  xenmon_counters counters = {};
  std::uint64_t trace_ns = 0;   // end of the newest sample
  std::uint64_t long_waits = 0; // that have ended
  std::size_t verdicts = 0;
  std::uint32_t pcpus_known = 0;

  std::vector<DomainFigures> domains; // by domid
  std::vector<VcpuFigures> vcpus;     // only if asked for; by domain, then number
  std::vector<PcpuFigures> pcpus;     // those whose idle vCPU is known; by number
  std::vector<BucketCount> buckets;
};

// Reads a region's figures again and again. One thread. Memory is kept from one reading to the next.
class FigureReader {
 public:
  FigureReader(std::string path, bool with_vcpus, Clock clock = boottime_ns)
      : attachment_(std::move(path), std::move(clock)), with_vcpus_(with_vcpus) {}

  // As of now. Valid until the next call.
  const HostFigures& read();

 private:
  struct VcpuOf {
    std::uint32_t domain_slot;
    std::uint32_t vcpu_id;
    std::uint32_t slot;
  };
  void read_host(const RegionReader& reader);
  bool read_tables(const RegionReader& reader);
  void sort_vcpus();
  void add_domains(const RegionReader& reader);
  void add_domain(const RegionReader& reader, std::uint32_t slot);
  void add_histograms(const RegionReader& reader, const xenmon_vcpu& vcpu, std::uint32_t slot);
  // Without sums, which a region before 1.3 does not have, they are estimated by the buckets' midpoints.
  void take_histograms(DomainFigures& domain, bool has_sums);
  bool same_carries(const RegionReader& reader);
  void add_pcpus();

  Attachment attachment_;
  bool with_vcpus_;
  std::uint64_t daemon_start_ = 0; // that wall_epoch_ns belongs to
  HostFigures figures_;
  TablesCopy tables_;
  std::vector<VcpuOf> by_domain_; // vCPUs in use, sorted
  std::vector<xenmon_carry> carries_;
  std::vector<std::string> verdicts_;
  // The domain that is being summed up.
  struct Sum {
    std::array<std::uint64_t, XENMON_HIST_BUCKETS> counts = {};
    std::uint32_t lines = 0; // 16 buckets each; others are all 0
    std::uint64_t sum_ns = 0;
  };
  std::array<Sum, 3> sums_;
  xenmon_histograms histograms_ = {};
};

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_HOST_FIGURES_H
