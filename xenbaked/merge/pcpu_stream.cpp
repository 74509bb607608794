// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/pcpu_stream.h"

#include <array>
#include <utility>

namespace xenmon {

void PcpuStream::append(const Window& window, bool stable, std::uint64_t tsc_shift, std::uint64_t round) {
  if (window.first.empty() && window.second.empty()) {
    if (window.full && !segments_.empty()) {
      segments_.back().full = true;
      full_ = full_ || next_segment_ == segments_.size();
    }
    return;
  }
  // Segments before the current one are used up: their buffers are reused.
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
  segment.round = round;
  segment.full = window.full;
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
  earlier_tsc_ = any_tsc_ ? last_tsc_ : 0;
  earlier_round_ = round_;
  const Segment& segment = segments_[next_segment_++];
  at_ = segment.bytes.data();
  end_ = at_ + segment.bytes.size();
  shift_ = segment.tsc_shift + restart_shift_;
  round_ = segment.round;
  full_ = segment.full;
  return true;
}

void PcpuStream::keep_untimed(const Record& record) {
  const std::size_t bytes = record.bytes();
  if (untimed_.size() + bytes > kMaxUntimedBytes) {
    bad_records_.add(XENMON_BAD_LENGTH);
    return;
  }
  if (untimed_.empty()) untimed_tsc_ = last_tsc_;
  untimed_.insert(untimed_.end(), at_, at_ + bytes);
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
    shift = segments_[segment].tsc_shift + restart_shift_;
    ++segment;
  }
}

namespace {

bool follows(std::uint64_t later, std::uint64_t earlier) {
  return later >= earlier && later - earlier <= PcpuStream::kMaxApart;
}

} // namespace

PcpuStream::Verdict PcpuStream::judge(std::uint64_t tsc, const std::byte* behind) {
  if (any_tsc_ && tsc < last_tsc_) return judge_backwards(tsc, behind);
  std::array<std::uint64_t, 2> next{};
  const std::span<const std::uint64_t> found = std::span(next).first(next_tscs(behind, next));
  const Verdict verdict = any_tsc_ ? judge_ahead(tsc, found) : judge_first(tsc, found);
  if (verdict == Verdict::kRight) any_tsc_ = true;
  return verdict;
}

// Nothing is before it: the majority of three decides, or the other pCPUs' clocks.
PcpuStream::Verdict PcpuStream::judge_first(std::uint64_t tsc, std::span<const std::uint64_t> next) {
  for (const std::uint64_t later : next) {
    if (!follows(later, tsc)) continue;
    if (!clocks_.has_restarted(pcpu_, tsc, round_)) return Verdict::kRight;
    // Only one of them may be damage.
    return clocks_.has_restarted(pcpu_, later, round_) ? Verdict::kRestart : Verdict::kWrong;
  }
  if (!next.empty()) return Verdict::kWrong;
  if (final_ || follows(clocks_.newest(), tsc)) return Verdict::kRight;
  return Verdict::kUndecided;
}

std::uint64_t PcpuStream::first_tsc(const Segment& segment) const {
  const std::byte* at = segment.bytes.data();
  const std::byte* const end = at + segment.bytes.size();
  std::uint64_t first = 0;
  Record record;
  for (; decode_record(at, end, record); at += record.bytes()) {
    if (!record.has_tsc()) continue;
    const std::uint64_t tsc = record.tsc + segment.tsc_shift + restart_shift_;
    if (first != 0) return follows(tsc, first) ? first : 0;
    first = tsc;
  }
  return 0;
}

bool PcpuStream::restarts_by(std::uint64_t round, std::uint64_t tsc) const {
  const auto beyond = [](std::uint64_t a, std::uint64_t b) { return a > b && a - b > kMaxJump; };
  std::uint64_t reached = 0; // beyond `tsc`
  if (any_tsc_ && round_ <= round && beyond(last_tsc_, tsc)) {
    if (restarting_) return true;
    reached = last_tsc_;
  }
  for (std::size_t i = next_segment_; i < segments_.size() && segments_[i].round <= round; ++i) {
    const std::uint64_t first = first_tsc(segments_[i]);
    if (first == 0) continue;
    if (beyond(reached, first)) return true;
    if (beyond(first, tsc)) reached = first;
  }
  return false;
}

std::uint64_t PcpuStream::reached_by(std::uint64_t round) const {
  std::uint64_t reached = any_tsc_ && earlier_round_ <= round ? earlier_tsc_ : 0;
  if (any_tsc_ && round_ <= round) reached = last_tsc_;
  for (std::size_t i = next_segment_; i < segments_.size() && segments_[i].round <= round; ++i)
    reached = std::max(reached, first_tsc(segments_[i]));
  return reached;
}

