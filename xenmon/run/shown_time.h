// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the screen shows: the region that it was started for, or a time that a flight recorder has kept.
//
// The past is replayed by a xenbaked of our own, from what the flight recorder holds when it is asked for.
// The present goes on meanwhile and is shown again at once.
#ifndef XENMON_XENMON_RUN_SHOWN_TIME_H
#define XENMON_XENMON_RUN_SHOWN_TIME_H

#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/publisher.h"
#include "daemon/publisher_settings.h"
#include "model/screen_source.h"

namespace xenmon {

class ShownTime {
 public:
  // `present` outlives it. `past`: how the past is replayed, with the directory of the flight recorder.
  ShownTime(Publisher& present, PublisherSettings past)
      : present_(present), source_(present), past_settings_(std::move(past)) {}

  // Of what is shown. Another object after go_to() and go_to_now().
  [[nodiscard]] Publisher& publisher() { return past_ ? past_->publisher : present_; }
  [[nodiscard]] const Publisher& publisher() const { return past_ ? past_->publisher : present_; }
  [[nodiscard]] ScreenSource& source() { return past_ ? past_->source : source_; }
  [[nodiscard]] const ScreenSource& source() const { return past_ ? past_->source : source_; }
  [[nodiscard]] bool is_past() const { return past_ != nullptr; }

  // To a time of day, as xenbaked --held-at takes it. Waits until the xenbaked is there. If there is nothing
  // of that time, nothing changes.
  Status go_to(const std::string& day_time);
  void go_to_now() { past_.reset(); }

 private:
  struct Past {
    explicit Past(Publisher found) : publisher(std::move(found)), source(publisher) {}
    Publisher publisher;
    ScreenSource source;
  };

  Publisher& present_;
  ScreenSource source_; // of present_
  PublisherSettings past_settings_;
  std::unique_ptr<Past> past_; // null: the present is shown
};

} // namespace xenmon

#endif // XENMON_XENMON_RUN_SHOWN_TIME_H
