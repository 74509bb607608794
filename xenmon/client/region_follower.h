// SPDX-License-Identifier: GPL-2.0-or-later
//
// Follows the region at a path for as long as a program likes, whatever happens to the file: a larger one
// supersedes it, the daemon ends, another one starts. This is where a program that uses the client library
// begins:
//
//   class Exporter final : public FollowSink {
//     Result<SampleFeed::From> begin(const RegionReader& reader) override;  // a daemon that is new to us
//     void add(const Sample& sample) override;                              // each sample, once and in order
//   };
//   RegionFollower follower(RegionFollower::Settings{.path = XENMON_DEFAULT_REGION});
//   Exporter exporter;
//   for (;;) {
//     if (auto followed = follower.follow(exporter); !followed) return followed.error();
//     ... what follower.attachment().health() says; wait for a part of header().history_ns, at most a quarter
//   }
//
// What else is in the library: History is such a sink, and has sums over windows of time; LatencyHistory has
// percentiles of the distributions, Contenders which domains ran while others waited, CounterTrack the growth
// of the daemon's own counters. WaitFeed hands on long waits as SampleFeed does samples. Attachment and
// RegionReader are what all of them stand on: the file at a path, and the checked reading of its bytes.
//
// A follower belongs to one thread. It neither waits nor prints, and starts no process. All times are in ns:
// those of samples on the trace clock, which is the daemon's own; heartbeats on CLOCK_BOOTTIME.
#ifndef XENMON_XENMON_CLIENT_REGION_FOLLOWER_H
#define XENMON_XENMON_CLIENT_REGION_FOLLOWER_H

#include <cstdint>
#include <string>

#include "base/result.h"
#include "client/attachment.h"
#include "client/domain_directory.h"
#include "client/sample_feed.h"

namespace xenmon {

// Takes what is followed. All calls come from within RegionFollower::follow() and start_over().
class FollowSink : public SampleSink {
 public:
  // The samples that follow are of another daemon than those before, or of the first one: another trace
  // clock, other uids. Says which of them are wanted; an Error ends the following.
  virtual Result<SampleFeed::From> begin(const RegionReader& reader) = 0;
  // Samples of this region are about to be handed on. For what is read beside them: the wall clock, waits.
  // The reader is valid until follow() returns.
  virtual void reading(const RegionReader& /*reader*/) {}
};

class RegionFollower {
 public:
  struct Settings {
    std::string path;
    // How long a domain that has left the region keeps its DomainIndex, on the trace clock. At least twice as
    // long as the sink remembers samples.
    std::uint64_t retention_ns = 20'000'000'000;
    // Whether samples name vCPUs by their numbers; otherwise by slots, which is cheaper.
    SampleFeed::Vcpus vcpus = SampleFeed::Vcpus::kLeave;
    Clock clock = boottime_ns;
  };

  explicit RegionFollower(Settings settings)
      : attachment_(std::move(settings.path), std::move(settings.clock)),
        directory_(settings.retention_ns),
        feed_(directory_, settings.vcpus) {}
  // The feed refers to the directory.
  RegionFollower(const RegionFollower&) = delete;
  RegionFollower& operator=(const RegionFollower&) = delete;

  // Hands on all that is new. What the region that was followed until now still holds comes before the look
  // at another one, so that nothing is left behind: after a daemon has ended, one call takes all that it
  // published. The value is true if sink.begin() was called. With `most`, not more samples than that; if
  // there may be more, the path is not looked at, and they come with the next call.
  Result<bool> follow(FollowSink& sink, std::uint64_t most = UINT64_MAX);
  // Looks at the path, calls sink.begin() and hands on all that the region holds, also if the daemon is the
  // same as before. For a recording that has been moved to another time. False while there is no region.
  Result<bool> start_over(FollowSink& sink);
  // Hands on once more what the region holds, for a sink that has forgotten it; begin() is not called. Does
  // nothing while there is no region.
  void repeat(SampleSink& sink);

  // Whether a daemon has been followed at all.
  bool has_begun() const { return has_begun_; }
  // Samples and rows that could not be and were skipped, of all daemons.
  std::uint64_t damaged() const { return damaged_before_ + feed_.damaged(); }

  const Attachment& attachment() const { return attachment_; }
  // Null while there is no region. Valid until the next follow().
  const RegionReader* reader() const { return attachment_.reader(); }
  const SampleFeed& feed() const { return feed_; }
  const DomainDirectory& directory() const { return directory_; }

 private:
  Status begin(FollowSink& sink);

  Attachment attachment_;
  DomainDirectory directory_;
  SampleFeed feed_;
  std::uint64_t damaged_before_ = 0; // of earlier daemons
  bool has_begun_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_REGION_FOLLOWER_H
