// SPDX-License-Identifier: GPL-2.0-or-later
//
// One pCPU's records, in the order in which Xen wrote them, from the windows that a source delivers.
//
// The stream is always positioned at its next record that carries a TSC (the head). Within a stream TSCs
// never decrease. A record whose TSC cannot be right is counted as bad and skipped. A record that overruns
// its window is bad too, as is the rest of that window. Skipped data is reported to the sink as a gap,
// because it may have been the change of some vCPU's state. How a TSC is judged:
//   - up to kMaxJump after the last one: right;
//   - further ahead: right if the next record confirms it, or if another pCPU's clock has certainly reached
//     it; wrong if the next record contradicts it. Without a next record and without another clock it is
//     undecided: there is no head until more data has arrived. An undecided TSC is ahead of everything that
//     was read, so nothing else is handed over before its place in the order is known.
//   - backwards: wrong; unless it goes back by more than kMaxJump and the following records stay there: then
//     the clock has restarted (the host was suspended, or two recordings were joined). The stream then stops
//     (restarting()) until its Merge has everything before that and calls restart_at();
//   - a pCPU's very first one, long before what others had written in earlier rounds: the same, because this
//     pCPU has records only of the clock that restarted.
//
// LOST_RECORDS stands twice in the order: at the TSC of the first record that was lost, and at its own.
// A window that was full may be followed by a loss: from its last record to the pCPU's next one, records
// count as lost, also if none was.
// Records without a TSC are handed over together with the record after them. Their Record has the TSC of the
// record before them.
//
// A Sink offers
//   void begin(std::uint32_t pcpu, std::uint64_t tsc);               its first record; may be ahead of order
//   void apply(std::uint32_t pcpu, const Record& record);             every record with a TSC
//   void lost_begin(std::uint32_t pcpu, std::uint64_t tsc);
//   void lost_end(std::uint32_t pcpu, std::uint64_t tsc, std::uint32_t count, std::uint32_t domid,
//                 std::uint32_t vcpu_id);                             that vCPU ran on pcpu at that moment;
//                                                                     event::kNobody: it may be that none
//                                                                     was lost
//   void gap(std::uint32_t pcpu, std::uint64_t tsc);                  something was skipped at about tsc
// and may offer
//   void apply_untimed(std::uint32_t pcpu, const Record& record);     every record without a TSC
//   void apply_late(std::uint32_t pcpu, const Record& record);        instead of apply(): its place in the
//                                                                     order has passed (see Merge)
// and, to be spared most of what it has no use for,
//   void expect(const std::byte* record);                             will be handed over soon, in a batch
//   static bool ignores(std::uint32_t header);                        has a TSC, and is nothing to the sink
//   void pass_over(std::uint64_t count);                              so many were not handed over
// Of a record that the sink ignores the TSC is not looked at, nor does its place in the order matter.
#ifndef XENMON_XENBAKED_MERGE_PCPU_STREAM_H
#define XENMON_XENBAKED_MERGE_PCPU_STREAM_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "merge/batch.h"
#include "source/source.h"
#include "trace/bad_records.h"
#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

// The clocks of all pCPUs, as far as they are known.
class HeardClocks {
 public:
  HeardClocks() = default;
  HeardClocks(const HeardClocks&) = delete;
  HeardClocks& operator=(const HeardClocks&) = delete;
  virtual ~HeardClocks() = default;
  // A TSC that some pCPU's clock has certainly reached. May walk everything that is queued: for rare cases.
  virtual std::uint64_t newest() = 0;
  // Whether a pCPU's first TSC, in that round, is of a clock that has restarted: others were far beyond it in
  // earlier rounds. For rare cases, too.
  [[nodiscard]] virtual bool has_restarted(std::uint32_t pcpu, std::uint64_t tsc,
                                           std::uint64_t round) const = 0;
};

class PcpuStream {
 public:
  // Cycles. A tenth of a second at 2.4 GHz: a larger jump is believed if the next record confirms it. So a
  // damaged TSC costs little, and a pCPU may be silent as long as it likes.
  static constexpr std::uint64_t kMaxJump = std::uint64_t{1} << 28;
  // 15 minutes: records further apart than that do not confirm each other.
  static constexpr std::uint64_t kMaxApart = std::uint64_t{1} << 41;
  // A minute at 2.4 GHz: a jump by the very last record of a trace, which nothing can confirm, is believed up
  // to here.
  static constexpr std::uint64_t kMaxLastJump = std::uint64_t{1} << 37;
  // Records without a TSC that wait for the next one, in bytes. A patched Xen writes a few for each
  // execution; more is damage.
  static constexpr std::size_t kMaxUntimedBytes = std::size_t{64} * 1024;

