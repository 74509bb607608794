// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text that came from outside, made safe to show: what the region says is anybody's bytes, and a
// terminal or a log must not be steered by a domain's name.
#ifndef XENMON_XENMON_TEXT_H
#define XENMON_XENMON_TEXT_H

#include <string>
#include <string_view>

namespace xenmon {

// The characters of UTF-8 text, each exactly one terminal column wide. Control characters, bytes that
// are not UTF-8, combining and wide characters each become '?'.
std::u32string to_cells(std::string_view utf8);

std::string to_utf8(std::u32string_view cells);

// to_cells() and back: printable, one column to a character.
std::string printable(std::string_view utf8);

// One line that ends like a sentence, of what a library says in its own way.
std::string as_sentence(std::string_view utf8);

// printable(), for a fixed field that ends at its first NUL or at its end.
std::string printable_field(const char* field, std::size_t bytes);

} // namespace xenmon

#endif // XENMON_XENMON_TEXT_H
