// SPDX-License-Identifier: GPL-2.0-or-later
//
// From here on, only the system calls that the loop needs; libseccomp makes the filter.
//
// The list is of names, in system_calls.cpp, with the reason for each group. Where a call's arguments make
// the difference they are looked at: no memory that is executed, no process, no socket but of the kind that
// xenstored has, no request to a device but Xen's. Everything else ends the process with a sentence that has
// the call's number, and exit status 1. A live trace is then restored by xenbaked --restore, which the unit
// calls.
//
// Threads that exist get the same filter. They must not block SIGSYS, or they end the process without the
// sentence.
#ifndef XENMON_XENBAKED_CONFINE_SYSTEM_CALLS_H
#define XENMON_XENBAKED_CONFINE_SYSTEM_CALLS_H

#include "base/result.h"

namespace xenmon {

// A live trace needs Xen's devices and xenstored; a replay needs neither.
enum class Work { kLive, kReplay };

// For good. An Error: the kernel or the library cannot do it.
Status allow_only_calls_for(Work work);

} // namespace xenmon

#endif // XENMON_XENBAKED_CONFINE_SYSTEM_CALLS_H
