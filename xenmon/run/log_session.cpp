// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/log_session.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "client/known_pcpus.h"
#include "journal.h"
#include "process/signals.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kPollRecording = 1ms; // a replay may be much faster than time

} // namespace

LogSession::LogSession(const Options& options, Publisher& publisher, RegionFollower::Settings settings,
                       std::chrono::nanoseconds poll)
    : publisher_(publisher),
      end_(publisher, options.duration_s == 0),
      pcpu_(options.pcpu),
      poll_live_(poll),
      follower_(std::move(settings)) {}

Status LogSession::run() {
  Status result = write();
  if (const std::uint64_t damaged = follower_.damaged() + output().damaged(); damaged > 0)
    std::cerr << message_lines("xenmon", Priority::kWarning, damaged_sentence(damaged));
  verdicts_.say_all();
  return result;
}

Status LogSession::write() {
  LogOutput& log = output();
  while (!stop_requested()) {
    if (take_reopen()) log.reopen();
    if (Status taken = take_new_data(); !taken) return taken;
    if (!failed_) return failed_;
    if (Status exists = check_selected(false); !exists) return exists;
    if (!log.status() || log.done()) break;
    const Result<bool> over = end_.reached(follower_.attachment());
    if (!over || *over) {
      verdicts_.reach_end();
      log.finish();
      Status written = log.status();
      if (written) written = log.write_verdicts(verdicts_.take());
      return !over ? Status(over.error()) : !written ? written : check_selected(true);
    }
    const Health::Kind kind = follower_.attachment().health().kind;
    const bool may_be_fast = kind == Health::Kind::kRecording || kind == Health::Kind::kWaiting;
    wait_for_input(-1, may_be_fast ? kPollRecording : poll_live_);
  }
  log.finish();
  return log.status();
}

Status LogSession::take_new_data() {
  // Polled first: once the daemon has ended, no more samples come.
  if (publisher_.daemon) publisher_.daemon->poll();
  if (publisher_.mirror) publisher_.mirror->poll();
  if (const auto followed = follower_.follow(*this); !followed) return followed.error();
  if (follower_.reader() == nullptr) return ok();
  if (publisher_.replay) publisher_.replay->have_read(follower_.feed().passed());
  take_verdicts(*follower_.reader());
  return ok();
}

// A recording's verdicts are reported after its end: before that it is chance when they are seen, and a log
// of a recording has the same bytes each time.
void LogSession::take_verdicts(const RegionReader& reader) {
  verdicts_.look(reader);
  if (reader.header().source_kind == XENMON_SOURCE_RECORDING) return;
  if (Status written = output().write_verdicts(verdicts_.take()); !written) failed_ = written;
}

Status LogSession::check_selected(bool whole) {
  return check_pcpu(pcpu_, follower_.feed().tables(), output().passed_ns(), whole);
}

void LogSession::poll_at_least_every(std::chrono::nanoseconds time) {
  if (time > kPollRecording) poll_live_ = std::min(poll_live_, time);
}

} // namespace xenmon
