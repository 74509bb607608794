// SPDX-License-Identifier: GPL-2.0-or-later
//
// Histograms on both sides of a mirror's stream, by lines of 16 buckets. The sender remembers what the
// receiver has. Only lines that are in use are kept there, which are few: all of a big host's histograms
// would be 22 MB.
#ifndef XENMON_XENMON_MIRROR_HISTOGRAM_LINES_H
#define XENMON_XENMON_MIRROR_HISTOGRAM_LINES_H

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "client/region_reader.h"
#include "mirror/tables.h"
#include "mirror/wire.h"
#include "publish/snapshot.h"
#include "xenmon/region.h"

namespace xenmon {

inline constexpr std::uint32_t kHistogramLines = XENMON_HIST_BUCKETS / XENMON_HIST_LINE_BUCKETS;
inline constexpr std::uint32_t kHistograms = 3;

// Whose histograms a slot has. They begin at zero with another owner, on both sides.
struct HistogramOwner {
  std::uint64_t domain_uid = 0;
  std::uint32_t vcpu_id = 0;
  bool operator==(const HistogramOwner&) const = default;
};
// Of a slot that is in use.
HistogramOwner histogram_owner(const MirrorTables& tables, const xenmon_vcpu& vcpu);

class HistogramLines {
 public:
  void clear() { slots_.clear(); }
  // What has grown since the last call. The tables come from the same region.
  void write_growth(const RegionReader& reader, const MirrorTables& tables, WireWriter& out);

 private:
  using Line = std::array<std::uint32_t, XENMON_HIST_LINE_BUCKETS>;
  struct Slot {
    HistogramOwner owner;
    std::array<std::uint32_t, kHistograms> lines = {}; // in `counts`, in this order
    std::vector<Line> counts;
  };

  void write_slot(std::uint32_t number, Slot& slot, const xenmon_histograms& now, WireWriter& out);

  std::vector<Slot> slots_;
  std::uint32_t next_ = 0; // the first slot that has not been written about
};

// The receiver's memory: the histograms themselves.
class MirroredHistograms {
 public:
  void clear() { slots_.clear(); }
  // False if the bytes make no sense. The tables are those of the same update.
  bool read_growth(WireReader& in, const MirrorTables& tables);
  // The lines that the last read_growth() changed, for a Snapshot. Valid until the next one.
  const std::vector<HistogramChange>& changes() const { return changes_; }

 private:
  struct Slot {
    HistogramOwner owner;
    xenmon_histograms counts = {};
  };

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<HistogramChange> changes_;
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_HISTOGRAM_LINES_H
