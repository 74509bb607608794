// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lets a replay wait for the one who reads it. The daemon waits for no reader; but a recording can wait, and
// whoever steers it may want all of it, however busy the machine is: control_channel.h says how it is asked
// for.
//
// Waiting ends when enough has been read, a stop signal came or the other side is gone. It can always go on:
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

class ReaderPatience {
 public:
  // `control` may be null: nobody is waited for. `meanwhile` is called at least twice a second while waiting,
  // so that the heart beats.
  ReaderPatience(const RegionWriter& writer, ControlChannel* control, StopFlag& stop,
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
