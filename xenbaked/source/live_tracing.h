// SPDX-License-Identifier: GPL-2.0-or-later
//
// Switches Xen's tracing to what the daemon needs, and back to what was found.
//
// What can be restored, and what cannot:
//   - The event mask can be read, so it is restored exactly.
//   - Xen does not report whether tracing is on. Without buffers it is off. With buffers (made by an earlier
//     trace program since the host was started, or by tbuf_size= on Xen's command line, which also
//     switches tracing on) it is found out by an experiment: the buffers are emptied, the mask opened to
//     everything, one hypercall made, which Xen on x86 traces when it traces at all, and the buffers' prod
//     looked at. If it moved on any pCPU, tracing was on, and stays on at the end. It is taken for off when
//     the experiment ran on a pCPU that came online after the buffers were made and no other pCPU traced
//     anything in that moment.
//   - Records from before the start are discarded, unread. So is Xen's count of records that it lost
//     before the start: it is cleared by switching tracing off for a moment.
//   - The mask of CPUs can be set but not read. It is set to all CPUs, Xen's own setting, because a mask
//     that a trace program left behind would hide CPUs; it stays that way.
//   - Buffers cannot be freed, nor their size changed, before the host is started again.
//   - A daemon that is killed (SIGKILL) restores nothing; what it found stays in a file (found_tracing.h),
//   and the
//     next one, or xenbaked --restore, puts that back.
//
// Not copyable; the destructor restores what restore() has not. The Hypervisor must outlive it and be the
// only consumer (VIRQ_TBUF is bound) all the time.
#ifndef XENMON_XENBAKED_SOURCE_LIVE_TRACING_H
#define XENMON_XENBAKED_SOURCE_LIVE_TRACING_H

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "source/found_tracing.h"
#include "source/hypervisor.h"

namespace xenmon {

class LiveTracing {
 public:
  // TRC_ALL (public/trace.h): every class, every subclass.
  static constexpr std::uint32_t kMaskAll = 0x0ffff000;

  // `keeper` may be null; otherwise it outlives this, and is told what was found before anything is changed.
  explicit LiveTracing(Hypervisor& hypervisor, TracingKeeper* keeper = nullptr)
      : hypervisor_(hypervisor), keeper_(keeper) {}
  LiveTracing(const LiveTracing&) = delete;
  LiveTracing& operator=(const LiveTracing&) = delete;
  ~LiveTracing() { (void)restore(); }

  // Reads the current state. If there are no buffers, makes them, under the mask that will be used, because
  // making them switches tracing on. Returns where the buffers' table is. kNoTracing: this hypervisor has
  // none, or no memory for them.
  Result<TraceInfo> prepare(std::uint32_t mask, std::uint32_t pages_per_cpu);

  // What start() must know about the buffers, which it does not map itself.
  struct Rings {
    std::function<void()> discard;        // forget everything in all of them
    std::function<std::uint64_t()> marks; // changes when Xen writes into any of them
  };

  // After prepare(): all pCPUs are traced, and it is known what is to be restored at the end.
  Status find_state(const Rings& rings);

  // After find_state(): records that match the mask begin to arrive, and nothing older is in
  // the rings. Returns CLOCK_REALTIME in nanoseconds of that moment.
  Result<std::uint64_t> start(std::uint32_t mask, const Rings& rings);

  // Sets both masks again to what start() set. Holding the event does not keep other programs from changing
  // them: xentrace sets its own before Xen refuses it. True if the mask of events was different, so that
  // records are missing since; for the mask of CPUs this cannot be known.
  Result<bool> keep_masks();

  // Xen switches tracing off when it finds a buffer's positions damaged; this switches it on again.
  Status resume();

  // Restores what was found. Later calls do nothing. Tries everything, and returns the first failure.
  Status restore();

  [[nodiscard]] std::uint32_t found_mask() const { return found_mask_; }
  // Whether tracing is left on at the end.
  [[nodiscard]] bool found_on() const { return found_ == TracingOn::kOn; }

 private:
  Status keep();
  Status set_mask(std::uint32_t mask);
  Status look_whether_on(const Rings& rings);
  Status switch_on(std::uint32_t mask, const Rings& rings);

  Hypervisor& hypervisor_;
  TracingKeeper* keeper_;
  std::uint32_t found_mask_ = 0;
  std::uint32_t mask_ = 0; // what start() set
  TracingOn found_ = TracingOn::kUnknown;
  bool mask_changed_ = false;
  bool switched_ = false; // tracing was switched on or off, also by making buffers
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_LIVE_TRACING_H
