// SPDX-License-Identifier: GPL-2.0-or-later
//
// One pCPU's records, in the order in which Xen wrote them, out of the windows that a source delivers.
//
// The stream always stands before its next record that carries a TSC (the head). Within a stream TSCs
// never decrease: a record whose TSC runs backwards, or leaps ahead further than kMaxLeap while the record
// behind it does not follow, is counted as bad and skipped; a leap with nothing behind it waits for more.
// So is a record that does not fit into its window, with the rest of that window. Whatever is skipped is
// reported to the sink as a gap, since it may have been the change of some vCPU's state.
//
// LOST_RECORDS stands twice in the order: at the TSC of the first record that was lost, and at its own.
//
// A Sink offers
//   void begin(std::uint32_t pcpu, std::uint64_t tsc);               its first record; may be ahead of order
//   void apply(std::uint32_t pcpu, const Record& record);             every record with a TSC
//   void lost_begin(std::uint32_t pcpu, std::uint64_t tsc);
//   void lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t domid,
//                 std::uint32_t vcpu_id);                             that vCPU runs on pcpu from here on
//   void gap(std::uint32_t pcpu, std::uint64_t tsc);                  something was skipped at about tsc
// and may offer
//   void apply_untimed(std::uint32_t pcpu, const Record& record);     every record without a TSC, which
//                                                                     belongs to the record behind it;
// and, to be spared most of what it has no use for,
//   static bool ignores(std::uint32_t header);                        has a TSC, and is nothing to the sink
//   void pass_over(std::uint64_t count);                              so many were not handed over
// Of a record that the sink ignores the TSC is not looked at, nor does its place in the order matter.
#ifndef XENMON_XENBAKED_MERGE_PCPU_STREAM_H
#define XENMON_XENBAKED_MERGE_PCPU_STREAM_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "source/source.h"
#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

class PcpuStream {
 public:
  // Cycles. A tenth of a second at 2.4 GHz: a leap beyond that is believed if the record behind it bears
  // it out. So a damaged TSC costs little, and a pCPU may be silent for as long as it likes.
  static constexpr std::uint64_t kMaxLeap = std::uint64_t{1} << 28;
  // 15 minutes: records further apart than that do not bear each other out.
  static constexpr std::uint64_t kMaxApart = std::uint64_t{1} << 41;
  // 14 s: a leap by the very last record of a trace, which nothing can bear out, is believed up to here.
  static constexpr std::uint64_t kMaxLastLeap = std::uint64_t{1} << 35;

  explicit PcpuStream(std::uint32_t pcpu) : pcpu_(pcpu) {}

  [[nodiscard]] std::uint32_t pcpu() const { return pcpu_; }

  // Queues a window. Stable bytes are used in place, others are copied into a recycled buffer. Every
  // TSC in it will be moved forward by `tsc_shift` (a recording that is played again).
  void append(const Window& window, bool stable, std::uint64_t tsc_shift);

  // Whether what is queued is all there will ever be: then the last record need not wait for another.
  void set_final(bool final) { final_ = final; }

  // Moves to the head if there is none yet. False if there is no record left, or none that can be judged.
  template <class Sink>
  bool ready(Sink& sink) {
    return has_head_ || settle(sink);
  }

  // Where the head stands in the order. Only when ready() said true.
  [[nodiscard]] std::uint64_t key() const { return key_; }

  // Hands records to the sink until the head's key exceeds `bound` or none is left. Returns whether
  // there is a head. Only when ready() said true and key() <= bound.
  template <class Sink>
  bool run(std::uint64_t bound, Sink& sink);

