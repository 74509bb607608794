// SPDX-License-Identifier: GPL-2.0-or-later
//
// Everything that the screen's views show, as plain data: what a view paints is a function of this and of
// what the user has chosen.
#ifndef XENMON_XENMON_MODEL_SCREEN_MODEL_H
#define XENMON_XENMON_MODEL_SCREEN_MODEL_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/history.h"
#include "client/latency.h"
#include "client/region_reader.h"
#include "client/rivals.h"

namespace xenmon {

// One half: a window's sums.
struct HalfModel {
  MetricSums sums;
  SliceRange slices;
};
using Halves = std::array<HalfModel, kWindows>; // by WindowId

// How long waits and executions of a vCPU took, or of all of a domain. By Spread. There is all of it only for
// the lines in sight, and for the others what they are sorted by.
struct LatencyModel {
  std::array<Quantiles, kSpreads> since_start;
  std::array<Quantiles, kSpreads> recent;
};

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

struct VcpuModel {
  std::uint32_t vcpu = 0;
  Halves halves;
  std::uint32_t slot = kNoSlot; // in the current region; like the next, for that view only
  LatencyModel latency;
};

struct DomainModel {
  DomainIndex index = kNoDomain;
  std::uint32_t domid = 0;
  std::uint64_t uid = 0;
  std::string name; // printable
  bool ended = false;
  Halves halves;
  std::vector<VcpuModel> vcpus; // by number; if the model is for a view of vCPUs
  LatencyModel latency;         // of all its vCPUs; if the model is for that view

  bool idle() const;
};

// A domain's share of a pCPU's time.
struct PcpuShareModel {
  std::size_t domain = 0; // position in ScreenModel::domains
  Halves halves;
};

struct PcpuModel {
  std::uint32_t pcpu = 0;
  Halves busy; // all domains but the idle one
  Halves idle;
  std::vector<PcpuShareModel> shares; // by the domains' order
};

// What the host's view shows besides the sums.
struct HostModel {
  std::string xen_version; // "" while unknown, like the next
  std::string scheduler;
  std::uint32_t event_mask = 0;
  std::uint32_t cpu_khz = 0;
  std::uint64_t sample_ns = 0;
  std::uint64_t trace_ns = 0; // since the daemon's first record
  std::size_t vcpus = 0;
  xenmon_counters since_start = {};
  FaultCounts faults; // since then
  // What the counters have grown by, and in how much time on the trace's clock and on the wall's.
  xenmon_counters recent = {};
  std::uint64_t recent_trace_ns = 0;
  std::uint64_t recent_wall_ns = 0;
  std::uint64_t own_cpu_ns = 0; // of this xenmon, in own_wall_ns
  std::uint64_t own_wall_ns = 0;
};

// One of several hosts, in a line.
struct HostLineModel {
  std::string name;            // printable, like all texts here
  std::string trouble;         // why there are no figures; "" if there are
  bool connecting = false;     // the trouble is only that nothing has arrived yet
  bool current = false;        // false: the figures are of a recording that is over
  std::uint64_t length_ns = 0; // what the long window holds
  std::size_t pcpus = 0;
  double running = 0; // vCPUs, on average in the long window; like the next
  double waiting = 0;
  std::string worst_domain; // whose waits after a wake-up have the longest p99; "": nobody waited
  std::uint64_t worst_p99_ns = 0;
  std::uint64_t lost_records = 0; // in the long window
  std::uint64_t age_ns = 0;       // since the last sign of life of its xenbaked
};

// For the line that is selected in the view of latency.
struct SelectedModel {
  Distributions spreads;
  RivalSums contenders;
};

struct ScreenModel {
  std::optional<std::uint32_t> pcpu; // none: all
  std::size_t pcpu_count = 0;        // pCPUs whose time is shown
  std::vector<DomainModel> domains;  // by domid and uid, and so the idle domain last
  std::vector<PcpuModel> pcpus;      // if the model is for that view
  std::vector<HostLineModel> hosts;  // if the model is for that view, in the order in which they were given
  bool several_hosts = false;        // there is such a view
  std::string host_name;             // which of them is shown, printable; "" otherwise
  HostModel host;
  WindowLengths nominal_ns = kWindowNs;
  WindowLengths length_ns = {};        // what the windows hold
  std::uint64_t latency_length_ns = 0; // what the recent part of LatencyModels covers

  std::string health;                // as health_text() says it
  std::string health_brief;          // the same with a recording's name cut short
  bool current = false;              // false: the figures are history, and are dim
  bool paused = false;               // so are these, because the user wants it
  std::string position;              // in a recording that is not held; "" otherwise
  std::string notice;                // about the user's last key; "" if there is nothing to say
  std::string last_words;            // of a xenbaked of our own that ended; "" if none did
  std::uint64_t lost_records = 0;    // in the long window, as all below
  std::uint64_t missed_samples = 0;  // overwritten before they were read
  std::uint64_t damaged = 0;         // in the region, skipped; since it was first read
  std::uint64_t unknown_ns = 0;      // time in which no record gave the state
  std::vector<std::string> verdicts; // what is wrong with the trace as a whole; printable sentences
  std::size_t verdict_turn = 0;      // which of them the status line has; any number
  std::uint32_t io_kinds = 0;        // XENMON_IO_*
  bool patched = false;              // the hypervisor has XenMon's records
  bool io_known = false;             // io_kinds and patched are valid: something is attached
  bool khz_assumed = false;
  bool khz_measured = false; // measured from the records
  bool allocation_traced = true;

  std::uint64_t length(WindowId window) const { return length_ns[index_of(window)]; }
};

// "web d12": the name first, the id always; "d12" while there is no name, "Idle" of the idle domain.
std::string domain_label(const DomainModel& domain);

// "10 s", "500 ms".
std::string window_text(std::uint64_t nominal_ns);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_SCREEN_MODEL_H
