// SPDX-License-Identifier: GPL-2.0-or-later
//
// The streams of all pCPUs in one order by TSC; equal TSCs go by pCPU number.
//
// One vCPU's history is spread over the buffers of every pCPU that ran it or woke it, so nothing may be
// accounted before all of them have been heard. The watermark is the TSC up to which that is so: when a
// pass has been queued, everything that Xen wrote before that pass began is here, and the pass began
// after the newest record of the pass before it. Hence watermark = the last TSC of the previous pass;
// after a source's last pass, and where there is but one pCPU, there is no limit.
#ifndef XENMON_XENBAKED_MERGE_MERGE_H
#define XENMON_XENBAKED_MERGE_MERGE_H

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "merge/pcpu_stream.h"
#include "source/source.h"

namespace xenmon {

class Merge {
 public:
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
  // Xen is built for at most 16,383 pCPUs (xen/arch/x86/Kconfig, NR_CPUS); more is damage.
  static constexpr std::uint32_t kMaxPcpus = 16384;

  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bad_records = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t late_records = 0;
  };

  // Queues a pass; see PcpuStream::append for what happens to its bytes.
  void append(const Pass& pass, std::uint64_t tsc_shift = 0);

  // Hands everything up to min(limit, watermark()) to the sink (see PcpuStream), in order. What arrives
  // behind its place in the order is handed over all the same and counted as late.
  template <class Sink>
  void drain(std::uint64_t limit, Sink& sink);

  [[nodiscard]] std::uint64_t watermark() const { return watermark_; }
  // The TSC at which the first queued record stands, or kNoLimit. Cheap; no sink is called.
  [[nodiscard]] std::uint64_t next_tsc() const { return heap_.empty() ? kNoLimit : heap_.front().key; }
  // The last TSC that was handed over.
  [[nodiscard]] std::uint64_t position() const { return position_; }

  // Nothing that is still to come precedes what is queued: drain() hands over all of it.
  void lift_watermark() {
    watermark_ = kNoLimit;
    set_final(true);
  }
  // What follows is a new round: the watermark starts over.
  void restart() {
    watermark_ = previous_last_ = 0;
    set_final(false);
  }

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::uint32_t pcpus_seen() const { return static_cast<std::uint32_t>(seen_.size()); }
  // The stream of a pCPU, or nullptr if it has not been heard of.
  [[nodiscard]] const PcpuStream* stream(std::uint32_t pcpu) const {
    return pcpu < streams_.size() ? streams_[pcpu].get() : nullptr;
  }
  [[nodiscard]] std::uint32_t pcpu_limit() const { return static_cast<std::uint32_t>(streams_.size()); }

 private:
  struct Entry {
    std::uint64_t key;
    std::uint32_t pcpu;
    [[nodiscard]] bool before(const Entry& other) const {
      return key != other.key ? key < other.key : pcpu < other.pcpu;
    }
  };

  template <class Sink>
  void refill(Sink& sink);
  void set_final(bool final) {
    for (const std::uint32_t pcpu : seen_) streams_[pcpu]->set_final(final);
  }
  void push(Entry entry);
  void sift_down();

  std::vector<std::unique_ptr<PcpuStream>> streams_; // by pCPU number, with holes
  std::vector<std::uint32_t> seen_;
  std::vector<std::uint32_t> idle_; // streams that have no head: to be asked again after an append
  std::vector<Entry> heap_;         // streams that have one; the least key at the front
  std::uint64_t watermark_ = 0;
  std::uint64_t previous_last_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t bad_framing_ = 0;
  std::uint64_t late_records_ = 0;
};

template <class Sink>
void Merge::refill(Sink& sink) {
  std::size_t kept = 0;
  for (const std::uint32_t pcpu : idle_) {
    PcpuStream& stream = *streams_[pcpu];
    if (stream.ready(sink)) {
      push({stream.key(), pcpu});
    } else {
      idle_[kept++] = pcpu;
    }
  }
  idle_.resize(kept);
}

template <class Sink>
void Merge::drain(std::uint64_t limit, Sink& sink) {
  refill(sink);
  limit = std::min(limit, watermark_);
  while (!heap_.empty() && heap_.front().key <= limit) {
    const Entry first = heap_.front();
    // As long as the first stream stays before the second, the heap need not be touched.
    std::uint64_t bound = limit;
    if (heap_.size() > 1) {
      const Entry& second = heap_.size() > 2 && heap_[2].before(heap_[1]) ? heap_[2] : heap_[1];
      bound = std::min(bound, second.pcpu < first.pcpu ? second.key - 1 : second.key);
      bound = std::max(bound, first.key);
    }
    if (first.key < position_) ++late_records_;
    PcpuStream& stream = *streams_[first.pcpu];
    const bool more = stream.run(bound, sink);
    position_ = std::max(position_, more ? std::min(bound, stream.key()) : stream.last_tsc());
    if (more) {
      heap_.front().key = stream.key();
    } else {
      idle_.push_back(first.pcpu);
      heap_.front() = heap_.back();
      heap_.pop_back();
    }
    sift_down();
  }
}

} // namespace xenmon

#endif // XENMON_XENBAKED_MERGE_MERGE_H
