// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text in the fields of the region's records: UTF-8, padded with NUL bytes, at least one of them.
#ifndef XENMON_XENBAKED_PUBLISH_TEXT_FIELD_H
#define XENMON_XENBAKED_PUBLISH_TEXT_FIELD_H

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace xenmon {

// Cut to what fits with its NUL, but not within a UTF-8 sequence.
template <std::size_t Bytes>
void put_text(char (&to)[Bytes], std::string_view text) {
  std::size_t length = std::min(text.size(), Bytes - 1);
  if (length < text.size()) {
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U) --length;
  }
  std::memset(to, 0, Bytes);
  std::memcpy(to, text.data(), length);
}

} // namespace xenmon

#endif // XENMON_XENBAKED_PUBLISH_TEXT_FIELD_H
