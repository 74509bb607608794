// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <gtest/gtest.h>

#include <string>

namespace xenmon::test {
namespace {

TEST(Text, LettersStayWhatTheyAre) {
  for (const std::string text :
       {"Domain-0", "caf\u00e9", "\u041c\u043e\u0441\u043a\u0432\u0430", "\u6570\u636e\u5e93",
        "\uff8a\uff9d\uff76\uff78", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "e\u0301a\u0300o\u0308", "\u0928\u093e\u0928\u0940", "\U0001f468", "\u1112\u1161\u11ab"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(whole_text(text), text);
  }
}

TEST(Text, WhatCouldSteerATerminalIsAQuestionMark) {
  EXPECT_EQ(printable("a\tb\x7f\x1b[31m\n"), "a?b??[31m?");
  EXPECT_EQ(printable("\u0085\u009b1m"), "??1m");
  for (const char32_t c : {U'\u00ad', U'\u061c', U'\u180e', U'\u200b', U'\u200c',     U'\u200d',    U'\u200e',
                           U'\u200f', U'\u2028', U'\u2029', U'\u202a', U'\u202b',     U'\u202c',    U'\u202d',
                           U'\u202e', U'\u2060', U'\u2066', U'\u2067', U'\u2068',     U'\u2069',    U'\ufe0f',
                           U'\ufeff', U'\ufffd', U'\ue000', U'\uffff', U'\U000e0041', U'\U0010ffff'}) {
    EXPECT_EQ(printable("a" + to_utf8(std::u32string(1, c)) + "b"), "a?b")
        << std::hex << static_cast<unsigned>(c);
  }
  for (char32_t c = 0; c < 0x20; ++c) EXPECT_EQ(printable(std::string(1, static_cast<char>(c))), "?");
  for (char32_t c = 0x80; c < 0xa0; ++c) EXPECT_EQ(printable(to_utf8(std::u32string(1, c))), "?");
}

TEST(Text, WhatIsNoUtf8IsAQuestionMarkForEachByte) {
  EXPECT_EQ(printable("\xc3"), "?");
  EXPECT_EQ(printable("a\xffz"), "a?z");
  EXPECT_EQ(printable("\xe6\x95"), "??");
  EXPECT_EQ(printable("\xc0\x9b"), "??");           // an overlong escape
  EXPECT_EQ(printable("\xed\xa0\x80"), "???");      // half of a pair
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????"); // beyond Unicode
  EXPECT_EQ(whole_text("a\xffz\xe6\x95"), "a\ufffdz\ufffd\ufffd");
}

TEST(Text, MarksBelongToALetter) {
  EXPECT_EQ(printable("\u0301a"), "?a");
  EXPECT_EQ(printable("\x1b\u0301"), "??");
  EXPECT_EQ(printable("e\u0301\u0302\u0303\u0304x"), "e\u0301\u0302\u0303?x");
}

TEST(Text, ColumnsAreTheTerminals) {
  EXPECT_EQ(columns_of("web d1"), 6u);
  EXPECT_EQ(columns_of("\u6570\u636e\u5e93"), 6u);
  EXPECT_EQ(columns_of("\uff8a\uff9d\uff76\uff78"), 4u);
  EXPECT_EQ(columns_of("e\u0301a\u0300"), 2u);
  EXPECT_EQ(columns_of("\u05e9\u05dc\u05d5\u05dd"), 4u);
  EXPECT_EQ(columns_of("\U0001f468"), 2u);
  EXPECT_EQ(columns_of("\u0928\u093e"), 2u);       // a mark beside its letter
  EXPECT_EQ(columns_of("\u1112\u1161\u11ab"), 2u); // a syllable of three parts
}

TEST(Text, NothingIsCutInTwo) {
  EXPECT_EQ(shortened("web d1", 6), "web d1");
  EXPECT_EQ(shortened("web d1", 5), "web ~");
  EXPECT_EQ(shortened("\u6570\u636e\u5e93", 6), "\u6570\u636e\u5e93");
  EXPECT_EQ(shortened("\u6570\u636e\u5e93", 5), "\u6570\u636e~");
  EXPECT_EQ(shortened("\u6570\u636e\u5e93", 4), "\u6570~");
  EXPECT_EQ(shortened("\u6570", 0), "");
  const std::u32string marked = printable_characters("ae\u0301o");
  EXPECT_EQ(to_utf8(first_columns(marked, 2)), "ae\u0301");
  EXPECT_EQ(to_utf8(last_columns(marked, 1)), "o");
  EXPECT_EQ(to_utf8(last_columns(marked, 2)), "e\u0301o");
  EXPECT_EQ(to_utf8(last_columns(printable_characters("\u6570ab"), 3)), "ab");
}

TEST(Text, DataIsWholeUpToItsNul) {
  const std::string name("esc\x1b[31m\u202e\tx\0y", 15);
  EXPECT_EQ(whole_text(name), "esc\x1b[31m\u202e\tx");
  EXPECT_EQ(whole_field("abcdef", 3), "abc");
  EXPECT_EQ(printable_field("abcdef", 3), "abc");
  EXPECT_EQ(whole_text(std::string_view("\0nul", 4)), "");
}

TEST(Text, JsonSaysTheSame) {
  EXPECT_EQ(escaped_json("{\"a\":\"\u6570\u0301\"}"), "{\"a\":\"\u6570\u0301\"}");
  EXPECT_EQ(escaped_json("\"\u202e\u0085\x7f\U000e0041\""), "\"\\u202e\\u0085\\u007f\\udb40\\udc41\"");
}

TEST(Text, LinesKeepTheirEnds) {
  EXPECT_EQ(printable_lines("a\x1b\r\nb\tc\n\rd\r"), "a?\r\nb?c\n?d?");
  EXPECT_EQ(as_sentence("no such\noption"), "no such option.");
}

} // namespace
} // namespace xenmon::test
