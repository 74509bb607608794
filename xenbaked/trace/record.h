// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bytes to one record. A record is a u32 header (event:28, extra words:3, TSC present:1), a u64 TSC if
// present, then the extra words; all little-endian (public/trace.h, struct t_rec). Nothing here owns memory
// or throws: a record that overruns its bytes is a status.
#ifndef XENMON_XENBAKED_TRACE_RECORD_H
#define XENMON_XENBAKED_TRACE_RECORD_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenmon {

static_assert(std::endian::native == std::endian::little, "Xen's trace records are little-endian");

// The largest record: header, TSC, seven words.
inline constexpr std::size_t kMaxRecordBytes = 4 + 8 + 7 * 4;

template <class Word>
Word load_word(const std::byte* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Xen is built for at most 16,383 pCPUs (xen/arch/x86/Kconfig, NR_CPUS); more is damage.
inline constexpr std::uint32_t kMaxPcpus = 16384;

// The bit of a header that says that a TSC follows.
inline constexpr std::uint32_t kHasTsc = 1U << 31;

// The bytes of the extra words that a header announces.
inline std::uint32_t extra_bytes(std::uint32_t header) {
  return (header >> 26) & 0x1cU;
}

struct Record {
  std::uint32_t header = 0;
  std::uint64_t tsc = 0; // 0 without has_tsc()
  const std::byte* extra = nullptr;

  [[nodiscard]] std::uint32_t event() const { return header & 0x0fffffffU; }
  [[nodiscard]] std::uint32_t extra_words() const { return (header >> 28) & 7U; }
  [[nodiscard]] bool has_tsc() const { return static_cast<std::int32_t>(header) < 0; }
  [[nodiscard]] std::uint32_t bytes() const { return 4U + extra_bytes(header) + (has_tsc() ? 8U : 0U); }

  // The caller checks index < extra_words().
  [[nodiscard]] std::uint32_t word(std::uint32_t index) const {
    return load_word<std::uint32_t>(extra + std::size_t{index} * 4);
  }
};

// False if [at, end) does not hold a whole record; then only `record.header` is set, and only if at
// least the header is there.
inline bool decode_record(const std::byte* at, const std::byte* end, Record& record) {
  const auto left = static_cast<std::size_t>(end - at);
  if (left < 4) return false;
  record.header = load_word<std::uint32_t>(at);
  if (left < record.bytes()) return false;
  record.tsc = record.has_tsc() ? load_word<std::uint64_t>(at + 4) : 0;
  record.extra = at + (record.has_tsc() ? 12 : 4);
  return true;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_TRACE_RECORD_H
