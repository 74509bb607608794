// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/merge.h"

namespace xenmon {

void Merge::append(const Pass& pass, std::uint64_t tsc_shift) {
  bad_framing_ += pass.bad_records;
  std::uint64_t last = previous_last_;
  for (const Window& window : pass.windows) {
    if (window.pcpu >= kMaxPcpus) {
      ++bad_framing_;
      continue;
    }
    if (window.pcpu >= streams_.size()) streams_.resize(window.pcpu + 1);
    std::unique_ptr<PcpuStream>& stream = streams_[window.pcpu];
    if (!stream) {
      stream = std::make_unique<PcpuStream>(window.pcpu);
      seen_.push_back(window.pcpu);
      idle_.push_back(window.pcpu);
    }
    stream->append(window, pass.stable, tsc_shift);
    bytes_ += window.first.size() + window.second.size();
    if (!pass.last && !pass.one_pcpu) {
      const std::uint64_t tsc = PcpuStream::last_tsc(window);
      if (tsc != 0) last = std::max(last, tsc + tsc_shift);
    }
  }
  watermark_ = pass.last || pass.one_pcpu ? kNoLimit : previous_last_;
  set_final(pass.last);
  previous_last_ = last;
}

Merge::Counts Merge::counts() const {
  Counts counts;
  counts.bytes = bytes_;
  counts.bad_records = bad_framing_;
  counts.late_records = late_records_;
  for (const std::uint32_t pcpu : seen_) {
    const PcpuStream& stream = *streams_[pcpu];
    counts.records += stream.records();
    counts.bad_records += stream.bad_records();
    counts.lost_records += stream.lost_records();
  }
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
