// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/hypervisor.h"

// Xen's headers do not say by themselves that they are C.
extern "C" {
#include <xenctrl.h>
}

namespace xenmon {
namespace {

constexpr std::uint32_t kSchedulerBvt = 10; // XEN_SCHEDULER_BVT of hypervisor/'s patches

} // namespace

std::string scheduler_name(std::uint32_t id) {
  switch (id) {
    case XEN_SCHEDULER_CREDIT:
      return "credit";
    case XEN_SCHEDULER_CREDIT2:
      return "credit2";
    case XEN_SCHEDULER_ARINC653:
      return "arinc653";
    case XEN_SCHEDULER_RTDS:
      return "rtds";
    case XEN_SCHEDULER_NULL:
      return "null";
    case kSchedulerBvt:
      return "bvt";
    default:
      return "scheduler " + std::to_string(id);
  }
}

std::uint32_t sysctl_interface_version() {
  return XEN_SYSCTL_INTERFACE_VERSION;
}

} // namespace xenmon
