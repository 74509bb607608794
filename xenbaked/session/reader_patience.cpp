// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/reader_patience.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kHalfASecond = 500'000'000;

} // namespace

void ReaderWait::wait_before(const Baker& baker, const BakedSample& sample, const Merge& merge) {
  if (control_ == nullptr || !control_->read_sample()) return;
  while (writer_.overwrites_unread(baker, sample, merge, *control_->read_sample())) {
    control_->listen();
    if (!writer_.overwrites_unread(baker, sample, merge, *control_->read_sample())) return;
    if (control_->gone() || stop_.raised()) return;
    meanwhile_();
    stop_.wait(control_->fd(), kHalfASecond);
  }
}

} // namespace xenmon
