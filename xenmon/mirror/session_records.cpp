// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/session_records.h"

namespace xenmon {
namespace {

// What a region has room for, and more.
constexpr std::size_t kMostVerdicts = 1024;

} // namespace

void MirrorFacts::write(WireWriter& out) const {
  for (const std::uint64_t number :
       {daemon_start, std::uint64_t{source_kind}, std::uint64_t{cpu_khz}, std::uint64_t{event_mask},
        sample_ns, history_ns, heartbeat_period_ns, slow_wait_ns, wall_epoch_ns, sample_capacity,
        wait_capacity, verdict_capacity}) {
    out.number(number);
  }
  out.text(source_text);
  out.text(xen_version);
  out.text(scheduler);
}

bool MirrorFacts::read(WireReader& in) {
  daemon_start = in.number();
  source_kind = in.number32();
  cpu_khz = in.number32();
  event_mask = in.number32();
  sample_ns = in.number();
  history_ns = in.number();
  heartbeat_period_ns = in.number();
  slow_wait_ns = in.number();
  wall_epoch_ns = in.number();
  sample_capacity = in.number();
  wait_capacity = in.number();
  verdict_capacity = in.number();
  source_text = in.text();
  xen_version = in.text();
  scheduler = in.text();
  return in.ok();
}

void MirrorCounters::write(WireWriter& out) const {
  out.record(counters);
  out.record(bad_records_by);
  out.record(source_faults);
  out.number(flags);
  out.number(io_kinds);
}

bool MirrorCounters::read(WireReader& in) {
  counters = in.record<xenmon_counters>();
  bad_records_by = in.record<decltype(bad_records_by)>();
  source_faults = in.record<decltype(source_faults)>();
  flags = in.number();
  io_kinds = in.number32();
  return in.ok();
}

void write_carries(std::span<const xenmon_carry> carries, WireWriter& out) {
  out.number(carries.size());
  for (const xenmon_carry& carry : carries) {
    out.number(carry.vcpu_slot);
    out.number(carry.bucket);
    out.number(carry.passed);
  }
}

bool read_carries(WireReader& in, std::vector<xenmon_carry>& carries) {
  const std::size_t count = in.count(3);
  carries.clear();
  for (std::size_t i = 0; i < count; ++i) {
    xenmon_carry& carry = carries.emplace_back();
    carry.vcpu_slot = in.number32();
    carry.bucket = in.number32();
    carry.passed = in.number();
  }
  return in.ok();
}

void MirrorBeat::write(WireWriter& out) const {
  out.number(has_region ? 1 : 0);
  out.text(problem);
  for (const std::uint64_t number :
       {state, std::uint64_t{held ? 1U : 0U}, quiet_ns, wall_epoch_ns, wakeups, daemon_cpu_ns}) {
    out.number(number);
  }
  out.number(verdicts.size());
  for (const xenmon_verdict& verdict : verdicts) out.record(verdict);
}

bool MirrorBeat::read(WireReader& in) {
  has_region = in.number() != 0;
  problem = in.text();
  state = in.number();
  held = in.number() != 0;
  quiet_ns = in.number();
  wall_epoch_ns = in.number();
  wakeups = in.number();
  daemon_cpu_ns = in.number();
  const std::size_t count = in.count(sizeof(xenmon_verdict));
  if (count > kMostVerdicts) return false;
  verdicts.clear();
  for (std::size_t i = 0; i < count; ++i) verdicts.push_back(in.record<xenmon_verdict>());
  return in.ok();
}

} // namespace xenmon
