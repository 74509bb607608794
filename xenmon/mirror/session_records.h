// SPDX-License-Identifier: GPL-2.0-or-later
//
// The bodies of a mirror's messages, except for tables, samples and histograms, which have files of their
// own.
#ifndef XENMON_XENMON_MIRROR_SESSION_RECORDS_H
#define XENMON_XENMON_MIRROR_SESSION_RECORDS_H

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mirror/wire.h"
#include "xenmon/region.h"

namespace xenmon {

// kFacts. Texts are printable.
struct MirrorFacts {
  std::uint64_t daemon_start = 0;
  std::uint32_t source_kind = 0;
  std::uint32_t cpu_khz = 0;
  std::uint32_t event_mask = 0;
  std::uint64_t sample_ns = 0;
  std::uint64_t history_ns = 0;
  std::uint64_t heartbeat_period_ns = 0;
  std::uint64_t slow_wait_ns = 0;
  std::uint64_t wall_epoch_ns = 0; // as of now
  std::uint64_t sample_capacity = 0;
  std::uint64_t wait_capacity = 0; // 0: this daemon records none
  std::uint64_t verdict_capacity = 0;
  std::string source_text;
  std::string xen_version;
  std::string scheduler;

  void write(WireWriter& out) const;
  bool read(WireReader& in);
};

// In kUpdate, after everything else.
struct MirrorCounters {
  xenmon_counters counters = {};
  std::array<std::uint64_t, XENMON_BAD_CAUSES> bad_records_by = {};
  std::array<std::uint64_t, XENMON_FAULTS> source_faults = {};
  std::uint64_t flags = 0;
  std::uint32_t io_kinds = 0;

  void write(WireWriter& out) const;
  bool read(WireReader& in);
};

// kCarries. In no order; no entry is free.
void write_carries(std::span<const xenmon_carry> carries, WireWriter& out);
// False if the bytes make no sense. What they name may not exist.
bool read_carries(WireReader& in, std::vector<xenmon_carry>& carries);

// kBeat.
struct MirrorBeat {
  bool has_region = false; // otherwise `problem` says why not, and the rest means nothing
  std::string problem;
  std::uint64_t state = 0; // XENMON_STATE_*
  bool held = false;
  std::uint64_t quiet_ns = 0; // since the daemon's heartbeat
  std::uint64_t wall_epoch_ns = 0;
  std::uint64_t wakeups = 0;
  std::uint64_t daemon_cpu_ns = 0;
  std::vector<xenmon_verdict> verdicts;

  void write(WireWriter& out) const;
  bool read(WireReader& in);
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_SESSION_RECORDS_H
