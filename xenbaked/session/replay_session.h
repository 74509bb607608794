// SPDX-License-Identifier: GPL-2.0-or-later
//
// Publishes a recording: at its own pace, at full speed, or steered over a control channel.
//
//                +--> kPlaying --------------> kOver      all has been played, or nobody wants it any more
//   begin -------+      |  ^
//                |      v  |
//                +--> kSeeking --> kHeld, kAtEnd          wait for commands
//                         |
//   from any of these ----+-----> kRestarting             a time before what has been published
//
// What has been published cannot be taken back. So a time that lies before is reached by another session,
// over the recording from its beginning: run() returns, and restart_at() says where to.
#ifndef XENMON_XENBAKED_SESSION_REPLAY_SESSION_H
#define XENMON_XENBAKED_SESSION_REPLAY_SESSION_H

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "session/control_channel.h"
#include "session/pace.h"
#include "session/published_pipeline.h"

namespace xenmon {

class ReplaySession {
 public:
  // `control` may be null: nobody steers. `seek_ns`: go there first, and hold; otherwise it plays.
  ReplaySession(const SessionParts& parts, ControlChannel* control, std::optional<std::uint64_t> seek_ns);

  // Until the recording is over, a stop signal, the control channel's end, or until another session must go
  // on. The region says then that it has ended, also when something failed; but not when another session goes
  // on.
  Status run();

  // After run(): where another session must go, with the source rewound for it.
  [[nodiscard]] std::optional<std::uint64_t> restart_at() const;

 private:
  enum class State {
    kPlaying,    // at pace_
    kSeeking,    // at full speed to seek_ns_
    kHeld,       // stands still at a sample's end
    kAtEnd,      // everything has been published; goes on only backwards
    kRestarting, // see restart_at()
    kOver,
  };

  Status play();
  Status play_paced();
  Status seek();
  Status idle();

  Status find_start();
  Status read();
  Status end_round();

  void handle_commands();
  void handle_to(std::uint64_t ns);
  void handle_play(double speed);
  void handle_hold();
  void move(State state);
  void stand();

  [[nodiscard]] bool stands() const { return state_ == State::kHeld || state_ == State::kAtEnd; }
  [[nodiscard]] bool ends() const { return state_ == State::kRestarting || state_ == State::kOver; }
  [[nodiscard]] int control_fd() const { return control_ == nullptr ? -1 : control_->fd(); }
  [[nodiscard]] ControlChannel::State reported() const;

  SessionParts parts_;
  ControlChannel* control_;
  PublishedPipeline published_;
  Pipeline& pipeline_; // of published_
  State state_ = State::kPlaying;
  std::uint64_t seek_ns_ = 0; // kSeeking, kRestarting: the end of the sample to go to; kTraceEnd: the end
  Pace pace_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_REPLAY_SESSION_H
