// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/data_end.h"

#include "base/counted.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s; // for a daemon that is gone to come back

} // namespace

std::string damaged_sentence(std::uint64_t count) {
  return counted(count, "row") + " of the region made no sense and " + (count == 1 ? "was" : "were") +
         " left out; if this continues, restart xenbaked from the same release as xenmon.";
}

Status check_whole(const Attachment& attachment, const std::string& what) {
  if (attachment.reader() == nullptr || !attachment.reader()->damage_verdict()) return ok();
  return Error{attachment.health().recording + " is damaged or cut off: " + what +
               " has as much as could be read; make or copy it again."};
}

Result<bool> DataEnd::reached(const Attachment& attachment) {
  const Health& health = attachment.health();
  if (publisher_.daemon && !publisher_.daemon->running()) {
    if (publisher_.daemon->ended_well()) return true;
    return publisher_.daemon->outcome();
  }
  if (publisher_.mirror && !publisher_.mirror->running()) return publisher_.mirror->outcome();
  if (health.kind == Health::Kind::kRecordingOver) {
    // Our own xenbaked ends now, and its exit status says whether the recording was whole.
    if (publisher_.daemon) return false;
    if (Status whole = check_whole(attachment, "the log"); !whole) return whole.error();
    return true;
  }
  const auto now = std::chrono::steady_clock::now();
  if (health.current()) quiet_since_ = now;
  if (endless_ || now - quiet_since_ < kPatience) return false;
  return Error{health_text(health) + "; the log ends here. Start xenbaked again."};
}

} // namespace xenmon
