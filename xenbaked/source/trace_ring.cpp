// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/trace_ring.h"

#include <xen/trace.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace xenmon {

static_assert(sizeof(struct t_buf) == TraceRing::kHeaderBytes);

namespace {

constexpr std::size_t kConsumedAt = offsetof(struct t_buf, cons);
constexpr std::size_t kProducedAt = offsetof(struct t_buf, prod);

} // namespace

TraceRing::TraceRing(std::span<std::byte> pages)
    : pages_(pages), data_size_(static_cast<std::uint32_t>(pages.size() - kHeaderBytes)) {
  consumed_ = std::atomic_ref(word(kConsumedAt)).load(std::memory_order_relaxed);
}

std::uint32_t& TraceRing::word(std::size_t offset) const {
  return *reinterpret_cast<std::uint32_t*>(pages_.data() + offset);
}

bool TraceRing::possible(std::uint32_t position) const {
  return position % sizeof(std::uint32_t) == 0 && position < 2 * data_size_;
}

std::uint32_t TraceRing::produced() const {
  return std::atomic_ref(word(kProducedAt)).load(std::memory_order_acquire);
}

TraceRing::Fault TraceRing::check(std::uint32_t produced_now, std::uint32_t consumed_now) const {
  if (!possible(produced_now)) return Fault::kProducerOutOfRange;
  if (!possible(consumed_now)) return Fault::kConsumerOutOfRange;
  if (consumed_now != consumed_) return Fault::kConsumerMoved;
  return Fault::kNone;
}

std::uint32_t TraceRing::bytes_between(std::uint32_t begin, std::uint32_t end) const {
  return end >= begin ? end - begin : end + 2 * data_size_ - begin;
}

TraceRing::Taken TraceRing::take() {
  has_taken_ = false;
  const bool was_full = std::exchange(was_full_, false);
  // Each word is read once, and the records only after prod: Xen stores prod after the records.
  const std::uint32_t end = produced();
  const std::uint32_t begin = std::atomic_ref(word(kConsumedAt)).load(std::memory_order_relaxed);
  Fault fault = check(end, begin);
  std::uint32_t length = 0;
  if (fault == Fault::kNone) {
    length = bytes_between(begin, end);
    if (length > data_size_) fault = Fault::kTooFarApart;
  }
  if (fault != Fault::kNone) {
    discard();
    return Taken{{}, {}, fault, false};
  }
  taken_ = end;
  has_taken_ = true;
  const std::span<const std::byte> data = pages_.subspan(kHeaderBytes);
  const std::uint32_t start = begin < data_size_ ? begin : begin - data_size_;
  const std::uint32_t before_end = std::min(length, data_size_ - start);
  return Taken{data.subspan(start, before_end), data.first(length - before_end), Fault::kNone,
               was_full || length + kRoomForRecord > data_size_};
}

void TraceRing::release() {
  if (!has_taken_) return;
  has_taken_ = false;
  // Until now Xen had no more room than this. If it has written nothing since, take() has said so.
  const std::uint32_t end = produced();
  was_full_ = end != taken_ && possible(end) && bytes_between(consumed_, end) + kRoomForRecord > data_size_;
  store_consumed(taken_);
}

void TraceRing::discard() {
  has_taken_ = false;
  const std::uint32_t end = produced();
  if (possible(end)) {
    store_consumed(end);
    return;
  }
  // Xen does not touch a buffer whose prod is impossible, and ends all tracing when it sees one, so only the
  // consumer can repair it. Until prod is stored Xen writes nothing here: no race.
  store_consumed(0);
  std::atomic_ref(word(kProducedAt)).store(0, std::memory_order_release);
}

void TraceRing::store_consumed(std::uint32_t position) {
  // Release: every read of the records comes before the store that lets Xen overwrite them. xentrace uses
  // a full barrier here; nothing that follows needs one.
  std::atomic_ref(word(kConsumedAt)).store(position, std::memory_order_release);
  consumed_ = position;
}

} // namespace xenmon
