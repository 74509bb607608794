// SPDX-License-Identifier: GPL-2.0-or-later
//
// The long waits of the current sample, each with the vCPUs that ran meanwhile. Their contents are described
// at xenmon_wait (xenmon/region.h).
//
// Room for them is allocated once; what does not fit is counted. A wait costs time in proportion to the
// executions that are remembered of at most two pCPUs.
#ifndef XENMON_XENBAKED_BAKE_SLOW_WAITS_H
#define XENMON_XENBAKED_BAKE_SLOW_WAITS_H

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bake/recent_executions.h"
#include "bake/vcpu.h"
#include "xenmon/region.h"

namespace xenmon {

class SlowWaits {
 public:
  using Vcpus = std::span<const std::unique_ptr<Vcpu>>;
  using Domains = std::span<const std::unique_ptr<Domain>>;

  // capacity: of one sample.
  explicit SlowWaits(std::uint32_t capacity) : capacity_(capacity) {}

  // `vcpu` has been waiting since it entered its state, and now runs on that pCPU. meanwhile: of the pCPUs
  // concerned, each once.
  void add(const Vcpu& vcpu, std::uint32_t pcpu, std::uint64_t now,
           std::span<const RecentExecutions* const> meanwhile, Vcpus vcpus, Domains domains);

  // Their seq is 0.
  [[nodiscard]] std::span<const xenmon_wait> waits() const { return waits_; }
  // How many more there were.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  void clear() {
    waits_.clear();
    left_out_ = 0;
  }

 private:
  void count(std::uint32_t vcpu_slot, std::uint64_t ns);
  void name_runners(xenmon_wait& wait, Vcpus vcpus, Domains domains);

  std::uint32_t capacity_;
  std::vector<xenmon_wait> waits_;
  std::uint64_t left_out_ = 0;
  std::vector<std::uint64_t> ran_ns_;  // by vCPU slot: meanwhile; all 0 in between
  std::vector<std::uint32_t> runners_; // slots with something in ran_ns_
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_SLOW_WAITS_H
