// SPDX-License-Identifier: GPL-2.0-or-later
//
// A time of day as people write it, in the local time zone:
//
//   3:05   03:10:30   03:10:30.25   2026-11-27 03:05   2026-11-27T03:10:30
//
// Without a date it is the latest one before a given moment, or the first one after another time.
#ifndef XENMON_XENBAKED_FLIGHT_DAY_TIME_H
#define XENMON_XENBAKED_FLIGHT_DAY_TIME_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenmon {

struct DayTime {
  struct Date {
    int year = 0;
    int month = 0; // 1 to 12
    int day = 0;
  };
  std::optional<Date> date;
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::uint32_t ns = 0;

  // CLOCK_REALTIME. Without a date: on the day of `wall_ns`, or the day before if that would be later.
  [[nodiscard]] std::uint64_t at_or_before(std::uint64_t wall_ns) const;
  // Without a date: on the day of `wall_ns`, or the day after if that would not be later.
  [[nodiscard]] std::uint64_t after(std::uint64_t wall_ns) const;
};

inline constexpr std::string_view kDayTimeRule =
    "a time of day such as 03:05 or 03:05:30, or with a date, 2026-11-27 03:05";

// nullopt if it is not such a time.
std::optional<DayTime> parse_day_time(std::string_view text);

// "2026-11-27 03:05:30.250", local time.
std::string wall_text(std::uint64_t wall_ns);
// "20261127-030530", for names of files.
std::string wall_name(std::uint64_t wall_ns);

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_DAY_TIME_H
