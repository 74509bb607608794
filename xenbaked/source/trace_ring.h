// SPDX-License-Identifier: GPL-2.0-or-later
//
// One pCPU's trace buffer, as its consumer sees it: struct t_buf of Xen's public/trace.h, a header of
// two words (cons, prod) and the records behind it, mapped from the hypervisor.
//
// Xen writes records and then prod; the consumer reads prod, then the records, and then writes cons.
// Both run modulo twice the data size, so a full buffer and an empty one are told apart. The data size
// is the buffer's pages less the header.
//
// The page is shared with Xen and with every other privileged program, so what stands in it is input:
// values that cannot be are a Fault, never an assertion. Xen checks the same things before each record
// and answers by switching tracing off on the whole machine, so whoever sees a Fault that is not kNone has
// lost records on every pCPU and must switch tracing on again.
//
// Used by one thread; no more than one consumer may exist (Xen hands VIRQ_TBUF to one program only).
#ifndef XENMON_XENBAKED_SOURCE_TRACE_RING_H
#define XENMON_XENBAKED_SOURCE_TRACE_RING_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenmon {

class TraceRing {
 public:
  // sizeof(struct t_buf): the records begin here.
  static constexpr std::size_t kHeaderBytes = 8;
  // XC_PAGE_SIZE: Xen counts buffers in these, whatever the machine's own page is.
  static constexpr std::size_t kPageBytes = 4096;

  enum class Fault {
    kNone,
    kProducerOutOfRange, // prod is not a multiple of 4 or not below twice the data size
    kConsumerOutOfRange, // the same for cons
    kTooFarApart,        // more unconsumed bytes than the buffer has
    kConsumerMoved,      // cons is not what was stored last: somebody else takes records, too
  };

  // Xen drops a record for which there is not enough room. With what it may have to write in front of it,
  // that is at most this many bytes: padding up to the buffer's end, less than one record; LOST_RECORDS (4 +
  // 8 + 16 bytes, and padding of its own); and the longest record (4 + 8 + 28).
  static constexpr std::size_t kRoomForRecord = 40 + 28 + 28 + 40;

  // Everything that has not been consumed. `second` is what lies behind the buffer's end, at its
  // beginning; it is empty unless the end was passed. With a fault both are empty.
  struct Taken {
    std::span<const std::byte> first;
    std::span<const std::byte> second;
    Fault fault = Fault::kNone;
    // Of what Xen wanted to write after these, something may be lost already.
    bool full = false;
  };

  // `pages` is the whole mapped buffer: a multiple of kPageBytes, at least one page, at most 65,535
  // (t_info holds that number in 16 bits), writable, and there as long as the ring is.
  explicit TraceRing(std::span<std::byte> pages);

  // What is there now. The bytes stay Xen's to keep until release(). After a fault the ring has
  // already been made sound again, and what was in it is lost.
  Taken take();

  // Gives back to Xen what the last take() returned, and not what has come since. Does nothing when
  // nothing is taken.
  void release();

  // Forgets what is there, and makes an unsound ring sound.
  void discard();

  // Xen's position, as it stands in the page; only good for comparing with an earlier value.
  [[nodiscard]] std::uint32_t produced() const;

  [[nodiscard]] std::uint32_t data_size() const { return data_size_; }

 private:
  [[nodiscard]] bool possible(std::uint32_t position) const;
  [[nodiscard]] std::uint32_t& word(std::size_t offset) const;
  [[nodiscard]] std::uint32_t bytes_between(std::uint32_t begin, std::uint32_t end) const;
  [[nodiscard]] Fault check(std::uint32_t produced_now, std::uint32_t consumed_now) const;
  void store_consumed(std::uint32_t position);

  std::span<std::byte> pages_;
  std::uint32_t data_size_ = 0;
  std::uint32_t consumed_ = 0; // what was last stored as cons
  std::uint32_t taken_ = 0;    // prod as the last take() saw it
  bool has_taken_ = false;
  bool was_full_ = false; // when what was taken last was given back
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_TRACE_RING_H
