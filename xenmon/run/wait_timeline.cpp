// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/wait_timeline.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/seconds_text.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kAroundNs = kSecond / 2;

// As xenbaked takes a time of day, and with '-' instead of what a file's name should not have.
std::string day_text(std::uint64_t wall_ns, const char* format) {
  const auto seconds = static_cast<time_t>(wall_ns / kSecond);
  struct tm parts {};
  localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), strftime(text.data(), text.size(), format, &parts)};
}

std::string fraction_text(std::uint64_t ns) {
  const std::string seconds = seconds_text(ns % kSecond); // "0.123456789"
  return seconds.substr(1);
}

} // namespace

Result<TimelineCommand> timeline_command(const std::string& xenbaked, const KeptRecords& records,
                                         const WaitToShow& wait) {
  if (records.is_directory && records.wall_epoch_ns == 0)
    return Error{"the time of day of this trace is not known, so a flight recorder cannot be asked for it"};
  const std::uint64_t middle = wait.start_ns + (wait.end_ns - wait.start_ns) / 2;
  const std::uint64_t from = std::min(wait.start_ns, middle - std::min(middle, kAroundNs));
  const std::uint64_t until = std::max(wait.end_ns, middle + kAroundNs);
  const auto text = [&](std::uint64_t ns) {
    if (!records.is_directory) return seconds_text(ns);
    const std::uint64_t wall_ns = records.wall_epoch_ns + ns;
    return day_text(wall_ns, "%Y-%m-%d %H:%M:%S") + fraction_text(wall_ns);
  };
  const std::string when = records.is_directory
                               ? day_text(records.wall_epoch_ns + wait.start_ns, "%Y%m%d-%H%M%S")
                               : seconds_text(wait.start_ns, 3) + "s";
  TimelineCommand command;
  command.file = "wait-" + wait.of + "-" + when + ".pftrace";
  command.words = {xenbaked,   "--replay", records.recording, "--timeline",   command.file, "--from",
                   text(from), "--until",  text(until),       "--slow-waits", "1ms"};
  if (records.cpu_khz)
    command.words.insert(command.words.end(), {"--cpu-khz", std::to_string(*records.cpu_khz)});
  return command;
}

Status WaitTimeline::start(const std::string& xenbaked, const KeptRecords& records, const WaitToShow& wait) {
  Result<TimelineCommand> command = timeline_command(xenbaked_program(xenbaked), records, wait);
  if (!command) return command.error();
  maker_.reset();
  Result<DaemonProcess> maker = DaemonProcess::launch(command->words);
  if (!maker) return maker.error();
  maker_.emplace(std::move(*maker));
  file_ = std::move(command->file);
  return ok();
}

std::optional<std::string> WaitTimeline::take_outcome() {
  if (!maker_) return std::nullopt;
  maker_->poll();
  if (maker_->running()) return std::nullopt;
  const std::string outcome = maker_->ended_well() ? "the timeline of this wait is in " + file_
                                                   : "no timeline: " + maker_->outcome().message;
  maker_.reset();
  return outcome;
}

} // namespace xenmon
