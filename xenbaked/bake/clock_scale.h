// SPDX-License-Identifier: GPL-2.0-or-later
//
// TSC cycles to nanoseconds of the trace clock. Monotonic, exact to the nanosecond for centuries, and
// without a division: ns = cycles x (10^6 / kHz) in 64.64 fixed point. Time stamps are converted, never
// differences, so that times add up exactly. What would pass 292 years stays there.
#ifndef XENMON_XENBAKED_BAKE_CLOCK_SCALE_H
#define XENMON_XENBAKED_BAKE_CLOCK_SCALE_H

#include <cstdint>

namespace xenmon {

class ClockScale {
 public:
  // cpu_khz is what XEN_SYSCTL_physinfo reports; 0 is taken as 1.
  explicit ClockScale(std::uint32_t cpu_khz) : cpu_khz_(cpu_khz == 0 ? 1 : cpu_khz) {
    constexpr Wide kMillion = 1'000'000;
    whole_ = static_cast<std::uint64_t>(kMillion / cpu_khz_);
    const Wide rest = kMillion % cpu_khz_;
    // Rounded up, so that a whole number of nanoseconds does not come out one short.
    fraction_ = static_cast<std::uint64_t>(((rest << 64) + cpu_khz_ - 1) / cpu_khz_);
  }

  [[nodiscard]] std::uint32_t cpu_khz() const { return cpu_khz_; }

  static constexpr std::uint64_t kMaxNs = (std::uint64_t{1} << 63) - 1;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  [[nodiscard]] std::uint64_t to_ns(std::uint64_t cycles) const {
    if (whole_ == 0) [[likely]] { // faster than 1 GHz
      const auto ns = static_cast<std::uint64_t>((static_cast<Wide>(cycles) * fraction_) >> 64);
      return ns > kMaxNs ? kMaxNs : ns;
    }
    const Wide ns = static_cast<Wide>(cycles) * whole_ + ((static_cast<Wide>(cycles) * fraction_) >> 64);
    return ns > kMaxNs ? kMaxNs : static_cast<std::uint64_t>(ns);
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
  std::uint64_t whole_;
  std::uint64_t fraction_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_CLOCK_SCALE_H