  // `clocks` must outlive the stream.
  PcpuStream(std::uint32_t pcpu, HeardClocks& clocks) : pcpu_(pcpu), clocks_(clocks) {}

  [[nodiscard]] std::uint32_t pcpu() const { return pcpu_; }

  // Queues a window. Stable bytes are used in place, others are copied into a recycled buffer. Every TSC in
  // it will be shifted forward by `tsc_shift` (a recording that is played again). `round`: of all rounds over
  // the pCPUs so far, the one that the window is from.
  void append(const Window& window, bool stable, std::uint64_t tsc_shift, std::uint64_t round);

  // Whether what is queued is all there will ever be: then the last record need not wait for another.
  void set_final(bool final) { final_ = final; }

  // Moves to the head if there is none yet. False if there is no record left, or none that can be judged.
  template <class Sink>
  bool ready(Sink& sink) {
    return has_head_ || settle(sink);
  }

  [[nodiscard]] bool has_head() const { return has_head_; }
  // The head's place in the order. Only when ready() returned true.
  [[nodiscard]] std::uint64_t key() const { return key_; }

  // Hands records to the sink until the head's key exceeds `bound` or none is left. Returns whether
  // there is a head. Only when ready() said true and key() <= bound.
  template <class Sink>
  bool run(std::uint64_t bound, Sink& sink);

  // The plain records from the head on that are not after `upto`, at most `most`, are added to the batch; the
  // stream does not move. What has been added up to some point is handed over by the caller, which then calls
  // skip().
  struct Gathered {
    std::uint32_t count = 0;
    // What follows needs run(), and nothing is known of its place but that it is not before the last one
    // gathered. Not so where the stream ends, or where what follows is after `upto`.
    bool odd = false;
    const std::byte* next = nullptr; // where it goes on after the last one
    std::uint32_t passed_over = 0;   // between the first one and `next`: the sink ignores them
  };
  template <class Sink>
  Gathered gather(std::uint64_t upto, std::uint32_t most, Batch& batch);
  // Hands over a record that was gathered with untimed records in front of it.
  template <class Sink>
  void hand_over(const Batch::Entry& entry, Batch& batch, Sink& sink);
  // Moves on to `next`; `records` have been handed over or passed over, the last of them at `tsc`. Returns
  // whether there is a head.
  template <class Sink>
  bool skip(const std::byte* next, std::uint64_t tsc, std::uint64_t records, Sink& sink);

  // Hands over only the head, as a late record. Returns whether there is another head. Only when ready()
  // returned true.
  template <class Sink>
  bool run_late(Sink& sink);

  // For a pCPU whose first TSC may be one of a clock that has restarted. Rounds are those of append().
  // Whether this pCPU was far beyond that TSC, and its clock has restarted in that round or before.
  [[nodiscard]] bool restarts_by(std::uint64_t round, std::uint64_t tsc) const;
  // A TSC that this pCPU had reached by the end of that round; 0: none is known.
  [[nodiscard]] std::uint64_t reached_by(std::uint64_t round) const;
  // Whether its next records from that round on are not before that TSC.
  [[nodiscard]] bool is_beyond(std::uint64_t tsc, std::uint64_t round) const;

  // After ready() or run() returned false: the clock restarts here, at the TSC restart_tsc() of the clock
  // that was in use.
  [[nodiscard]] bool restarting() const { return restarting_; }
  [[nodiscard]] std::uint64_t restart_tsc() const { return restart_tsc_; }
  // From here on TSCs are shifted forward by `shift` more, and none precedes `position`.
  void restart_at(std::uint64_t shift, std::uint64_t position);
  // Undoes restart_at(): another round of a recording starts.
  void forget_restarts() { restart_shift_ = 0; }

