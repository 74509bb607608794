// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/first_figures.h"

#include <chrono>
#include <string>
#include <vector>

#include "process/signals.h"
#include "run/data_end.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 50ms;
constexpr auto kPatience = 10s; // for the first figures, and for a daemon to end

// A replay that is steered waits where it is for further commands. Without us there are none, so it ends, and
// its exit status says whether what was read of the recording was whole.
void end_steered(Publisher& publisher) {
  if (!publisher.daemon || !publisher.replay) return;
  publisher.replay.reset();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (publisher.daemon->poll(); publisher.daemon->running(); publisher.daemon->poll()) {
    if (stop_requested() || std::chrono::steady_clock::now() > deadline) return;
    wait_for_input(-1, kPoll);
  }
}

// Why a recording that is over has no figures: its verdicts say so.
Error nothing_to_show(const RegionReader* reader) {
  std::vector<std::string> sentences;
  if (reader != nullptr) reader->read_verdicts(sentences);
  if (sentences.empty()) return Error{"the recording has nothing to show."};
  std::string text;
  for (const std::string& sentence : sentences) text += (text.empty() ? "" : " ") + sentence;
  return Error{text};
}

} // namespace

Status await_figures(const Options& options, Publisher& publisher, RegionFollower& follower, History& history,
                     std::uint64_t enough_ns) {
  const Attachment& attachment = follower.attachment();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (publisher.daemon) publisher.daemon->poll();
    if (publisher.mirror) {
      publisher.mirror->poll();
      if (!publisher.mirror->running()) return publisher.mirror->outcome();
    }
    if (const auto followed = follow_replay(publisher.replay, follower, history); !followed)
      return followed.error();
    const std::uint64_t seen = history.length_ns(WindowId::kLong);
    const Health::Kind kind = attachment.health().kind;
    // A recording of our own is played to its end, or to where it is to be held. Otherwise a second is
    // enough; if the data has ended, whatever is left.
    const bool going = publisher.replay && publisher.replay->state() == ReplayControl::State::kGoing;
    const bool held = !going && attachment.health().held;
    const bool playing = going || (!options.replay.empty() && kind == Health::Kind::kRecording && !held);
    const bool over = kind == Health::Kind::kRecordingOver;
    // A replay that is not steered exits with its recording, and then says whether the recording was whole.
    const bool ending = over && publisher.daemon && !publisher.replay && publisher.daemon->running();
    if (seen >= (held ? 1 : enough_ns) && !playing && !ending) break;
    if (publisher.daemon && !publisher.daemon->running()) {
      if (seen > 0 && (over || publisher.daemon->ended_well())) break;
      if (seen == 0 && publisher.daemon->ended_well()) return nothing_to_show(attachment.reader());
      return publisher.daemon->outcome();
    }
    if (seen == 0 && over && !ending) return nothing_to_show(attachment.reader());
    if (seen > 0 && !ending && (over || kind == Health::Kind::kEnded)) break;
    if (stop_requested()) return Error{"interrupted before there was anything to show."};
    if (!playing && std::chrono::steady_clock::now() > deadline)
      return Error{"no figures within ten seconds (" + health_text(attachment.health()) +
                   "); check that xenbaked is running and not stopped."};
    wait_for_input(going ? publisher.replay->fd() : -1, kPoll);
  }
  return ok();
}

Status end_after_figures(Publisher& publisher, const Attachment& attachment, const char* what) {
  if (!publisher.daemon) return check_whole(attachment, what);
  end_steered(publisher);
  if (!publisher.daemon->running() && !publisher.daemon->ended_well()) return publisher.daemon->outcome();
  return ok();
}

} // namespace xenmon
