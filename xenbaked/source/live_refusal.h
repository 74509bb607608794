// SPDX-License-Identifier: GPL-2.0-or-later
//
// Why there can be no live source: one sentence for each reason, naming the remedy, with its exit status.
#ifndef XENMON_XENBAKED_SOURCE_LIVE_REFUSAL_H
#define XENMON_XENBAKED_SOURCE_LIVE_REFUSAL_H

#include <string>

#include "base/result.h"
#include "source/hypervisor.h"
#include "source/live_host.h"

namespace xenmon {

// What is wrong with this machine or user, or ok(). If it is not known whether a domain is Dom0, it passes:
// Xen will say.
Status check_host(const HostFacts& facts);

// Hypervisor::open_control() and open_events().
Error refuse_device(Errno error, const std::string& device, const std::string& module,
                    const Hypervisor& hypervisor);

// Hypervisor::bind_trace_event(). EEXIST names the program that probably has the buffers.
Error refuse_event(Errno error, const HostFacts& facts);

// A sysctl: `doing` completes "Xen refused to ...".
Error refuse_sysctl(Errno error, const std::string& doing, Hypervisor& hypervisor);

// Xen had no memory for buffers.
Error refuse_memory(std::uint32_t pages_per_cpu);

// `what` completes "Cannot map ...".
Error refuse_map(Errno error, const std::string& what, const Hypervisor& hypervisor);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_LIVE_REFUSAL_H
