// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/control_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/option_values.h"
#include "base/trace_time.h"
#include "session/message.h"
#include "text.h"

namespace xenmon {

namespace {

constexpr std::size_t kLongestLine = 256;
// A sender of nonsense need not be told for ever, and may not be listening.
constexpr std::uint64_t kComplaints = 10;
constexpr std::size_t kShown = 40; // of the nonsense, in columns
constexpr std::size_t kMostCommands = 4096;

} // namespace

std::optional<ReplayCommand> parse_replay_command(std::string_view line) {
  ReplayCommand command;
  if (line == "hold") return command;
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = line.substr(0, space);
  const std::string_view value = line.substr(space + 1);
  if (word == "play") {
    const std::optional<double> speed = parse_speed(value);
    if (!speed) return std::nullopt;
    command.kind = ReplayCommand::Kind::kPlay;
    command.speed = *speed;
    return command;
  }
  if (word != "to") return std::nullopt;
  command.kind = ReplayCommand::Kind::kTo;
  if (value == "end") {
    command.to_ns = kTraceEnd;
    return command;
  }
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), command.to_ns);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return command;
}

std::optional<std::uint64_t> parse_read(std::string_view line) {
  constexpr std::string_view kWord = "read ";
  if (!line.starts_with(kWord)) return std::nullopt;
  line.remove_prefix(kWord.size());
  std::uint64_t sample = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), sample);
  if (error != std::errc() || end != line.data() + line.size()) return std::nullopt;
  return sample;
}

std::optional<ReplayCommand> ControlChannel::next() {
  listen();
  if (heard_.empty()) {
    lines_ = heard_of_;
    return std::nullopt;
  }
  const Heard first = heard_.front();
  heard_.pop_front();
  lines_ = first.lines;
  return first.command;
}

void ControlChannel::listen() {
  for (;;) {
    const std::size_t length = waiting_.find('\n');
    if (length != std::string::npos) {
      const std::string line = waiting_.substr(0, length);
      waiting_.erase(0, length + 1);
      take_line(line);
      continue;
    }
    if (waiting_.size() > kLongestLine) {
      if (!skipping_) complain(waiting_);
      skipping_ = true;
      waiting_.clear();
    }
    // A sender that never stops is heard later: there is a recording to play.
    if (heard_.size() >= kMostCommands || !take_in()) return;
  }
}

void ControlChannel::take_line(const std::string& line) {
  if (skipping_) {
    skipping_ = false;
    ++heard_of_;
    return;
  }
  if (const std::optional<std::uint64_t> sample = parse_read(line)) {
    read_sample_ = std::max(read_sample_.value_or(0), *sample);
    return;
  }
  ++heard_of_;
  if (const std::optional<ReplayCommand> command = parse_replay_command(line)) {
    heard_.push_back({*command, heard_of_});
  } else {
    complain(line);
  }
}

// False if there is nothing at the moment, or never will be.
bool ControlChannel::take_in() {
  if (gone_) return false;
  pollfd entry{fd(), POLLIN, 0};
  if (poll(&entry, 1, 0) <= 0) return false;
  std::array<char, 1024> bytes;
  const ssize_t got = read(fd(), bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got <= 0) {
    gone_ = true;
    return false;
  }
  waiting_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

void ControlChannel::complain(std::string_view line) {
  if (++bad_lines_ > kComplaints) return;
  print_message(
      '"' + shortened(line, kShown) +
      "\" is not a command for a replay; there are \"to NS\", \"play SPEED\", \"hold\" and \"read N\".");
}

void ControlChannel::tell(State state, std::uint64_t position_ns) {
  const char* const word = state == State::kHeld ? "held" : state == State::kEnd ? "end" : "playing";
  const std::string line =
      std::string(word) + ' ' + std::to_string(lines_) + ' ' + std::to_string(position_ns) + '\n';
  // Only a socket can be written to without the risk of blocking, so only a socket is answered.
  [[maybe_unused]] const ssize_t sent = send(fd(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace xenmon
