// SPDX-License-Identifier: GPL-2.0-or-later
//
// Steers the replay of a xenbaked of our own: go to a time and hold there, play on, hold. The protocol on the
// socket is in xenbaked/session/control_channel.h.
//
// A replay holds at the ends of samples: to(T) holds at the end of the sample that contains T, or at the end
// of the recording. The region then contains what it would if the recording had been played up to there: the
// last ten seconds before it, the domains and their names, the counters.
//
// How to follow it. A command is only sent; the replay obeys some time later (ten minutes of a
// busy host take 0.3 s, compressed some seconds). Until then state() is kGoing. Call follow_replay() where a
// region without a control is followed by RegionFollower::follow(): it takes in the answers, hands on nothing
// while the replay is on the way, since samples pass by unread then, and when it has arrived starts over with
// what the region remembers. So nothing of another time is left in the sink, and nothing counts as missed.
// Whoever waits for the arrival adds fd() to what is waited for; it becomes readable with each answer. A look
// every 50 ms while state() is kGoing will do as well.
#ifndef XENMON_XENMON_DAEMON_REPLAY_CONTROL_H
#define XENMON_XENMON_DAEMON_REPLAY_CONTROL_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"
#include "client/region_follower.h"

namespace xenmon {

class ReplayControl {
 public:
  enum class State {
    kPlaying,
    kGoing, // on the way to a time
    kHeld,
    kAtEnd, // all has been played; from here it only goes back
    kGone,  // the daemon has exited
  };

  // Both ends; `theirs` is for xenbaked, as --control-fd. `going`: --held-at sent it to a time.
  struct Pair;
  static Result<Pair> make(std::uint64_t sample_ns, bool going);

  // Commands, which fail when the daemon is gone. Each replaces the previous one. Nanoseconds of the trace
  // clock; base/trace_time.h parses what people write, kTraceEnd is the end.
  Status to(std::uint64_t trace_ns);
  // Relative to where the replay is going, or else to `shown_ns`, the position that is shown
  // (Health::position_ns): steps that follow each other quickly add up. At least a sample, and not before the
  // beginning.
  Status step(std::int64_t ns, std::uint64_t shown_ns);
  // As --speed takes it: a factor or "max".
  Status play(const std::string& speed);
  // Where it is at the moment, even on the way to a time.
  Status hold();

  // For a reader that wants all of a recording: everything up to that sample has been read. Said once, with
  // 0, before the daemon is started, it makes the replay wait from then on for whatever has not been read
  // yet. No answer comes; that the daemon is gone is found out elsewhere.
  void have_read(std::uint64_t sample);

  // Receives the daemon's answers; does not wait.
  void poll();
  // As of the last poll().
  State state() const { return state_; }
  // Where it is going; only with kGoing. kTraceEnd: to the end.
  std::uint64_t target_ns() const { return target_ns_; }
  // The recording's length, once its end has been reached.
  std::optional<std::uint64_t> length_ns() const { return length_ns_; }
  // Readable when there is an answer, or when the daemon has gone.
  int fd() const { return socket_.get(); }
  // True once after each to() or step() when state() is no longer kGoing: see follow_replay().
  bool take_arrival();

 private:
  ReplayControl(Descriptor socket, std::uint64_t sample_ns, bool going);
  bool send_whole(const std::string& line); // or nothing
  Status send_line(const std::string& line);
  void take_line(std::string_view line);

  Descriptor socket_;
  std::uint64_t sample_ns_;
  std::optional<std::uint64_t> read_; // what have_read() has reported
  std::uint64_t sent_ = 0;            // lines
  State state_ = State::kPlaying;
  std::uint64_t target_ns_ = 0;
  bool jumped_ = false;
  std::optional<std::uint64_t> length_ns_;
  std::string unfinished_; // the line that is being received
};

struct ReplayControl::Pair {
  ReplayControl ours;
  Descriptor theirs;
};

// RegionFollower::follow() for a replay that may be steered or not: `control` may be empty. After an arrival
// it is start_over().
Result<bool> follow_replay(std::optional<ReplayControl>& control, RegionFollower& follower, FollowSink& sink);

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_REPLAY_CONTROL_H
