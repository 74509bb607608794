// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts the streams of all pCPUs into one order by TSC, and equal TSCs by pCPU number.
//
// One vCPU's history is spread over the buffers of every pCPU that ran it or woke it, so nothing may be
// accounted before all of these have been read. The watermark is the TSC up to which that is so: when a pass
// has been queued, everything that Xen wrote before that pass began is here, and the pass began after the
// newest record of the previous pass. Hence watermark = the newest TSC of the earlier passes that is
// certainly right (PcpuStream::hear). After a source's last pass, and with only one pCPU, there is no limit.
// A damaged TSC does not move it.
//
// Xen reports a loss only when it is over, with the pCPU's next record. By then the watermark may have passed
// the first record that was lost. A live source knows better: a buffer that is full may lose the next record
// (Window::full). For recordings the watermark stays behind by a Patience.
//
// A record that arrives after its place in the order has passed is late: the sink gets it by apply_late(),
// because its effect on the order is no longer known.
//
// When the clock restarts (PcpuStream), streams that have reached that point wait there. When everything
// written before has been handed over, TSCs are shifted forward from there on, so that the order continues
// kRestartGap cycles after the last record. The sink is told, if it offers
//   void clock_restarted(std::uint64_t tsc);                           of the last record before
#ifndef XENMON_XENBAKED_MERGE_MERGE_H
#define XENMON_XENBAKED_MERGE_MERGE_H

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "merge/batch.h"
#include "merge/pcpu_stream.h"
#include "source/source.h"

namespace xenmon {

class Merge final : private HeardClocks {
 public:
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bad_records = 0; // of all causes
    BadRecords bad;
    std::uint64_t lost_records = 0;
    std::uint64_t late_records = 0;
    std::uint64_t clock_restarts = 0;
  };

  // It is not known how long the clock was off when it restarted; in cycles.
  static constexpr std::uint64_t kRestartGap = std::uint64_t{1} << 20;

  // How far the watermark stays behind what has been heard: by `cycles`, but never by more than `bytes` of
  // records, which are kept in memory meanwhile, nor for more than `empty_passes` that bring nothing.
  struct Patience {
    std::uint64_t cycles = 0;
    std::uint64_t bytes = 0;
    std::uint32_t empty_passes = 20;
  };

  Merge() = default;
  explicit Merge(Patience patience) : patience_(patience) {}

  // Queues a pass; see PcpuStream::append for what happens to its bytes, and for the shift. By pCPU number,
  // TSCs may be shifted forward by more than that.
  void append(const Pass& pass, std::uint64_t tsc_shift = 0, std::span<const std::uint64_t> more_shift = {});

  // Hands everything up to min(limit, watermark()) to the sink (see PcpuStream), in order.
  template <class Sink>
  void drain(std::uint64_t limit, Sink& sink);

  [[nodiscard]] std::uint64_t watermark() const { return restart_is_due() ? kNoLimit : watermark_; }
  // The TSC of the first queued record, or kNoLimit. Cheap; no sink is called.
  [[nodiscard]] std::uint64_t next_tsc() const { return heap_.empty() ? kNoLimit : heap_.front().key; }
  // The last TSC that was handed over, or skipped.
  [[nodiscard]] std::uint64_t position() const { return std::max(position_, passed_over_); }

  // Nothing that is still to come precedes what is queued: drain() hands over all of it.
  void lift_watermark() {
    watermark_ = kNoLimit;
    set_final(true);
  }
  // What follows comes after missing data: the watermark starts again.
  void restart() {
    watermark_ = heard_ = 0;
    held_back_.clear();
    set_final(false);
  }
  // What follows is another round of a recording, from its first record on.
  void begin_round() {
    restart();
    restart_shift_ = 0;
    restarts_since_ = kNever;
    for (const std::uint32_t pcpu : seen_) streams_[pcpu]->forget_restarts();
  }

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::uint32_t pcpus_seen() const { return static_cast<std::uint32_t>(seen_.size()); }
  // The stream of a pCPU, or nullptr if no record of it has been seen.
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
  template <class Sink>
  void drain_run(std::uint64_t upto, Sink& sink);
  template <class Sink>
  bool drain_batch(std::uint64_t upto, Sink& sink);
  void cut_batch(std::uint64_t tsc, std::uint32_t pcpu);
  void adapt_span(std::size_t gathered, bool cut, std::uint64_t bound);
  void make_heap();
  void sift_down(std::size_t at);
  template <class Sink>
  bool continue_after_restart(Sink& sink);
  std::uint64_t newest() override;
  [[nodiscard]] bool has_restarted(std::uint32_t pcpu, std::uint64_t tsc, std::uint64_t round) const override;
  void hold_back();
  // Whether some pCPU's clock has restarted, and nothing from before that can come any more.
  [[nodiscard]] bool restart_is_due() const;
  // Returns the TSC of the last record before.
  std::uint64_t restart_clock();
  void set_final(bool final) {
    final_ = final;
    for (const std::uint32_t pcpu : seen_) streams_[pcpu]->set_final(final);
  }
  void push(Entry entry);

