// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/replay_session.h"

#include <algorithm>

#include "base/trace_time.h"
#include "session/message.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// How often a recording that still grows is looked at.
constexpr std::uint64_t kFollowNs = kSecond / 10;
// In time for the heartbeat.
constexpr std::uint64_t kLongestWaitNs = kSecond / 2;
constexpr std::uint64_t kShortestWaitNs = 10'000'000;
constexpr std::uint64_t kForEverNs = 3600 * kSecond;

// The end of the sample that a time is in, where a replay can hold; the first sample's for 0.
std::uint64_t edge_at(std::uint64_t ns, std::uint64_t sample_ns) {
  if (ns >= ClockScale::kMaxNs - sample_ns) return kTraceEnd;
  return std::max<std::uint64_t>((ns + sample_ns - 1) / sample_ns, 1) * sample_ns;
}

} // namespace

ReplaySession::ReplaySession(const SessionParts& parts, ControlChannel* control,
                             std::optional<std::uint64_t> seek_ns)
    : parts_(parts),
      control_(control),
      published_(parts, control),
      pipeline_(published_.pipeline()),
      pace_(parts.options.speed) {
  if (!seek_ns) return;
  state_ = State::kSeeking;
  seek_ns_ = edge_at(*seek_ns, parts.options.sample_ns);
}

Status ReplaySession::run() {
  Status result = play();
  if (state_ == State::kRestarting && result && !published_.error()) return result;
  return published_.finish(result);
}

std::optional<std::uint64_t> ReplaySession::restart_at() const {
  if (state_ != State::kRestarting) return std::nullopt;
  return seek_ns_;
}

Status ReplaySession::play() {
  for (;;) {
    if (control_ != nullptr) handle_commands();
    if (parts_.stop.raised() || published_.error() || ends()) return ok();
    Status done = stands() ? idle() : state_ == State::kSeeking ? seek() : play_paced();
    if (!done) return done;
  }
}

// Takes what is due, and waits for what is not.
Status ReplaySession::play_paced() {
  if (!pace_.unlimited() && !pace_.started()) {
    if (Status found = find_start(); !found) return found;
    pace_.start(pipeline_.baker().now_ns());
  }
  // Reads enough for everything that is due.
  const std::uint64_t limit = pace_.unlimited() ? Pipeline::kNoLimit : pipeline_.tsc_at(pace_.due());
  while (!pipeline_.last() && pipeline_.watermark() <= limit) {
    if (Status taken = read(); !taken) return taken;
    if (pace_.unlimited() || pipeline_.brought_nothing()) break;
  }
  pipeline_.drain_to(limit, parts_.stop);
  published_.housekeeping();
  if (parts_.stop.raised()) return ok();
  const std::uint64_t next_tsc = pipeline_.next_tsc();
  if (pipeline_.last() && next_tsc == Pipeline::kNoLimit) return end_round();
  if (pace_.unlimited()) return ok();
  published_.count_wakeup();
  const std::uint64_t next = next_tsc == Pipeline::kNoLimit ? 0 : pace_.until(pipeline_.ns_at(next_tsc));
  // No more often than twice a sample.
  const auto tick =
      static_cast<std::uint64_t>(static_cast<double>(parts_.options.sample_ns) / pace_.speed() / 2);
  parts_.stop.wait(control_fd(),
                   std::clamp<std::uint64_t>(std::max(next, tick), kShortestWaitNs, kLongestWaitNs));
  return ok();
}

// A step towards seek_ns_. What comes after it is left where it is.
Status ReplaySession::seek() {
  if (Status found = find_start(); !found) return found;
  std::uint64_t limit = pipeline_.tsc_at(seek_ns_);
  if (limit != Pipeline::kNoLimit) --limit;
  if (!pipeline_.last() && (pipeline_.watermark() < limit || pipeline_.next_tsc() == Pipeline::kNoLimit)) {
    if (Status taken = read(); !taken) return taken;
  }
  if (pipeline_.next_tsc() <= limit) pipeline_.drain_step(limit);
  published_.housekeeping();
  const std::uint64_t next_tsc = pipeline_.next_tsc();
  if (next_tsc == Pipeline::kNoLimit) return pipeline_.last() ? end_round() : ok();
  if (next_tsc > limit && pipeline_.watermark() >= limit) {
    pipeline_.baker().reach(seek_ns_, next_tsc);
    move(State::kHeld);
    stand();
  }
  return ok();
}

