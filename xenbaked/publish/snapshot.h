// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a region is to show next, as plain data: the tables of one moment, and a sample that ends then. The
// records are the region's own (xenmon/region.h), so any program that has figures can publish them: the
// daemon from its baker, a mirror from what another host sends, a test from what it has made up.
//
// A mirror that has fallen behind publishes one snapshot for each sample, the oldest first, all with the
// newest tables, and gives each sample the number that it has on the other host. What it never got stays a
// gap in the numbers, which readers count.
//
// Nothing here owns anything: all spans must stay valid during RegionImage::publish() only.
#ifndef XENMON_XENBAKED_PUBLISH_SNAPSHOT_H
#define XENMON_XENBAKED_PUBLISH_SNAPSHOT_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "xenmon/region.h"

namespace xenmon {

// What has changed in the histograms of one vCPU since the snapshot before. When its slot has a new owner
// they start from zero, and every line with a count has changed. In each array as in xenmon_histograms:
// wake_wait, preempt_wait, run.
struct HistogramChange {
  static constexpr std::size_t kHistograms = 3;
  std::uint32_t vcpu_slot = 0;
  std::array<std::uint32_t, kHistograms> lines = {}; // bit N: buckets 16 N to 16 N + 15
  std::array<const std::uint32_t*, kHistograms> counts =
      {}; // XENMON_HIST_BUCKETS of them, if any line is named
};

struct SnapshotSample {
  // 0: the number after the newest one. Numbers may be left out, but never go back.
  std::uint64_t number = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t lost_records = 0;
  std::uint64_t records = 0;
  std::span<const xenmon_row> rows;
  std::span<const xenmon_io_row> io_rows;
  std::span<const xenmon_domain_row> domain_rows;
};

struct Snapshot {
  // Tables: pCPUs by number, the others by slot. A free slot is all zeros. From one snapshot to the next a
  // table may get longer, but not shorter.
  std::span<const xenmon_pcpu> pcpus;
  std::span<const xenmon_domain> domains;
  std::span<const xenmon_vcpu> vcpus;
  std::span<const HistogramChange> histograms; // each slot at most once

  // How often counts have passed 2^32, of all vCPUs and as of these histograms. Only for a program that
  // begins with counts that had passed it before; otherwise the image sees it happen. None: only what it
  // sees.
  std::optional<std::span<const xenmon_carry>> carries;

  // Waits that have ended since the snapshot before, in that order; their seq means nothing here. Those of a
  // sample come with it or before it.
  std::span<const xenmon_wait> waits;
  std::uint64_t waits_left_out = 0; // after these, for want of room

  std::optional<SnapshotSample> sample; // none: only the tables have changed

  // samples, wakeups and daemon_cpu_ns are not used: the image and its heartbeat() know them.
  xenmon_counters counters = {};
  std::array<std::uint64_t, XENMON_BAD_CAUSES> bad_records_by = {};
  std::array<std::uint64_t, XENMON_FAULTS> source_faults = {};
  std::uint64_t flags = 0;    // XENMON_FLAG_*; the image itself knows whether it is held or its history short
  std::uint32_t io_kinds = 0; // XENMON_IO_*
};

// How much room a snapshot needs.
struct SnapshotSize {
  std::size_t pcpus = 0;
  std::size_t domains = 0;
  std::size_t vcpus = 0;
  std::size_t rows = 0;
  std::size_t io_rows = 0;
  std::size_t domain_rows = 0;
  std::uint64_t waits = 0; // those that were left out, too
  std::uint32_t io_kinds = 0;
  std::size_t carries = 0; // if they come with it
};
[[nodiscard]] SnapshotSize size_of(const Snapshot& snapshot);

// Whether a snapshot may be published: what it names exists within it, and it is not larger than any host is.
// A reader relies on that, and another host's figures are input. The Error says what is wrong.
[[nodiscard]] Status check(const Snapshot& snapshot);

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_SNAPSHOT_H
