// SPDX-License-Identifier: GPL-2.0-or-later
//
// One pCPU's trace buffer, as its consumer sees it: struct t_buf of Xen's public/trace.h, a header of two
// words (cons, prod) and the records after it, mapped from the hypervisor.
//
// Xen writes records and then prod; the consumer reads prod, then the records, and then writes cons. Both run
// modulo twice the data size, so a full buffer differs from an empty one. The data size is the buffer's pages
// less the header.
//
// The page is shared with Xen and with every other privileged program, so its contents are input: impossible
// values are a Fault, never an assertion. Xen checks the same things before each record and reacts by
// switching tracing off on the whole machine. So a caller that gets a Fault other than kNone has lost records
// on every pCPU and must switch tracing on again.
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
    kConsumerMoved,      // cons is not what was stored last: another program takes records, too
  };

  // Xen drops a record for which there is not enough room. With what it may have to write in front of it,
  // that is at most this many bytes: padding up to the buffer's end, less than one record; LOST_RECORDS (4 +
  // 8 + 16 bytes, and padding of its own); and the longest record (4 + 8 + 28).
  static constexpr std::size_t kRoomForRecord = 40 + 28 + 28 + 40;

  // Everything that has not been consumed. `second` is what follows after the buffer's end, at its beginning;
  // it is empty if the end was not reached. With a fault both are empty.
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

  // The current contents. The bytes are not overwritten until release(). After a fault the ring has already
  // been repaired, and its contents are lost.
  Taken take();

  // Returns to Xen what the last take() returned, but not what has arrived since. Does nothing if nothing is
  // taken.
  void release();

  // Drops the contents, and repairs a faulty ring.
  void discard();

  // Xen's position, as it is in the page; only good for comparing with an earlier value.
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
