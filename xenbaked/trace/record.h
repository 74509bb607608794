// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bytes to one record. A record is a u32 header (event:28, extra words:3, TSC present:1), a u64 TSC if
// present, then the extra words; all little-endian (public/trace.h, struct t_rec). Nothing here owns
// memory or fails loudly: a record that does not fit into its bytes is a status.
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

struct Record {
  std::uint32_t event = 0;
  std::uint32_t extra_words = 0;
  bool has_tsc = false;
  std::uint64_t tsc = 0; // 0 without has_tsc
  std::uint32_t bytes = 0;
  const std::byte* extra = nullptr;

  // The caller checks index < extra_words.
  [[nodiscard]] std::uint32_t word(std::uint32_t index) const {
    return load_word<std::uint32_t>(extra + std::size_t{index} * 4);
  }
};

// False if [at, end) does not hold a whole record; `record` is then unspecified.
inline bool decode_record(const std::byte* at, const std::byte* end, Record& record) {
  const auto left = static_cast<std::size_t>(end - at);
  if (left < 4) return false;
  const auto header = load_word<std::uint32_t>(at);
  record.event = header & 0x0fffffffU;
  record.extra_words = (header >> 28) & 7U;
  record.has_tsc = (header >> 31) != 0;
  record.bytes = 4 + record.extra_words * 4 + (record.has_tsc ? 8U : 0U);
  if (left < record.bytes) return false;
  if (record.has_tsc) {
    record.tsc = load_word<std::uint64_t>(at + 4);
    record.extra = at + 12;
  } else {
    record.tsc = 0;
    record.extra = at + 4;
  }
  return true;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_TRACE_RECORD_H
