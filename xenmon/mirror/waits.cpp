// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/waits.h"

#include <algorithm>
#include <cstdint>

namespace xenmon {
namespace {

constexpr std::size_t kLeastBytes = 11; // of a wait

std::int64_t minus(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}

// What others_ns is if the runners named and the others are all there was.
std::uint64_t expected_others(const xenmon_wait& wait) {
  const bool elsewhere = wait.pcpu_before != XENMON_NO_PCPU && wait.pcpu_before != wait.pcpu;
  std::uint64_t left = (wait.end_ns - wait.start_ns) * (elsewhere ? 2 : 1);
  for (const xenmon_runner& runner : wait.runners) left -= std::min(left, runner.ns);
  return left;
}

} // namespace

void write_waits(std::span<const xenmon_wait> waits, WireWriter& out) {
  out.number(waits.size());
  std::uint64_t end_ns = 0; // of the one before
  for (const xenmon_wait& wait : waits) {
    out.difference(minus(wait.end_ns, end_ns));
    end_ns = wait.end_ns;
    out.difference(minus(wait.end_ns, wait.start_ns));
    out.number(wait.domain_uid);
    out.number(wait.domid);
    out.number(wait.vcpu_id);
    out.number(wait.pcpu);
    // 0: none is known.
    out.number(wait.pcpu_before == XENMON_NO_PCPU ? 0 : std::uint64_t{wait.pcpu_before} + 1);
    out.number(wait.kind);
    out.number(wait.flags);
    for (const xenmon_runner& runner : wait.runners) {
      out.number(runner.ns);
      if (runner.ns == 0) break;
      out.number(runner.domain_uid);
      out.number(runner.domid);
      out.number(runner.vcpu_id);
    }
    out.difference(minus(wait.others_ns, expected_others(wait)));
  }
}

bool read_waits(WireReader& in, std::vector<xenmon_wait>& waits) {
  waits.assign(in.count(kLeastBytes), xenmon_wait{});
  std::uint64_t end_ns = 0;
  for (xenmon_wait& wait : waits) {
    end_ns += static_cast<std::uint64_t>(in.difference());
    wait.end_ns = end_ns;
    wait.start_ns = end_ns - static_cast<std::uint64_t>(in.difference());
    wait.domain_uid = in.number();
    wait.domid = in.number32();
    wait.vcpu_id = in.number32();
    wait.pcpu = in.number32();
    const std::uint64_t before = in.number();
    wait.pcpu_before = before == 0 ? XENMON_NO_PCPU : static_cast<std::uint32_t>(before - 1);
    wait.kind = in.number32();
    wait.flags = in.number32();
    for (xenmon_runner& runner : wait.runners) {
      runner.ns = in.number();
      if (runner.ns == 0) break;
      runner.domain_uid = in.number();
      runner.domid = in.number32();
      runner.vcpu_id = in.number32();
    }
    wait.others_ns = expected_others(wait) + static_cast<std::uint64_t>(in.difference());
  }
  return in.ok();
}

} // namespace xenmon