  // Walks what has been queued since the last call, and returns the newest TSC in it, or in what was walked
  // before, that is certainly right; 0 if there is none.
  std::uint64_t hear();
  // A TSC that was in doubt before the last call of hear(), and that this call has confirmed; or 0.
  [[nodiscard]] std::uint64_t borne_out() const { return borne_out_; }

  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] const BadRecords& bad_records() const { return bad_records_; }
  [[nodiscard]] std::uint64_t lost_records() const { return lost_records_; }
  // The largest TSC accepted.
  [[nodiscard]] std::uint64_t last_tsc() const { return last_tsc_; }

 private:
  struct Segment {
    std::span<const std::byte> bytes;
    std::vector<std::byte> owned; // empty when the bytes are the source's
    std::uint64_t tsc_shift = 0;
    std::uint64_t round = 0;
    bool full = false;
    bool heard = false;
  };

  template <class Sink>
  bool settle(Sink& sink);
  template <class Sink>
  bool pass_over(const Record& record, Sink& sink);
  template <class Sink>
  bool take_head(std::uint64_t bound, Sink& sink);
  template <class Sink>
  void hand_over_untimed(Sink& sink);
  template <class Sink>
  void end_doubt(Sink& sink);
  template <class Sink>
  const std::byte* run_untimed(const std::byte* at, std::uint64_t last, std::uint64_t bound, Sink& sink);
  void keep_untimed(const Record& record);
  bool next_segment();
  enum class Verdict { kRight, kWrong, kUndecided, kRestart };
  Verdict judge(std::uint64_t tsc, const std::byte* behind);
  Verdict judge_first(std::uint64_t tsc, std::span<const std::uint64_t> next);
  Verdict judge_ahead(std::uint64_t tsc, std::span<const std::uint64_t> next);
  Verdict judge_backwards(std::uint64_t tsc, const std::byte* behind);
  // The TSCs that follow `from`, as many as there are and fit; returns how many.
  std::size_t next_tscs(const std::byte* from, std::span<std::uint64_t> tscs) const;
  // A segment's first TSC, if the one after it confirms it; otherwise 0.
  [[nodiscard]] std::uint64_t first_tsc(const Segment& segment) const;
  void hear(std::span<const std::byte> bytes, std::uint64_t shift);

  std::uint32_t pcpu_;
  HeardClocks& clocks_;
  bool has_head_ = false;
  bool any_tsc_ = false;
  bool lost_pending_ = false; // the head is LOST_RECORDS and its first place in the order is still due
  bool final_ = false;
  bool restarting_ = false;
  bool full_ = false;     // the window that at_ is in
  bool doubtful_ = false; // what comes next may be lost, and the sink knows
  bool any_seen_ = false;
  bool doubt_confirmed_ = false;
  bool in_doubt_ = false;         // doubt_ is a TSC that nothing has confirmed yet
  const std::byte* at_ = nullptr; // the head, or where to look for it
  const std::byte* end_ = nullptr;
  std::uint64_t shift_ = 0; // of the segment that at_ is in, restart_shift_ included
  std::uint64_t round_ = 0; // of the same
  // The last TSC of the segment before, and its round.
  std::uint64_t earlier_tsc_ = 0;
  std::uint64_t earlier_round_ = 0;
  std::uint64_t key_ = 0;
  std::uint64_t last_tsc_ = 0;
  std::uint64_t handed_over_tsc_ = 0; // the same, of records that the sink does not ignore

  std::uint64_t restart_shift_ = 0;
  std::uint64_t restart_tsc_ = 0;
  std::uint64_t heard_ = 0;
  std::uint64_t doubt_ = 0;
  std::uint64_t borne_out_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t lost_records_ = 0;
  BadRecords bad_records_;

  std::vector<Segment> segments_;
  std::size_t next_segment_ = 0; // index of the segment after the one that at_ is in
  std::vector<std::vector<std::byte>> spare_;
  std::vector<std::byte> untimed_; // whole records without a TSC; they are handed over with the head
  std::uint64_t untimed_tsc_ = 0;  // of the record before them
  std::size_t next_untimed_ = 0;   // in the batch: the next of this stream's
};

// Of the records without a TSC, these are the ones that a sink uses, and they are frequent.
inline constexpr std::uint32_t kUntimedClass = event::kDispatchPageCounts & event::kClassMask;

