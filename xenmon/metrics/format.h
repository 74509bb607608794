// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers as text of at most a given width. One that would be too long is written in a wider unit or with
// fewer decimals, never cut.
#ifndef XENMON_XENMON_METRICS_FORMAT_H
#define XENMON_XENMON_METRICS_FORMAT_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace xenmon {

// 0 if there is nothing to divide by.
double quotient(std::uint64_t sum, std::uint64_t count);
// "999.99 us"; the space only if `spaced`.
std::string time_text(double ns, bool spaced, std::size_t width);
// About three digits: "30.0ms".
std::string short_time_text(double ns);
// "100.00%".
std::string percent_text(double percent, std::size_t width);
// "1234/s", from a million on "1.23M/s".
std::string rate_text(double per_second, std::size_t width);
// "12345", "1.23M", "45k": at most six characters.
std::string count_text(double count);
// "0.25/ex".
std::string ratio_text(double ratio, std::size_t width);

} // namespace xenmon

#endif // XENMON_XENMON_METRICS_FORMAT_H
