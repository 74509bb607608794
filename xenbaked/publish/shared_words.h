// SPDX-License-Identifier: GPL-2.0-or-later
//
// Stores into memory that other processes read at the same time. Every store is a relaxed atomic of one
// aligned word, so a reader may see an old or a new word but never half of one. The fences around the stores
// make the order.
#ifndef XENMON_XENBAKED_PUBLISH_SHARED_WORDS_H
#define XENMON_XENBAKED_PUBLISH_SHARED_WORDS_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenmon {

inline void store_word(std::uint64_t& to, std::uint64_t value,
                       std::memory_order order = std::memory_order_relaxed) {
  std::atomic_ref<std::uint64_t>(to).store(value, order);
}

// `to` is 8-byte aligned and `bytes` a multiple of 8.
inline void store_words(void* to, const void* from, std::size_t bytes) {
  auto* out = static_cast<std::uint64_t*>(to);
  const auto* in = static_cast<const std::byte*>(from);
  for (std::size_t i = 0; i < bytes / 8; ++i) {
    std::uint64_t word;
    std::memcpy(&word, in + i * 8, 8);
    store_word(out[i], word);
  }
}

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_SHARED_WORDS_H
