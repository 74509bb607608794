// SPDX-License-Identifier: MIT
//
// Values on a command line that both programs take by the same rules, so that one does not pass on what the
// other refuses.
#ifndef XENMON_BASE_OPTION_VALUES_H
#define XENMON_BASE_OPTION_VALUES_H

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace xenmon {

// How fast a recording is played.
inline constexpr double kLowestSpeed = 0.001;
inline constexpr double kHighestSpeed = 1'000'000;
// What parse_speed() takes, for a sentence that refuses the rest.
inline constexpr std::string_view kSpeedRule = "a factor from 0.001 to 1000000, or max";

// Decimal digits and nothing else; nullopt if `text` is not a whole number in this range.
inline std::optional<std::uint64_t> parse_whole_number(std::string_view text, std::uint64_t lowest,
                                                       std::uint64_t highest) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < lowest || number > highest)
    return std::nullopt;
  return number;
}

// A decimal number; nullopt if `text` is none in this range.
inline std::optional<double> parse_number(std::string_view text, double lowest, double highest) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  // Not written the other way round, because nothing compares with NaN.
  if (!(number >= lowest && number <= highest)) return std::nullopt;
  return number;
}

// "max", which is 0, or a factor.
inline std::optional<double> parse_speed(std::string_view text) {
  if (text == "max") return 0;
  return parse_number(text, kLowestSpeed, kHighestSpeed);
}

// The sentence for a word of the command line that is "--option=" without a value; "" for any other word.
// CLI11 would take the next word for the value.
inline std::string nothing_after_equals(std::string_view word) {
  if (word.size() < 4 || !word.starts_with("--") || word.find('=') != word.size() - 1) return {};
  return "option " + std::string(word.substr(0, word.size() - 1)) + " has nothing after its \"=\".";
}

// The sentence for an option at the end of the line that has no value, from what CLI11 says about it; "" if
// that is about something else.
inline std::string value_missing(std::string_view message) {
  const std::size_t end = message.find(": 1 required ");
  if (end == std::string_view::npos) return {};
  return "option " + std::string(message.substr(0, end)) + " takes a value.";
}

} // namespace xenmon

#endif // XENMON_BASE_OPTION_VALUES_H
