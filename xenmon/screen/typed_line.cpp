// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/typed_line.h"

namespace xenmon {

TypedLine::Outcome TypedLine::take(const Press& press) {
  if (press.key == Key::kFold) return Outcome::kDone; // Enter
  if (press.key == Key::kClear) return Outcome::kGivenUp;
  if (press.key == Key::kErase) {
    // A character of UTF-8 starts with a byte that is not 10xxxxxx.
    while (!text_.empty() && (static_cast<unsigned char>(text_.back()) & 0xc0) == 0x80) text_.pop_back();
    if (!text_.empty()) text_.pop_back();
  } else if (press.character != 0 && text_.size() < kLongest) {
    text_ += static_cast<char>(press.character);
  }
  return Outcome::kGoesOn;
}

} // namespace xenmon
