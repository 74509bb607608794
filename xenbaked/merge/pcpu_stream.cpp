// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/pcpu_stream.h"

#include <array>
#include <utility>

namespace xenmon {

void PcpuStream::append(const Window& window, bool stable, std::uint64_t tsc_shift) {
  if (window.first.empty() && window.second.empty()) return;
  // Segments before the current one are used up: their buffers serve again.
  if (next_segment_ > 1) {
    const auto current = segments_.begin() + static_cast<std::ptrdiff_t>(next_segment_) - 1;
    for (auto used = segments_.begin(); used != current; ++used) {
      if (used->owned.capacity() > 0) spare_.push_back(std::move(used->owned));
    }
    segments_.erase(segments_.begin(), current);
    next_segment_ = 1;
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

PcpuStream::Verdict PcpuStream::judge(std::uint64_t tsc, const std::byte* behind) {
  const auto follows = [](std::uint64_t later, std::uint64_t earlier) {
    return later >= earlier && later - earlier <= kMaxApart;
  };
  if (any_tsc_ && tsc < last_tsc_) return Verdict::kDamaged;
  std::array<std::uint64_t, 2> next{};
  const std::size_t count = next_tscs(behind, next);
  bool accepted = false;
  if (count > 0) {
    accepted = follows(next[0], tsc);
    // A first one has nothing before it: then the majority of three decides.
    if (!any_tsc_ && !accepted && count == 2) accepted = follows(next[1], tsc);
  } else if (!final_) {
    return Verdict::kUndecided;
  } else {
    accepted = !any_tsc_ || tsc - last_tsc_ <= kMaxLastLeap;
  }
  if (!accepted) return Verdict::kDamaged;
  if (!any_tsc_) {
    any_tsc_ = true;
    first_tsc_ = tsc;
  }
  return Verdict::kPlausible;
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
