// SPDX-License-Identifier: GPL-2.0-or-later
//
// "xenmon capture" and "xenmon timeline": what xenbaked makes of records, which xenmon never decodes.
#ifndef XENMON_XENMON_RUN_RUN_XENBAKED_H
#define XENMON_XENMON_RUN_RUN_XENBAKED_H

#include "base/result.h"
#include "command_line/xenbaked_request.h"

namespace xenmon {

// Becomes the xenbaked that does it, whose messages and exit status are then the program's. Returns only if
// there is none.
Error run_xenbaked(const XenbakedRequest& request);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_RUN_XENBAKED_H
