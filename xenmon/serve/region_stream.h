// SPDX-License-Identifier: GPL-2.0-or-later
//
// What both streams of xenmon.Host are: a region that is followed sample by sample, from now on. A client
// that reads slowly makes it lag behind, and what is overwritten meanwhile is counted as missed.
#ifndef XENMON_XENMON_SERVE_REGION_STREAM_H
#define XENMON_XENMON_SERVE_REGION_STREAM_H

#include <cstdint>
#include <optional>
#include <string>

#include "client/region_follower.h"
#include "rpc/service.h"

namespace xenmon {

class RegionStream : public Stream, protected FollowSink {
 public:
  // Ends with what the derived class has to say, or with an error that is said.
  void next(std::string& out) final;
  bool over() const final { return over_; }

 protected:
  RegionStream(std::string region, SampleFeed::Vcpus vcpus);

  // The messages that have become ready, appended.
  virtual void take_messages(std::string& out) = 0;
  // One that says the state alone.
  virtual std::string state_message(const char* state) = 0;
  // Another daemon has followed.
  virtual void daemon_changed(const RegionReader& reader) = 0;

  const RegionFollower& follower() const { return follower_; }
  const char* state() const;

 private:
  Health::Kind kind() const;
  Result<SampleFeed::From> begin(const RegionReader& reader) final;

  RegionFollower follower_;
  std::optional<Health::Kind> told_; // the state that the client knows
  bool over_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_REGION_STREAM_H
