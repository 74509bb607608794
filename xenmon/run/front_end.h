// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ways in which the front end runs, each on a region that somebody publishes.
#ifndef XENMON_XENMON_RUN_FRONT_END_H
#define XENMON_XENMON_RUN_FRONT_END_H

#include "base/result.h"
#include "command_line/options.h"
#include "daemon/publisher.h"

namespace xenmon {

// Shows the screen until the user, a signal or the end of the terminal stops it.
Status run_screen(const Options& options, Publisher& publisher);
// The same for several hosts, which have no publisher yet.
Status run_screen_of_hosts(const Options& options);

// Prints a table of several hosts as soon as each has figures or says why not, after ten seconds at the
// latest. An Error if some have none.
Status run_once_of_hosts(const Options& options);

// Writes a log until the time is over, the recording ends or a signal comes.
Status run_log(const Options& options, Publisher& publisher);

// Writes a line for every long wait for a CPU, until the time is over, the recording ends or a signal comes.
Status run_slow_waits(const Options& options, Publisher& publisher);

// Prints one table of the last ten seconds, as soon as there is at least one second; of a recording the ten
// seconds before its end, or before the time that was asked for.
Status run_once(const Options& options, Publisher& publisher);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_FRONT_END_H
