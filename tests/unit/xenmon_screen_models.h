// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host made up for tests of the screen: small enough to be checked by hand, with something in every view.
#ifndef XENMON_TESTS_XENMON_SCREEN_MODELS_H
#define XENMON_TESTS_XENMON_SCREEN_MODELS_H

#include <cmath>
#include <string>
#include <vector>

#include "client/latency.h"
#include "model/screen_model.h"
#include "model/trend.h"

namespace xenmon::test {

// What one vCPU did on one pCPU, in ms of each second.
struct Load {
  std::uint32_t domid;
  std::uint32_t vcpu;
  std::uint32_t pcpu;
  std::uint64_t running_ms;
  std::uint64_t woken_ms;
  std::uint64_t preempted_ms;
  std::uint64_t blocked_ms;
  std::uint64_t executions;
  std::uint64_t io;
};

inline void add_load(Halves& halves, const Load& load) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  for (std::size_t half = 0; half < kWindows; ++half) {
    // The last second was a little busier than the nine before it.
    const std::uint64_t tenths = half == 0 ? 100 : 11;
    MetricSums& f = halves[half].sums;
    f.running_ns += load.running_ms * kMillisecond * tenths / 10;
    f.waited_wake_ns += load.woken_ms * kMillisecond * tenths / 10;
    f.waited_preempt_ns += load.preempted_ms * kMillisecond * tenths / 10;
    f.blocked_ns += load.blocked_ms * kMillisecond * tenths / 10;
    f.executions += load.executions * tenths / 10;
    f.io_copy += load.io * tenths / 10;
    if (load.domid == XENMON_DOMID_IDLE) continue;
    f.slice_count += load.executions * tenths / 10;
    f.slice_sum_ns += load.executions * tenths / 10 * 5 * kMillisecond;
    halves[half].slices.add({500'000, 10'000'000});
  }
}

// Waits and executions around a typical length, with a tail.
inline Distribution spread_around(double typical_ns, std::uint64_t count) {
  Distribution distribution;
  for (int i = -8; i <= 16; ++i) {
    const double ns = typical_ns * std::pow(1.5, i);
    const auto bucket = xenmon_hist_bucket(static_cast<std::uint64_t>(ns));
    const auto part = static_cast<std::uint64_t>(static_cast<double>(count) * std::exp(-0.25 * i * i / 4.0));
    distribution.add(bucket, part);
    if (part > 0) distribution.max_ns = static_cast<std::uint64_t>(ns);
  }
  return distribution;
}

inline Distributions distributions_of(const Load& load) {
  const double length = 1e6 * static_cast<double>(load.running_ms) / static_cast<double>(load.executions);
  return {spread_around(30e3 * static_cast<double>(load.woken_ms + 1), load.executions),
          // NOLINTNEXTLINE(bugprone-integer-division): a step for each 50 ms
          spread_around(250e3 * static_cast<double>(load.preempted_ms / 50 + 1),
                        load.preempted_ms > 0 ? load.executions / 2 : 0),
          spread_around(length, load.executions)};
}

inline const std::vector<Load>& host_loads() {
  static const std::vector<Load> kLoads = {
      {0, 0, 0, 180, 40, 10, 770, 900, 1200},        {0, 1, 1, 90, 15, 5, 890, 400, 300},
      {1, 0, 0, 420, 20, 310, 250, 350, 800},        {1, 0, 1, 0, 0, 0, 0, 0, 200},
      {12, 0, 1, 610, 1, 379, 10, 240, 0},           {12, 1, 0, 350, 2, 638, 10, 180, 0},
      {12, 2, 1, 200, 0, 790, 10, 160, 0},           {4711, 0, 0, 1, 0, 0, 999, 4, 0},
      {XENMON_DOMID_IDLE, 0, 0, 49, 0, 0, 0, 30, 0}, {XENMON_DOMID_IDLE, 1, 1, 100, 0, 0, 0, 45, 0},
  };
  return kLoads;
}

inline DomainModel& domain_of(ScreenModel& model, std::uint32_t domid) {
  for (DomainModel& domain : model.domains) {
    if (domain.domid == domid) return domain;
  }
  DomainModel& domain = model.domains.emplace_back();
  domain.domid = domid;
  domain.uid = 1000 + domid;
  domain.name = domid == 0      ? "Domain-0"
                : domid == 1    ? "web"
                : domid == 12   ? "batch"
                : domid == 4711 ? "a-name-that-is-longer-than-any-column"
                                : "";
  domain.ended = domid == 4711;
  return domain;
}

inline ScreenModel host_model() {
  ScreenModel model;
  model.pcpu_count = 2;
  model.length_ns = model.nominal_ns;
  model.latency_length_ns = model.nominal_ns[0];
  for (const Load& load : host_loads()) {
    DomainModel& domain = domain_of(model, load.domid);
    add_load(domain.halves, load);
    if (load.running_ms + load.blocked_ms == 0) continue;
    VcpuModel& vcpu = domain.vcpus.emplace_back();
    vcpu.vcpu = load.vcpu;
    add_load(vcpu.halves, load);
    const Distributions spreads = distributions_of(load);
    for (std::size_t i = 0; i < kSpreads; ++i)
      vcpu.latency.since_start[i] = vcpu.latency.recent[i] = quantiles(spreads[i]);
    if (domain.vcpus.size() == 1) domain.latency = vcpu.latency;
  }
  for (std::uint32_t id = 0; id < 2; ++id) {
    PcpuModel& pcpu = model.pcpus.emplace_back();
    pcpu.pcpu = id;
    for (const Load& load : host_loads()) {
      if (load.pcpu != id) continue;
      std::size_t at = 0;
      while (model.domains[at].domid != load.domid) ++at;
      if (pcpu.shares.empty() || pcpu.shares.back().domain != at) pcpu.shares.push_back({at, {}});
      add_load(pcpu.shares.back().halves, load);
      add_load(load.domid == XENMON_DOMID_IDLE ? pcpu.idle : pcpu.busy, load);
    }
  }
  HostModel& host = model.host;
  host.xen_version = "4.17.7";
  host.scheduler = "credit2";
  host.event_mask = 0x00129000;
  host.cpu_khz = 2'400'000;
  host.sample_ns = 100'000'000;
  host.trace_ns = 754'300'000'000;
  host.vcpus = 7;
  host.since_start.lost_records = 120;
  host.since_start.late_records = 2;
  host.recent.records = 135'000;
  host.recent.bytes = 2'900'000;
  host.recent.daemon_cpu_ns = 31'000'000;
  host.recent.wakeups = 52;
  host.recent_trace_ns = host.recent_wall_ns = host.own_wall_ns = 10'000'000'000;
  host.own_cpu_ns = 9'000'000;
  model.health = model.health_brief = "live";
  model.current = true;
  model.io_known = true;
  model.io_kinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;
  return model;
}

// Several hosts, of which some answer.
inline ScreenModel hosts_model() {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  ScreenModel model;
  model.several_hosts = true;
  model.current = true;
  constexpr std::uint64_t kWindow = 10'000 * kMillisecond;
  model.hosts = {
      {"root@xen1", "", false, true, kWindow, 16, 12.31, 3.07, "web d12", 3 * kMillisecond, 0,
       400 * kMillisecond},
      {"xen2.a-domain-with-a-long-name.example", "", false, true, kWindow, 128, 101.5, 140.25,
       "a-name-that-is-longer-than-any-column d4711", 61 * kMillisecond, 12'345, 1'200 * kMillisecond},
      {"xen3", "no connection, last data 15:03:12: connect to host xen3 port 22: Connection refused.", false,
       false, 0, 0, 0, 0, "", 0, 0, 75'000 * kMillisecond},
      {"xen4", "connecting", true, false, 0, 0, 0, 0, "", 0, 0, 0},
      {"recorded", "", false, false, kWindow, 4, 0.25, 0.01, "", 0, 0, 300'000 * kMillisecond},
  };
  return model;
}

inline std::vector<Trend::Lately> lately(const ScreenModel& model) {
  std::vector<Trend::Lately> domains;
  for (const DomainModel& domain : model.domains) {
    if (!domain.idle()) domains.push_back({domain.uid, domain.halves[1].sums});
  }
  return domains;
}

// As if the model had been seen for a while, with more and less to do.
inline Trend host_trend(const ScreenModel& model) {
  Trend trend;
  for (std::uint64_t i = 1; i <= 60; ++i) {
    std::vector<Trend::Lately> then = lately(model);
    for (Trend::Lately& domain : then) {
      domain.sums.running_ns = domain.sums.running_ns * (20 + i * 7 % 61) / 80;
      domain.sums.blocked_ns += 300'000'000;
    }
    trend.add(then, 2'000'000'000);
  }
  return trend;
}

} // namespace xenmon::test

#endif // XENMON_TESTS_XENMON_SCREEN_MODELS_H
