// SPDX-License-Identifier: GPL-2.0-or-later
//
// TSC cycles to nanoseconds of the trace clock. Monotonic, exact to the nanosecond for centuries, and without
// a division: ns = (cycles x 2^k) x (10^6 / kHz / 2^k). The second factor is below 1 and a fraction of 64
// bits. Time stamps are converted, never differences, so that times add up exactly. The result never exceeds
// 292 years.
#ifndef XENMON_XENBAKED_BAKE_CLOCK_SCALE_H
#define XENMON_XENBAKED_BAKE_CLOCK_SCALE_H

#include <cstdint>

namespace xenmon {

class ClockScale {
 public:
  // cpu_khz is what XEN_SYSCTL_physinfo reports; 0 is taken as 1.
  explicit ClockScale(std::uint32_t cpu_khz) : cpu_khz_(cpu_khz == 0 ? 1 : cpu_khz) {
    constexpr std::uint64_t kMillion = 1'000'000;
    while (std::uint64_t{cpu_khz_} << shift_ <= kMillion) ++shift_;
    const Wide divisor = Wide{cpu_khz_} << shift_;
    // Rounded up, so that a whole number of nanoseconds does not come out one short.
    fraction_ = static_cast<std::uint64_t>(((Wide{kMillion} << 64) + divisor - 1) / divisor);
    most_ = ~std::uint64_t{0} >> shift_;
  }

  [[nodiscard]] std::uint32_t cpu_khz() const { return cpu_khz_; }

  static constexpr std::uint64_t kMaxNs = (std::uint64_t{1} << 63) - 1;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  [[nodiscard]] std::uint64_t to_ns(std::uint64_t cycles) const {
    if (cycles > most_) [[unlikely]]
      return kMaxNs;
    const auto ns = static_cast<std::uint64_t>((Wide{cycles << shift_} * fraction_) >> 64);
    return ns > kMaxNs ? kMaxNs : ns;
  }

  // The smallest number of cycles that is at least `ns`; kNever from kMaxNs on.
  [[nodiscard]] std::uint64_t to_cycles(std::uint64_t ns) const {
    if (ns >= kMaxNs) return kNever;
    const Wide about = static_cast<Wide>(ns) * cpu_khz_ / 1'000'000;
    if (about >= kNever - 1'000'000) return kNever;
    auto cycles = static_cast<std::uint64_t>(about);
    while (cycles > 0 && to_ns(cycles - 1) >= ns) --cycles;
    while (to_ns(cycles) < ns) ++cycles;
    return cycles;
  }

 private:
  __extension__ using Wide = unsigned __int128;

  std::uint32_t cpu_khz_;
  std::uint32_t shift_ = 0;
  std::uint64_t fraction_;
  std::uint64_t most_; // cycles that can be shifted; more are beyond kMaxNs in any case
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_CLOCK_SCALE_H