  std::vector<std::unique_ptr<PcpuStream>> streams_; // by pCPU number, with holes
  std::vector<std::uint32_t> seen_;                  // pCPU numbers, ascending
  std::vector<std::uint32_t> idle_; // streams that have no head: to be asked again after an append
  std::vector<Entry> heap_;         // streams that have one; the least key at the front
  std::uint64_t watermark_ = 0;
  std::uint64_t heard_ = 0; // the newest TSC of all passes so far that is certainly right
  std::uint64_t position_ = 0;
  std::uint64_t passed_over_ = 0;
  std::uint64_t bytes_ = 0;
  // What had been heard when so many bytes had been queued: where the watermark will be. Both rise.
  struct Heard {
    std::uint64_t tsc = 0;
    std::uint64_t bytes = 0;
  };
  Patience patience_;
  // Of this many streams a batch is faster than one run after another.
  static constexpr std::size_t kBatchStreams = 8;
  static constexpr std::size_t kExpectedAhead = 6; // records: some 100 ns
  static constexpr std::uint64_t kLeastSpan = 1024;
  // One stream's share of the batch.
  struct Part {
    std::uint32_t pcpu = 0;
    std::uint32_t first = 0; // index of an entry
    PcpuStream::Gathered gathered;
    std::uint64_t last_tsc = 0;
  };
  Batch batch_;
  std::vector<Part> parts_;
  std::uint64_t span_ = std::uint64_t{1} << 16; // cycles: about kRecords are that close together
  std::uint32_t runs_due_ = 0;                  // before another batch is tried

  std::uint32_t empty_passes_ = 0; // in a row
  std::deque<Heard> held_back_;
  std::uint64_t late_records_ = 0;
  BadRecords bad_framing_;
  bool final_ = false;
  std::uint64_t passes_ = 0;
  std::uint64_t rounds_ = 0; // over the pCPUs, of all passes
  static constexpr std::uint64_t kNever = kNoLimit;
  std::uint64_t restarts_since_ = kNever; // the pass in which a clock was seen to have started again
  std::uint64_t restart_shift_ = 0;
  std::uint64_t restarts_ = 0;
};

template <class Sink>
void Merge::refill(Sink& sink) {
  std::size_t kept = 0;
  bool any_restarts = false;
  for (const std::uint32_t pcpu : idle_) {
    PcpuStream& stream = *streams_[pcpu];
    if (stream.ready(sink)) {
      push({stream.key(), pcpu});
    } else {
      passed_over_ = std::max(passed_over_, stream.last_tsc());
      any_restarts = any_restarts || stream.restarting();
      idle_[kept++] = pcpu;
    }
  }
  idle_.resize(kept);
  if (!any_restarts) {
    restarts_since_ = kNever;
  } else if (restarts_since_ == kNever) {
    restarts_since_ = passes_;
  }
}

template <class Sink>
void Merge::drain(std::uint64_t limit, Sink& sink) {
  refill(sink);
  do {
    // What was written before a clock restarted has no other clock to wait for.
    const std::uint64_t upto = std::min(limit, watermark());
    while (!heap_.empty() && heap_.front().key <= upto) {
      if (heap_.size() < kBatchStreams || runs_due_ != 0 || !drain_batch(upto, sink)) drain_run(upto, sink);
    }
  } while (continue_after_restart(sink));
}

// One run of records of the first stream.
template <class Sink>
void Merge::drain_run(std::uint64_t upto, Sink& sink) {
  if (runs_due_ != 0) --runs_due_;
  const Entry first = heap_.front();
  // While the first stream stays before the second, the heap need not be touched.
  std::uint64_t bound = upto;
  if (heap_.size() > 1) {
    const Entry& second = heap_.size() > 2 && heap_[2].before(heap_[1]) ? heap_[2] : heap_[1];
    bound = std::min(bound, second.pcpu < first.pcpu ? second.key - 1 : second.key);
    bound = std::max(bound, first.key);
  }
  PcpuStream& stream = *streams_[first.pcpu];
  bool more = false;
  if (first.key < position_) [[unlikely]] {
    ++late_records_;
    more = stream.run_late(sink);
  } else {
    more = stream.run(bound, sink);
    position_ = std::max(position_, std::min(bound, more ? stream.key() : stream.last_tsc()));
    // A record that the sink ignores may be ahead of what other streams have still to hand over.
    if (!more) passed_over_ = std::max(passed_over_, stream.last_tsc());
  }
  if (more) {
    heap_.front().key = stream.key();
  } else {
    if (stream.restarting() && restarts_since_ == kNever) restarts_since_ = passes_;
    idle_.push_back(first.pcpu);
    heap_.front() = heap_.back();
    heap_.pop_back();
  }
  sift_down(0);
}

