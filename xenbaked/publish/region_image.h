// SPDX-License-Identifier: GPL-2.0-or-later
//
// A region that is being written: include/xenmon/region.h says what readers may rely on, and this class alone
// writes it. It knows the layout, the sequence counters, when a file is too small, and how a larger one takes
// its place; what is published comes as a Snapshot, and from whom does not matter here.
//
//   - The layout of one file never changes. When a table is full there is a larger file: what the old one has
//   is
//     copied, the tables and the sample that need the room are written, then it is renamed into place, and
//     only then the old one is marked as superseded. So a reader that opens the path finds a complete file.
//   - Tables grow by at least an eighth, and by half while they are small. The row rings are kept large
//   enough for
//     the history as long as the whole stays below kSizeLimit; beyond that the history gets shorter and
//     XENMON_FLAG_HISTORY_SHORTENED says so.
//   - Before anything is written over, the sample that it belonged to has the number 0.
//
// One thread. No call waits for a reader. Steady state allocates nothing.
#ifndef XENMON_XENBAKED_PUBLISH_REGION_IMAGE_H
#define XENMON_XENBAKED_PUBLISH_REGION_IMAGE_H

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "publish/region_file.h"
#include "publish/region_layout.h"
#include "publish/snapshot.h"
#include "xenmon/region.h"

namespace xenmon {

// What the header says and does not change while a file lives.
struct RegionFacts {
  std::uint64_t daemon_start = 0; // 0: a number is made up
  std::uint32_t source_kind = 0;  // XENMON_SOURCE_*
  std::uint32_t io_kinds = 0;     // XENMON_IO_*; a Snapshot that knows better makes another file
  std::uint32_t cpu_khz = 0;
  std::uint32_t event_mask = 0;
  std::uint64_t sample_ns = 0; // not 0
  std::uint64_t history_ns = 0;
  std::uint64_t heartbeat_period_ns = 1'000'000'000; // what heartbeat() promises to readers
  std::uint64_t slow_wait_ns = 0;
  std::uint64_t wall_epoch_ns = 0; // see set_wall_epoch()
  std::uint64_t flags = 0;         // XENMON_FLAG_*, until the first Snapshot
  std::string source_text;
  std::string xen_version;
  std::string scheduler;
};

class RegionImage {
 public:
  static constexpr std::uint64_t kSizeLimit = std::uint64_t{64} << 20;

  struct Options {
    RegionPlace::Options place;
    // Of the first file; later ones have more. sample 0: enough for the history and a second more, so that
    // the oldest sample that a reader needs is not just being overwritten. The samples, waits and verdicts
    // that there is room for stay as many.
    RegionCapacities capacities;
    std::uint64_t size_limit = kSizeLimit;
  };

  // The region is in place, in state STARTING, when this returns. Errors: those of RegionPlace, and facts
  // with which there can be no region.
  static Result<RegionImage> create(const Options& options, RegionFacts facts);

  // All of the snapshot, or nothing of it. Errors: a snapshot that check() refuses, that has fewer slots than
  // the one before or a sample that is not newer; no room for a larger file. What readers have stays as it
  // was then.
  Status publish(const Snapshot& snapshot);

  // Whether publish() would now write over, or move into another file, anything that is newer than the sample
  // of number `read`: a sample, its rows, or a wait that was published with it.
  [[nodiscard]] bool overwrites_unread(const SnapshotSize& size, std::uint64_t read) const;

  // All of them; readers see them at once, and in every later file. Those that do not fit are left out.
  void set_verdicts(std::span<const xenmon_verdict> verdicts);
  // All of them, in place of those before; readers see them at once, and in every later file. If there is not
  // room for all, none is there until the next snapshot, which makes a larger file.
  void set_settings(std::span<const xenmon_setting> settings);
  // CLOCK_REALTIME of trace time 0, as the host's clock has it by now; readers see it at once.
  void set_wall_epoch(std::uint64_t epoch_ns);
  // Call at least every heartbeat_period_ns, even when nothing happens. quiet_ns: how old the heartbeat is
  // already, for a mirror, which passes on another daemon's.
  void heartbeat(std::uint64_t wakeups, std::uint64_t daemon_cpu_ns, std::uint64_t quiet_ns = 0);
  void set_state(std::uint64_t state); // XENMON_STATE_*
  // Whether the recording is held; readers see it after the sample that was published last.
  void set_held(bool held);
  // For a mirror: whether the other host can be reached. It can at first.
  void set_connected(bool connected);

