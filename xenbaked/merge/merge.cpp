// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/merge.h"

#include <utility>

namespace xenmon {

void Merge::append(const Pass& pass, std::uint64_t tsc_shift) {
  bad_framing_.add(pass.bad);
  for (const Window& window : pass.windows) {
    if (window.pcpu >= kMaxPcpus) {
      bad_framing_.add(XENMON_BAD_FRAMING);
      continue;
    }
    if (window.pcpu >= streams_.size()) streams_.resize(window.pcpu + 1);
    std::unique_ptr<PcpuStream>& stream = streams_[window.pcpu];
    if (!stream) {
      HeardClocks& clocks = *this;
      stream = std::make_unique<PcpuStream>(window.pcpu, clocks);
      if (restart_shift_ != 0) stream->restart_at(restart_shift_, position_);
      seen_.push_back(window.pcpu);
      idle_.push_back(window.pcpu);
    }
    stream->append(window, pass.stable, tsc_shift);
    bytes_ += window.first.size() + window.second.size();
  }
  ++passes_;
  set_final(pass.last);
  if (pass.last || pass.one_pcpu) {
    // Of a last pass nobody needs to know, or only in rare cases: then newest() walks it.
    watermark_ = kNoLimit;
    return;
  }
  const std::uint64_t heard_before = std::exchange(heard_, newest());
  if (patience_.bytes != 0) {
    empty_passes_ = pass.windows.empty() ? empty_passes_ + 1 : 0;
    if (empty_passes_ < patience_.empty_passes) {
      hold_back();
    } else {
      held_back_.clear();
      watermark_ = heard_before;
    }
    return;
  }
  watermark_ = heard_before;
  for (const std::uint32_t pcpu : seen_) watermark_ = std::max(watermark_, streams_[pcpu]->borne_out());
}

// Moves the watermark to what had been heard before the passes that are still to be waited for.
void Merge::hold_back() {
  while (held_back_.size() > 1) {
    // What had been heard when the pass after it came.
    const Heard& next = held_back_[1];
    if (heard_ - std::min(heard_, next.tsc) < patience_.cycles && bytes_ - next.bytes < patience_.bytes)
      break;
    held_back_.pop_front();
    watermark_ = held_back_.front().tsc;
  }
  const Heard latest{heard_, bytes_};
  // Many small passes are taken together.
  const bool close = held_back_.size() > 1 &&
                     latest.tsc - std::min(latest.tsc, held_back_.back().tsc) < patience_.cycles / 64 &&
                     latest.bytes - held_back_.back().bytes < patience_.bytes / 64;
  if (!close) held_back_.push_back(latest);
}

std::uint64_t Merge::newest() {
  std::uint64_t newest = heard_;
  for (const std::uint32_t pcpu : seen_) newest = std::max(newest, streams_[pcpu]->hear());
  return newest;
}

bool Merge::restart_is_due() const {
  if (restarts_since_ == kNever) return false;
  // What was written before the clock restarted is in the pass in which that was seen, or in the next.
  return final_ || passes_ > restarts_since_;
}

std::uint64_t Merge::restart_clock() {
  std::uint64_t first = kNoLimit;
  for (const std::uint32_t pcpu : seen_) {
    if (streams_[pcpu]->restarting()) first = std::min(first, streams_[pcpu]->restart_tsc());
  }
  position_ = position();
  const std::uint64_t shift = position_ + kRestartGap - first;
  restart_shift_ += shift;
  for (const std::uint32_t pcpu : seen_) streams_[pcpu]->restart_at(shift, position_);
  restarts_since_ = kNever;
  ++restarts_;
  heard_ = 0;
  held_back_.clear();
  if (!final_) {
    heard_ = newest();
    watermark_ = 0; // what the other pCPUs wrote at that moment may still come
  }
  return position_;
}

Merge::Counts Merge::counts() const {
  Counts counts;
  counts.bytes = bytes_;
  counts.bad = bad_framing_;
  counts.late_records = late_records_;
  counts.clock_restarts = restarts_;
  for (const std::uint32_t pcpu : seen_) {
    const PcpuStream& stream = *streams_[pcpu];
    counts.records += stream.records();
    counts.bad.add(stream.bad_records());
    counts.lost_records += stream.lost_records();
  }
  counts.bad_records = counts.bad.total();
  return counts;
}

void Merge::push(Entry entry) {
  std::size_t at = heap_.size();
  heap_.push_back(entry);
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (!heap_[at].before(heap_[parent])) break;
    std::swap(heap_[at], heap_[parent]);
    at = parent;
  }
}

void Merge::sift_down() {
  if (heap_.empty()) return;
  const Entry moving = heap_.front();
  std::size_t at = 0;
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(moving)) break;
    heap_[at] = heap_[child];
    at = child;
  }
  heap_[at] = moving;
}

} // namespace xenmon
