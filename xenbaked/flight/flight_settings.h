// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the flight recorder keeps, and where.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_SETTINGS_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_SETTINGS_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace xenmon {

inline constexpr const char* kFlightDirectory = "/var/lib/xenmon";

// The oldest records go when either bound is exceeded.
struct FlightBounds {
  std::uint64_t span_ns = 0;                           // of trace time
  std::uint64_t most_bytes = std::uint64_t{512} << 20; // of all segments
};

// "90s", "10m", "2h": a whole number of at most six digits and its unit. In ns, not 0.
std::optional<std::uint64_t> parse_span_ns(std::string_view text);
// A span, or with a size: "10m,512M", "1h,2G". From 10 s to 7 days, from 4 MiB to 1 TiB.
std::optional<FlightBounds> parse_flight_bounds(std::string_view text);
inline constexpr std::string_view kFlightBoundsRule =
    "a time from 10s to 168h and, after a comma, a size from 4M to 1024G, as in 10m or 10m,512M";

struct FlightSettings {
  std::string directory = kFlightDirectory;
  FlightBounds bounds;
  std::optional<std::uint64_t> keep_wait_ns; // keep what is around a wait that long
  std::uint32_t keeps_an_hour = 4;
};

// What is kept around a wait: this long before its beginning and after its end.
inline constexpr std::uint64_t kAroundWaitNs = 15'000'000'000;
// Less would be gone before it can be kept.
inline constexpr std::uint64_t kLeastSpanForWaitsNs = 60'000'000'000;

// "50ms", or with how many an hour: "50ms,10". False if it is neither.
bool parse_flight_on_wait(std::string_view text, FlightSettings& settings);
inline constexpr std::string_view kFlightOnWaitRule =
    "a time with its unit and, after a comma, how many an hour (1 to 60), as in 50ms or 50ms,10";

// The world outside, for tests to replace.
struct FlightWorld {
  std::function<std::uint64_t()> wall_ns; // CLOCK_REALTIME
  std::function<int()> before_write;      // an errno instead of writing, or 0; by the writing thread
  std::size_t most_queued_bytes = std::size_t{64} << 20; // that a slow disk may be late by
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_SETTINGS_H
