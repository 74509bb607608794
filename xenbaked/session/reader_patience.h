// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lets a replay wait for its reader. The daemon waits for no reader of a live trace. But a recording can
// wait, and the program that steers it may want all of it, however busy the machine is: control_channel.h
// says how it asks for this.
//
// Waiting ends when enough has been read, a stop signal arrived or the other side is gone. It always can end:
// a reader that has read everything is never waited for.
#ifndef XENMON_XENBAKED_SESSION_READER_PATIENCE_H
#define XENMON_XENBAKED_SESSION_READER_PATIENCE_H

#include <functional>
#include <utility>

#include "bake/baker.h"
#include "merge/merge.h"
#include "publish/region_writer.h"
#include "session/control_channel.h"
#include "session/stop_flag.h"

namespace xenmon {

class ReaderWait {
 public:
  // `control` may be null: then nothing is waited for. `meanwhile` is called at least twice a second while
  // waiting, for the heartbeat.
  ReaderWait(const RegionWriter& writer, ControlChannel* control, StopFlag& stop,
             std::function<void()> meanwhile)
      : writer_(writer), control_(control), stop_(stop), meanwhile_(std::move(meanwhile)) {}

  // Returns when the sample may be published.
  void wait_before(const Baker& baker, const BakedSample& sample, const Merge& merge);

 private:
  const RegionWriter& writer_;
  ControlChannel* control_;
  StopFlag& stop_;
  std::function<void()> meanwhile_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_READER_PATIENCE_H
