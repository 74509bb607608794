// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the operating system says about this machine, before Xen is asked anything. Only files are read,
// so this works for every user and on machines without Xen.
//
//   Xen   /sys/hypervisor/type reads "xen", or /proc/xen exists (Linux makes it on Xen only).
//   Dom0  /proc/xen/capabilities holds the word "control_d". That file is there when xenfs is mounted, as
//         xencommons does; in a guest it is there and empty. Without it, /sys/hypervisor/properties/features:
//         XENFEAT_dom0 (bit 11 of submap 0, public/features.h) is what Xen sets for the hardware domain.
//         With neither, nothing is known, and Xen's own answer to the first sysctl decides.
//   root  the effective user id.
#ifndef XENMON_XENBAKED_SOURCE_LIVE_HOST_H
#define XENMON_XENBAKED_SOURCE_LIVE_HOST_H

#include <sys/types.h>

#include <optional>
#include <string>

namespace xenmon {

struct HostFacts {
  enum class Dom0 { kNo, kYes, kUnknown };

  bool xen = false;
  Dom0 dom0 = Dom0::kUnknown;
  bool root = false;
  std::string tree; // where /proc and /sys were looked for; empty is this machine
};

HostFacts read_host_facts(const std::string& tree = "");

struct TraceReader {
  std::string name;
  pid_t pid = 0;
};

// The first other process, by pid, that is named xentrace or xenbaked. It probably owns the trace buffers
// when they are taken; this cannot be checked from outside.
std::optional<TraceReader> find_trace_reader(const std::string& tree = "");

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_LIVE_HOST_H