// The slow path to the next head: everything that is not a plain record with the next TSC.
template <class Sink>
[[gnu::noinline]] bool PcpuStream::settle(Sink& sink) {
  Record record;
  has_head_ = false;
  restarting_ = false;
  for (;;) {
    if (at_ == end_) {
      if (next_segment()) continue;
      // If the loss is here already it says itself when it began.
      if (full_ && any_tsc_) {
        full_ = false;
        doubtful_ = true;
        sink.lost_begin(pcpu_, handed_over_tsc_ != 0 ? handed_over_tsc_ : last_tsc_);
      }
      // Nothing will ever follow these.
      if (final_ && !untimed_.empty()) hand_over_untimed(sink);
      return false;
    }
    if (!decode_record(at_, end_, record)) {
      bad_records_.add(XENMON_BAD_LENGTH);
      at_ = end_;
      sink.gap(pcpu_, last_tsc_);
      continue;
    }
    if (!record.has_tsc()) {
      // Padding and framing are not records.
      if (record.event() != event::kWrapBuffer && record.event() != event::kCpuChange) {
        ++records_;
        if constexpr (requires { sink.apply_untimed(pcpu_, record); }) keep_untimed(record);
      }
      at_ += record.bytes();
      continue;
    }
    record.tsc += shift_;
    if constexpr (requires { Sink::ignores(record.header); }) {
      if (any_tsc_ && untimed_.empty() && Sink::ignores(record.header)) {
        if (pass_over(record, sink)) continue;
        return false;
      }
    }
    // One comparison for both directions: a step backwards is a huge leap modulo 2^64.
    if (record.tsc - last_tsc_ > kMaxJump || !any_tsc_) {
      const bool first = !any_tsc_;
      const Verdict verdict = judge(record.tsc, at_ + record.bytes());
      if (verdict == Verdict::kUndecided) return false;
      if (verdict == Verdict::kRestart) {
        restarting_ = true;
        restart_tsc_ = record.tsc;
        return false;
      }
      if (verdict == Verdict::kWrong) {
        bad_records_.add(XENMON_BAD_TSC);
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
        bad_records_.add(XENMON_BAD_WORDS);
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

// The trace continues until its last record, whatever that is. False: that one is undecided.
template <class Sink>
bool PcpuStream::pass_over(const Record& record, Sink& sink) {
  const Verdict verdict =
      record.tsc - last_tsc_ <= kMaxJump ? Verdict::kRight : judge(record.tsc, at_ + record.bytes());
  if (verdict == Verdict::kUndecided) return false;
  if constexpr (requires { sink.pass_over(1); }) {
    sink.pass_over(1);
    ++records_;
  }
  at_ += record.bytes();
  if (verdict == Verdict::kRight) last_tsc_ = record.tsc;
  return true;
}

// Hands the head over. False: it stays the head, because the second place of LOST_RECORDS is after `bound`.
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
  handed_over_tsc_ = record.tsc;
  ++records_;
  at_ += record.bytes();
  return true;
}

template <class Sink>
[[gnu::noinline]] void PcpuStream::hand_over_untimed(Sink& sink) {
  if constexpr (requires(const Record& record) { sink.apply_untimed(pcpu_, record); }) {
    Record record;
    const std::byte* at = untimed_.data();
    const std::byte* const end = at + untimed_.size();
    for (; decode_record(at, end, record); at += record.bytes()) {
      record.tsc = untimed_tsc_;
      sink.apply_untimed(pcpu_, record);
    }
  }
  untimed_.clear();
}

// The head is the next record after a full window. Had something been lost, it would be LOST_RECORDS.
template <class Sink>
[[gnu::noinline]] void PcpuStream::end_doubt(Sink& sink) {
  doubtful_ = false;
  if (!lost_pending_) sink.lost_end(pcpu_, key_, 0, event::kNobody, 0);
}

// Hands over the run of records without a TSC at `at`, of which there is at least one, if the record after
// them is suitable for the fast path and not beyond `bound`; returns the position of that record. Otherwise
// hands nothing over and returns nullptr.
template <class Sink>
[[gnu::noinline]] const std::byte* PcpuStream::run_untimed(const std::byte* at, std::uint64_t last,
                                                           std::uint64_t bound, Sink& sink) {
  const auto whole = [this](const std::byte* from) {
    return end_ - from >= static_cast<std::ptrdiff_t>(kMaxRecordBytes);
  };
  const auto untimed = [](std::uint32_t header) {
    return (header & (kHasTsc | event::kClassMask)) == kUntimedClass;
  };
  const std::byte* behind = at;
  std::uint32_t header = load_word<std::uint32_t>(behind);
  while (untimed(header)) {
    behind += 4 + extra_bytes(header);
    if (!whole(behind)) return nullptr;
    header = load_word<std::uint32_t>(behind);
  }
  if constexpr (requires { Sink::ignores(header); }) {
    if (Sink::ignores(header)) return nullptr;
  }
  const std::uint64_t tsc = load_word<std::uint64_t>(behind + 4) + shift_;
  const std::uint32_t kind = header & (kHasTsc | event::kClassMask);
  if (kind < kHasTsc || kind == (kHasTsc | event::kAlwaysClass) || tsc - last > kMaxJump || tsc > bound)
    return nullptr;
  Record record;
  for (; at != behind; at += record.bytes()) {
    decode_record(at, behind, record);
    record.tsc = last;
    ++records_;
    if constexpr (requires { sink.apply_untimed(pcpu_, record); }) sink.apply_untimed(pcpu_, record);
  }
  return behind;
}

template <class Sink>
bool PcpuStream::run(std::uint64_t bound, Sink& sink) {
  do {
    if (!untimed_.empty()) [[unlikely]]
      hand_over_untimed(sink);
    if (doubtful_) [[unlikely]]
      end_doubt(sink);
    // The head itself takes the fast path below, unless it is LOST_RECORDS or at the very end of its window.
    const bool plain = end_ - at_ >= static_cast<std::ptrdiff_t>(kMaxRecordBytes) &&
                       (load_word<std::uint32_t>(at_) & event::kClassMask) != event::kAlwaysClass;
    if (!plain && !take_head(bound, sink)) return true;
    // The fast path, for nearly all records: complete, with a TSC that is the next one.
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
        if ((record.header & (kHasTsc | event::kClassMask)) == kUntimedClass) {
          const std::byte* const behind = run_untimed(at, last, bound, sink);
          if (behind == nullptr) break;
          at = behind;
          record.header = load_word<std::uint32_t>(at);
        }
      }
      record.tsc = load_word<std::uint64_t>(at + 4) + shift;
      // Without a TSC, of the class that lost records and padding are in, or with an odd TSC.
      const std::uint32_t kind = record.header & (kHasTsc | event::kClassMask);
      if (kind < kHasTsc || kind == (kHasTsc | event::kAlwaysClass) || record.tsc - last > kMaxJump) break;
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
    handed_over_tsc_ = last;
    if constexpr (requires { Sink::ignores(record.header); }) {
      // The trace continues until its last record, whatever that is.
      if (last_ignored != nullptr) {
        const std::uint64_t tsc = load_word<std::uint64_t>(last_ignored + 4) + shift;
        last_tsc_ = last;
        const std::byte* const behind =
            last_ignored + 12 + extra_bytes(load_word<std::uint32_t>(last_ignored));
        const Verdict verdict = tsc - last <= kMaxJump ? Verdict::kRight : judge(tsc, behind);
        if (verdict == Verdict::kRight) last = tsc;
        // What follows may tell. It is the last one that has a TSC, so nothing after it has been taken.
        if (verdict == Verdict::kUndecided && at == behind) {
          at = last_ignored;
          if (ignored != 0) --ignored;
        }
      }
    }
    tell_ignored();
    at_ = at;
    last_tsc_ = last;
    records_ += records;
    if (!settle(sink)) return false;
  } while (key_ <= bound);
  return true;
}

template <class Sink>
[[gnu::cold, gnu::noinline]] bool PcpuStream::run_late(Sink& sink) {
  if (!untimed_.empty()) hand_over_untimed(sink);
  if (doubtful_) end_doubt(sink);
  Record record;
  decode_record(at_, end_, record);
  bool taken = false;
  if constexpr (requires { sink.apply_late(pcpu_, record); }) {
    if (record.event() != event::kLostRecords) {
      record.tsc += shift_;
      sink.apply_late(pcpu_, record);
      ++records_;
      at_ += record.bytes();
      taken = true;
    }
  }
  // Of lost records only the first place may have passed.
  if (!taken && !take_head(key_, sink)) return true;
  return settle(sink);
}

} // namespace xenmon

#include "merge/pcpu_stream_batch.h"

#endif // XENMON_XENBAKED_MERGE_PCPU_STREAM_H