// Until there is a command. At the end no heart beats, so that readers can tell since when.
Status ReplaySession::idle() {
  const bool at_end = state_ == State::kAtEnd;
  if (!at_end) published_.housekeeping();
  published_.count_wakeup();
  parts_.stop.wait(control_fd(), at_end ? kForEverNs : kLongestWaitNs);
  return ok();
}

// Accounts for the first record, so that trace times mean something.
Status ReplaySession::find_start() {
  while (!pipeline_.baker().started() && !parts_.stop.raised()) {
    const std::uint64_t next_tsc = pipeline_.next_tsc();
    if (next_tsc != Pipeline::kNoLimit && pipeline_.watermark() >= next_tsc) {
      pipeline_.drain_step(next_tsc);
    } else if (pipeline_.last()) {
      break;
    } else if (Status taken = read(); !taken) {
      return taken;
    }
  }
  return ok();
}

Status ReplaySession::read() {
  Status taken = pipeline_.read();
  if (taken && !pipeline_.last() && pipeline_.brought_nothing()) {
    // A recording that still grows has nothing more at the moment.
    published_.housekeeping();
    parts_.stop.wait(control_fd(), kFollowNs);
  }
  return taken;
}

// All of the recording has been published. It is played again if that was asked for; whoever steers it may
// want to go back, unless a log reads it, which wants it once.
Status ReplaySession::end_round() {
  if (parts_.options.loop && pipeline_.has_read()) return published_.begin_round();
  if (control_ == nullptr || control_->read_sample()) {
    state_ = State::kOver;
    return ok();
  }
  pipeline_.finish();
  move(State::kAtEnd);
  stand();
  return ok();
}

// ---- what the control channel brings

void ReplaySession::handle_commands() {
  while (state_ != State::kRestarting) {
    const std::optional<ReplayCommand> command = control_->next();
    if (!command) break;
    switch (command->kind) {
      case ReplayCommand::Kind::kTo:
        handle_to(edge_at(command->to_ns, parts_.options.sample_ns));
        break;
      case ReplayCommand::Kind::kPlay:
        handle_play(command->speed);
        break;
      case ReplayCommand::Kind::kHold:
        handle_hold();
        break;
    }
  }
  if (control_->gone() && state_ != State::kRestarting) state_ = State::kOver;
}

void ReplaySession::handle_to(std::uint64_t ns) {
  const std::uint64_t here = published_.end_ns();
  if (ns == here || (state_ == State::kAtEnd && ns > here)) {
    if (state_ != State::kAtEnd) move(State::kHeld);
    stand();
  } else if (ns > here) {
    move(State::kSeeking);
    seek_ns_ = ns;
  } else if (Status rewound = parts_.source.rewind(); rewound) {
    move(State::kRestarting);
    seek_ns_ = ns;
  } else {
    print_message(rewound.error().message);
    // It goes on as before; but the other side waits for an answer.
    control_->tell(reported(), here);
  }
}

void ReplaySession::handle_play(double speed) {
  if (state_ == State::kAtEnd) {
    stand();
    return;
  }
  pace_ = Pace(speed);
  if (pace_.unlimited()) {
    // Full speed is a way to the end like any other, which can be left at every step.
    move(State::kSeeking);
    seek_ns_ = kTraceEnd;
  } else {
    move(State::kPlaying);
  }
  if (pipeline_.baker().started()) pace_.start(pipeline_.baker().now_ns());
  control_->tell(ControlChannel::State::kPlaying, published_.end_ns());
}

void ReplaySession::handle_hold() {
  if (state_ == State::kAtEnd) {
    stand();
  } else if (published_.end_ns() == 0) {
    // Before the first sample there is nothing to be held.
    handle_to(parts_.options.sample_ns);
  } else {
    move(State::kHeld);
    stand();
  }
}

// ---- the state

void ReplaySession::move(State state) {
  state_ = state;
  if (!stands()) published_.writer().set_held(false);
}

// Tells readers, and the one that steers.
void ReplaySession::stand() {
  if (state_ == State::kAtEnd) {
    published_.publish_end();
  } else {
    // What was read ahead may have brought news without a sample.
    published_.publish_health();
    published_.writer().set_held(true);
  }
  if (control_ != nullptr) control_->tell(reported(), published_.end_ns());
}

ControlChannel::State ReplaySession::reported() const {
  switch (state_) {
    case State::kHeld:
      return ControlChannel::State::kHeld;
    case State::kAtEnd:
      return ControlChannel::State::kEnd;
    default:
      return ControlChannel::State::kPlaying;
  }
}

} // namespace xenmon
