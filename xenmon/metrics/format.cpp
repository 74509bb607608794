// SPDX-License-Identifier: GPL-2.0-or-later
#include "format.h"

#include <array>
#include <charconv>
#include <initializer_list>

namespace xenmon {
namespace {

struct Unit {
  double ns;
  const char* name;
};
constexpr std::array<Unit, 6> kUnits = {
    {{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}, {60e9, "min"}, {3600e9, "h"}}};

// As printf() does it, in a fifth of the time: figures are most of the cost of a refresh.
std::string decimal(double value, int decimals) {
  std::array<char, 64> text;
  const auto form = value < 1e30 ? std::chars_format::fixed : std::chars_format::scientific;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, form, decimals);
  return std::string(text.data(), error == std::errc() ? end : text.data());
}

// With as many decimals as fit, from `decimals` down to none.
std::string fitted(double value, const std::string& suffix, int decimals, std::size_t width) {
  std::string text;
  for (; decimals >= 0; --decimals) {
    text = decimal(value, decimals) + suffix;
    if (text.size() <= width) break;
  }
  return text;
}

// The smallest unit in which the value, rounded to `decimals`, is below 1000 (seconds and above: that fits),
// so that 999.999 us is written as 1.00 ms.
std::string scaled(double ns, bool spaced, int decimals, std::size_t width) {
  std::string text;
  for (const Unit& unit : kUnits) {
    const bool sub_second = unit.ns < 1e9;
    if (sub_second && ns / unit.ns >= 1000) continue; // whatever it is rounded to
    const std::string digits = decimal(ns / unit.ns, decimals);
    text = digits + (spaced ? " " : "") + unit.name;
    if (sub_second ? digits.size() <= static_cast<std::size_t>(decimals == 0 ? 3 : 4 + decimals)
                   : text.size() <= width) {
      break;
    }
  }
  return text;
}

} // namespace

double quotient(std::uint64_t sum, std::uint64_t count) {
  return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
}

std::string time_text(double ns, bool spaced, std::size_t width) {
  return scaled(ns, spaced, 2, width);
}

std::string short_time_text(double ns) {
  for (const Unit& unit : kUnits) {
    const double value = ns / unit.ns;
    if (value < 9.995) return decimal(value, 2) + unit.name;
    if (value < 99.95) return decimal(value, 1) + unit.name;
    if (value < 999.5) return decimal(value, 0) + unit.name;
  }
  return decimal(ns / kUnits.back().ns, 0) + kUnits.back().name;
}

std::string percent_text(double percent, std::size_t width) {
  return fitted(percent, "%", 2, width);
}

std::string rate_text(double per_second, std::size_t width) {
  std::string text;
  for (const auto& [scale, suffix] : std::initializer_list<std::pair<double, const char*>>{
           {1, "/s"}, {1e6, "M/s"}, {1e9, "G/s"}, {1e12, "T/s"}}) {
    text = scale == 1 ? decimal(per_second, 0) + suffix : fitted(per_second / scale, suffix, 2, width);
    if (text.size() <= width) break;
  }
  return text;
}

std::string count_text(double count) {
  constexpr std::size_t kWidth = 6;
  std::string text = decimal(count, 0);
  for (const auto& [scale, suffix] : std::initializer_list<std::pair<double, const char*>>{
           {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}) {
    if (text.size() <= kWidth) break;
    text = fitted(count / scale, suffix, 2, kWidth);
  }
  return text;
}

std::string ratio_text(double ratio, std::size_t width) {
  return fitted(ratio, "/ex", 2, width);
}

} // namespace xenmon
