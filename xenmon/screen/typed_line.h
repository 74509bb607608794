// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line that the user is typing, one key at a time.
#ifndef XENMON_XENMON_SCREEN_TYPED_LINE_H
#define XENMON_XENMON_SCREEN_TYPED_LINE_H

#include <cstddef>
#include <string>

#include "screen/terminal.h"

namespace xenmon {

class TypedLine {
 public:
  enum class Outcome { kGoesOn, kDone, kGivenUp };

  explicit TypedLine(std::string question) : question_(std::move(question)) {}

  // Ends with Enter, or with Escape.
  Outcome take(const Press& press);

  const std::string& text() const { return text_; } // UTF-8, as it came
  std::string shown() const { return question_ + text_; }

 private:
  static constexpr std::size_t kLongest = 64; // bytes; no name is longer

  std::string question_;
  std::string text_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_TYPED_LINE_H