  // An empty file takes this one's place, as another daemon's would; the lock stays with us. Verdicts stay.
  // daemon_start 0: a number is made up.
  Status restart(std::uint64_t daemon_start = 0);

  [[nodiscard]] std::size_t region_bytes() const { return file_.mapping.size(); }
  [[nodiscard]] const std::string& path() const { return place_.path(); }

 private:
  // Whose histograms a slot has.
  struct Owner {
    std::uint64_t domain_uid = 0;
    std::uint32_t vcpu_id = 0;
    bool operator==(const Owner&) const = default;
  };
  // A file, and what only its writer knows of it.
  struct File {
    RegionMapping mapping;
    RegionCapacities capacities;
    std::vector<Owner> owners;         // by vCPU slot
    std::vector<xenmon_carry> carries; // entries by position; those beyond the table wait for a larger file
    std::uint64_t tables_seq = 0;
    std::uint64_t newest = 0;       // number of the newest sample
    std::uint64_t oldest = 1;       // no older one is there; newest + 1 if none is
    std::uint64_t row_position = 0; // ring positions, ever growing
    std::uint64_t io_row_position = 0;
    std::uint64_t domain_row_position = 0;
    std::uint64_t newest_wait = 0;
  };

  RegionImage(Options options, RegionFacts facts, RegionPlace place);

  // The next file, not yet in place: file_ becomes previous_.
  Status make_file(RegionCapacities capacities);
  Status put_in_place();
  void copy_previous();
  void copy_samples(const File& from);
  [[nodiscard]] xenmon_region_header fresh_header() const;

  [[nodiscard]] Status check_successor(const Snapshot& snapshot) const;
  Status make_room(const SnapshotSize& size);
  struct Wanted {
    RegionCapacities capacities;
    bool history_shortened = false; // the row ring holds less than the history, for want of room
  };
  [[nodiscard]] Wanted wanted_for(const SnapshotSize& size) const;
  [[nodiscard]] bool has_room(const RegionCapacities& wanted, const SnapshotSize& size) const;
  [[nodiscard]] bool is_there(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t first_there(std::uint64_t number) const;
  [[nodiscard]] bool shares_place(std::uint64_t number, std::uint64_t next) const;
  [[nodiscard]] bool overwrites_rows(std::uint64_t number, const SnapshotSize& size) const;

  void begin_tables();
  void end_tables();
  void write_tables(const Snapshot& snapshot);
  void claim_histograms(std::uint32_t slot, const Owner& owner);
  void write_histograms(const HistogramChange& change);
  void carry(std::uint32_t slot, std::uint32_t bucket);
  void set_carries(std::span<const xenmon_carry> carries);
  void drop_carries(std::uint32_t slot);
  void write_carry(std::size_t position);
  void write_waits(const Snapshot& snapshot);
  void write_sample(const SnapshotSample& sample, const SnapshotSize& size);
  void write_counters(const Snapshot& snapshot);
  void write_verdicts();
  void write_settings();
  [[nodiscard]] std::uint64_t flags() const;

  [[nodiscard]] xenmon_region_header& header() const {
    return *reinterpret_cast<xenmon_region_header*>(file_.mapping.data());
  }
  template <class Record>
  [[nodiscard]] Record& entry(const xenmon_table& table, std::uint64_t index) const {
    return record_at<Record>(file_.mapping.data(), table, index);
  }

  Options options_;
  RegionFacts facts_; // as published last
  RegionPlace place_;
  File file_;
  File previous_;       // what readers see while file_ is being filled
  bool placed_ = false; // file_ is what readers see
  bool held_ = false;
  bool connected_ = true;
  bool history_shortened_ = false;
  std::vector<xenmon_verdict> verdicts_;
  std::vector<xenmon_setting> settings_;
  std::vector<std::uint64_t> waits_until_; // by sample number, a ring: the newest wait when it was published
};

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_REGION_IMAGE_H