  // The TSC of the last record of a window, as it stands there, or 0 if it has none. Walks the window.
  static std::uint64_t last_tsc(const Window& window);

  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] std::uint64_t bad_records() const { return bad_records_; }
  [[nodiscard]] std::uint64_t lost_records() const { return lost_records_; }
  // Smallest and largest TSC accepted; meaningful when any_tsc().
  [[nodiscard]] bool any_tsc() const { return any_tsc_; }
  [[nodiscard]] std::uint64_t first_tsc() const { return first_tsc_; }
  [[nodiscard]] std::uint64_t last_tsc() const { return last_tsc_; }

 private:
  struct Segment {
    std::span<const std::byte> bytes;
    std::vector<std::byte> owned; // empty when the bytes are the source's
    std::uint64_t tsc_shift = 0;
  };

  template <class Sink>
  bool settle(Sink& sink);
  template <class Sink>
  bool take_head(std::uint64_t bound, Sink& sink);
  bool next_segment();
  enum class Verdict { kPlausible, kDamaged, kUndecided };
  Verdict judge(std::uint64_t tsc, const std::byte* behind);
  // The TSCs that follow `from`, as many as there are and fit; returns how many.
  std::size_t next_tscs(const std::byte* from, std::span<std::uint64_t> tscs) const;

  std::uint32_t pcpu_;
  bool has_head_ = false;
  bool any_tsc_ = false;
  bool lost_pending_ = false; // the head is LOST_RECORDS and its first place in the order is still due
  bool final_ = false;
  const std::byte* at_ = nullptr; // the head, or where to look for it
  const std::byte* end_ = nullptr;
  std::uint64_t shift_ = 0;
  std::uint64_t key_ = 0;
  std::uint64_t last_tsc_ = 0;

  std::uint64_t first_tsc_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bad_records_ = 0;
  std::uint64_t lost_records_ = 0;

  std::vector<Segment> segments_;
  std::size_t next_segment_ = 0; // index of the segment behind the one that at_ is in
  std::vector<std::vector<std::byte>> spare_;
};

// The careful way to the next head: everything that is not a plain record with the next TSC.
template <class Sink>
[[gnu::noinline]] bool PcpuStream::settle(Sink& sink) {
  Record record;
  has_head_ = false;
  for (;;) {
    if (at_ == end_) {
      if (!next_segment()) return false;
      continue;
    }
    if (!decode_record(at_, end_, record)) {
      ++bad_records_;
      at_ = end_;
      sink.gap(pcpu_, last_tsc_);
      continue;
    }
    if (!record.has_tsc()) {
      // Padding and framing are not records.
      if (record.event() != event::kWrapBuffer && record.event() != event::kCpuChange) {
        ++records_;
        if constexpr (requires { sink.apply_untimed(pcpu_, record); }) {
          if (any_tsc_) sink.apply_untimed(pcpu_, record);
        }
      }
      at_ += record.bytes();
      continue;
    }
    record.tsc += shift_;
    // One comparison for both directions: a step backwards is a huge leap modulo 2^64.
    if (record.tsc - last_tsc_ > kMaxLeap || !any_tsc_) {
      const bool first = !any_tsc_;
      const Verdict verdict = judge(record.tsc, at_ + record.bytes());
      if (verdict == Verdict::kUndecided) return false;
      if (verdict == Verdict::kDamaged) {
        ++bad_records_;
        at_ += record.bytes();
        sink.gap(pcpu_, last_tsc_);
        continue;
      }
      if (first) sink.begin(pcpu_, record.tsc);
    }
    if (record.event() == event::kWrapBuffer) { // long padding carries a TSC
      at_ += record.bytes();
      continue;
    }
    key_ = record.tsc;
    if (record.event() == event::kLostRecords) {
      if (record.extra_words() < 4) {
        ++bad_records_;
        last_tsc_ = record.tsc;
        at_ += record.bytes();
        sink.gap(pcpu_, last_tsc_);
        continue;
      }
      const std::uint64_t first = load_word<std::uint64_t>(record.extra + 8) + shift_;
      key_ = first < last_tsc_ ? last_tsc_ : (first > record.tsc ? record.tsc : first);
      lost_pending_ = true;
    }
    last_tsc_ = record.tsc;
    has_head_ = true;
    return true;
  }
}

