// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/attachment.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/seconds_text.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kRestartNewsNs = 10 * kSecond;
constexpr std::uint64_t kLongestPeriodNs = 60 * kSecond; // whatever a region claims

std::string ago(std::uint64_t ns) {
  const std::uint64_t seconds = ns / kSecond;
  if (seconds < 120) return std::to_string(seconds) + " s ago";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min ago";
  return std::to_string(seconds / 3600) + " h ago";
}

} // namespace

std::string health_text(const Health& health, std::size_t name_limit) {
  const std::string recording = "recording " + shortened(health.recording, name_limit);
  const std::string restarted = health.restarted ? "xenbaked restarted; " : "";
  switch (health.kind) {
    case Health::Kind::kNoRegion:
      return health.problem.empty() ? "waiting for data" : "waiting for data: " + health.problem;
    case Health::Kind::kWaiting:
      return restarted + "waiting for data";
    case Health::Kind::kLive:
      return restarted + (health.host.empty() ? "live" : "live from " + shortened(health.host, name_limit));
    case Health::Kind::kRecording:
      return restarted + recording +
             (health.held ? ", held at " + seconds_text(health.position_ns, 3) + " s" : std::string());
    case Health::Kind::kRecordingOver:
      return recording + " ended " + ago(health.quiet_ns);
    case Health::Kind::kEnded:
      return "data stopped " + ago(health.quiet_ns) + ": xenbaked has ended";
    case Health::Kind::kGone:
      if (health.disconnected) {
        return "data stopped " + ago(health.quiet_ns) + ": no connection" +
               (health.host.empty() ? "" : " to " + shortened(health.host, name_limit));
      }
      return "data stopped " + ago(health.quiet_ns) + ": xenbaked is gone";
  }
  return {};
}

Attachment::Attachment(std::string path, Clock clock) : path_(std::move(path)), clock_(std::move(clock)) {}

Attachment::Change Attachment::poll() {
  if (file_ && !file_->still_whole()) file_.reset();
  const Change change = should_look() ? try_open() : Change::kNone;
  examine();
  return change;
}

bool Attachment::should_look() const {
  if (!file_) return true;
  if (file_->reader().state() == XENMON_STATE_SUPERSEDED) return true;
  struct stat status = {};
  if (lstat(path_.c_str(), &status) != 0) return false;
  return FileIdentity{status.st_dev, status.st_ino} != file_->identity();
}

Attachment::Change Attachment::try_open() {
  auto opened = RegionFile::open(path_);
  if (!opened) {
    error_ = opened.error();
    return Change::kNone;
  }
  const xenmon_region_header& header = opened->reader().header();
  if (file_ && header.generation == file_->reader().header().generation) return Change::kNone;
  const bool same_daemon = daemon_start_ == header.daemon_start;
  // A replay that goes back starts another trace; but nobody has restarted anything.
  const bool went_back = header.source_kind == XENMON_SOURCE_RECORDING && header.daemon_pid == daemon_pid_;
  if (!same_daemon && daemon_start_ != 0 && !went_back) {
    was_restarted_ = true;
    restarted_at_ns_ = clock_();
  }
  daemon_start_ = header.daemon_start;
  daemon_pid_ = header.daemon_pid;
  file_.emplace(std::move(*opened));
  return same_daemon ? Change::kSuperseded : Change::kNewDaemon;
}

void Attachment::examine() {
  health_ = {};
  const std::uint64_t now = clock_();
  health_.restarted = was_restarted_ && now - restarted_at_ns_ < kRestartNewsNs;
  if (!file_) {
    health_.problem = error_.message;
    return;
  }
  const RegionReader& reader = file_->reader();
  const xenmon_region_header& header = reader.header();
  const bool recording = header.source_kind == XENMON_SOURCE_RECORDING;
  if (recording) {
    health_.recording = printable_field(header.source_text, sizeof(header.source_text));
    // Before the position: while the replay is held, no sample comes that would be beyond it.
    health_.held = (reader.flags() & XENMON_FLAG_HELD) != 0;
    xenmon_sample newest;
    if (reader.read_sample_head(reader.newest_sample(), newest) == ReadOutcome::kCopied)
      health_.position_ns = newest.end_ns;
  } else {
    health_.host = printable_field(header.source_text, sizeof(header.source_text));
  }

  const std::uint64_t heartbeat = reader.heartbeat_ns();
  const std::uint64_t period =
      std::clamp(header.heartbeat_period_ns, std::uint64_t{1'000'000}, kLongestPeriodNs);
  // A heartbeat ahead of our clock: the daemon renewed it after we read the clock.
  health_.quiet_ns = now > heartbeat ? now - heartbeat : 0;

  const std::uint64_t state = reader.state();
  if (state == XENMON_STATE_ENDED) {
    health_.kind = recording ? Health::Kind::kRecordingOver : Health::Kind::kEnded;
  } else if ((reader.flags() & XENMON_FLAG_NO_CONNECTION) != 0) {
    health_.kind = Health::Kind::kGone;
    health_.disconnected = true;
  } else if (health_.quiet_ns > 3 * period) {
    health_.kind = Health::Kind::kGone;
  } else if (reader.newest_sample() == 0) {
    health_.kind = Health::Kind::kWaiting;
  } else {
    health_.kind = recording ? Health::Kind::kRecording : Health::Kind::kLive;
  }
}

} // namespace xenmon
