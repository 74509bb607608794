// SPDX-License-Identifier: GPL-2.0-or-later
//
// Publishes samples into the region; include/xenmon/region.h says what readers may rely on.
//
// The layout of one file never changes. When a table is full the writer makes a larger file, writes the
// tables, the remembered samples and the new one into it, renames it into place and only then marks the old
// one superseded. So whoever opens the path finds a file that is complete. Tables grow by an eighth at least,
// and by half while they are small. The row rings are kept large enough for the history as long as the whole
// stays below kSizeLimit; beyond that the history gets shorter and XENMON_FLAG_HISTORY_SHORTENED says so.
//
// One thread. Steady state allocates nothing.
#ifndef XENMON_XENBAKED_REGION_REGION_WRITER_H
#define XENMON_XENBAKED_REGION_REGION_WRITER_H

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "region/region_file.h"
#include "source/source.h"
#include "source/verdict.h"
#include "xenmon/region.h"
#include "xenmon/result.h"

namespace xenmon {

// What was met that is not as it should be, since the daemon began.
struct TraceHealth {
  std::array<std::uint64_t, XENMON_BAD_CAUSES>
      bad_by{};                                      // XENMON_BAD_*; their sum is the count of bad records
  std::array<std::uint64_t, XENMON_FAULTS> faults{}; // XENMON_FAULT_*
};

class RegionWriter {
 public:
  static constexpr std::uint64_t kSizeLimit = std::uint64_t{64} << 20;
  static constexpr std::uint64_t kSlowWaitNs = 1'000'000;
  // Half a MiB: sixteen thousand waits per second for a reader that looks four times a second.
  static constexpr std::uint32_t kWaitCapacity = 4096;
  struct Options {
    RegionPlace::Options place;
    std::uint64_t sample_ns = 100'000'000;
    std::uint64_t history_ns = 10'000'000'000;
    std::uint64_t heartbeat_period_ns = 1'000'000'000; // what heartbeat() promises to readers
    std::uint64_t slow_wait_ns = kSlowWaitNs;          // what waits the baker tells of
    std::uint32_t wait_capacity = kWaitCapacity;       // not 0
  };

  // The region is in place, in state STARTING, when this returns.
  static Result<std::unique_ptr<RegionWriter>> create(const Options& options, const Origin& origin);

  // A sample with the tables as of its end. An Error (no room for a larger file) ends the daemon.
  Status publish(Baker& baker, const BakedSample& sample, const Merge& merge);

  // All that is known by now to be wrong with the trace as a whole; readers see it at once, and in every
  // later file. More than XENMON's table holds are left out.
  void set_verdicts(std::span<const Verdict> verdicts);
  // Published with the counters of the next sample.
  void set_trace_health(const TraceHealth& health) { health_ = health; }
  // pCPUs that exist, whether they have produced records or not; the next sample's tables have them.
  void set_present_pcpus(std::span<const std::uint32_t> pcpus);
  // Of a live trace, as the host's clock goes; readers see it at once.
  void set_wall_epoch(std::uint64_t epoch_ns);

  // Whether publish() would now write over, or move into another file, anything that is newer than the sample
  // of number `read`: a sample, its rows, or a wait that ended in it.
  [[nodiscard]] bool overwrites_unread(const Baker& baker, const BakedSample& sample, const Merge& merge,
                                       std::uint64_t read) const;

  // Call at least every heartbeat_period_ns, also when nothing happens.
  void heartbeat(std::uint64_t wakeups, std::uint64_t daemon_cpu_ns);
  void set_state(std::uint64_t state);
  // Whether the recording stands still; readers see it after the sample that was published last.
  void set_held(bool held);
  // A recording begins anew: an empty file takes this one's place, as another daemon's would, with a
  // daemon_start of its own. The lock stays with us.
  Status begin_anew();

  [[nodiscard]] std::size_t region_bytes() const { return mapping_.size(); }
  [[nodiscard]] const std::string& path() const { return place_.path(); }

 private:
  struct Capacities {
    std::uint32_t pcpu = 64;
    std::uint32_t domain = 64;
    std::uint32_t vcpu = 128;
    std::uint32_t sample = 0;
    std::uint32_t row = 4096;
    std::uint32_t io_row = 1024;
    std::uint32_t wait = 0;
    bool history_shortened = false; // the row ring holds less than the history, for want of room
  };

  RegionWriter(Options options, Origin origin, RegionPlace place);

  [[nodiscard]] static std::uint64_t bytes_for(const Capacities& capacities);
  enum class Content { kEmpty, kRemembered };
  Status make_file(const Capacities& capacities, Content content);
  Status put_in_place();
  [[nodiscard]] Capacities wanted_for(const Baker& baker, const BakedSample& sample,
                                      const Merge& merge) const;
  [[nodiscard]] bool has_room(const Capacities& wanted, const BakedSample& sample) const;
  [[nodiscard]] std::uint32_t kinds_told_by(const Baker& baker) const;
  [[nodiscard]] bool overwrites(std::uint64_t number, const BakedSample& sample) const;
  void copy_history(const RegionMapping& old, const xenmon_region_header& old_header);

  [[nodiscard]] std::uint32_t pcpu_limit(const Merge& merge) const;
  [[nodiscard]] bool is_present(std::uint32_t pcpu) const;
  void write_verdicts();
  void write_pcpus(const Baker& baker, const Merge& merge);
  void write_tables(Baker& baker, const Merge& merge, std::uint64_t end_ns);
  void write_histograms(Vcpu& vcpu, bool whole);
  void write_waits(const BakedSample& sample);
  void write_sample(const BakedSample& sample);
  void write_counters(const Baker& baker, const Merge& merge);

  [[nodiscard]] xenmon_region_header& header() const {
    return *reinterpret_cast<xenmon_region_header*>(mapping_.data());
  }
  template <class Entry>
  [[nodiscard]] Entry& entry(const xenmon_table& table, std::uint64_t index) const {
    return *reinterpret_cast<Entry*>(mapping_.data() + table.offset + index * table.stride);
  }

  Options options_;
  Origin origin_;
  RegionPlace place_;
  RegionMapping mapping_;
  RegionMapping previous_; // what readers see while mapping_ is being filled
  bool placed_ = false;    // mapping_ is what readers see
  Capacities capacities_;
  std::uint64_t daemon_start_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t flags_ = 0;
  std::uint32_t io_kinds_ = 0; // XENMON_IO_*
  std::vector<xenmon_verdict> verdicts_;
  TraceHealth health_;
  std::vector<std::uint32_t> present_pcpus_; // sorted
  std::uint64_t tables_seq_ = 0;
  std::uint64_t newest_ = 0;       // number of the newest sample
  std::uint64_t oldest_ = 1;       // number of the oldest that readers may still find
  std::uint64_t row_position_ = 0; // ring positions, ever growing
  std::uint64_t io_row_position_ = 0;
  std::uint64_t newest_wait_ = 0;
  std::vector<std::uint64_t> waits_until_; // by sample number, a ring: newest_wait_ when it was published
  std::vector<std::uint64_t> slot_owner_;  // by vCPU slot: uid of the domain whose histograms are there
};

} // namespace xenmon

#endif // XENMON_XENBAKED_REGION_REGION_WRITER_H
