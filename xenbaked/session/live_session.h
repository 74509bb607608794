// SPDX-License-Identifier: GPL-2.0-or-later
//
// Publishes a live trace: passes are taken when a trace buffer is half full, and at least every poll_ns,
// until a stop signal or the source's end. After the signal one more pass takes what Xen has written by then.
#ifndef XENMON_XENBAKED_SESSION_LIVE_SESSION_H
#define XENMON_XENBAKED_SESSION_LIVE_SESSION_H

#include <cstdint>

#include "base/result.h"
#include "session/published_pipeline.h"
#include "session/wall_epoch.h"

namespace xenmon {

class LiveSession {
 public:
  explicit LiveSession(const SessionParts& parts);

  // Until the end. The region says then that it has ended, also when something failed.
  Status run();

 private:
  Status follow();
  void read_clocks();
  void follow_wall_clock(WallEpoch::Reading before);

  SessionParts parts_;
  PublishedPipeline published_;
  WallEpoch wall_epoch_;
  WallEpoch::Reading clocks_;  // when the newest pass had been read
  std::uint64_t position_ = 0; // the TSC that wall_epoch_ took last
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_LIVE_SESSION_H
