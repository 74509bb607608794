// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/pcpu_stream.h"

#include <utility>

namespace xenmon {

void PcpuStream::append(const Window& window, bool stable, std::uint64_t tsc_shift) {
  if (window.first.empty() && window.second.empty()) return;
  if (!has_head_ && next_segment_ > 0 && next_segment_ == segments_.size() && at_ == end_) {
    // Everything queued so far is used up: begin again, keeping the capacity.
    for (Segment& segment : segments_) {
      if (segment.owned.capacity() > 0) spare_.push_back(std::move(segment.owned));
    }
    segments_.clear();
    next_segment_ = 0;
    at_ = end_ = nullptr;
  }
  Segment segment;
  segment.tsc_shift = tsc_shift;
  if (stable && window.second.empty()) {
    segment.bytes = window.first;
  } else {
    if (!spare_.empty()) {
      segment.owned = std::move(spare_.back());
      spare_.pop_back();
    }
    segment.owned.assign(window.first.begin(), window.first.end());
    segment.owned.insert(segment.owned.end(), window.second.begin(), window.second.end());
    segment.bytes = segment.owned;
  }
  segments_.push_back(std::move(segment));
}

bool PcpuStream::next_segment() {
  if (next_segment_ == segments_.size()) return false;
  const Segment& segment = segments_[next_segment_++];
  at_ = segment.bytes.data();
  end_ = at_ + segment.bytes.size();
  shift_ = segment.tsc_shift;
  return true;
}

bool PcpuStream::next_tsc(const std::byte* from, std::uint64_t& tsc) const {
  const std::byte* at = from;
  const std::byte* end = end_;
  std::uint64_t shift = shift_;
  std::size_t segment = next_segment_;
  Record record;
  for (;;) {
    while (at != end && decode_record(at, end, record)) {
      at += record.bytes;
      if (record.has_tsc) {
        tsc = record.tsc + shift;
        return true;
      }
    }
    if (segment == segments_.size()) return false;
    at = segments_[segment].bytes.data();
    end = at + segments_[segment].bytes.size();
    shift = segments_[segment].tsc_shift;
    ++segment;
  }
}

bool PcpuStream::plausible(std::uint64_t tsc, const std::byte* behind) {
  const auto follows = [](std::uint64_t later, std::uint64_t earlier) { return later - earlier <= kMaxLeap; };
  const bool backwards = any_tsc_ && tsc < last_tsc_;
  std::uint64_t next = 0;
  bool accepted = false;
  if (!backwards) {
    if (next_tsc(behind, next)) {
      accepted = follows(next, tsc);
    } else {
      // Nothing behind it to bear it out. A first record is believed; a leap only if the one that was
      // turned down before it says the same.
      accepted = !any_tsc_ || (have_rejected_ && follows(tsc, rejected_tsc_));
    }
  }
  if (!accepted) {
    have_rejected_ = true;
    rejected_tsc_ = tsc;
    return false;
  }
  have_rejected_ = false;
  if (!any_tsc_) {
    any_tsc_ = true;
    first_tsc_ = tsc;
  }
  return true;
}

std::uint64_t PcpuStream::last_tsc(const Window& window) {
  std::uint64_t last = 0;
  Record record;
  // A record that begins in the first part and ends in the second is stepped over by its length alone.
  std::size_t overhang = 0;
  for (const std::span<const std::byte> part : {window.first, window.second}) {
    if (overhang > part.size()) break;
    const std::byte* at = part.data() + overhang;
    const std::byte* const end = part.data() + part.size();
    overhang = 0;
    while (at != end) {
      if (!decode_record(at, end, record)) {
        if (end - at >= 4) overhang = record.bytes - static_cast<std::size_t>(end - at);
        break;
      }
      at += record.bytes;
      if (record.has_tsc && record.event != event::kWrapBuffer) last = record.tsc;
    }
  }
  return last;
}

} // namespace xenmon
