// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/hypervisor_log.h"

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <type_traits>

namespace xenmon {

// The libraries hand the vtable's address back, and it must lead to the object.
static_assert(std::is_standard_layout_v<HypervisorLog>);

HypervisorLog::HypervisorLog() {
  vtable_.vmessage = &HypervisorLog::keep;
  // No progress messages; and only the owner destroys this.
  vtable_.progress = nullptr;
  vtable_.destroy = nullptr;
}

void HypervisorLog::keep(xentoollog_logger* logger, xentoollog_level level, int /*error*/,
                         const char* /*context*/, const char* format, va_list arguments) {
  if (level < XTL_ERROR) return;
  // The vtable is the first member of a standard-layout class: the addresses are one.
  auto* self = reinterpret_cast<HypervisorLog*>(logger);
  std::vsnprintf(self->line_.data(), self->line_.size(), format, arguments);
}

} // namespace xenmon
