// SPDX-License-Identifier: MIT
//
// A time of day as people write it, in the local time zone:
//
//   3:05   03:10:30   03:10:30.25   2026-11-27 03:05   2026-11-27T03:10:30
//
// Without a date it is the latest one before a given moment, or the first one after another time.
#ifndef XENMON_BASE_DAY_TIME_H
#define XENMON_BASE_DAY_TIME_H

#include <time.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
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

// For what follows only.
namespace day_time {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

inline struct tm local(std::uint64_t wall_ns) {
  const auto seconds = static_cast<time_t>(wall_ns / kSecond);
  struct tm parts {};
  localtime_r(&seconds, &parts);
  return parts;
}

// That many digits at least and at most; removes them.
inline std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most) {
  std::size_t digits = 0;
  while (digits < text.size() && digits < most && text[digits] >= '0' && text[digits] <= '9') ++digits;
  if (digits < least) return std::nullopt;
  int number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return number;
}

inline bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

inline std::optional<DayTime::Date> take_date(std::string_view& text) {
  const std::optional<int> year = take_number(text, 4, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const std::optional<int> month = take_number(text, 1, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const std::optional<int> day = take_number(text, 1, 2);
  if (!day || *year < 1970 || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
  if (!take(text, ' ') && !take(text, 'T')) return std::nullopt;
  return DayTime::Date{*year, *month, *day};
}

// Days other than a date's own are added to it; the C library knows the calendar and summer time.
inline std::uint64_t on_day(const DayTime& time, const DayTime::Date& date, int days) {
  struct tm parts {};
  parts.tm_year = date.year - 1900;
  parts.tm_mon = date.month - 1;
  parts.tm_mday = date.day + days;
  parts.tm_hour = time.hour;
  parts.tm_min = time.minute;
  parts.tm_sec = time.second;
  parts.tm_isdst = -1;
  const time_t seconds = mktime(&parts);
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds) * kSecond + time.ns;
}

inline DayTime::Date date_of(std::uint64_t wall_ns) {
  const struct tm parts = local(wall_ns);
  return {parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday};
}

} // namespace day_time

inline std::uint64_t DayTime::at_or_before(std::uint64_t wall_ns) const {
  if (date) return day_time::on_day(*this, *date, 0);
  const std::uint64_t same_day = day_time::on_day(*this, day_time::date_of(wall_ns), 0);
  return same_day <= wall_ns ? same_day : day_time::on_day(*this, day_time::date_of(wall_ns), -1);
}

inline std::uint64_t DayTime::after(std::uint64_t wall_ns) const {
  if (date) return day_time::on_day(*this, *date, 0);
  const std::uint64_t same_day = day_time::on_day(*this, day_time::date_of(wall_ns), 0);
  return same_day > wall_ns ? same_day : day_time::on_day(*this, day_time::date_of(wall_ns), 1);
}

// nullopt if it is not such a time.
inline std::optional<DayTime> parse_day_time(std::string_view text) {
  DayTime time;
  if (text.find('-') != std::string_view::npos) {
    time.date = day_time::take_date(text);
    if (!time.date) return std::nullopt;
  }
  const std::optional<int> hour = day_time::take_number(text, 1, 2);
  if (!hour || !day_time::take(text, ':')) return std::nullopt;
  const std::optional<int> minute = day_time::take_number(text, 2, 2);
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  time.hour = *hour;
  time.minute = *minute;
  if (day_time::take(text, ':')) {
    const std::optional<int> second = day_time::take_number(text, 2, 2);
    if (!second || *second > 60) return std::nullopt;
    time.second = *second;
    if (day_time::take(text, '.')) {
      if (text.empty() || text.size() > 9) return std::nullopt;
      std::uint32_t unit = day_time::kSecond;
      for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        unit /= 10;
        time.ns += static_cast<std::uint32_t>(c - '0') * unit;
      }
      text = {};
    }
  }
  if (!text.empty()) return std::nullopt;
  return time;
}

// "2026-11-27 03:05:30.250", local time.
inline std::string wall_text(std::uint64_t wall_ns) {
  const struct tm parts = day_time::local(wall_ns);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%03u", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<unsigned>(wall_ns % day_time::kSecond / 1'000'000));
  return text;
}

// "20261127-030530", for names of files.
inline std::string wall_name(std::uint64_t wall_ns) {
  const struct tm parts = day_time::local(wall_ns);
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02d%02d-%02d%02d%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

} // namespace xenmon

#endif // XENMON_BASE_DAY_TIME_H
