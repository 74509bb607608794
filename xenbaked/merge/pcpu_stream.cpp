// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/pcpu_stream.h"

#include <array>
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

std::size_t PcpuStream::next_tscs(const std::byte* from, std::span<std::uint64_t> tscs) const {
  const std::byte* at = from;
  const std::byte* end = end_;
  std::uint64_t shift = shift_;
  std::size_t segment = next_segment_;
  std::size_t found = 0;
  Record record;
  for (;;) {
    while (at != end && decode_record(at, end, record)) {
      at += record.bytes();
      if (!record.has_tsc()) continue;
      tscs[found++] = record.tsc + shift;
      if (found == tscs.size()) return found;
    }
    if (segment == segments_.size()) return found;
    at = segments_[segment].bytes.data();
    end = at + segments_[segment].bytes.size();
    shift = segments_[segment].tsc_shift;
    ++segment;
  }
}

bool PcpuStream::plausible(std::uint64_t tsc, const std::byte* behind) {
  const auto near = [](std::uint64_t a, std::uint64_t b) { return (a > b ? a - b : b - a) <= kMaxLeap; };
  std::array<std::uint64_t, 2> next{};
  const std::size_t count = next_tscs(behind, next);
  bool accepted = false;
  if (!any_tsc_) {
    // Nothing to compare a first TSC with but the two behind it; alone, it is believed.
    accepted = count == 0 || near(next[0], tsc) || (count == 2 && near(next[1], tsc));
  } else if (tsc >= last_tsc_) {
    // A leap: the next one must bear it out or, if there is none, the one that was turned down before it.
    accepted = count > 0 ? near(next[0], tsc) : have_rejected_ && near(tsc, rejected_tsc_);
  }
  have_rejected_ = !accepted;
  rejected_tsc_ = tsc;
  if (accepted && !any_tsc_) {
    any_tsc_ = true;
    first_tsc_ = tsc;
  }
  return accepted;
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
        if (end - at >= 4) overhang = record.bytes() - static_cast<std::size_t>(end - at);
        break;
      }
      at += record.bytes();
      if (record.has_tsc() && record.event() != event::kWrapBuffer) last = record.tsc;
    }
  }
  return last;
}

} // namespace xenmon