bool PcpuStream::is_beyond(std::uint64_t tsc, std::uint64_t round) const {
  if (any_tsc_ && round_ >= round) return last_tsc_ >= tsc;
  for (std::size_t i = next_segment_; i < segments_.size(); ++i) {
    if (segments_[i].round < round) continue;
    const std::uint64_t first = first_tsc(segments_[i]);
    if (first != 0) return first >= tsc;
  }
  return false;
}

PcpuStream::Verdict PcpuStream::judge_ahead(std::uint64_t tsc, std::span<const std::uint64_t> next) {
  const bool last_jump = tsc - last_tsc_ <= kMaxLastJump;
  if (!next.empty()) {
    if (follows(next[0], tsc)) return Verdict::kRight;
    // If the next one is too far away, the next one is the one in doubt.
    if (next[0] > tsc) return next.size() == 2 && !follows(next[1], tsc) ? Verdict::kWrong : Verdict::kRight;
    // If the clock restarts with the next one, that one says nothing about this.
    const bool restarts = next[0] < last_tsc_ && last_tsc_ - next[0] > kMaxJump &&
                          (next.size() < 2 || (next[1] >= next[0] && next[1] < last_tsc_));
    if (!restarts) return Verdict::kWrong;
    return last_jump || tsc <= clocks_.newest() ? Verdict::kRight : Verdict::kWrong;
  }
  if (final_ && last_jump) return Verdict::kRight;
  if (tsc <= clocks_.newest()) return Verdict::kRight;
  return final_ ? Verdict::kWrong : Verdict::kUndecided;
}

PcpuStream::Verdict PcpuStream::judge_backwards(std::uint64_t tsc, const std::byte* behind) {
  if (last_tsc_ - tsc <= kMaxJump) return Verdict::kWrong;
  std::array<std::uint64_t, 64> next{};
  const std::size_t count = next_tscs(behind, next);
  if (count == 0) return final_ ? Verdict::kWrong : Verdict::kUndecided;
  std::uint64_t previous = tsc;
  for (std::size_t i = 0; i < count; ++i) {
    // The clock that was in use continues: this was a record with a damaged TSC.
    const bool jumps_back = next[i] >= last_tsc_ && next[i] - previous > (last_tsc_ - tsc) / 2;
    if (jumps_back || (i == 0 && !follows(next[i], tsc))) return Verdict::kWrong;
    previous = next[i];
  }
  return Verdict::kRestart;
}

void PcpuStream::restart_at(std::uint64_t shift, std::uint64_t position) {
  restart_shift_ += shift;
  shift_ += shift;
  if (any_tsc_) last_tsc_ = position;
  earlier_tsc_ = 0;
  restarting_ = false;
  // What is still to be handed over has not been seen by this clock.
  any_seen_ = in_doubt_ = false;
  for (std::size_t i = next_segment_; i < segments_.size(); ++i) segments_[i].heard = false;
  if (at_ != nullptr) hear({at_, end_}, shift_);
}

std::uint64_t PcpuStream::hear() {
  const bool doubted = in_doubt_;
  const std::uint64_t doubt = doubt_;
  doubt_confirmed_ = false;
  for (Segment& segment : segments_) {
    if (segment.heard) continue;
    segment.heard = true;
    hear(segment.bytes, segment.tsc_shift + restart_shift_);
  }
  borne_out_ = doubted && doubt_confirmed_ ? doubt : 0;
  return any_seen_ ? heard_ : 0;
}

// The same rules as for handing over, except those that need other clocks; a TSC in doubt is left out.
void PcpuStream::hear(std::span<const std::byte> bytes, std::uint64_t shift) {
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  Record record;
  bool first = true; // only that one can confirm a TSC of an earlier window
  for (; decode_record(at, end, record); at += record.bytes()) {
    if (!record.has_tsc() || record.event() == event::kWrapBuffer) continue;
    const std::uint64_t tsc = record.tsc + shift;
    if (any_seen_ && tsc - heard_ <= kMaxJump) [[likely]] {
      heard_ = tsc;
      in_doubt_ = false;
    } else if (in_doubt_ && follows(tsc, doubt_)) {
      heard_ = tsc;
      any_seen_ = true;
      in_doubt_ = false;
      doubt_confirmed_ = doubt_confirmed_ || first;
    } else {
      doubt_ = tsc;
      in_doubt_ = true;
    }
    first = false;
  }
}

} // namespace xenmon
