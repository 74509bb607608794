// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/publisher.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "client/attachment.h"
#include "text.h"

namespace xenmon {
namespace {

bool can_be_played_again(const std::string& recording) {
  if (recording == "-") return false;
  struct stat status = {};
  return stat(recording.c_str(), &status) != 0 || S_ISREG(status.st_mode) ||
         S_ISDIR(status.st_mode); // of a flight recorder; xenbaked says why it cannot be read
}

// What is at the region's path: true if it is worth attaching to, false if a daemon must be started.
Result<bool> is_published(const std::string& region, Attachment& attachment) {
  attachment.poll();
  if (attachment.reader() == nullptr) {
    // A region that may not be read, has another version or belongs to somebody else is not ours to replace.
    struct stat status = {};
    if (lstat(region.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) return false;
    return attachment.error();
  }
  // A recording that is over can still be shown; a live daemon that is gone cannot.
  return attachment.health().current() || attachment.health().kind == Health::Kind::kRecordingOver;
}

// The region of another host, copied by a process of our own.
Result<Publisher> mirror_region(const PublisherSettings& settings) {
  Publisher publisher;
  auto directory = PrivateDirectory::make();
  if (!directory) return directory.error();
  publisher.directory.emplace(std::move(*directory));
  publisher.region = publisher.directory->path() + "/region";
  const std::array inherited = {publisher.directory->lock()};
  auto mirror =
      DaemonProcess::start(mirror_command(*settings.other, publisher.region, Keeping::kOnce), inherited,
                           DaemonProcess::StandardInput::kNone, DaemonProcess::Group::kOurs);
  if (!mirror) return mirror.error();
  publisher.mirror.emplace(std::move(*mirror));
  return publisher;
}

} // namespace

Result<Publisher> start_mirror(const OtherHost& other) {
  Publisher publisher;
  auto directory = PrivateDirectory::make();
  if (!directory) return directory.error();
  publisher.directory.emplace(std::move(*directory));
  publisher.region = publisher.directory->path() + "/region";
  if (Status started = restart_mirror(publisher, other); !started) return started.error();
  return publisher;
}

Status restart_mirror(Publisher& publisher, const OtherHost& other) {
  const std::array inherited = {publisher.directory->lock()};
  auto mirror = DaemonProcess::launch(mirror_command(other, publisher.region, Keeping::kForever), inherited);
  if (!mirror) return mirror.error();
  publisher.mirror.reset();
  publisher.mirror.emplace(std::move(*mirror));
  return ok();
}

Result<Publisher> find_publisher(const PublisherSettings& settings) {
  sweep_private_directories();
  if (settings.other) return mirror_region(settings);
  Publisher publisher;
  publisher.region = settings.region;
  publisher.replay_goes_back = can_be_played_again(settings.replay);
  if (settings.replay == "-" && isatty(STDIN_FILENO) != 0)
    return Error{"standard input is a terminal; --replay - takes a recording from a pipe or a file.",
                 ExitStatus::kUsage};
  if (settings.loop && !can_be_played_again(settings.replay)) {
    return Error{
        printable(settings.replay) + " is no regular file and cannot be played again; leave out --loop.",
        ExitStatus::kUsage};
  }
  if (!settings.replay.empty()) {
    auto directory = PrivateDirectory::make();
    if (!directory) return directory.error();
    publisher.directory.emplace(std::move(*directory));
    publisher.region = publisher.directory->path() + "/region";
  } else {
    Attachment attachment(settings.region);
    const auto published = is_published(settings.region, attachment);
    if (!published) return published.error();
    if (*published) {
      const std::uint64_t sample_ms = attachment.reader()->header().sample_ns / 1'000'000;
      if (settings.ms_per_sample_given && sample_ms != settings.ms_per_sample) {
        publisher.notice = "xenbaked is running already, with samples of " + std::to_string(sample_ms) +
                           " ms; --ms_per_sample has no effect.";
      }
      return publisher;
    }
  }
  std::vector<std::string> command = daemon_command(settings, publisher.region);
  Descriptor control;
  const bool is_steered = settings.use == PublisherSettings::Use::kScreen || !settings.at.empty();
  const bool is_log = !is_steered && settings.use == PublisherSettings::Use::kLog;
  // A table of a recording's end is not steered, and what is not shown does not matter there.
  if (!settings.replay.empty() && (is_steered || is_log)) {
    auto pair = ReplayControl::make(settings.ms_per_sample * 1'000'000, !settings.at.empty());
    if (!pair) return pair.error();
    publisher.replay.emplace(std::move(pair->ours));
    // A log of a recording is complete, however slow we are: the replay waits for us from its first sample
    // on.
    if (is_log) publisher.replay->have_read(0);
    control = std::move(pair->theirs);
    command.insert(command.end(), {"--control-fd", std::to_string(control.get())});
  }
  // While it is open its directory is in use, even if we are killed.
  const std::array inherited = {control.get(), publisher.directory ? publisher.directory->lock() : -1};
  auto daemon = DaemonProcess::start(
      command, inherited,
      settings.replay == "-" ? DaemonProcess::StandardInput::kOurs : DaemonProcess::StandardInput::kNone);
  if (!daemon) return daemon.error();
  publisher.daemon.emplace(std::move(*daemon));
  // A xenmon that was killed just before we started may have had a xenbaked that was still exiting.
  sweep_private_directories();
  return publisher;
}

} // namespace xenmon