inline void Merge::sift_down(std::size_t at) {
  if (heap_.empty()) return;
  const Entry moving = heap_[at];
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

// The plain records of all streams for a short time. False if there are none that could be handed over.
template <class Sink>
bool Merge::drain_batch(std::uint64_t upto, Sink& sink) {
  const std::uint64_t base = heap_.front().key;
  if (base < position_ || base >= kNoLimit - Batch::kMaxSpan) return false;
  const std::uint64_t end = std::min(upto, base + span_);
  batch_.begin(base);
  parts_.clear();
  // Everything before this place in the order may be handed over.
  std::uint64_t bound_tsc = end + 1;
  std::uint32_t bound_pcpu = 0;
  for (const std::uint32_t pcpu : seen_) {
    PcpuStream& stream = *streams_[pcpu];
    if (!stream.has_head() || stream.key() > end) continue;
    const auto first = static_cast<std::uint32_t>(batch_.entries().size());
    const std::uint32_t most = 2 * Batch::kRecords - std::min(first, std::uint32_t{2 * Batch::kRecords});
    const PcpuStream::Gathered gathered = stream.gather<Sink>(end, most, batch_);
    const std::uint64_t tsc = gathered.count == 0 ? stream.key() : batch_.tsc(batch_.entries().back());
    parts_.push_back({pcpu, first, gathered, tsc});
    if (!gathered.odd) continue;
    const std::uint32_t next_pcpu = gathered.count == 0 ? pcpu : pcpu + 1;
    if (tsc < bound_tsc || (tsc == bound_tsc && next_pcpu < bound_pcpu)) {
      bound_tsc = tsc;
      bound_pcpu = next_pcpu;
    }
  }
  const bool cut = bound_tsc <= end;
  const std::size_t gathered = batch_.entries().size();
  if (cut) cut_batch(bound_tsc, bound_pcpu);
  adapt_span(gathered, cut, bound_tsc);
  if (batch_.entries().empty()) return false;

  const std::span<const Batch::Entry> order = batch_.sort();
  for (std::size_t i = 0; i < order.size(); ++i) {
    if constexpr (requires { sink.expect(order[i].at); }) {
      if (i + kExpectedAhead < order.size()) sink.expect(order[i + kExpectedAhead].at);
    }
    const Batch::Entry& entry = order[i];
    Record record;
    record.header = load_word<std::uint32_t>(entry.at);
    if (!record.has_tsc() || entry.passed_over == Batch::kKept) [[unlikely]] {
      streams_[entry.pcpu]->hand_over(entry, batch_, sink);
      continue;
    }
    record.tsc = batch_.tsc(entry);
    record.extra = entry.at + 12;
    sink.apply(entry.pcpu, record);
  }
  const std::uint64_t handed_over = batch_.tsc(order.back());

  for (const Part& part : parts_) {
    if (part.gathered.count == 0) continue;
    PcpuStream& stream = *streams_[part.pcpu];
    std::uint64_t records = part.gathered.count;
    if constexpr (requires { sink.pass_over(records); }) {
      sink.pass_over(part.gathered.passed_over);
      records += part.gathered.passed_over;
    }
    if (stream.skip(part.gathered.next, part.last_tsc, records, sink)) continue;
    passed_over_ = std::max(passed_over_, stream.last_tsc());
    if (stream.restarting() && restarts_since_ == kNever) restarts_since_ = passes_;
    idle_.push_back(part.pcpu);
  }
  make_heap();
  position_ = std::max(position_, heap_.empty() ? handed_over : std::min(heap_.front().key, bound_tsc - 1));
  return true;
}

// After a clock has restarted and everything before that has been handed over: true if there is more now.
template <class Sink>
bool Merge::continue_after_restart(Sink& sink) {
  if (restarts_since_ == kNever || !heap_.empty() || !restart_is_due()) [[likely]]
    return false;
  const std::uint64_t tsc = restart_clock();
  if constexpr (requires { sink.clock_restarted(tsc); }) sink.clock_restarted(tsc);
  refill(sink);
  return !heap_.empty();
}

} // namespace xenmon

#endif // XENMON_XENBAKED_MERGE_MERGE_H
