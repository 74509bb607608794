// SPDX-License-Identifier: GPL-2.0-or-later
//
// The end of xenbaked's pipeline: each sample, with the baker's tables as of its end, into a RegionImage.
//
// One thread. Steady state allocates nothing.
#ifndef XENMON_XENBAKED_PUBLISH_REGION_WRITER_H
#define XENMON_XENBAKED_PUBLISH_REGION_WRITER_H

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "bake/baker.h"
#include "base/result.h"
#include "merge/merge.h"
#include "publish/baker_snapshot.h"
#include "publish/region_image.h"
#include "source/source.h"
#include "source/verdict.h"
#include "xenmon/region.h"

namespace xenmon {

class RegionWriter {
 public:
  static constexpr std::uint64_t kSizeLimit = RegionImage::kSizeLimit;
  static constexpr std::uint32_t kWaitCapacity = RegionCapacities{}.wait;
  struct Options {
    RegionPlace::Options place;
    std::uint64_t sample_ns = 100'000'000;
    std::uint64_t history_ns = 10'000'000'000;
    std::uint64_t heartbeat_period_ns = 1'000'000'000; // what heartbeat() promises to readers
    std::uint64_t slow_wait_ns = 1'000'000;            // which waits the baker records
    std::uint32_t wait_capacity = kWaitCapacity;       // not 0
  };

  // The region is in place, in state STARTING, when this returns.
  static Result<std::unique_ptr<RegionWriter>> create(const Options& options, const Origin& origin);

  // A sample with the tables as of its end. An Error (no room for a larger file) ends the daemon.
  Status publish(Baker& baker, const BakedSample& sample, const Merge& merge) {
    return image_.publish(snapshot_.take(baker, sample, merge));
  }

  // Everything known so far to be wrong with the trace as a whole. Readers see it at once, and in every later
  // file. Verdicts that do not fit into the table are left out.
  void set_verdicts(std::span<const Verdict> verdicts);
  // What is set on this host; see RegionImage::set_settings().
  void set_settings(std::span<const xenmon_setting> settings) { image_.set_settings(settings); }
  // Published with the counters of the next sample.
  void set_trace_health(const TraceHealth& health) { snapshot_.set_trace_health(health); }
  // pCPUs that exist, whether they have produced records or not; the next sample's tables contain them.
  void set_present_pcpus(std::span<const std::uint32_t> pcpus) { snapshot_.set_present_pcpus(pcpus); }
  // For a live trace, following the host's clock; readers see it at once.
  void set_wall_epoch(std::uint64_t epoch_ns) { image_.set_wall_epoch(epoch_ns); }

  // Whether publish() would now overwrite, or move to another file, anything newer than sample number `read`:
  // a sample, its rows, or a wait that ended in it.
  [[nodiscard]] bool overwrites_unread(const Baker& baker, const BakedSample& sample, const Merge& merge,
                                       std::uint64_t read) const {
    return image_.overwrites_unread(snapshot_.size(baker, sample, merge), read);
  }

  // Call at least every heartbeat_period_ns, even when nothing happens.
  void heartbeat(std::uint64_t wakeups, std::uint64_t daemon_cpu_ns) {
    image_.heartbeat(wakeups, daemon_cpu_ns);
  }
  void set_state(std::uint64_t state) { image_.set_state(state); }
  // Whether the recording is held; readers see it after the sample that was published last.
  void set_held(bool held) { image_.set_held(held); }
  // A recording starts from its beginning again: an empty file takes this one's place, as another daemon's
  // would, with a daemon_start of its own. The lock stays with us.
  Status start_again();

  [[nodiscard]] std::size_t region_bytes() const { return image_.region_bytes(); }
  [[nodiscard]] const std::string& path() const { return image_.path(); }

 private:
  RegionWriter(RegionImage image, BakerSnapshot snapshot)
      : image_(std::move(image)), snapshot_(std::move(snapshot)) {}

  RegionImage image_;
  BakerSnapshot snapshot_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_REGION_WRITER_H
