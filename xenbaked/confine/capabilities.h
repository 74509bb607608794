// SPDX-License-Identifier: GPL-2.0-or-later
//
// What makes root more than the owner of root's files, given up for good.
//
// Xen's devices belong to root, and opening them needs no more than that. So xenbaked gives up its
// capabilities before it opens anything. They belong to threads, so this comes before the first thread is
// started.
#ifndef XENMON_XENBAKED_CONFINE_CAPABILITIES_H
#define XENMON_XENBAKED_CONFINE_CAPABILITIES_H

#include <vector>

#include "base/result.h"

namespace xenmon {

// Keeps the capabilities in `kept` (numbers of linux/capability.h) if this process has them, and no others; a
// program that it starts gets none, not even if it is setuid. An Error: the system did not allow it.
Status drop_capabilities(const std::vector<int>& kept);

} // namespace xenmon

#endif // XENMON_XENBAKED_CONFINE_CAPABILITIES_H