// Hands the head over. False: it stays the head, LOST_RECORDS' second place being behind `bound`.
template <class Sink>
[[gnu::noinline]] bool PcpuStream::take_head(std::uint64_t bound, Sink& sink) {
  Record record;
  decode_record(at_, end_, record);
  record.tsc += shift_;
  if (record.event() == event::kLostRecords) {
    if (lost_pending_) {
      lost_pending_ = false;
      sink.lost_begin(pcpu_, key_);
      key_ = record.tsc;
      if (key_ > bound) return false;
    }
    const std::uint32_t count = record.word(0);
    lost_records_ += count;
    sink.lost_end(pcpu_, record.tsc, count, record.word(1) & 0xffffU, record.word(1) >> 16);
  } else {
    sink.apply(pcpu_, record);
  }
  ++records_;
  at_ += record.bytes();
  return true;
}

template <class Sink>
bool PcpuStream::run(std::uint64_t bound, Sink& sink) {
  do {
    // The head itself goes the quick way below, unless it is lost records or at its window's very end.
    const bool plain = end_ - at_ >= static_cast<std::ptrdiff_t>(kMaxRecordBytes) &&
                       (load_word<std::uint32_t>(at_) & event::kClassMask) != event::kAlwaysClass;
    if (!plain && !take_head(bound, sink)) return true;
    // The quick way, for what nearly all records are: whole, with a TSC that is the next one.
    const std::byte* at = at_;
    const std::byte* const end = end_;
    const std::uint64_t shift = shift_;
    std::uint64_t last = last_tsc_;
    std::uint64_t records = 0;
    [[maybe_unused]] std::uint64_t ignored = 0;
    [[maybe_unused]] const std::byte* last_ignored = nullptr;
    const auto tell_ignored = [&] {
      if constexpr (requires { sink.pass_over(ignored); }) {
        sink.pass_over(ignored);
        records += ignored;
        ignored = 0;
      }
    };
    Record record;
    while (end - at >= static_cast<std::ptrdiff_t>(kMaxRecordBytes)) {
      record.header = load_word<std::uint32_t>(at);
      if constexpr (requires { Sink::ignores(record.header); }) {
        if (Sink::ignores(record.header)) {
          last_ignored = at;
          ++ignored;
          at += 12 + extra_bytes(record.header);
          continue;
        }
      }
      if constexpr (requires { sink.apply_untimed(pcpu_, record); }) {
        if ((record.header & (kHasTsc | event::kClassMask)) == (event::kAcctPageCounts & event::kClassMask)) {
          record.tsc = 0;
          record.extra = at + 4;
          ++records;
          sink.apply_untimed(pcpu_, record);
          at += 4 + extra_bytes(record.header);
          continue;
        }
      }
      record.tsc = load_word<std::uint64_t>(at + 4) + shift;
      // Without a TSC, of the class that lost records and padding are in, or with an odd TSC.
      const std::uint32_t kind = record.header & (kHasTsc | event::kClassMask);
      if (kind < kHasTsc || kind == (kHasTsc | event::kAlwaysClass) || record.tsc - last > kMaxLeap) break;
      last = record.tsc;
      if (last > bound) {
        tell_ignored();
        at_ = at;
        key_ = last_tsc_ = last;
        records_ += records;
        return true;
      }
      record.extra = at + 12;
      ++records;
      sink.apply(pcpu_, record);
      at += 12 + extra_bytes(record.header);
    }
    tell_ignored();
    if constexpr (requires { Sink::ignores(record.header); }) {
      // The trace goes on until its last record, whatever that is.
      if (last_ignored != nullptr) {
        const std::uint64_t tsc = load_word<std::uint64_t>(last_ignored + 4) + shift;
        if (tsc - last <= kMaxLeap) last = tsc;
      }
    }
    at_ = at;
    last_tsc_ = last;
    records_ += records;
    if (!settle(sink)) return false;
  } while (key_ <= bound);
  return true;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_MERGE_PCPU_STREAM_H
