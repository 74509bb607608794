// SPDX-License-Identifier: GPL-2.0-or-later
//
// Cuts samples into the intervals that a log sums up, whatever form the log has.
//
// Intervals are on the trace clock, so the same recording gives the same log. An interval ends with the
// first sample that reaches its nominal end, or, if samples are missing there, at that end.
#ifndef XENMON_XENMON_LOG_INTERVAL_WRITER_H
#define XENMON_XENMON_LOG_INTERVAL_WRITER_H

#include <cstdint>

#include "base/result.h"
#include "client/sample_feed.h"
#include "log/log_output.h"

namespace xenmon {

// What is known about an interval when it ends, from all samples in it.
struct Interval {
  std::uint64_t end_ns = 0;    // on the current daemon's trace clock
  std::uint64_t passed_ns = 0; // since the log began, as logged
  std::uint64_t length_ns = 0; // of samples, the denominator of every rate
  std::uint64_t lost_records = 0;
  std::uint64_t missed_samples = 0;
};

class IntervalWriter : public LogOutput {
 public:
  // In ns; the interval is not 0, a duration of 0 means without end.
  IntervalWriter(std::uint64_t interval_ns, std::uint64_t duration_ns)
      : interval_ns_(interval_ns), duration_ns_(duration_ns) {}

  void add(const Sample& sample) final;
  // Ends the current interval, with what was seen of it.
  void finish() final;
  // Another daemon, another trace clock: ends the interval; the next sample continues where it ended.
  void restart();
  // For the current daemon: the wall clock in ns at trace time 0, 0 if that is not known.
  void set_wall_epoch(std::uint64_t ns) { wall_epoch_ns_ = ns; }

  // From the first sample's start to the last one's end.
  std::uint64_t passed_ns() const final { return passed_ns_; }
  // Once duration_ns has passed; never if that is 0.
  bool done() const final { return duration_ns_ != 0 && passed_ns_ >= duration_ns_; }
  const Status& status() const final { return status_; }

 protected:
  virtual void take(const Sample& sample) = 0;
  virtual Status write(const Interval& interval) = 0;
  // After the last interval of a daemon.
  virtual void daemon_changed() = 0;
  [[nodiscard]] std::uint64_t wall_epoch_ns() const { return wall_epoch_ns_; }

 private:
  void end_interval(std::uint64_t end_ns);

  std::uint64_t interval_ns_;
  std::uint64_t duration_ns_;

  // On the trace clock of the current daemon; what earlier daemons logged is in offset_ns_.
  bool begun_ = false;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t boundary_ns_ = 0; // the nominal end of the interval
  std::uint64_t offset_ns_ = 0;
  std::uint64_t passed_ns_ = 0;

  std::uint64_t wall_epoch_ns_ = 0;
  Interval interval_;
  Status status_ = ok();
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_INTERVAL_WRITER_H
