// SPDX-License-Identifier: GPL-2.0-or-later
//
// Finds the region of a running xenbaked, or starts one.
#ifndef XENMON_XENMON_DAEMON_PUBLISHER_H
#define XENMON_XENMON_DAEMON_PUBLISHER_H

#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/daemon_process.h"
#include "daemon/private_directory.h"
#include "daemon/publisher_settings.h"
#include "daemon/replay_control.h"

namespace xenmon {

// Where the region is and, if we started it, the xenbaked that publishes it. Ends that one with itself.
struct Publisher {
  std::optional<PrivateDirectory> directory; // outlives the daemon
  std::optional<DaemonProcess> daemon;
  std::optional<DaemonProcess> mirror; // of another host's region; there is no daemon then
  std::optional<ReplayControl> replay; // of a recording; for a log it is not steered, only waits for us
  bool replay_goes_back = true;        // false: it comes from a pipe
  std::string region;
  std::string notice; // a sentence about an option that has no effect; "" if there is none
};

// An Error's sentence names the remedy; if a xenbaked was started and failed it is that one's, with its exit
// status.
Result<Publisher> find_publisher(const PublisherSettings& settings);

// A mirror of one of several hosts. Returns at once: the mirror is there when that host has answered, and is
// kept however often it cannot be reached. Nobody is asked for a password. What it says is why there are no
// data.
Result<Publisher> start_mirror(const OtherHost& other);
// Again, if its process has ended.
Status restart_mirror(Publisher& publisher, const OtherHost& other);

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_PUBLISHER_H
