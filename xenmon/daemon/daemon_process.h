// SPDX-License-Identifier: GPL-2.0-or-later
//
// A xenbaked of our own: started when no xenbaked publishes, or to replay a recording, and stopped when we
// exit. No other xenbaked is ever touched.
#ifndef XENMON_XENMON_DAEMON_DAEMON_PROCESS_H
#define XENMON_XENMON_DAEMON_DAEMON_PROCESS_H

#include <sys/types.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "daemon/publisher_settings.h"

namespace xenmon {

// The program to start: `given`, or if that is empty the one beside this program or in sbin beside its
// directory, or the one in PATH.
std::string xenbaked_program(const std::string& given);

// The command line of the xenbaked to start, the program first.
std::vector<std::string> daemon_command(const PublisherSettings& settings, const std::string& region);
// That of the program that keeps a mirror of another host's region there: this one.
enum class Keeping {
  kOnce,    // it ends if the host does not answer at first; it may ask for a password
  kForever, // it goes on trying, asks nothing, and says why it has no connection
};
std::vector<std::string> mirror_command(const OtherHost& other, const std::string& region, Keeping keeping);

class DaemonProcess {
 public:
  // Starts it and waits until its region is in place. If it fails, its last message is the Error's message,
  // and its exit status the Error's. `inherited` are descriptors that it gets from us under the same numbers,
  // besides the usual three; -1 is none. It has our standard input if it is to play that, else /dev/null.
  enum class StandardInput { kNone, kOurs };
  // A process group of its own, so that a Ctrl-C meant for us does not end it too early; or ours, for what
  // may ask the user for a password at the terminal.
  enum class Group { kOwn, kOurs };
  static Result<DaemonProcess> start(const std::vector<std::string>& command,
                                     std::span<const int> inherited = {},
                                     StandardInput input = StandardInput::kNone, Group group = Group::kOwn);
  // Starts it, in a group of its own, and does not wait for anything: also what publishes nothing.
  static Result<DaemonProcess> launch(const std::vector<std::string>& command,
                                      std::span<const int> inherited = {});

  DaemonProcess(DaemonProcess&& other) noexcept;
  DaemonProcess& operator=(DaemonProcess&&) = delete;
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;
  // Stops it: SIGTERM, and SIGKILL if that had no effect within five seconds, or kTimeToEnd after a signal
  // told us to exit.
  ~DaemonProcess();

  // Reads what it has printed, and whether it has exited. Call regularly.
  void poll();
  bool running() const { return pid_ > 0; }
  // The last line that it has printed, without its own name and printable; "" if there was none.
  std::string last_words() const;
  // Why it exited by itself, with its last message. Only while not running().
  Error outcome() const;
  // True if it exited by itself and did not fail.
  bool ended_well() const { return !running() && wait_status_ == 0; }

 private:
  DaemonProcess(pid_t pid, Descriptor said) : pid_(pid), said_(std::move(said)) {}
  static Result<DaemonProcess> spawn(std::vector<std::string> words, int ready,
                                     std::span<const int> inherited, StandardInput input, Group group);
  static Status wait_until_ready(DaemonProcess& daemon, int ready, const std::string& meanwhile);
  void listen();
  bool reap(int options);

  pid_t pid_ = -1;  // -1 once it has exited
  Descriptor said_; // its standard error; does not block
  int wait_status_ = 0;
  std::string unfinished_; // the line that is being received
  std::string last_words_;
};

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_DAEMON_PROCESS_H
