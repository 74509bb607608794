// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/merge.h"

#include <utility>

namespace xenmon {

void Merge::append(const Pass& pass, std::uint64_t tsc_shift, std::span<const std::uint64_t> more_shift) {
  bad_framing_.add(pass.bad);
  std::uint64_t rounds = 1;
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
      seen_.insert(std::upper_bound(seen_.begin(), seen_.end(), window.pcpu), window.pcpu);
      idle_.push_back(window.pcpu);
    }
    const std::uint64_t more = window.pcpu < more_shift.size() ? more_shift[window.pcpu] : 0;
    stream->append(window, pass.stable, tsc_shift + more, rounds_ + window.round);
    rounds = std::max<std::uint64_t>(rounds, std::uint64_t{window.round} + 1);
    bytes_ += window.first.size() + window.second.size();
  }
  ++passes_;
  rounds_ += rounds;
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

bool Merge::has_restarted(std::uint32_t pcpu, std::uint64_t tsc, std::uint64_t round) const {
  // It was written after the round before began, and so after everything in the one before that.
  std::uint64_t reached = 0;
  for (const std::uint32_t other : seen_) {
    if (other == pcpu) continue;
    if (streams_[other]->restarts_by(round, tsc)) return true;
    if (round >= 2) reached = std::max(reached, streams_[other]->reached_by(round - 2));
  }
  if (reached <= tsc || reached - tsc <= PcpuStream::kMaxJump) return false;
  // If others go on as before, only that pCPU's clock is a different one.
  return std::none_of(seen_.begin(), seen_.end(), [&](std::uint32_t other) {
    return other != pcpu && streams_[other]->is_beyond(reached, round);
  });
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

void Merge::make_heap() {
  heap_.clear();
  for (const std::uint32_t pcpu : seen_) {
    if (streams_[pcpu]->has_head()) heap_.push_back({streams_[pcpu]->key(), pcpu});
  }
  for (std::size_t at = heap_.size() / 2; at-- > 0;) sift_down(at);
}

// Takes everything out of the batch that is not before that place in the order.
void Merge::cut_batch(std::uint64_t tsc, std::uint32_t pcpu) {
  std::vector<Batch::Entry>& entries = batch_.entries();
  std::size_t kept = 0;
  for (Part& part : parts_) {
    PcpuStream::Gathered& gathered = part.gathered;
    const std::uint64_t end_tsc = part.pcpu < pcpu ? tsc + 1 : tsc;
    std::uint32_t count = gathered.count;
    while (count != 0 && batch_.tsc(entries[part.first + count - 1]) >= end_tsc) --count;
    const auto first = entries.begin() + part.first;
    if (count != gathered.count) {
      gathered.next = first[count].at;
      gathered.passed_over = 0;
      for (std::uint32_t i = 0; i <= count; ++i) {
        if (first[i].passed_over != Batch::kKept) gathered.passed_over += first[i].passed_over;
      }
      gathered.count = count;
      if (count != 0) part.last_tsc = batch_.tsc(first[count - 1]);
    }
    std::copy(first, first + count, entries.begin() + static_cast<std::ptrdiff_t>(kept));
    kept += count;
  }
  entries.resize(kept);
}

void Merge::adapt_span(std::size_t gathered, bool cut, std::uint64_t bound) {
  if (gathered > Batch::kRecords || (cut && bound - batch_.base_tsc() < span_ / 4)) {
    span_ = std::max(span_ / 2, kLeastSpan);
  } else if (!cut && gathered < Batch::kRecords / 2) {
    span_ = std::min(span_ * 2, Batch::kMaxSpan);
  }
  // Looking at a stream for nothing costs as much as a run.
  if (batch_.entries().size() < parts_.size()) runs_due_ = static_cast<std::uint32_t>(2 * parts_.size());
}

} // namespace xenmon
