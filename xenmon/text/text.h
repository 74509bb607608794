// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text that came from outside: made safe for a terminal, or kept whole for a program. Neither a domain's name
// nor a file's nor a hypervisor's message may control a terminal; a program wants the name as it is.
//
// Everything that may reach a terminal goes through printable() or printable_characters(): the screen,
// tables, totals as text, sentences on standard error. No other place decides what is safe. Data (the region,
// CSV, JSON) goes through whole_text() once, where it enters.
//
// The characters of printable_characters() are
//   - letters and signs that are one or two columns wide, and
//   - marks, which have no width and belong to the letter before them, at most kMarksOfALetter per letter.
//     All others become '?', one for each: control characters of C0 and C1, delete, characters that set the
//     direction of writing, invisible ones (of no width, or ignorable), ends of lines and paragraphs,
//     characters that Unicode has not assigned or leaves to fonts, marks without a letter, and each byte that
//     is not UTF-8. Letters that are written from right to left appear in reading order.
#ifndef XENMON_XENMON_TEXT_TEXT_H
#define XENMON_XENMON_TEXT_TEXT_H

#include <cstddef>
#include <string>
#include <string_view>

namespace xenmon {

inline constexpr std::size_t kMarksOfALetter = 3;

std::u32string printable_characters(std::string_view utf8);
std::string to_utf8(std::u32string_view characters);
// printable_characters(), in UTF-8.
std::string printable(std::string_view utf8);
// printable(), for a fixed field that ends at its first NUL or at its end.
std::string printable_field(const char* field, std::size_t bytes);
// printable(), for whole lines: their ends stay, as "\n" or "\r\n".
std::string printable_lines(std::string_view utf8);
// One line that ends like a sentence, from a library's message.
std::string as_sentence(std::string_view utf8);

// Of one of printable_characters(): 0, 1 or 2.
int columns_of(char32_t character);
std::size_t columns_of(std::u32string_view characters);
std::size_t columns_of(std::string_view printable_utf8);
// As much of its beginning as fits into this many columns. A letter keeps its marks, and is never cut in two.
std::u32string_view first_columns(std::u32string_view characters, std::size_t columns);
// As much of its end as fits.
std::u32string_view last_columns(std::u32string_view characters, std::size_t columns);
// printable(); if it needs more columns, its beginning and "~".
std::string shortened(std::string_view utf8, std::size_t columns);

// Every character of the UTF-8 text as it is, up to the first NUL; each byte that is no character becomes
// U+FFFD.
std::string whole_text(std::string_view utf8);
// JSON text with the same meaning: characters that printable() would replace are escaped.
std::string escaped_json(std::string_view json);
// whole_text(), for a fixed field.
std::string whole_field(const char* field, std::size_t bytes);

} // namespace xenmon

#endif // XENMON_XENMON_TEXT_TEXT_H
