// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ways in which the front end runs, on what all need: a region that somebody publishes.
#ifndef XENMON_XENMON_FRONT_END_H
#define XENMON_XENMON_FRONT_END_H

#include <optional>
#include <string>

#include "command_line/options.h"
#include "daemon/daemon_process.h"
#include "daemon/private_directory.h"
#include "daemon/replay_control.h"
#include "xenmon/result.h"

namespace xenmon {

// Where the region is and, if we started it, the xenbaked that publishes it.
struct Publisher {
  std::optional<PrivateDirectory> directory; // outlives the daemon
  std::optional<DaemonProcess> daemon;
  std::optional<ReplayControl> replay; // of a recording; for a log it is not steered, only waits for us
  bool replay_goes_back = true;        // false: it comes from a pipe
  std::string region;
  std::string notice; // a sentence about an option that has no effect; "" if there is none
};

// Finds the region of a running daemon, or starts one.
Result<Publisher> find_publisher(const Options& options);

// Shows the screen until the user, a signal or the terminal's end stops it.
Status run_screen(const Options& options, Publisher& publisher);

// Writes a log until the time is over, the recording ends or a signal comes.
Status run_log(const Options& options, Publisher& publisher);

// Writes a line for each wait for a CPU that was long, until the time is over, the recording ends or a signal
// comes.
Status run_slow_waits(const Options& options, Publisher& publisher);

// Prints one table of the last ten seconds, as soon as there is one second at least; of a recording those
// before its end, or before the time that was asked for.
Status run_once(const Options& options, Publisher& publisher);

} // namespace xenmon

#endif // XENMON_XENMON_FRONT_END_H
