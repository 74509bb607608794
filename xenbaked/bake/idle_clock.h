// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long at least one pCPU of a cpupool has been known to be idle. A wait that takes from one reading to
// another has been avoidable for their difference: meanwhile a pCPU of the pool had nothing to do.
//
// A pCPU is idle while its idle vCPU runs and records say so. What is unknown is not idle.
#ifndef XENMON_XENBAKED_BAKE_IDLE_CLOCK_H
#define XENMON_XENBAKED_BAKE_IDLE_CLOCK_H

#include <cstdint>

namespace xenmon {

class IdleClock {
 public:
  // One more pCPU of the pool is idle, or one less. `now` never goes back.
  void begin(std::uint64_t now) {
    if (idle_++ != 0) return;
    passed_ -= now;
    runs_ = ~std::uint64_t{0};
  }
  void end(std::uint64_t now) {
    if (--idle_ != 0) return;
    passed_ += now;
    runs_ = 0;
  }

  // Only differences mean anything; ns.
  [[gnu::always_inline]] [[nodiscard]] std::uint64_t reading(std::uint64_t now) const {
    return passed_ + (now & runs_);
  }

 private:
  std::uint64_t passed_ = 0; // while the clock runs, less the time at which that began
  std::uint64_t runs_ = 0;   // all ones while it does
  std::uint32_t idle_ = 0;   // pCPUs
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_IDLE_CLOCK_H
