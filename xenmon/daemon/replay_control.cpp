// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/replay_control.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/trace_time.h"

namespace xenmon {
namespace {

constexpr std::size_t kLongestLine = 256;

bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

} // namespace

Result<ReplayControl::Pair> ReplayControl::make(std::uint64_t sample_ns, bool going) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("cannot make a socket for the replay");
  return Pair{ReplayControl(Descriptor(ends[0]), sample_ns, going), Descriptor(ends[1])};
}

ReplayControl::ReplayControl(Descriptor socket, std::uint64_t sample_ns, bool going)
    : socket_(std::move(socket)), sample_ns_(sample_ns) {
  if (going) {
    state_ = State::kGoing;
    jumped_ = true;
  }
}

Status ReplayControl::to(std::uint64_t trace_ns) {
  const std::string where = trace_ns == kTraceEnd ? "end" : std::to_string(trace_ns);
  if (Status sent = send_line("to " + where); !sent) return sent;
  state_ = State::kGoing;
  target_ns_ = trace_ns;
  jumped_ = true;
  return ok();
}

Status ReplayControl::step(std::int64_t ns, std::uint64_t shown_ns) {
  std::uint64_t from = state_ == State::kGoing ? target_ns_ : shown_ns;
  if (from == kTraceEnd) from = length_ns_.value_or(shown_ns);
  // Without a sign, because the lowest number has no opposite.
  const std::uint64_t length =
      std::max(ns < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns),
               sample_ns_);
  if (ns < 0) return to(from - std::min(from, length));
  return to(from < kTraceEnd - 1 - length ? from + length : kTraceEnd - 1);
}

Status ReplayControl::play(const std::string& speed) {
  return send_line("play " + speed);
}

Status ReplayControl::hold() {
  return send_line("hold");
}

void ReplayControl::have_read(std::uint64_t sample) {
  if (read_ && sample <= *read_) return;
  // What cannot be sent now is sent with the next command.
  if (send_whole("read " + std::to_string(sample) + '\n')) read_ = sample;
}

Status ReplayControl::send_line(const std::string& line) {
  if (!send_whole(line + '\n'))
    return Error{"xenbaked no longer accepts commands for the replay; start xenmon again."};
  ++sent_;
  return ok();
}

bool ReplayControl::send_whole(const std::string& line) {
  ssize_t sent = -1;
  do {
    sent = send(socket_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent == static_cast<ssize_t>(line.size())) return true;
  // Half a line cannot be withdrawn, and a daemon that leaves thousands of them unread does not work.
  if (sent >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) state_ = State::kGone;
  return false;
}

void ReplayControl::poll() {
  std::array<char, 1024> bytes;
  while (state_ != State::kGone) {
    const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) {
      state_ = State::kGone;
      return;
    }
    for (const char c : std::string_view(bytes.data(), static_cast<std::size_t>(got))) {
      if (c != '\n') {
        if (unfinished_.size() < kLongestLine) unfinished_ += c;
        continue;
      }
      take_line(unfinished_);
      unfinished_.clear();
    }
  }
}

void ReplayControl::take_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  std::string_view rest = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  std::uint64_t about = 0;
  std::uint64_t position_ns = 0;
  if (!take_number(rest, about) || !take_number(rest, position_ns) || !rest.empty()) return;
  if (word == "end") length_ns_ = position_ns;
  if (about != sent_) return; // there is a newer command; this answer is out of date
  if (word == "held") state_ = State::kHeld;
  if (word == "end") state_ = State::kAtEnd;
  if (word == "playing") state_ = State::kPlaying;
}

bool ReplayControl::take_arrival() {
  if (state_ == State::kGoing) return false;
  return std::exchange(jumped_, false);
}

Result<bool> follow_replay(std::optional<ReplayControl>& control, RegionFollower& follower,
                           FollowSink& sink) {
  if (control) control->poll();
  if (control && control->state() == ReplayControl::State::kGoing) return false;
  if (control && control->take_arrival()) return follower.start_over(sink);
  return follower.follow(sink);
}

} // namespace xenmon
