// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace xenmon {
namespace {

constexpr char32_t kNotShown = U'?';
constexpr char32_t kNotUtf8 = U'\xfffd';

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Removes the next character from the text, which is not empty; false if it was a byte that is no character.
bool take(std::string_view& text, char32_t& character) {
  utf8proc_int32_t read = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &read);
  if (length <= 0 || read < 0) {
    text.remove_prefix(1);
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(length));
  character = static_cast<char32_t>(read);
  return true;
}

bool can_be_shown(char32_t c) {
  if (c < 0x7f) return c >= 0x20;
  if (c == kNotUtf8) return false; // what whole_text() has made of a byte
  const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  switch (property.category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return !property.ignorable;
  }
}

void append_utf8(std::string& text, char32_t character) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
  text.append(reinterpret_cast<const char*>(bytes),
              static_cast<std::size_t>(std::max<utf8proc_ssize_t>(length, 0)));
}

} // namespace

int columns_of(char32_t c) {
  if (c < 0x300) return 1;
  const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  // Terminals have a column for marks that stand beside their letter, and none for the parts of a Hangul
  // syllable after its first; the library's own table says the opposite.
  if (property.category == UTF8PROC_CATEGORY_MC) return 1;
  if (property.boundclass == UTF8PROC_BOUNDCLASS_V || property.boundclass == UTF8PROC_BOUNDCLASS_T) return 0;
  return std::clamp(utf8proc_charwidth(static_cast<utf8proc_int32_t>(c)), 0, 2);
}

std::size_t columns_of(std::u32string_view characters) {
  std::size_t columns = 0;
  for (const char32_t c : characters) columns += static_cast<std::size_t>(columns_of(c));
  return columns;
}

std::size_t columns_of(std::string_view printable_utf8) {
  if (is_ascii(printable_utf8)) return printable_utf8.size();
  return columns_of(printable_characters(printable_utf8));
}

std::u32string_view first_columns(std::u32string_view characters, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t used = 0; end < characters.size(); ++end) {
    used += static_cast<std::size_t>(columns_of(characters[end]));
    if (used > columns) break;
  }
  return characters.substr(0, end);
}

std::u32string_view last_columns(std::u32string_view characters, std::size_t columns) {
  const std::size_t all = columns_of(characters);
  std::size_t left = all > columns ? all - columns : 0; // columns to remove
  while (left > 0 || (!characters.empty() && all > columns && columns_of(characters.front()) == 0)) {
    left -= std::min(left, static_cast<std::size_t>(columns_of(characters.front())));
    characters.remove_prefix(1);
  }
  return characters;
}

std::u32string printable_characters(std::string_view utf8) {
  std::u32string characters;
  if (is_ascii(utf8)) {
    characters.assign(utf8.begin(), utf8.end());
    return characters;
  }
  characters.reserve(utf8.size());
  std::size_t room = 0; // for marks of the letter before
  while (!utf8.empty()) {
    char32_t c = 0;
    const bool shown = take(utf8, c) && can_be_shown(c);
    if (shown && columns_of(c) == 0 && room > 0) {
      --room;
      characters.push_back(c);
      continue;
    }
    const bool letter = shown && columns_of(c) > 0;
    characters.push_back(letter ? c : kNotShown);
    room = letter ? kMarksOfALetter : 0;
  }
  return characters;
}

std::string to_utf8(std::u32string_view characters) {
  std::string text;
  text.reserve(characters.size());
  for (const char32_t c : characters) {
    if (c < 0x80) {
      text.push_back(static_cast<char>(c));
    } else {
      append_utf8(text, c);
    }
  }
  return text;
}

std::string printable(std::string_view utf8) {
  if (is_ascii(utf8)) return std::string(utf8);
  return to_utf8(printable_characters(utf8));
}

std::string printable_field(const char* field, std::size_t bytes) {
  return printable(std::string_view(field, strnlen(field, bytes)));
}

std::string printable_lines(std::string_view utf8) {
  std::string text;
  while (!utf8.empty()) {
    const std::size_t end = utf8.find('\n');
    std::string_view line = utf8.substr(0, end);
    utf8.remove_prefix(end == std::string_view::npos ? utf8.size() : end + 1);
    const bool returns = end != std::string_view::npos && line.ends_with('\r');
    if (returns) line.remove_suffix(1);
    text += printable(line);
    if (end != std::string_view::npos) text += returns ? "\r\n" : "\n";
  }
  return text;
}

std::string as_sentence(std::string_view utf8) {
  std::string text(utf8);
  std::replace(text.begin(), text.end(), '\n', ' ');
  text = printable(text);
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

std::string shortened(std::string_view utf8, std::size_t columns) {
  if (is_ascii(utf8) && utf8.size() <= columns) return std::string(utf8);
  const std::u32string characters = printable_characters(utf8);
  if (columns_of(characters) <= columns) return to_utf8(characters);
  if (columns == 0) return {};
  return to_utf8(first_columns(characters, columns - 1)) + '~';
}

std::string whole_text(std::string_view utf8) {
  utf8 = utf8.substr(0, utf8.find('\0'));
  std::string text;
  text.reserve(utf8.size());
  while (!utf8.empty()) {
    const std::string_view before = utf8;
    char32_t c = 0;
    if (take(utf8, c)) {
      text += before.substr(0, before.size() - utf8.size());
    } else {
      append_utf8(text, kNotUtf8);
    }
  }
  return text;
}

std::string escaped_json(std::string_view json) {
  if (is_ascii(json)) return std::string(json);
  std::string text;
  const auto escape = [&text](char32_t unit) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += "\\u";
    for (const int shift : {12, 8, 4, 0}) text += kDigits[unit >> shift & 0xf];
  };
  while (!json.empty()) {
    const std::string_view before = json;
    char32_t c = kNotUtf8;
    if (take(json, c) && (c < 0x7f || c == kNotUtf8 || can_be_shown(c))) {
      text += before.substr(0, before.size() - json.size());
    } else if (c < 0x10000) {
      escape(c);
    } else {
      escape(0xd800 + ((c - 0x10000) >> 10));
      escape(0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  }
  return text;
}

std::string whole_field(const char* field, std::size_t bytes) {
  return whole_text(std::string_view(field, strnlen(field, bytes)));
}

} // namespace xenmon
