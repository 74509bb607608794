// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenbaked's work but for --totals: publishes a source in a region until the source is over or a signal says
// stop.
#ifndef XENMON_XENBAKED_SESSION_RUN_SESSION_H
#define XENMON_XENBAKED_SESSION_RUN_SESSION_H

#include <functional>
#include "base/result.h"

#include "session/service_manager.h"
#include "session/session_options.h"
#include "session/stop_flag.h"
#include "source/record_keeper.h"
#include "source/source.h"

namespace xenmon {

// What the process around a session wants to know and to do.
struct SessionProcess {
  ServiceManager* service = nullptr; // is told that the region is in place, and that the loop goes round
  // Called once everything is open: from here on less is allowed. A failure ends the session.
  std::function<Status()> confine;
};

// Until the end; the region says then that it has ended. `recorder` may be null. An Error: there is no
// region, it cannot grow, or the source failed.
Status run_session(Source& source, const SessionOptions& options, RecordKeeper* recorder, StopFlag& stop,
                   const SessionProcess& process = {});

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_RUN_SESSION_H
