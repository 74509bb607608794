// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a Baker and a Merge know, as a Snapshot. The only place that knows both.
//
// The records are made into buffers that are used again each time, so steady state allocates nothing.
// Histograms are not copied: the snapshot points into the baker's, and names the lines that have changed.
#ifndef XENMON_XENBAKED_PUBLISH_BAKER_SNAPSHOT_H
#define XENMON_XENBAKED_PUBLISH_BAKER_SNAPSHOT_H

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "publish/snapshot.h"
#include "xenmon/region.h"

namespace xenmon {

// Faults of the source since the daemon started.
struct TraceHealth {
  std::array<std::uint64_t, XENMON_BAD_CAUSES>
      bad_by{};                                      // XENMON_BAD_*; their sum is the count of bad records
  std::array<std::uint64_t, XENMON_FAULTS> faults{}; // XENMON_FAULT_*
};

class BakerSnapshot {
 public:
  // What is known of the trace before its first record: XENMON_FLAG_* and XENMON_IO_*. Its records may tell
  // more.
  BakerSnapshot(std::uint64_t flags, std::uint32_t io_kinds) : flags_(flags), io_kinds_(io_kinds) {}

  // pCPUs that exist, whether they have produced records or not.
  void set_present_pcpus(std::span<const std::uint32_t> pcpus);
  void set_trace_health(const TraceHealth& health) { health_ = health; }

  // How large take() would be. Cheap.
  [[nodiscard]] SnapshotSize size(const Baker& baker, const BakedSample& sample, const Merge& merge) const;
  // Valid until the next call, or until one of the three changes. The baker's histograms count as published
  // then.
  const Snapshot& take(Baker& baker, const BakedSample& sample, const Merge& merge);

 private:
  [[nodiscard]] std::uint32_t pcpu_limit(const Baker& baker, const Merge& merge) const;
  [[nodiscard]] std::uint32_t io_kinds(const Baker& baker) const;
  void take_pcpus(const Baker& baker, const Merge& merge);
  void take_domains(const Baker& baker);
  void take_vcpus(Baker& baker, std::uint64_t end_ns);
  void take_histograms(std::uint32_t vcpu_slot, VcpuHistograms& of);
  void take_counters(const Baker& baker, const Merge& merge);

  std::uint64_t flags_;
  std::uint32_t io_kinds_;
  TraceHealth health_;
  std::vector<std::uint32_t> present_pcpus_; // sorted
  std::vector<xenmon_pcpu> pcpus_;
  std::vector<xenmon_domain> domains_;
  std::vector<xenmon_vcpu> vcpus_;
  std::vector<HistogramChange> histograms_;
  Snapshot snapshot_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_BAKER_SNAPSHOT_H
