// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_settings.h"

#include <charconv>

#include "base/duration.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kLeastSpanNs = 10 * kSecond;
constexpr std::uint64_t kMostSpanNs = std::uint64_t{7} * 24 * 3600 * kSecond;
constexpr std::uint64_t kLeastBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;

// A whole number below a million and one character after it.
std::optional<std::uint64_t> number_before(std::string_view text, char& unit) {
  std::uint64_t number = 0;
  if (text.size() < 2 || text.size() > 7) return std::nullopt;
  unit = text.back();
  text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

} // namespace

std::optional<std::uint64_t> parse_span_ns(std::string_view text) {
  char unit = 0;
  const std::optional<std::uint64_t> time = number_before(text, unit);
  const std::uint64_t scale = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
  if (!time || *time == 0 || scale == 0) return std::nullopt;
  return *time * scale * kSecond;
}

std::optional<FlightBounds> parse_flight_bounds(std::string_view text) {
  FlightBounds bounds;
  const std::size_t comma = text.find(',');
  const std::optional<std::uint64_t> span_ns = parse_span_ns(text.substr(0, comma));
  if (!span_ns || *span_ns < kLeastSpanNs || *span_ns > kMostSpanNs) return std::nullopt;
  bounds.span_ns = *span_ns;
  if (comma == std::string_view::npos) return bounds;
  char unit = 0;
  const std::optional<std::uint64_t> size = number_before(text.substr(comma + 1), unit);
  const unsigned shift = unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
  if (!size || shift == 0) return std::nullopt;
  bounds.most_bytes = *size << shift;
  if (bounds.most_bytes < kLeastBytes || bounds.most_bytes > kMostBytes) return std::nullopt;
  return bounds;
}

bool parse_flight_on_wait(std::string_view text, FlightSettings& settings) {
  const std::size_t comma = text.find(',');
  settings.keep_wait_ns = parse_duration_ns(text.substr(0, comma));
  if (!settings.keep_wait_ns) return false;
  if (comma == std::string_view::npos) return true;
  const std::string_view number = text.substr(comma + 1);
  std::uint32_t many = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), many);
  settings.keeps_an_hour = many;
  return error == std::errc() && end == number.data() + number.size() && many >= 1 && many <= 60;
}

} // namespace xenmon
