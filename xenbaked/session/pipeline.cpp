// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/pipeline.h"

#include <algorithm>

namespace xenmon {

namespace {

constexpr std::uint64_t kStepNs = 1'000'000'000;

} // namespace

Status Pipeline::read() {
  if (Status read = source_.read_pass(pass_); !read) return read;
  ++passes_;
  if (recorder_ != nullptr) recorder_->write(pass_);
  if (pass_.gap) {
    drain_rest();
    merge_.restart();
    baker_.discontinuity();
  }
  merge_.append(pass_, shift_);
  source_.release_pass();
  if (!pass_.windows.empty()) has_read_ = true;
  return ok();
}

void Pipeline::drain_rest() {
  merge_.lift_watermark();
  drain();
}

void Pipeline::drain_step(std::uint64_t limit_tsc) {
  const std::uint64_t next = next_tsc();
  if (next == kNoLimit) return;
  const std::uint64_t step = std::min(baker_.clock().to_cycles(kStepNs), kNoLimit - next);
  merge_.drain(std::min(limit_tsc, next + step), baker_);
}

void Pipeline::drain_to(std::uint64_t limit_tsc, const StopFlag& stop) {
  while (!stop.raised()) {
    const std::uint64_t next = next_tsc();
    if (next == kNoLimit || next > std::min(limit_tsc, merge_.watermark())) return;
    drain_step(limit_tsc);
  }
}

std::uint64_t Pipeline::next_tsc() {
  merge_.drain(0, baker_); // finds the next record without handing it over
  return merge_.next_tsc();
}

std::uint64_t Pipeline::tsc_at(std::uint64_t trace_ns) const {
  const std::uint64_t cycles = baker_.clock().to_cycles(trace_ns);
  return cycles >= kNoLimit - baker_.base_tsc() ? kNoLimit : baker_.base_tsc() + cycles;
}

Status Pipeline::begin_round(std::uint64_t pause_ns) {
  if (Status rewound = source_.rewind(); !rewound) return rewound;
  pass_.last = false;
  if (first_tsc_ == 0) first_tsc_ = baker_.base_tsc();
  shift_ = merge_.position() - first_tsc_ + baker_.clock().to_cycles(pause_ns);
  merge_.begin_round();
  baker_.discontinuity();
  return ok();
}

} // namespace xenmon
