// SPDX-License-Identifier: MIT
//
// A position in a trace as text. A length of time with a fitting unit is time_text() of
// xenmon/metrics/format.h.
#ifndef XENMON_BASE_SECONDS_TEXT_H
#define XENMON_BASE_SECONDS_TEXT_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace xenmon {

// Seconds, without their unit, with at most nine decimals: "12.345". Rounded down, so that a position never
// lies ahead of what is there.
inline std::string seconds_text(std::uint64_t ns, std::size_t decimals = 9) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  std::string text = std::to_string(ns / kSecond);
  if (decimals == 0) return text;
  const std::string fraction = std::to_string(kSecond + ns % kSecond); // a 1 and nine digits
  return text.append(1, '.').append(fraction, 1, decimals);
}

} // namespace xenmon

#endif // XENMON_BASE_SECONDS_TEXT_H
