// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/interval_writer.h"

namespace xenmon {

void IntervalWriter::add(const Sample& sample) {
  if (done() || !status_) return;
  // The trace clock never goes back; if a region's clock does, it is another trace.
  if (begun_ && sample.start_ns < begin_ns_ + (passed_ns_ - offset_ns_)) restart();
  if (!begun_) {
    begun_ = true;
    begin_ns_ = sample.start_ns;
    boundary_ns_ = begin_ns_ + interval_ns_;
  }
  // Samples may be missing in between: then the interval ends without the sample that would have ended it.
  if (sample.start_ns >= boundary_ns_) {
    end_interval(boundary_ns_);
    boundary_ns_ += (sample.start_ns - boundary_ns_) / interval_ns_ * interval_ns_ + interval_ns_;
    if (done()) return;
  }
  interval_.length_ns += sample.length_ns();
  interval_.lost_records += sample.lost_records;
  interval_.missed_samples += sample.missed_before;
  take(sample);
  passed_ns_ = offset_ns_ + sample.end_ns - begin_ns_;
  if (sample.end_ns >= boundary_ns_) {
    end_interval(sample.end_ns);
    boundary_ns_ += (sample.end_ns - boundary_ns_) / interval_ns_ * interval_ns_ + interval_ns_;
  }
}

void IntervalWriter::finish() {
  if (begun_ && status_ && interval_.length_ns > 0) end_interval(begin_ns_ + (passed_ns_ - offset_ns_));
}

void IntervalWriter::restart() {
  finish();
  begun_ = false;
  offset_ns_ = passed_ns_;
  daemon_changed();
}

void IntervalWriter::end_interval(std::uint64_t end_ns) {
  passed_ns_ = offset_ns_ + end_ns - begin_ns_;
  interval_.end_ns = end_ns;
  interval_.passed_ns = passed_ns_;
  if (Status written = write(interval_); !written) status_ = written;
  interval_ = {};
}

} // namespace xenmon
