// SPDX-License-Identifier: MIT
//
// A TSC's frequency on a command line: a whole number of kHz, or, with a decimal point, MHz as "xl info"
// prints it (cpu_mhz: 2799.998).
#ifndef XENMON_CPU_KHZ_H
#define XENMON_CPU_KHZ_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace xenmon {

// No host that Xen runs on is slower, so a smaller whole number is one of MHz.
inline constexpr std::uint64_t kLowestKhz = 10'000;
inline constexpr std::uint64_t kHighestKhz = 100'000'000;

// The Error's sentence, of status kUsage, follows "--cpu-khz: ". Fractions of a kHz are truncated.
inline Result<std::uint32_t> parse_cpu_khz(std::string_view text) {
  const Error refusal = {
      "takes kHz from 10000 to 100000000, or MHz with a decimal point, as xl info prints them: 2799998 or "
      "2799.998.",
      ExitStatus::kUsage};
  const std::size_t point = text.find('.');
  const bool mhz = point != std::string_view::npos;
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals = mhz ? text.substr(point + 1) : std::string_view();
  if (whole.empty() || whole.size() > 9 || (mhz && (decimals.empty() || decimals.size() > 9))) return refusal;
  std::uint64_t number = 0;
  for (const char c : whole) {
    if (c < '0' || c > '9') return refusal;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  std::uint64_t thousandths = 0;
  std::uint64_t unit = 100;
  for (const char c : decimals) {
    if (c < '0' || c > '9') return refusal;
    thousandths += static_cast<std::uint64_t>(c - '0') * unit;
    unit /= 10;
  }
  if (!mhz && number > 0 && number < kLowestKhz) {
    const std::string given(whole);
    const std::string tenths = std::to_string((number + 50) / 100);
    const std::string as_mhz =
        (tenths.size() > 1 ? tenths.substr(0, tenths.size() - 1) : "0") + "." + tenths.back();
    return Error{given + " kHz would be " + as_mhz + " MHz; xl info prints MHz: give " + given + ".000 or " +
                     given + "000 if you mean that.",
                 ExitStatus::kUsage};
  }
  const std::uint64_t khz = mhz ? number * 1000 + thousandths : number;
  if (khz < kLowestKhz || khz > kHighestKhz) return refusal;
  return static_cast<std::uint32_t>(khz);
}

} // namespace xenmon

#endif // XENMON_CPU_KHZ_H
