// SPDX-License-Identifier: GPL-2.0-or-later
//
// What steers a replay: lines of text on a descriptor, a pipe, a terminal or one end of a socket.
//
//   to NS        be at that trace time as soon as possible, and hold there; "to end" goes to the end
//   play SPEED   play on from here, SPEED times as fast as it was, or "max"
//   hold         stay here
//   read N       the other side has read everything up to sample N, and the waits that ended by then
//
// After a "read" (the first is "read 0", before anything is published) the replay waits for its reader. It
// overwrites no sample, row or wait that has not been read, and moves none into another file. When the
// recording is over it ends, instead of waiting for further commands. A "read" is not answered, and does not
// count as a line in answers.
//
// Anything else is reported on standard error and ignored. When the other side closes its end, nothing needs
// the replay any more.
//
// On a socket each change of state is answered with a line:
//
//   held N NS | end N NS | playing N NS
//
// N is how many lines had been read by then, so that the other side knows which of its commands this answers.
// NS is the end of the newest sample. The replay never waits for the other side: an answer that does not go
// through is lost.
#ifndef XENMON_XENBAKED_SESSION_CONTROL_CHANNEL_H
#define XENMON_XENBAKED_SESSION_CONTROL_CHANNEL_H

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace xenmon {

struct ReplayCommand {
  enum class Kind { kTo, kPlay, kHold };
  Kind kind = Kind::kHold;
  std::uint64_t to_ns = 0; // kTo; kTraceEnd: the end
  double speed = 0;        // kPlay, as parse_speed() reads it; 0: as fast as possible
};

// Without the end of line.
std::optional<ReplayCommand> parse_replay_command(std::string_view line);
// N of "read N".
std::optional<std::uint64_t> parse_read(std::string_view line);

class ControlChannel {
 public:
  // Closes the descriptor when destroyed.
  explicit ControlChannel(int fd) : file_(fd) {}

  // Readable when there may be a command, or when the other side has gone.
  [[nodiscard]] int fd() const { return file_.get(); }
  // The next command that has arrived; does not wait for one.
  std::optional<ReplayCommand> next();
  // Reads what has arrived; commands are kept for next(). Does not wait.
  void listen();
  // The newest sample that the other side has read; nullopt if it never said so. As of the last next() or
  // listen().
  [[nodiscard]] std::optional<std::uint64_t> read_sample() const { return read_sample_; }
  // True once next() or listen() has found that nothing more will arrive.
  [[nodiscard]] bool gone() const { return gone_; }

  enum class State { kHeld, kEnd, kPlaying };
  void tell(State state, std::uint64_t position_ns);

 private:
  struct Heard {
    ReplayCommand command;
    std::uint64_t lines; // up to it
  };

  bool take_in();
  void take_line(const std::string& line);
  void complain(std::string_view line);

  Descriptor file_;
  bool gone_ = false;
  bool skipping_ = false;      // the rest of a line that is too long
  std::uint64_t lines_ = 0;    // that have been acted upon
  std::uint64_t heard_of_ = 0; // that have come
  std::uint64_t bad_lines_ = 0;
  std::deque<Heard> heard_;
  std::optional<std::uint64_t> read_sample_;
  std::string waiting_; // what has been read and not used
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_CONTROL_CHANNEL_H
