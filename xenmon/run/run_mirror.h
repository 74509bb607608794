// SPDX-License-Identifier: GPL-2.0-or-later
//
// "xenmon mirror": the process that xenmon --host starts, and that keeps a copy of another host's region.
#ifndef XENMON_XENMON_RUN_RUN_MIRROR_H
#define XENMON_XENMON_RUN_RUN_MIRROR_H

#include "base/result.h"
#include "command_line/mirror_options.h"

namespace xenmon {

// Returns if the host cannot be reached at first; otherwise it goes on until it is ended.
Error run_mirror(const MirrorOptions& options);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_RUN_MIRROR_H
