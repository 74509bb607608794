// SPDX-License-Identifier: MIT
//
// A time in a recording as people write it: seconds since its first record.
//
//   12.5   90   1:30.25   1:02:03   end
//
// Seconds may have up to nine decimals. Minutes, or hours and minutes, come before the seconds, separated by
// colons; what follows a colon is below 60. A time is at most kLongestTraceTimeS; a time after a recording's
// end means its end.
#ifndef XENMON_TRACE_TIME_H
#define XENMON_TRACE_TIME_H

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace xenmon {

// "end".
inline constexpr std::uint64_t kTraceEnd = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::uint64_t kLongestTraceTimeS = 1'000'000'000;

// In ns; nullopt if it is not such a time.
inline std::optional<std::uint64_t> parse_trace_time(std::string_view text) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::size_t kDecimals = 9;
  if (text == "end") return kTraceEnd;
  std::uint64_t whole_s = 0;
  std::uint64_t part = 0;
  std::size_t digits = 0;
  std::size_t colons = 0;
  // A part ends at a colon, at the decimal point or at the end.
  const auto close_part = [&] {
    if (digits == 0 || (colons > 0 && (part >= 60 || digits > 2))) return false;
    whole_s = whole_s * 60 + part;
    part = 0;
    digits = 0;
    return whole_s <= kLongestTraceTimeS;
  };
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '.'; ++at) {
    const char c = text[at];
    if (c == ':') {
      if (!close_part() || ++colons > 2) return std::nullopt;
    } else if (c >= '0' && c <= '9') {
      part = part * 10 + static_cast<std::uint64_t>(c - '0');
      ++digits;
      if (part > kLongestTraceTimeS) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (!close_part()) return std::nullopt;
  std::uint64_t ns = whole_s * kSecond;
  if (at == text.size()) return ns;
  const std::string_view decimals = text.substr(at + 1);
  if (decimals.empty() || decimals.size() > kDecimals) return std::nullopt;
  std::uint64_t unit = kSecond;
  for (const char c : decimals) {
    if (c < '0' || c > '9') return std::nullopt;
    unit /= 10;
    ns += static_cast<std::uint64_t>(c - '0') * unit;
  }
  return ns;
}

} // namespace xenmon

#endif // XENMON_TRACE_TIME_H
