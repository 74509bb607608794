// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/live_tracing.h"

#include <cerrno>
#include <optional>

#include "base/clock.h"
#include "source/live_refusal.h"

namespace xenmon {

Status LiveTracing::keep() {
  return keeper_ == nullptr ? ok() : keeper_->keep({found_mask_, found_});
}

Status LiveTracing::set_mask(std::uint32_t mask) {
  if (const Errno error = hypervisor_.set_event_mask(mask))
    return refuse_sysctl(error, "set the trace mask", hypervisor_);
  mask_changed_ = true;
  return ok();
}

Result<TraceInfo> LiveTracing::prepare(std::uint32_t mask, std::uint32_t pages_per_cpu) {
  TraceInfo info;
  if (const Errno error = hypervisor_.trace_info(info))
    return refuse_sysctl(error, "describe its trace buffers", hypervisor_);
  found_mask_ = info.event_mask;
  if (info.table_frame != 0) return info;

  found_ = TracingOn::kOff;
  if (const Status kept = keep(); !kept) return kept.error();
  if (const Status set = set_mask(mask); !set) return set.error();
  const Errno made = hypervisor_.make_buffers(pages_per_cpu);
  if (made == 0) switched_ = true;
  // A failure does not matter if there are buffers all the same: then another program was faster.
  if (const Errno error = hypervisor_.trace_info(info))
    return refuse_sysctl(error, "describe its trace buffers", hypervisor_);
  if (info.table_frame != 0) {
    switched_ = true;
    return info;
  }
  if (made == 0 || made == ENOMEM) return refuse_memory(pages_per_cpu);
  return refuse_sysctl(made, "make trace buffers", hypervisor_);
}

Status LiveTracing::look_whether_on(const Rings& rings) {
  if (Status kept = keep(); !kept) return kept;
  rings.discard(); // a full buffer would hide that Xen wants to write
  const std::uint64_t before = rings.marks();
  if (Status set = set_mask(kMaskAll); !set) return set;
  TraceInfo ignored; // the hypercall that is to be traced
  if (const Errno error = hypervisor_.trace_info(ignored))
    return refuse_sysctl(error, "describe its trace buffers", hypervisor_);
  found_ = rings.marks() != before ? TracingOn::kOn : TracingOn::kOff;
  return keep();
}

// From a clean state: the rings contain nothing but what the mask selects.
Status LiveTracing::switch_on(std::uint32_t mask, const Rings& rings) {
  // Off for a moment: Xen then forgets how many records it lost, and nothing arrives while old ones are
  // discarded.
  if (const Errno error = hypervisor_.disable_tracing())
    return refuse_sysctl(error, "switch tracing off", hypervisor_);
  switched_ = true;
  if (Status set = set_mask(mask); !set) return set;
  mask_ = mask;
  rings.discard();
  if (const Errno error = hypervisor_.enable_tracing())
    return refuse_sysctl(error, "switch tracing on", hypervisor_);
  return ok();
}

Status LiveTracing::find_state(const Rings& rings) {
  if (const Errno error = hypervisor_.trace_all_cpus())
    return refuse_sysctl(error, "trace all CPUs", hypervisor_);
  return found_ == TracingOn::kUnknown ? look_whether_on(rings) : ok();
}

Result<std::uint64_t> LiveTracing::start(std::uint32_t mask, const Rings& rings) {
  const std::uint64_t now = realtime_ns();
  if (const Status on = switch_on(mask, rings); !on) return on.error();
  return now;
}

Result<bool> LiveTracing::keep_masks() {
  TraceInfo info;
  if (const Errno error = hypervisor_.trace_info(info))
    return refuse_sysctl(error, "describe its trace buffers", hypervisor_);
  if (const Errno error = hypervisor_.trace_all_cpus())
    return refuse_sysctl(error, "trace all CPUs", hypervisor_);
  if (info.event_mask == mask_) return false;
  if (const Status set = set_mask(mask_); !set) return set.error();
  return true;
}

Status LiveTracing::resume() {
  if (const Errno error = hypervisor_.enable_tracing())
    return refuse_sysctl(error, "switch tracing on again", hypervisor_);
  return ok();
}

Status LiveTracing::restore() {
  if (!switched_ && !mask_changed_) return ok();
  const TracingOn on = !switched_                 ? TracingOn::kUnknown
                       : found_ == TracingOn::kOn ? TracingOn::kOn
                                                  : TracingOn::kOff;
  Status restored = restore_tracing(
      hypervisor_, mask_changed_ ? std::optional(found_mask_) : std::optional<std::uint32_t>(), on);
  switched_ = mask_changed_ = false;
  // What could not be restored can be tried again.
  if (restored && keeper_ != nullptr) keeper_->forget();
  return restored;
}

} // namespace xenmon
