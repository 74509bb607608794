// SPDX-License-Identifier: GPL-2.0-or-later
//
// The receiving side of a mirror: messages become a region, written by the code that the daemon has for its
// own. So every reader of a region can read it.
//
// What arrives is input: whatever the bytes are, no more than an Error follows, and readers see what they saw
// before. The heartbeat of the mirror is the daemon's own, as old as it was there. While nothing arrives it
// grows old.
#ifndef XENMON_XENMON_MIRROR_MIRROR_RECEIVER_H
#define XENMON_XENMON_MIRROR_MIRROR_RECEIVER_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mirror/histogram_lines.h"
#include "mirror/message.h"
#include "mirror/mirror_progress.h"
#include "mirror/sample_rows.h"
#include "mirror/session_records.h"
#include "mirror/tables.h"
#include "publish/region_image.h"

namespace xenmon {

class MirrorReceiver {
 public:
  // The region is made at this path when the first facts arrive; `host` is what it is called there.
  MirrorReceiver(std::string path, std::string host) : path_(std::move(path)), host_(std::move(host)) {}

  // Before the first message of a session.
  void begin_session();
  // An Error ends the session.
  Status take(MirrorMessage kind, std::string_view body);

  // Readers learn that nothing arrives, or that it does again.
  void set_connected(bool connected);

  // What has been received, for the next session.
  const MirrorProgress& progress() const { return progress_; }
  // The region is there, and has what the other host had when the session began.
  bool complete() const { return complete_; }
  // Why there is no region on the other host; "" if there is one.
  const std::string& problem() const { return problem_; }

 private:
  Status take_facts(std::string_view body);
  Status take_update(std::string_view body);
  Status take_carries(std::string_view body);
  Status take_beat(std::string_view body);
  Status publish(const MirrorCounters& counters, std::span<const xenmon_wait> waits, std::uint64_t missing);

  std::string path_;
  std::string host_;
  std::optional<RegionImage> image_;
  MirrorTables tables_;
  MirroredHistograms histograms_;
  std::vector<MirroredSample> samples_;              // of an update
  std::optional<std::vector<xenmon_carry>> carries_; // for the next update; none: as before
  MirrorProgress progress_;
  bool has_facts_ = false; // of this session
  bool complete_ = false;
  std::uint64_t state_ = 0; // of the image
  std::string problem_;
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_MIRROR_RECEIVER_H
