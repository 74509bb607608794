// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <algorithm>
#include <cstring>

namespace xenmon {
namespace {

// Scripts whose every printable character is one column wide on any terminal. A table of all of
// Unicode would buy little: Xen's tools write domain names in ASCII.
bool is_one_column(char32_t c) {
  if (c >= 0x20 && c < 0x7f) return true;
  if (c < 0xa1 || c == 0xad) return false;
  if (c >= 0x300 && c < 0x370) return false; // combining marks
  if (c >= 0x483 && c < 0x48a) return false; // combining Cyrillic
  return c < 0x530;                          // Latin, Greek, Cyrillic
}

struct Decoded {
  char32_t character;
  std::size_t bytes;
};

// One character; a malformed one counts as one byte long.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  if (length == 1 || first >= 0xf8 || text.size() < length) return {U'?', 1};
  char32_t c = first & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {U'?', 1};
    c = (c << 6) | (byte(i) & 0x3f);
  }
  return {c, length};
}

} // namespace

std::u32string to_cells(std::string_view utf8) {
  std::u32string cells;
  cells.reserve(utf8.size());
  while (!utf8.empty()) {
    const Decoded next = decode(utf8);
    cells.push_back(is_one_column(next.character) ? next.character : U'?');
    utf8.remove_prefix(next.bytes);
  }
  return cells;
}

std::string to_utf8(std::u32string_view cells) {
  std::string text;
  text.reserve(cells.size());
  for (const char32_t c : cells) {
    if (c < 0x80) {
      text.push_back(static_cast<char>(c));
    } else if (c < 0x800) {
      text.push_back(static_cast<char>(0xc0 | (c >> 6)));
      text.push_back(static_cast<char>(0x80 | (c & 0x3f)));
    } else { // to_cells() lets nothing so large through, and graphs have nothing larger
      text.push_back(static_cast<char>(0xe0 | ((c >> 12) & 0x0f)));
      text.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
      text.push_back(static_cast<char>(0x80 | (c & 0x3f)));
    }
  }
  return text;
}

std::string printable(std::string_view utf8) {
  return to_utf8(to_cells(utf8));
}

std::string as_sentence(std::string_view utf8) {
  std::string text(utf8);
  std::replace(text.begin(), text.end(), '\n', ' ');
  text = printable(text);
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

std::string printable_field(const char* field, std::size_t bytes) {
  return printable(std::string_view(field, strnlen(field, bytes)));
}

} // namespace xenmon
