// SPDX-License-Identifier: GPL-2.0-or-later
//
// The part of PcpuStream that serves batches; included by pcpu_stream.h alone.
#ifndef XENMON_XENBAKED_MERGE_PCPU_STREAM_BATCH_H
#define XENMON_XENBAKED_MERGE_PCPU_STREAM_BATCH_H

#include "merge/pcpu_stream.h"

namespace xenmon {

template <class Sink>
PcpuStream::Gathered PcpuStream::gather(std::uint64_t upto, std::uint32_t most, Batch& batch) {
  Gathered gathered;
  gathered.odd = true;
  gathered.next = at_;
  next_untimed_ = batch.untimed_after().size();
  if (doubtful_ || lost_pending_) return gathered;
  if constexpr (requires { Sink::ignores(std::uint32_t{}); }) {
    // An entry either has untimed records or passed over some.
    if (!untimed_.empty() && Sink::ignores(load_word<std::uint32_t>(at_))) return gathered;
  }
  std::vector<Batch::Entry>& entries = batch.entries();
  const std::byte* at = at_;
  std::uint64_t last = last_tsc_;
  std::uint32_t passed_over = 0;
  while (gathered.count < most) {
    // Untimed records are handed over with the one after them.
    const std::byte* timed = at;
    std::uint32_t header = 0;
    for (;;) {
      const std::ptrdiff_t left = end_ - timed;
      if (left < static_cast<std::ptrdiff_t>(kMaxRecordBytes)) [[unlikely]] {
        if (timed == end_ && at == timed && next_segment_ == segments_.size() && !full_) {
          gathered.odd = false;
          return gathered;
        }
        Record record;
        if (!decode_record(timed, end_, record)) return gathered;
      }
      header = load_word<std::uint32_t>(timed);
      if ((header & (kHasTsc | event::kClassMask)) != kUntimedClass) break;
      timed += 4 + extra_bytes(header);
    }
    if constexpr (requires { Sink::ignores(header); }) {
      if (Sink::ignores(header)) {
        if (at != timed) return gathered; // its place in the order matters to the untimed ones
        if (++passed_over == Batch::kKept) return gathered;
        at += 12 + extra_bytes(header);
        continue;
      }
    }
    const std::uint32_t kind = header & (kHasTsc | event::kClassMask);
    if (kind < kHasTsc || kind == (kHasTsc | event::kAlwaysClass)) return gathered;
    const std::uint64_t tsc = load_word<std::uint64_t>(timed + 4) + shift_;
    if (tsc - last > kMaxJump) return gathered;
    if (tsc > upto) {
      gathered.odd = false;
      gathered.next = at;
      gathered.passed_over += passed_over;
      return gathered;
    }
    if (timed != at) batch.untimed_after().push_back(last);
    last = tsc;
    const bool kept = gathered.count == 0 && !untimed_.empty();
    entries.push_back({static_cast<std::uint32_t>(tsc - batch.base_tsc()), static_cast<std::uint16_t>(pcpu_),
                       kept ? Batch::kKept : static_cast<std::uint16_t>(passed_over), at});
    ++gathered.count;
    gathered.passed_over += passed_over;
    passed_over = 0;
    at = timed + 12 + extra_bytes(header);
    gathered.next = at;
  }
  return gathered;
}

template <class Sink>
[[gnu::noinline]] void PcpuStream::hand_over(const Batch::Entry& entry, Batch& batch, Sink& sink) {
  if (entry.passed_over == Batch::kKept) hand_over_untimed(sink);
  Record record;
  const std::byte* at = entry.at;
  record.header = load_word<std::uint32_t>(at);
  if (!record.has_tsc()) record.tsc = batch.untimed_after()[next_untimed_++];
  while (!record.has_tsc()) {
    record.extra = at + 4;
    ++records_;
    if constexpr (requires { sink.apply_untimed(pcpu_, record); }) sink.apply_untimed(pcpu_, record);
    at += record.bytes();
    record.header = load_word<std::uint32_t>(at);
  }
  record.tsc = batch.tsc(entry);
  record.extra = at + 12;
  sink.apply(pcpu_, record);
}

template <class Sink>
bool PcpuStream::skip(const std::byte* next, std::uint64_t tsc, std::uint64_t records, Sink& sink) {
  at_ = next;
  handed_over_tsc_ = last_tsc_ = tsc;
  records_ += records;
  return settle(sink);
}

} // namespace xenmon

#endif // XENMON_XENBAKED_MERGE_PCPU_STREAM_BATCH_H
