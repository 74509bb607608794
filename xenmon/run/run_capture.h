// SPDX-License-Identifier: GPL-2.0-or-later
//
// "xenmon capture": a part of a flight recording to an ordinary one.
#ifndef XENMON_XENMON_RUN_RUN_CAPTURE_H
#define XENMON_XENMON_RUN_RUN_CAPTURE_H

#include "base/result.h"
#include "command_line/capture_options.h"

namespace xenmon {

// Becomes the xenbaked that does it, whose messages and exit status are then the program's. Returns only if
// there is none.
Error run_capture(const CaptureRequest& request);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_RUN_CAPTURE_H
