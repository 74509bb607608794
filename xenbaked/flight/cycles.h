// SPDX-License-Identifier: GPL-2.0-or-later
//
// TSC differences and nanoseconds, for places and bounds: rounded, and never added up.
#ifndef XENMON_XENBAKED_FLIGHT_CYCLES_H
#define XENMON_XENBAKED_FLIGHT_CYCLES_H

#include <cstdint>

namespace xenmon {

// As replay_source.h: if nothing is known.
inline constexpr std::uint32_t kUnknownKhz = 2'400'000;

inline std::uint64_t cycles_to_ns(std::uint64_t cycles, std::uint32_t khz) {
  return cycles / khz * 1'000'000 + cycles % khz * 1'000'000 / khz;
}

inline std::uint64_t ns_to_cycles(std::uint64_t ns, std::uint32_t khz) {
  return ns / 1'000'000 * khz + ns % 1'000'000 * khz / 1'000'000;
}

// Whether a chunk whose last TSC is `next` comes from another clock than one that ended at `before`. pCPUs
// are read one after the other, so chunks overlap by some milliseconds; a TSC that starts again is far below.
inline bool clock_restarted(std::uint64_t before, std::uint64_t next, std::uint32_t khz) {
  return next < before && before - next > std::uint64_t{khz} * 1'000;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_CYCLES_H
