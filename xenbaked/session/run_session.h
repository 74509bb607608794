// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenbaked's work but for --totals: publishes a source in a region until the source is over or a signal says
// stop.
#ifndef XENMON_XENBAKED_SESSION_RUN_SESSION_H
#define XENMON_XENBAKED_SESSION_RUN_SESSION_H

#include "session/session_options.h"
#include "session/stop_flag.h"
#include "source/record_keeper.h"
#include "source/source.h"
#include "xenmon/result.h"

namespace xenmon {

// Until the end; the region says then that it has ended. `recorder` may be null. An Error: there is no
// region, it cannot grow, or the source failed.
Status run_session(Source& source, const SessionOptions& options, RecordKeeper* recorder, StopFlag& stop);

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_RUN_SESSION_H
