// SPDX-License-Identifier: GPL-2.0-or-later
//
// Plays a flight directory as a recording: the stretch that a time of day is in, or the newest.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_SOURCE_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_SOURCE_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/day_time.h"
#include "base/result.h"
#include "source/source.h"

namespace xenmon {

struct FlightReplay {
  std::unique_ptr<Source> source;
  std::optional<std::uint64_t> at_ns; // trace time of the time of day that was asked for
};

// `cpu_khz` as for any replay. Errors: there is no recording, or nothing of that time.
Result<FlightReplay> open_flight(const std::string& directory, const std::optional<DayTime>& at,
                                 std::uint32_t cpu_khz);

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_SOURCE_H
