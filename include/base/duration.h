// SPDX-License-Identifier: MIT
//
// A length of time on a command line: a number and its unit, as in 10ms, 1.5s, 250us or 800ns.
#ifndef XENMON_DURATION_H
#define XENMON_DURATION_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace xenmon {

inline constexpr std::uint64_t kLongestDurationNs = 3'600'000'000'000;
// What parse_duration_ns() takes, for a sentence that refuses the rest.
inline constexpr std::string_view kDurationRule =
    "a time from 1ns to 3600s with its unit (ns, us, ms, s), as in 10ms";

// In ns. nullopt if `text` is not a duration; fractions of a nanosecond are truncated.
inline std::optional<std::uint64_t> parse_duration_ns(std::string_view text) {
  const std::size_t digits_end = text.find_first_not_of("0123456789.");
  if (digits_end == 0 || digits_end == std::string_view::npos || digits_end > 20) return std::nullopt;
  const std::string_view unit = text.substr(digits_end);
  std::uint64_t scale = 0;
  if (unit == "ns") scale = 1;
  if (unit == "us") scale = 1'000;
  if (unit == "ms") scale = 1'000'000;
  if (unit == "s") scale = 1'000'000'000;
  if (scale == 0) return std::nullopt;

  std::uint64_t ns = 0;
  bool digit_seen = false;
  bool point_seen = false;
  for (const char c : text.substr(0, digits_end)) {
    if (c == '.') {
      if (point_seen) return std::nullopt;
      point_seen = true;
      continue;
    }
    digit_seen = true;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (point_seen) {
      scale /= 10;
      ns += digit * scale;
    } else {
      ns = ns * 10 + digit * scale;
    }
    if (ns > kLongestDurationNs) return std::nullopt;
  }
  if (!digit_seen || ns == 0) return std::nullopt;
  return ns;
}

} // namespace xenmon

#endif // XENMON_DURATION_H
